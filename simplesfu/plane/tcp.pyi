from typing import Final

CLOSED_REASON_NAMES: Final[tuple[str, ...]]

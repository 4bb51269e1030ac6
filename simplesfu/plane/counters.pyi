"""Names of the reasons for drops, in the order of the C enums."""
from typing import Final

INGRESS_DROP_NAMES: Final[tuple[str, ...]]
EGRESS_DROP_NAMES: Final[tuple[str, ...]]

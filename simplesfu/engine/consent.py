"""Consent to receive (RFC 7675), as a lite agent sees it: whoever keeps checking is still there."""
from __future__ import annotations

from typing import Final, Literal, TypeAlias

ConsentState: TypeAlias = Literal["awaited", "given", "overdue", "expired"]

OVERDUE_AFTER_US: Final = 10_000_000
"""Clients check every 2.5 to 5 s; two or three checks in a row have been lost."""


class Consent:
    """`timeout_us` of silence after a check, and consent has expired (RFC 7675 §5.1 says 30 s)."""

    def __init__(self, timeout_us: int) -> None:
        self._timeout_us = timeout_us
        self.first_check_us: int | None = None
        self._last_check_us = 0

    def refresh(self, now_us: int) -> None:
        """An authenticated check has come."""
        if self.first_check_us is None:
            self.first_check_us = now_us
        self._last_check_us = now_us

    def state(self, now_us: int) -> ConsentState:
        if self.first_check_us is None:
            return "awaited"
        silence_us = now_us - self._last_check_us
        if silence_us >= self._timeout_us:
            return "expired"
        return "overdue" if silence_us >= OVERDUE_AFTER_US else "given"

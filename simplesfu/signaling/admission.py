"""How much one peer may ask of the server: requests a second, and requests under way."""
from __future__ import annotations

import threading
from typing import Final

from simplesfu.errors import TooManyRequests

REQUESTS_PER_S: Final = 200
BURST: Final = 600
"""Who joins a room of 300 tracks consumes and resumes them all at once."""


class TokenBucket:
    """So many a second, after so many at once. Not for several threads at the same time."""

    def __init__(self, rate_per_s: float, burst: float, now_us: int) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._filled_at_us = now_us

    def has_token(self, now_us: int, number: float = 1) -> bool:
        """Whether so many are there."""
        elapsed_us = max(0, now_us - self._filled_at_us)
        self._filled_at_us = max(now_us, self._filled_at_us)
        self._tokens = min(self._tokens + elapsed_us * self._rate_per_s / 1_000_000, self._burst)
        return self._tokens >= number

    def take(self, number: float = 1) -> None:
        self._tokens -= number


class Admission:
    """A token bucket and a count. Used from the application's side and released from the engine's."""

    def __init__(self, max_pending: int, now_us: int) -> None:
        self._max_pending = max_pending
        self._changed = threading.Condition()
        self._pending = 0
        self._tokens = TokenBucket(REQUESTS_PER_S, BURST, now_us)

    def admit(self, now_us: int, patience_s: float = 0.0, cost: int = 1) -> None:
        """To be followed by release(), once. `cost`: how many it counts for; `patience_s`: how long to wait for earlier
        requests to be answered, where waiting slows down nobody but the one who asks. Raises TooManyRequests."""
        with self._changed:
            if not self._tokens.has_token(now_us, cost):
                raise TooManyRequests(f"more than {REQUESTS_PER_S} requests a second", "send fewer, or wait a second")
            if not self._changed.wait_for(lambda: self._pending < self._max_pending, patience_s):
                raise TooManyRequests(f"{self._pending} requests are not answered yet", "wait for answers first")
            self._tokens.take(cost)
            self._pending += 1

    def release(self) -> None:
        with self._changed:
            self._pending -= 1
            self._changed.notify()

"""Time, as the engine's loop has it; tests hand in another."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from simplesfu.engine.engine import monotonic_us


class Timer(Protocol):
    def cancel(self) -> None:
        """A second call, or one that comes too late, does nothing."""


class Clock(Protocol):
    def now_us(self) -> int: ...

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        """On the engine's loop."""


class LoopClock:
    """The real one. call_later() is for the loop's own thread."""

    def now_us(self) -> int:
        return monotonic_us()

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(delay_s, callback)

"""Waiting for what must come about, instead of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(
    probe: Callable[[], Any] | Callable[[], Awaitable[Any]],
    what: str,
    *,
    timeout_s: float = 15.0,
    every_s: float = 0.1,
) -> Any:
    """The first true value that `probe` gives. Fails with `what` and the last value after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = probe()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what} (last seen: {value!r})")
        await asyncio.sleep(every_s)

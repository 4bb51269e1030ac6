"""Somebody watches somebody: as fluent as it was painted, and never frozen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import psutil
import pytest

from .caller import Caller
from .fluency import Fluency

WANTED_FPS = 25
KEPT_SHARE = 0.9
"""Of what a page paints when the processor does not allow it WANTED_FPS: that is not the server's fault."""
SATURATED_PERCENT = 85
PAUSE_MS = 100
"""Like that of the page: as long as three frames take."""
BEAT_S = 0.02


class Watch:
    """`viewer` watches the webcam of `publisher`, from begin() on."""

    def __init__(
        self, viewer: Caller, publisher: Caller, start_ms: float, publisher_start_ms: float, painted: int
    ) -> None:
        self._viewer = viewer
        self._publisher = publisher
        self._start_ms = start_ms
        self._publisher_start_ms = publisher_start_ms
        self._painted = painted

    @classmethod
    async def begin(cls, viewer: Caller, publisher: Caller) -> Watch:
        return cls(viewer, publisher, await viewer.now(), await publisher.now(), await publisher.painted())

    async def painted_fps(self) -> float:
        """Of the publisher's page, since begin()."""
        painted = await self._publisher.painted() - self._painted
        return painted / (await self._viewer.now() - self._start_ms) * 1000

    async def longest_pause(self) -> float:
        """For how long (ms) either page did not get the processor since begin(), at most."""
        return max(
            await self._viewer.longest_pause_since(self._start_ms),
            await self._publisher.longest_pause_since(self._publisher_start_ms),
        )

    async def seen(self) -> Fluency:
        """What the viewer has got since begin()."""
        return (await self._viewer.fluency_since(self._start_ms))[f"{self._publisher.peer_id}/webcam"]

    async def judge(self) -> Fluency:
        """What was seen since begin(); fails unless it was fluent."""
        seen, painted_fps = await self.seen(), await self.painted_fps()
        print(f"caller {self._viewer.number} of {self._publisher.number}: {seen}; painted {painted_fps:.1f} fps")
        assert seen.fps >= min(WANTED_FPS, KEPT_SHARE * painted_fps)
        assert not seen.freezes
        return seen


async def judge_all(pairs: Sequence[tuple[Caller, Caller]], meanwhile: Callable[[], Awaitable[object]]) -> None:
    """Each (viewer, publisher) is watched while that happens, all at once."""

    async def attempt(watches: list[Watch]) -> None:
        await meanwhile()
        for watch in watches:
            await watch.judge()

    await attempt_with_processor(pairs, attempt)


async def attempt_with_processor(
    pairs: Sequence[tuple[Caller, Caller]], attempt: Callable[[list[Watch]], Awaitable[None]], attempts: int = 3
) -> None:
    """Let the attempt judge what the viewers see; again if it failed while the machine had nothing to spare.

    Pages that get no processor tell nothing of the server, and neither does a test, with the proxies that run in it.
    When that does not pass the test is skipped, not failed.
    """
    for number in range(1, attempts + 1):
        watches = [await Watch.begin(*pair) for pair in pairs]
        psutil.cpu_percent()
        async with pauses_of_this_process() as pauses_ms:
            try:
                await attempt(watches)
            except AssertionError as failure:
                busy = psutil.cpu_percent()
                pause_ms = max([*pauses_ms, *[await watch.longest_pause() for watch in watches]], default=0)
                excuse = f"busy for {busy:.0f} % of the time, and paused for {pause_ms:.0f} ms at the longest"
                print(f"attempt {number}: the machine was {excuse}; {failure}")
                if busy < SATURATED_PERCENT and not pause_ms:
                    raise
            else:
                return
    pytest.skip(f"the machine had too little to spare {attempts} times: it was {excuse}")


@asynccontextmanager
async def pauses_of_this_process() -> AsyncIterator[list[float]]:
    """In ms, those of PAUSE_MS and more, as far as they have come."""
    pauses_ms: list[float] = []

    async def beat() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(BEAT_S)
            took_ms = (time.monotonic() - began) * 1000
            if took_ms >= PAUSE_MS:
                pauses_ms.append(took_ms)

    beating = asyncio.create_task(beat())
    try:
        yield pauses_ms
    finally:
        beating.cancel()

"""Somebody watches somebody: as fluent as it was painted, and never frozen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import psutil

from .caller import Caller
from .fluency import Fluency

WANTED_FPS = 25
KEPT_SHARE = 0.9
"""Of what a page paints when the processor does not allow it WANTED_FPS: that is not the server's fault."""
SATURATED_PERCENT = 85


class Watch:
    """`viewer` watches the webcam of `publisher`, from begin() on."""

    def __init__(self, viewer: Caller, publisher: Caller, start_ms: float, painted: int) -> None:
        self._viewer = viewer
        self._publisher = publisher
        self._start_ms = start_ms
        self._painted = painted

    @classmethod
    async def begin(cls, viewer: Caller, publisher: Caller) -> Watch:
        return cls(viewer, publisher, await viewer.now(), await publisher.painted())

    async def judge(self) -> Fluency:
        """What was seen since begin(); fails unless it was fluent."""
        pictures = await self._viewer.fluency_since(self._start_ms)
        painted = await self._publisher.painted() - self._painted
        painted_fps = painted / (await self._viewer.now() - self._start_ms) * 1000
        seen = pictures[f"{self._publisher.peer_id}/webcam"]
        print(f"caller {self._viewer.number} of {self._publisher.number}: {seen}; painted {painted_fps:.1f} fps")
        assert seen.fps >= min(WANTED_FPS, KEPT_SHARE * painted_fps)
        assert not seen.freezes
        return seen


async def judge_all(
    pairs: Sequence[tuple[Caller, Caller]], meanwhile: Callable[[], Awaitable[object]], attempts: int = 3
) -> None:
    """Each (viewer, publisher) is watched while that happens, all at once.

    Once more if the machine had nothing to spare meanwhile: browsers that get no processor tell nothing of the server.
    """
    for attempt in range(1, attempts + 1):
        watches = [await Watch.begin(*pair) for pair in pairs]
        psutil.cpu_percent()
        await meanwhile()
        busy = psutil.cpu_percent()
        print(f"attempt {attempt}: the processors were busy for {busy:.0f} % of the time")
        try:
            for watch in watches:
                await watch.judge()
        except AssertionError:
            if busy < SATURATED_PERCENT or attempt == attempts:
                raise
        else:
            return

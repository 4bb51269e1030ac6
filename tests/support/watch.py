"""Somebody watches somebody: as fluent as it was painted, and never frozen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import psutil
import pytest

from .caller import Caller
from .fluency import Fluency

WANTED_FPS = 25
KEPT_SHARE = 0.9
"""Of what a page paints when the processor does not allow it WANTED_FPS: that is not the server's fault."""
SATURATED_PERCENT = 85
STARVED_FPS = 29
"""Pages paint 30 frames a second while they get the processor when they ask for it."""
HICCUP_MS = 300
"""A browser's encoders and decoders stand still for less now and then, on a machine that is shared. What a server does
wrong lasts longer (until the next keyframe, at least), or comes again."""
ATTEMPTS = 3


class NotFluentError(AssertionError):
    """A picture was not what it would be with processors to spare. Nothing else is excused by the want of those."""


class HiccupError(NotFluentError):
    """A freeze of less than HICCUP_MS, in a picture that was fluent else."""


def require_fluent(fluent: bool, seen: object) -> None:
    """Raises NotFluentError."""
    if not fluent:
        raise NotFluentError(str(seen))


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

    async def painted_fps(self) -> float:
        """Of the publisher's page, since begin()."""
        painted = await self._publisher.painted() - self._painted
        return painted / (await self._viewer.now() - self._start_ms) * 1000

    async def seen(self) -> Fluency:
        """What the viewer has got since begin(). What came while either page stood still is not held against it."""
        own, origin = await self._viewer.stood_still()
        others, _ = await self._publisher.stood_still()
        pauses = [(start - origin, end - origin) for start, end in own + others]
        return (await self._viewer.fluency_since(self._start_ms, pauses))[f"{self._publisher.peer_id}/webcam"]

    async def judge(self) -> Fluency:
        """What was seen since begin(); fails unless it was fluent."""
        seen, painted_fps = await self.seen(), await self.painted_fps()
        print(f"caller {self._viewer.number} of {self._publisher.number}: {seen}; painted {painted_fps:.1f} fps")
        require_fluent(seen.fps >= min(WANTED_FPS, KEPT_SHARE * painted_fps), seen)
        if seen.freezes and max(seen.freezes) < HICCUP_MS:
            raise HiccupError(str(seen))
        require_fluent(not seen.freezes, seen)
        return seen


async def judge_all(pairs: Sequence[tuple[Caller, Caller]], meanwhile: Callable[[], Awaitable[object]]) -> None:
    """Each (viewer, publisher) is watched while that happens, all at once."""

    async def attempt(watches: list[Watch]) -> None:
        await meanwhile()
        for watch in watches:
            await watch.judge()

    await attempt_with_processor(pairs, attempt)


async def attempt_with_processor(
    pairs: Sequence[tuple[Caller, Caller]], attempt: Callable[[list[Watch]], Awaitable[None]]
) -> None:
    """Let the attempt judge what the viewers see; again if that was not fluent by a hiccup, or while no processor was
    to spare. Whatever else fails, fails at once.

    Browsers that get no processor tell nothing of the server. When that does not pass the test is skipped, not failed.
    A hiccup that comes each time is a failure.
    """
    tried = []
    for number in range(1, ATTEMPTS + 1):
        watches = [await Watch.begin(*pair) for pair in pairs]
        psutil.cpu_percent()
        try:
            await attempt(watches)
        except NotFluentError as failure:
            busy = psutil.cpu_percent()
            painted = min([await watch.painted_fps() for watch in watches])
            tried.append(f"{failure} (processors {busy:.0f} % busy, {painted:.1f} of 30 fps painted)")
            print(f"attempt {number}: {tried[-1]}")
            starved = busy >= SATURATED_PERCENT or painted < STARVED_FPS
            if not starved and (number == ATTEMPTS or not isinstance(failure, HiccupError)):
                raise
        else:
            return
    pytest.skip(f"no processor to judge it by: {'; '.join(tried)}")

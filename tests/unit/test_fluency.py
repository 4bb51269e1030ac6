"""What is a freeze of the server's, and what is only the machine's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import psutil
import pytest
from support.caller import Caller
from support.fluency import Fluency, Pause, fluency
from support.watch import NotFluentError, judge_all

FRAMES_MS = [*range(0, 2000, 33), *range(2400, 5000, 33)]
"""A gap of about 400 ms, from 1980 on."""


@pytest.mark.parametrize(
    ("pauses", "freezes"),
    [
        ([], 1),
        ([(1990.0, 2380.0)], 0),
        ([(1700.0, 2000.0)], 0),  # of the sender: late here
        ([(1990.0, 2100.0)], 1),  # too short for that
        ([(500.0, 900.0)], 1),  # at another time
        ([(2500.0, 2900.0)], 1),
    ],
)
def test_only_a_pause_at_that_time_excuses_a_freeze(pauses: list[Pause], freezes: int) -> None:
    seen = fluency(FRAMES_MS, 0, 5000, pauses)
    assert len(seen.freezes) == freezes
    assert (seen.longest_gap_ms > 300) == bool(freezes)


def test_a_picture_that_never_came_is_excused_by_nothing() -> None:
    assert fluency([], 0, 5000, [(0.0, 5000.0)]).freezes == (5000,)


class Seat:
    """In place of a caller's page, which paints 30 frames between two looks: each finds a freeze of the next length."""

    number = 1
    peer_id = "anna"

    def __init__(self, freezes_ms: Sequence[float]) -> None:
        self.freezes_ms = iter(freezes_ms)
        self.looks = 0

    async def now(self) -> float:
        return self.looks * 1000.0

    async def painted(self) -> int:
        return self.looks * 30

    async def stood_still(self) -> tuple[list[Pause], float]:
        return [], 0.0

    async def fluency_since(self, _start_ms: float, _pauses: Sequence[Pause]) -> dict[str, Fluency]:
        self.looks += 1
        gap = next(self.freezes_ms)
        return {"anna/webcam": Fluency(150, 30.0, gap or 50.0, (gap,) if gap else ())}


@pytest.mark.parametrize(
    ("freezes_ms", "looks", "passes"),
    [
        ([0.0], 1, True),
        ([206.0, 0.0], 2, True),
        ([206.0, 206.0, 0.0], 3, True),
        ([206.0, 206.0, 206.0], 3, False),
        ([301.0], 1, False),
        ([206.0, 301.0], 2, False),
    ],
)
async def test_a_hiccup_is_a_failure_when_it_comes_again(
    freezes_ms: list[float], looks: int, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda: 50.0)
    seat = cast(Any, Seat(freezes_ms))
    judged = judge_all([(cast(Caller, seat), cast(Caller, seat))], partial(asyncio.sleep, 0))
    if passes:
        await judged
    else:
        with pytest.raises(NotFluentError):
            await judged
    assert seat.looks == looks


async def test_only_pictures_are_excused_by_the_want_of_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda: 99.0)
    seat = cast(Caller, Seat([500.0, 500.0, 500.0]))
    with pytest.raises(pytest.skip.Exception, match=r"500.*99 % busy"):
        await judge_all([(seat, seat)], partial(asyncio.sleep, 0))

    async def books_disagree() -> None:
        raise AssertionError("one more subscriber than there is")

    with pytest.raises(AssertionError, match="one more"):
        await judge_all([(seat, seat)], books_disagree)

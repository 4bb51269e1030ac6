"""What is a freeze of the server's, and what is only the machine's."""

from __future__ import annotations

import pytest
from support.fluency import Pause, fluency

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

"""The choice of an encoding, as a table, and limits."""
from __future__ import annotations

import pytest

from simplesfu.control.layers import NO_LIMIT, EncodingState, LayerLimit, choose_encoding

STATES: dict[str, EncodingState] = {".": "awaited", "+": "living", "-": "silent"}


@pytest.mark.parametrize(
    ("states", "highest", "chosen"),
    [
        (".", None, 0),
        ("+", None, 0),
        ("-", None, 0),
        ("...", None, 0),
        ("+..", None, 0),
        (".+.", None, 1),
        ("++.", None, 1),
        ("+.+", None, 2),
        ("+++", None, 2),
        ("++-", None, 1),
        ("+--", None, 0),
        ("---", None, 2),
        ("--.", None, 1),
        ("+++", 0, 0),
        ("+++", 1, 1),
        ("+++", 2, 2),
        ("+++", 9, 2),
        ("+-+", 1, 0),
        ("..+", 1, 0),
        ("--+", 1, 1),
    ],
)
def test_choose_encoding(states: str, highest: int | None, chosen: int) -> None:
    assert choose_encoding([STATES[each] for each in states], highest) == chosen


def test_the_tighter_of_two_limits() -> None:
    one = LayerLimit(spatial_layer=1, max_frame_rate=15.0)
    other = LayerLimit(spatial_layer=2, temporal_layer=0, max_frame_rate=7.5)
    both = LayerLimit(spatial_layer=1, temporal_layer=0, max_frame_rate=7.5)
    assert one.tighter(other) == other.tighter(one) == both
    assert one.tighter(NO_LIMIT) == NO_LIMIT.tighter(one) == one

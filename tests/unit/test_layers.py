"""The choice of an encoding, as a table."""
from __future__ import annotations

import pytest

from simplesfu.control.layers import choose_encoding


@pytest.mark.parametrize(
    ("started", "chosen"),
    [
        ([False], 0),
        ([True], 0),
        ([False, False, False], 0),
        ([True, False, False], 0),
        ([False, True, False], 1),
        ([True, True, False], 1),
        ([True, False, True], 2),
        ([True, True, True], 2),
    ],
)
def test_choose_encoding(started: list[bool], chosen: int) -> None:
    assert choose_encoding(started) == chosen

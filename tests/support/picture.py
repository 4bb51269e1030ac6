"""The painted number of tests/support/page/picture.js, for clients in Python: the same barcode, painted and read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 8
BAND = 0.25
"""Of the height, for the bits; as much again for their complements."""

Grey = NDArray[np.uint8]


def paint(number: int, turn: int, width: int = 320, height: int = 180) -> Grey:
    """A grey picture with the number in it, and a bar that moves with `turn`."""
    picture = np.full((height, width), 90, np.uint8)
    band, cell = int(height * BAND), width // BITS
    for bit in range(BITS):
        lit = 255 * (number >> bit & 1)
        columns = slice(bit * cell, (bit + 1) * cell)
        picture[:band, columns], picture[band : 2 * band, columns] = lit, 255 - lit
    start = turn * 4 % width
    picture[-height // 10 :, start : start + width // 10] = 255
    return picture


def read(picture: Grey) -> int | None:
    """The painted number, or None when there is none that can be trusted."""
    height, width = picture.shape
    number = 0
    for bit in range(BITS):
        columns = slice(int((bit + 0.25) * width / BITS), int((bit + 0.75) * width / BITS))

        def mean(row: int, columns: slice = columns) -> float:
            rows = slice(int(height * BAND * (row + 0.25)), int(height * BAND * (row + 0.75)))
            return float(picture[rows, columns].mean())

        contrast = mean(0) - mean(1)
        if abs(contrast) < 100:
            return None
        number |= (contrast > 0) << bit
    return number

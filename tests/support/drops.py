"""When a line breaks and for how long: the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

SHORTEST_S, LONGEST_S = 0.2, 15.0
SHARES = ((0.7, SHORTEST_S, 1.5), (0.24, 1.5, 5.0), (0.06, 8.0, LONGEST_S))
"""Most are short, as in life; a few outlast what a socket's own timers forgive."""
CALM_S = (0.3, 2.5)
"""Between two drops: sometimes in the middle of the recovery from the one before."""


@dataclass(frozen=True)
class Drop:
    """After `after_s` of an unbroken line it is away for `lasts_s`."""

    after_s: float
    lasts_s: float


def drops(seed: str, count: int) -> list[Drop]:
    dice = random.Random(seed)
    weights = [share for share, _, _ in SHARES]
    lengths = (dice.choices(SHARES, weights)[0] for _ in range(count))
    return [Drop(dice.uniform(*CALM_S), dice.uniform(shortest, longest)) for _, shortest, longest in lengths]

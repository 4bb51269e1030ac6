"""Which encoding of a producer a consumer gets: decisions only, made from facts that are handed in."""
from __future__ import annotations

from collections.abc import Sequence


def choose_encoding(started: Sequence[bool]) -> int:
    """Index of the best encoding to forward, when encodings are listed from the lowest quality to the highest.

    The highest that has started. Before any has, the lowest: senders ramp up from there, and a consumer that already
    waits for it gets its very first keyframe instead of having to ask for another.
    """
    return max((index for index, has_started in enumerate(started) if has_started), default=0)

"""Which encoding of a producer a consumer gets: decisions only, made from facts that are handed in."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

N = TypeVar("N", int, float)


@dataclass(frozen=True, kw_only=True)
class LayerLimit:
    """The most of a track that a consumer is to get. Layers count from 0, the lowest; None: no limit."""

    spatial_layer: int | None = None
    temporal_layer: int | None = None
    max_frame_rate: float | None = None

    def tighter(self, other: LayerLimit) -> LayerLimit:
        """What keeps to both."""
        return LayerLimit(
            spatial_layer=_lower(self.spatial_layer, other.spatial_layer),
            temporal_layer=_lower(self.temporal_layer, other.temporal_layer),
            max_frame_rate=_lower(self.max_frame_rate, other.max_frame_rate),
        )


NO_LIMIT: Final = LayerLimit()


def choose_encoding(started: Sequence[bool]) -> int:
    """Index of the best encoding to forward, when encodings are listed from the lowest quality to the highest.

    The highest that has started. Before any has, the lowest: senders ramp up from there, and a consumer that already
    waits for it gets its very first keyframe instead of having to ask for another.
    """
    return max((index for index, has_started in enumerate(started) if has_started), default=0)


def _lower(one: N | None, other: N | None) -> N | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)

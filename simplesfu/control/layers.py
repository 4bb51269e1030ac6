"""Which encoding of a producer a consumer gets: decisions only, made from facts that are handed in."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, TypeVar

N = TypeVar("N", int, float)

EncodingState: TypeAlias = Literal["awaited", "living", "silent"]
"""Of one encoding: nothing has come of it yet, packets come, or they came and have stopped (its sender saves on it)."""


@dataclass(frozen=True, kw_only=True)
class LayerLimit:
    """The most of a track that a consumer is to get. Layers count from 0, the lowest; None: no limit.

    spatial_layer: of simulcast, the place in `rtpParameters.encodings`. What lies in one stream (SVC) is not divided.
    temporal_layer: of VP8 and VP9 whose packets tell it (RFC 7741, RFC 9628); others have one layer.
    max_frame_rate: frames a second, above 0. The highest temporal layer that is measured to keep to it, give or take a
        tenth, is the limit; the lowest comes in any case, and nothing else until its source has been measured for a
        second.
    """

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


def choose_encoding(states: Sequence[EncodingState], highest: int | None = None) -> int:
    """Index of the best encoding to forward, when encodings are listed from the lowest quality to the highest.

    The highest that lives, up to `highest`. When none does, the highest that has lived: it may only be a still picture
    or a pause. Before any has, the lowest: senders ramp up from there, and a consumer that already waits for it gets
    its very first keyframe instead of having to ask for another.
    """
    allowed = states if highest is None else states[:highest + 1]
    for wanted in ("living", "silent"):
        if wanted in allowed:
            return max(index for index, state in enumerate(allowed) if state == wanted)
    return 0


def _lower(one: N | None, other: N | None) -> N | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)

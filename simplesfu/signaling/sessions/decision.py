"""What an application's subscription policy is asked, and what it answers. Values only."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from simplesfu.control.layers import LayerLimit
from simplesfu.types import MediaKind


@dataclass(frozen=True, kw_only=True)
class SubscriptionRequest:
    """One viewer and one track of one publisher. `rooms`: those that both are in; empty in the lobby."""

    viewer_id: str
    publisher_id: str
    label: str
    kind: MediaKind
    metadata: dict[str, Any]
    rooms: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Forward the track or not, and at most what of it. Layers count from 0, the lowest; None: no limit.

    Raises ValueError for a negative layer or a frame rate that is not above 0: `forward=False` stops a track.
    """

    forward: bool = True
    max_spatial_layer: int | None = None
    max_temporal_layer: int | None = None
    max_frame_rate: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_spatial_layer", "max_temporal_layer"):
            layer = getattr(self, name)
            if layer is not None and (isinstance(layer, bool) or not isinstance(layer, int) or layer < 0):
                raise ValueError(f"{name}={layer!r} is not a layer: they count from 0")
        rate = self.max_frame_rate
        if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float) or not rate > 0):
            raise ValueError(f"max_frame_rate={rate!r} is not a number of frames above 0; forward=False stops a track")

    @property
    def limit(self) -> LayerLimit:
        return LayerLimit(
            spatial_layer=self.max_spatial_layer,
            temporal_layer=self.max_temporal_layer,
            max_frame_rate=self.max_frame_rate,
        )


FORWARD: Final = Decision()
HOLD: Final = Decision(forward=False)

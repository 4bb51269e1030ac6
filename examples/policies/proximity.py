"""Who stands near is seen well, who stands far off is seen small, and who is out of sight not at all."""
from math import dist

from simplesfu import Decision, MediaManager, SubscriptionRequest

NEAR, FAR = 30, 100


class Proximity:
    """Moving costs one question for each track on its way to or from the one who moves."""

    def __init__(self) -> None:
        self.media: MediaManager | None = None
        self.positions: dict[str, tuple[float, float]] = {}

    def move(self, peer_id: str, position: tuple[float, float]) -> None:
        self.positions[peer_id] = position
        if self.media is not None:
            self.media.reevaluate(viewer=peer_id)
            self.media.reevaluate(publisher=peer_id)

    def __call__(self, request: SubscriptionRequest) -> Decision:
        here, there = self.positions.get(request.viewer_id), self.positions.get(request.publisher_id)
        if here is None or there is None or dist(here, there) > FAR:
            return Decision(forward=False)
        return Decision() if dist(here, there) <= NEAR else Decision(max_spatial_layer=0)

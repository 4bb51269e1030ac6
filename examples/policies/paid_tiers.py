"""What a viewer has paid for is what it gets at most; sound is free."""
from simplesfu import Decision, MediaManager, SubscriptionRequest

TIERS = {
    "free": Decision(max_spatial_layer=0, max_frame_rate=15),
    "standard": Decision(max_spatial_layer=1),
    "premium": Decision(),
}


class PaidTiers:
    """An upgrade takes effect at once, in mid-call."""

    def __init__(self) -> None:
        self.media: MediaManager | None = None
        self.tiers: dict[str, str] = {}

    def pays_for(self, peer_id: str, tier: str) -> None:
        self.tiers[peer_id] = tier
        if self.media is not None:
            self.media.reevaluate(viewer=peer_id)

    async def __call__(self, request: SubscriptionRequest) -> Decision:
        """A coroutine function may as well ask a database here."""
        if request.kind == "audio":
            return Decision()
        return TIERS[self.tiers.get(request.viewer_id, "free")]

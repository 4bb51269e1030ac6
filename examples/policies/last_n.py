"""The pictures of those who spoke last, and the sound of everybody: a room of hundreds at the cost of a few."""
from collections import deque

from simplesfu import MediaManager, SubscriptionRequest


class LastN:
    """Tell it who speaks, as your pages measure it."""

    def __init__(self, n: int) -> None:
        self.media: MediaManager | None = None
        self.speakers: deque[str] = deque(maxlen=n)

    def spoke(self, peer_id: str) -> None:
        before = set(self.speakers)
        if peer_id in before:
            self.speakers.remove(peer_id)
        self.speakers.append(peer_id)
        if self.media is not None:
            for changed in before ^ set(self.speakers):
                self.media.reevaluate(publisher=changed)

    def __call__(self, request: SubscriptionRequest) -> bool:
        return request.kind == "audio" or request.publisher_id in self.speakers

"""What direct links carry of tracks. The browsers do it; the server tells a publisher what is due over which link."""
from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from simplesfu.control.flow import Flow
from simplesfu.control.layers import NO_LIMIT, LayerLimit
from simplesfu.control.ortc import ProducerType
from simplesfu.signaling.messages import LinkConsumer as Due
from simplesfu.signaling.messages import LinkConsumerClosed, Notification
from simplesfu.types import MediaKind

Tell: TypeAlias = Callable[[Notification], None]


class LinkProducer(Flow):
    """A track's end of all its publisher's links, for as long as the track is there; it looks like a Producer.

    on_close("closed"): after its consumers have closed.
    """

    type: ProducerType = "simple"

    def __init__(self, producer_id: str, kind: MediaKind, tell: Tell) -> None:
        """`tell` reaches the publisher."""
        super().__init__(paused=False, flow_id=producer_id)
        self.kind = kind
        self.tell = tell
        self.consumers: dict[str, LinkConsumer] = {}

    def consume(self, viewer_id: str) -> LinkConsumer:
        """Paused. Raises Closed."""
        self._check_open()
        return LinkConsumer(self, viewer_id)

    def stats(self) -> dict[str, object]:
        """As those of a Producer; what links carry the server does not see."""
        return {"id": self.id, "kind": self.kind, "type": self.type, "paused": self.paused,
                "consumers": len(self.consumers), "encodings": []}

    def _hold(self, _paused: bool) -> None:
        for consumer in self.consumers.values():
            consumer.tell()

    def _release(self) -> None:
        for consumer in list(self.consumers.values()):
            consumer.producer_closed()


class LinkConsumer(Flow):
    """A track on its way to one viewer over a link; it looks like a Consumer.

    on_close(reason): "closed" or "producer_closed".
    """

    type: ProducerType = "simple"
    rtp_parameters = None

    def __init__(self, producer: LinkProducer, viewer_id: str) -> None:
        super().__init__(paused=True)
        self.layer_limit = NO_LIMIT
        self._producer = producer
        self._viewer_id = viewer_id
        self._told: Due | None = None
        producer.consumers[self.id] = self
        self.tell()

    @property
    def kind(self) -> MediaKind:
        return self._producer.kind

    def limit(self, limit: LayerLimit) -> None:
        """Send no more than these layers and frames: what is the browser's to keep. Raises Closed."""
        self._check_open()
        self.layer_limit = limit
        self.tell()

    def due(self) -> Due:
        """What its publisher is to send."""
        return Due(
            consumer_id=self.id,
            producer_id=self._producer.id,
            peer_id=self._viewer_id,
            paused=self.paused or self._producer.paused,
            spatial_layer=self.layer_limit.spatial_layer,
            max_frame_rate=self.layer_limit.max_frame_rate,
        )

    def tell(self) -> None:
        """Its publisher, unless nothing has changed."""
        due = self.due()
        if due != self._told:
            self._told = due
            self._producer.tell(due)

    def producer_closed(self) -> None:
        self._close("producer_closed")

    def stats(self) -> dict[str, object]:
        """As those of a Consumer."""
        return {"id": self.id, "producer_id": self._producer.id, "kind": self.kind, "type": self.type,
                "paused": self.paused, "producer_paused": self._producer.paused}

    def _hold(self, _paused: bool) -> None:
        self.tell()

    def _release(self) -> None:
        del self._producer.consumers[self.id]
        self._producer.tell(
            LinkConsumerClosed(consumer_id=self.id, producer_id=self._producer.id, peer_id=self._viewer_id)
        )

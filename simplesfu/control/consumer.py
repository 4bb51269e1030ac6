"""A track on its way to one client."""
from __future__ import annotations

from simplesfu.control.flow import Flow
from simplesfu.control.layers import NO_LIMIT, LayerLimit
from simplesfu.control.ortc import ProducerType
from simplesfu.control.producer import Producer
from simplesfu.plane import Plane
from simplesfu.types import MediaKind, RtpParameters


class Consumer(Flow):
    """Made by WebRtcTransport.consume, paused: media flows after resume(), while its producer is not paused either.

    on_close(reason): "closed", "producer_closed" or "transport_closed".
    """

    def __init__(self, plane: Plane, producer: Producer, *, rtp_parameters: RtpParameters, send_stream: int) -> None:
        super().__init__(paused=True)
        self.rtp_parameters = rtp_parameters
        self.layer_limit = NO_LIMIT
        self._plane = plane
        self._producer = producer
        self._source: int | None = None
        self.send_stream = send_stream
        producer.subscribe(self)
        self.source_changed()

    @property
    def producer_id(self) -> str:
        return self._producer.id

    @property
    def kind(self) -> MediaKind:
        return self._producer.kind

    @property
    def type(self) -> ProducerType:
        return self._producer.type

    @property
    def producer_paused(self) -> bool:
        return self._producer.paused

    def limit(self, limit: LayerLimit) -> None:
        """Forward no more than these layers and frames; the limit before it is no longer good. Raises Closed."""
        self._check_open()
        if limit == self.layer_limit:
            return
        self.layer_limit = limit
        self._plane.limit_send_stream(
            self.send_stream, max_temporal_layer=limit.temporal_layer, max_frame_rate=limit.max_frame_rate
        )
        self.source_changed()

    def producer_closed(self) -> None:
        self._close("producer_closed")

    def source_changed(self) -> None:
        """Take packets from the producer's best source within the limit; video moves over at the next keyframe."""
        source = self._producer.source(self.layer_limit.spatial_layer)
        if source != self._source:
            self._source = source
            self._plane.set_source(self.send_stream, source)

    def stats(self) -> dict[str, object]:
        """The plane's numbers of the stream (docs/counters.md)."""
        self._check_open()
        return {
            **self._plane.send_stream_stats(self.send_stream),
            "id": self.id,
            "producer_id": self.producer_id,
            "kind": self.kind,
            "type": self.type,
            "paused": self.paused,
            "producer_paused": self.producer_paused,
        }

    def _hold(self, paused: bool) -> None:
        self._plane.pause_send_stream(self.send_stream, paused)

    def _release(self) -> None:
        self._producer.unsubscribe(self)
        self._plane.remove_send_stream(self.send_stream)

"""A track that a client publishes."""
from __future__ import annotations

from typing import Protocol

from simplesfu.control.flow import Flow
from simplesfu.control.layers import EncodingState, choose_encoding
from simplesfu.control.ortc import ProducerType, producer_type
from simplesfu.control.signal import Signal
from simplesfu.plane import Plane
from simplesfu.types import MediaKind, RtpParameters


class Subscriber(Protocol):
    """What a producer knows of its consumers."""

    @property
    def id(self) -> str: ...

    def source_changed(self) -> None: ...

    def producer_closed(self) -> None: ...


class Producer(Flow):
    """Made by WebRtcTransport.produce. To pause it stops what goes to all of its consumers.

    on_close(reason): "closed" or "transport_closed", after its consumers have closed.
    on_move(): another transport takes it over (WebRtcTransport.take_over).
    """

    def __init__(
        self,
        plane: Plane,
        *,
        kind: MediaKind,
        rtp_parameters: RtpParameters,
        consumable_rtp_parameters: RtpParameters,
        recv_streams: list[int],
        paused: bool,
        producer_id: str | None = None,
    ) -> None:
        super().__init__(paused=paused, flow_id=producer_id)
        self.kind = kind
        self.rtp_parameters = rtp_parameters
        self.consumable_rtp_parameters = consumable_rtp_parameters
        self.on_move: Signal[[]] = Signal()
        self._plane = plane
        self._states: dict[int, EncodingState] = dict.fromkeys(recv_streams, "awaited")
        self._subscribers: dict[str, Subscriber] = {}
        if paused:
            self._hold(True)

    @property
    def type(self) -> ProducerType:
        return producer_type(self.rtp_parameters)

    @property
    def recv_streams(self) -> list[int]:
        """The plane's ids of its encodings, the lowest quality first."""
        return list(self._states)

    @property
    def consumed(self) -> bool:
        return bool(self._subscribers)

    def source(self, highest: int | None = None) -> int:
        """The recv stream to feed a consumer from: of the best encoding now, up to the one with that index."""
        return self.recv_streams[choose_encoding(list(self._states.values()), highest)]

    def stats(self) -> dict[str, object]:
        """The plane's numbers of each encoding (docs/counters.md), in the order of `rtp_parameters.encodings`."""
        self._check_open()
        return {
            "id": self.id,
            "kind": self.kind,
            "type": self.type,
            "paused": self.paused,
            "consumers": len(self._subscribers),
            "encodings": [
                {"rid": encoding.rid, **self._plane.recv_stream_stats(recv_stream)}
                for encoding, recv_stream in zip(self.rtp_parameters.encodings, self.recv_streams, strict=True)
            ],
        }

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers[subscriber.id] = subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.pop(subscriber.id, None)

    def move(self, rtp_parameters: RtpParameters, recv_streams: list[int]) -> None:
        """Come from these recv streams from now on; the old ones are removed."""
        self.on_move.emit()
        left = self.recv_streams
        self.rtp_parameters = rtp_parameters
        self._states = dict.fromkeys(recv_streams, "awaited")
        if self.paused:
            self._hold(True)
        self._tell_subscribers()
        for recv_stream in left:
            self._plane.remove_recv_stream(recv_stream)

    def stream_started(self, recv_stream: int) -> None:
        """Packets of this encoding come: consumers for whom it is the best now move to it."""
        self._states[recv_stream] = "living"
        self._tell_subscribers()

    def stream_stopped(self, recv_stream: int) -> None:
        """They have stopped: its consumers move to another, if there is one that lives."""
        self._states[recv_stream] = "silent"
        self._tell_subscribers()

    def _tell_subscribers(self) -> None:
        for subscriber in list(self._subscribers.values()):
            subscriber.source_changed()

    def _hold(self, paused: bool) -> None:
        for recv_stream in self.recv_streams:
            self._plane.pause_recv_stream(recv_stream, paused)

    def _release(self) -> None:
        for subscriber in list(self._subscribers.values()):
            subscriber.producer_closed()
        for recv_stream in self.recv_streams:
            self._plane.remove_recv_stream(recv_stream)

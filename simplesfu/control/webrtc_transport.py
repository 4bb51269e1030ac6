"""One client's ICE + DTLS connection, and what is published and received over it."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from simplesfu.config import MediaConfig
from simplesfu.control import ortc
from simplesfu.control.consumer import Consumer
from simplesfu.control.data_transport import DataTransport
from simplesfu.control.ids import new_id, new_ssrcs
from simplesfu.control.ortc.validation import ssrcs_of
from simplesfu.control.producer import Producer
from simplesfu.control.signal import Signal
from simplesfu.control.streams import add_recv_stream, add_send_stream
from simplesfu.engine.engine import Engine
from simplesfu.engine.link import LinkState
from simplesfu.errors import AlreadyExists, CannotMove, Closed, NotFound
from simplesfu.plane import PlaneError
from simplesfu.types import DtlsParameters, IceCandidate, IceParameters, MediaKind, RtpCapabilities, RtpParameters


class WebRtcTransport:
    """Made by Router.create_webrtc_transport.

    It outlives the failure of its link, and its producers and consumers with it: an ICE restart may bring the link
    back, or another transport take them over. Whoever made it decides when to give it up.

    on_state(state, reason): the link's, as `state` has it; not when the transport is closed from this side.
    on_close(reason): "closed", "router_closed" or "engine_closed"; after its producers and consumers have closed.
    on_producer(producer): one has been made.
    """

    def __init__(self, engine: Engine, config: MediaConfig, router_capabilities: RtpCapabilities) -> None:
        self.id = new_id()
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, Consumer] = {}
        self.closed = False
        self.on_state: Signal[[LinkState, str]] = Signal()
        self.on_close: Signal[[str]] = Signal()
        self.on_producer: Signal[[Producer]] = Signal()
        self._engine = engine
        self._plane = engine.plane
        self._router_capabilities = router_capabilities
        self._cname = ""
        self._mids = count()
        self._ssrcs: set[int] = set()
        self._link = engine.create_link(self)
        self.limit_incoming(config.max_incoming_bitrate_bps)
        self.data = DataTransport(self._link.sctp, self._link.tasks)

    @property
    def handle(self) -> int:
        """The plane's id of it."""
        return self._link.handle

    @property
    def state(self) -> LinkState:
        return self._link.state

    @property
    def ended(self) -> bool:
        """The link has failed or the client has said goodbye: no media flows. restart_ice() may end that, unless it
        raises Closed."""
        return self._link.state in ("failed", "closed")

    @property
    def ice_parameters(self) -> IceParameters:
        return self._link.ice_parameters

    @property
    def ice_candidates(self) -> list[IceCandidate]:
        return list(self._engine.candidates)

    @property
    def dtls_parameters(self) -> DtlsParameters:
        """Role "auto": it will be the opposite of the client's."""
        return DtlsParameters(role="auto", fingerprints=list(self._engine.fingerprints))

    def connect(self, dtls_parameters: DtlsParameters) -> None:
        """Begin to connect; on_state tells how it goes. Raises AlreadyConnected, BadParameters, Closed."""
        self._check_open()
        remote = ortc.validate_dtls_parameters(dtls_parameters)
        self._link.connect(remote)

    def limit_incoming(self, bps: int) -> None:
        """What the client may send, which it is told by REMB; 0: as much as it likes. Raises Closed."""
        self._check_open()
        self._plane.set_max_recv_bitrate(self.handle, bps)

    def restart_ice(self) -> IceParameters:
        """New credentials; media goes on over the old path until the client has proven a new one. An ended link comes
        back so, when it was ICE that failed. Raises Closed, also when its DTLS has failed or ended."""
        self._check_open()
        return self._link.restart_ice()

    def produce(
        self, kind: MediaKind, rtp_parameters: RtpParameters, paused: bool = False, producer_id: str | None = None
    ) -> Producer:
        """`producer_id`: one that is free, for a track that has been known by it. Raises BadParameters, Unsupported (no
        such codec here), AlreadyExists (SSRC or MID), Closed."""
        self._check_open()
        ortc.validate_rtp_parameters(kind, rtp_parameters)
        router = self._router_capabilities
        mapping = ortc.producer_mapping(rtp_parameters, router)
        self._check_not_taken(rtp_parameters)
        # One transport's tracks share one CNAME, so that receivers play them in step. A client may give none
        # (mediasoup-client does so with simulcast).
        self._cname = self._cname or rtp_parameters.rtcp.cname or new_id()
        producer = Producer(
            self._plane,
            kind=kind,
            rtp_parameters=rtp_parameters,
            consumable_rtp_parameters=ortc.consumable_rtp_parameters(router, mapping, cname=self._cname),
            recv_streams=self._add_recv_streams(rtp_parameters, mapping),
            paused=paused,
            producer_id=producer_id,
        )
        self._adopt_producer(producer)
        self.on_producer.emit(producer)
        return producer

    def take_over(self, producer: Producer, rtp_parameters: RtpParameters) -> None:
        """Move a producer of another transport here, where its client sends it with these parameters from now on.

        It stays the same producer. Its consumers follow: each goes on with its own numbers and times, from the next
        keyframe on, which is asked for. Raises CannotMove (another kind or codec, or nothing to move), and what
        produce() raises.
        """
        self._check_open()
        if producer.closed:
            raise CannotMove("the producer has closed", "produce the track anew")
        if producer.id in self.producers:
            raise CannotMove("the producer is on this transport already", "it needs no move")
        ortc.validate_rtp_parameters(producer.kind, rtp_parameters)
        mapping = ortc.producer_mapping(rtp_parameters, self._router_capabilities)
        if not ortc.can_follow(producer.consumable_rtp_parameters, mapping):
            raise CannotMove("the track comes in another codec now, which its viewers have not agreed to",
                             "close the producer, and produce the track anew")
        self._check_not_taken(rtp_parameters)
        self._cname = self._cname or producer.consumable_rtp_parameters.rtcp.cname or ""
        producer.move(rtp_parameters, self._add_recv_streams(rtp_parameters, mapping))
        self._adopt_producer(producer)

    def consume(self, producer: Producer, rtp_capabilities: RtpCapabilities) -> Consumer:
        """A paused consumer. Raises CannotConsume (the client lacks the codec), NotFound (the producer has closed),
        BadParameters, Closed."""
        self._check_open()
        if producer.closed:
            raise NotFound("the producer has closed")
        ortc.validate_rtp_capabilities(rtp_capabilities)
        ssrc, rtx_ssrc = new_ssrcs(2, self._ssrcs)
        params = ortc.consumer_rtp_parameters(
            producer.consumable_rtp_parameters,
            rtp_capabilities,
            mid=str(next(self._mids)),
            ssrc=ssrc,
            rtx_ssrc=rtx_ssrc,
        )
        send_stream = add_send_stream(self._plane, self.handle, params)
        consumer = Consumer(self._plane, producer, rtp_parameters=params, send_stream=send_stream)
        self._adopt_consumer(consumer)
        return consumer

    def close(self) -> None:
        """Closes its producers and consumers too. A second call does nothing."""
        self._close("closed")

    def router_closed(self) -> None:
        self._close("router_closed")

    def stats(self) -> dict[str, object]:
        """The plane's numbers of the transport (docs/counters.md)."""
        self._check_open()
        plane = self._plane.transport_stats(self.handle)
        return {**plane, **self.data.stats(), "id": self.id, "state": self.state}

    def link_state_changed(self, state: LinkState, reason: str) -> None:
        """The link tells."""
        if self.closed:
            return
        if state == "closed":  # no other association comes of this DTLS
            self.data.close(reason)
        self.on_state.emit(state, reason)
        if self._link.closed:  # by the engine, which has taken the plane's streams along
            self._close(reason)

    def _check_not_taken(self, params: RtpParameters) -> None:
        if not self._ssrcs.isdisjoint(_ssrcs_of(params)):
            raise AlreadyExists("another stream of this transport has that SSRC", "give every stream its own")
        if params.mid and any(producer.rtp_parameters.mid == params.mid for producer in self.producers.values()):
            raise AlreadyExists(f"another producer of this transport has the MID {params.mid}",
                                "close that one before, or produce with another mid")

    def _add_recv_streams(self, params: RtpParameters, mapping: ortc.ProducerMapping) -> list[int]:
        added: list[int] = []
        try:
            for encoding in params.encodings:
                added.append(add_recv_stream(self._plane, self.handle, params, encoding, mapping))
        except PlaneError as error:
            # It knows SSRCs that were never signalled, too: those learned from packets with a RID.
            for recv_stream in added:
                self._plane.remove_recv_stream(recv_stream)
            raise AlreadyExists(f"the streams cannot be told from others: {error}",
                                "give every stream an SSRC of its own") from error
        return added

    def _adopt_producer(self, producer: Producer) -> None:
        """Until it closes or moves on."""
        ssrcs = list(_ssrcs_of(producer.rtp_parameters))
        recv_streams = producer.recv_streams

        def forget(_reason: str = "moved") -> None:
            for disconnect in connections:
                disconnect()
            del self.producers[producer.id]
            self._ssrcs.difference_update(ssrcs)
            for recv_stream in recv_streams:
                del self._engine.stream_observers[recv_stream]

        self.producers[producer.id] = producer
        self._ssrcs.update(ssrcs)
        for recv_stream in recv_streams:
            self._engine.stream_observers[recv_stream] = producer
        connections = [producer.on_close.connect(forget), producer.on_move.connect(forget)]

    def _adopt_consumer(self, consumer: Consumer) -> None:
        ssrcs = list(_ssrcs_of(consumer.rtp_parameters))

        def forget(_reason: str) -> None:
            del self.consumers[consumer.id]
            self._ssrcs.difference_update(ssrcs)

        self.consumers[consumer.id] = consumer
        self._ssrcs.update(ssrcs)
        consumer.on_close.connect(forget)

    def _close(self, reason: str) -> None:
        if self.closed:
            return
        self.closed = True
        for producer in list(self.producers.values()):
            producer.transport_closed()
        for consumer in list(self.consumers.values()):
            consumer.transport_closed()
        self.data.close()
        self._link.close()
        self.on_close.emit(reason)

    def _check_open(self) -> None:
        if self.closed:
            raise Closed("the transport has closed", "create another one")


def _ssrcs_of(params: RtpParameters) -> Iterator[int]:
    return (ssrc for encoding in params.encodings for ssrc in ssrcs_of(encoding))

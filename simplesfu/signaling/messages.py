"""The shapes of docs/protocol.md: what requests carry, what answers and notifications give.

Python's snake_case becomes the wire's camelCase here (and in simplesfu.types).
"""
from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import Meta, Struct, field

from simplesfu.ice_servers import IceServer
from simplesfu.types import (
    DtlsParameters,
    IceCandidate,
    IceParameters,
    MediaKind,
    RtpCapabilities,
    RtpParameters,
    SctpParameters,
)

MAX_NAME_LENGTH: Final = 128

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
"""An id, a label or the id of a room, as a client may send it."""

RequestId = Annotated[str, Meta(min_length=1, max_length=64)]
Seq = Annotated[int, Meta(ge=0)]
Layer = Annotated[int, Meta(ge=0)]
FrameRate = Annotated[float, Meta(gt=0)]

Metadata = dict[str, Any]
"""JSON of the application's own about a track."""

Direction = Literal["send", "recv"]
"""Of a transport, as its client sees it."""

UnavailableReason = Literal[
    "closed", "replaced", "disconnected", "room_left", "peer_left", "peer_lost", "kicked", "not_allowed",
    "too_much_bitrate",
]
DisconnectionReason = Literal["room_left", "peer_left", "peer_lost", "kicked", "not_allowed"]
"""`peer_left`: on purpose. `peer_lost`: its socket was lost and has not come back in time."""

Topology = Literal["sfu", "mesh", "auto"]
"""What a peer wishes for its media: by the server, by direct links, or by those where two are alone."""

Carrier = Literal["sfu", "mesh"]
"""What carries the media of two peers: the server's router, or a direct link between their browsers."""

CarrierReason = Literal["asked", "two_peers", "third_peer", "unreachable", "topology_changed"]
"""`asked`: both wish for mesh. `unreachable`: their link has failed."""

LinkState = Literal["connecting", "connected", "failed"]

RoomLeftReason = Literal["removed", "closed", "not_allowed"]
HeldReason = Literal["policy", "server", ""]


class Message(Struct, kw_only=True, rename="camel"):
    """Unknown fields are ignored, so that a newer client can talk to an older server."""


class Nothing(Message):
    """The payload, or the answer, without a field."""


class Envelope(Message):
    """What any request may carry beside its own fields."""

    request_id: RequestId | None = None


# What requests carry ---------------------------------------------------------------------------------------------


class Hello(Message):
    """`topology`: absent, it stays what it was; at first it is "sfu". `wants_data`: of a new session, that it is about
    to consume data, so that messages wait for that.
    """

    token: str | None = None
    last_seq: Seq = 0
    topology: Topology | None = None
    wants_data: bool = False


class Heartbeat(Message):
    last_seq: Seq = 0


class SetRtpCapabilities(Message):
    rtp_capabilities: RtpCapabilities


class CreateWebRtcTransport(Message):
    direction: Direction
    replaces: Name | None = None


class ConnectWebRtcTransport(Message):
    transport_id: Name
    dtls_parameters: DtlsParameters


class TransportTarget(Message):
    transport_id: Name


class Produce(Message):
    transport_id: Name
    kind: MediaKind
    rtp_parameters: RtpParameters
    label: Name
    broadcast: bool
    paused: bool = False
    metadata: Metadata = field(default_factory=dict)
    producer_id: Name | None = None


class Publish(Message):
    """A track that direct links carry, and the router not (any longer)."""

    kind: MediaKind
    label: Name
    broadcast: bool
    paused: bool = False
    metadata: Metadata = field(default_factory=dict)
    producer_id: Name | None = None


class SetMetadata(Message):
    producer_id: Name
    metadata: Metadata


class ProducerTarget(Message):
    producer_id: Name


class Consume(Message):
    """Without a transport: over the direct link."""

    producer_id: Name
    transport_id: Name | None = None


class ConsumerTarget(Message):
    consumer_id: Name


class PeerTarget(Message):
    """A peer, by any id that it has had, and all its tracks or the one with that label."""

    peer_id: Name
    label: Name | None = None


class SetPreferredLayers(PeerTarget):
    spatial_layer: Layer | None = None
    temporal_layer: Layer | None = None
    max_frame_rate: FrameRate | None = None


class TrackTarget(Message):
    peer_id: Name
    label: Name


class SignalTarget(Message):
    """Something between two browsers about their link, which the server hands on as it is."""

    peer_id: Name
    message: dict[str, Any]


class SetTopology(Message):
    topology: Topology


class ReportLink(Message):
    """How the link to a peer does; `reason` is for people."""

    peer_id: Name
    state: Literal["connected", "failed"]
    reason: Annotated[str, Meta(max_length=256)] = ""


class RoomTarget(Message):
    room_id: Name


# What answers give -----------------------------------------------------------------------------------------------


class PeerEntry(Message):
    peer_id: str


class ProducerEntry(Message):
    """`sfu`: as the last carriageChange has told it."""

    producer_id: str
    label: str
    paused: bool
    sfu: bool


class ConsumerEntry(Message):
    consumer_id: str
    producer_id: str
    held: HeldReason
    carrier: Carrier


class LinkEntry(Message):
    peer_id: str
    carrier: Carrier


class TransportEntry(Message):
    transport_id: str
    direction: Direction
    state: str


class Snapshot(Message):
    """All that notifications have told a peer, and what it has here itself."""

    peers: list[PeerEntry]
    offers: list[ProducerAvailable]
    rooms: list[str]
    producers: list[ProducerEntry]
    consumers: list[ConsumerEntry]
    transports: list[TransportEntry]
    links: list[LinkEntry]
    link_consumers: list[LinkConsumer]
    data_consumers: list[str]
    data_producers: list[str]
    data_labels: list[str]


class TopologyAnswer(Message):
    topology: Topology


class HelloAnswer(Message):
    peer_id: str
    protocol: int
    topology: Topology
    resumed: bool
    token: str
    grace_period_ms: int
    heartbeat_ms: int
    seq: int
    router_rtp_capabilities: RtpCapabilities
    ice_servers: list[IceServer]
    ice_servers_lifetime_ms: int | None
    snapshot: Snapshot | None = None


class IceServersAnswer(Message):
    """`ice_servers_lifetime_ms`: how long they may be used; None: for ever."""

    ice_servers: list[IceServer]
    ice_servers_lifetime_ms: int | None


class SnapshotAnswer(Message):
    snapshot: Snapshot
    seq: int


class TransportAnswer(Message):
    id: str
    ice_parameters: IceParameters
    ice_candidates: list[IceCandidate]
    dtls_parameters: DtlsParameters
    sctp_parameters: SctpParameters


class RestartIceAnswer(Message):
    ice_parameters: IceParameters


class ProduceAnswer(Message):
    producer_id: str


class ConsumeAnswer(Message):
    consumer_id: str
    producer_id: str
    peer_id: str
    label: str
    broadcast: bool
    metadata: Metadata
    kind: MediaKind
    type: str
    rtp_parameters: RtpParameters | None
    producer_paused: bool


class TrackEntry(Message):
    producer_id: str
    label: str
    kind: MediaKind
    paused: bool


class ConnectToPeerAnswer(Message):
    """`peer_id`: the peer's own id, when the one that was given is another of its."""

    peer_id: str
    tracks: list[TrackEntry]


class JoinRoomAnswer(Message):
    peer_ids: list[str]


class StatsAnswer(Message):
    transports: list[dict[str, Any]]
    producers: list[dict[str, Any]]
    consumers: list[dict[str, Any]]


# What peers are told ---------------------------------------------------------------------------------------------


class Notification(Message):
    """Each goes out with its `seq` added: 1, 2, … in a session."""

    event: ClassVar[str]


class PeerConnection(Notification):
    event: ClassVar[str] = "peerConnection"
    peer_id: str


class PeerDisconnection(Notification):
    event: ClassVar[str] = "peerDisconnection"
    peer_id: str
    reason: DisconnectionReason


class ProducerAvailable(Notification):
    event: ClassVar[str] = "producerAvailable"
    producer_id: str
    peer_id: str
    label: str
    broadcast: bool
    kind: MediaKind
    metadata: Metadata
    paused: bool
    carrier: Carrier


class ProducerUnavailable(Notification):
    event: ClassVar[str] = "producerUnavailable"
    producer_id: str
    peer_id: str
    label: str
    reason: UnavailableReason


class ProducerClosed(Notification):
    """To its publisher: the server has ended it."""

    event: ClassVar[str] = "producerClosed"
    producer_id: str
    label: str
    reason: UnavailableReason


class ProducerPaused(Notification):
    event: ClassVar[str] = "producerPaused"
    producer_id: str
    peer_id: str
    label: str


class ProducerResumed(Notification):
    event: ClassVar[str] = "producerResumed"
    producer_id: str
    peer_id: str
    label: str


class ProducerMetadata(Notification):
    event: ClassVar[str] = "producerMetadata"
    producer_id: str
    peer_id: str
    label: str
    metadata: Metadata


class ConsumerHeld(Notification):
    """Something other than the viewer and the publisher keeps a track from flowing; reason "": no longer."""

    event: ClassVar[str] = "consumerHeld"
    producer_id: str
    reason: HeldReason


class CarrierChange(Notification):
    """To both of a pair. Of a pair that the router carries from the start nothing is said."""

    event: ClassVar[str] = "carrierChange"
    peer_id: str
    carrier: Carrier
    reason: CarrierReason


class CarriageChange(Notification):
    """To its publisher: whether anybody needs the track by the router."""

    event: ClassVar[str] = "carriageChange"
    producer_id: str
    sfu: bool


class Signal(Notification):
    event: ClassVar[str] = "signal"
    peer_id: str
    message: dict[str, Any]


class LinkConsumer(Notification, omit_defaults=True):
    """To the publisher: what is to be sent over the link to that peer, at first and after each change."""

    event: ClassVar[str] = "linkConsumer"
    consumer_id: str
    producer_id: str
    peer_id: str
    paused: bool
    spatial_layer: int | None = None
    max_frame_rate: float | None = None


class LinkConsumerClosed(Notification):
    event: ClassVar[str] = "linkConsumerClosed"
    consumer_id: str
    producer_id: str
    peer_id: str


class TransportStateChange(Notification):
    event: ClassVar[str] = "transportStateChange"
    transport_id: str
    state: str
    reason: str


class RoomJoined(Notification):
    event: ClassVar[str] = "roomJoined"
    room_id: str
    peer_ids: list[str]


class RoomLeft(Notification):
    event: ClassVar[str] = "roomLeft"
    room_id: str
    reason: RoomLeftReason


class Ended(Notification):
    event: ClassVar[str] = "ended"
    code: str
    message: str
    hint: str

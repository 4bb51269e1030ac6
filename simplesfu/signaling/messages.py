"""The shapes of docs/protocol.md: what requests carry, what answers and notifications give.

Python's snake_case becomes the wire's camelCase here (and in simplesfu.types).
"""
from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from simplesfu.types import (
    DtlsParameters,
    IceCandidate,
    IceParameters,
    MediaKind,
    RtpCapabilities,
    RtpParameters,
)

Name = Annotated[str, Meta(min_length=1, max_length=128)]
"""An id, a label or the id of a room, as a client may send it."""

Direction = Literal["send", "recv"]
"""Of a transport, as its client sees it."""

UnavailableReason = Literal["closed", "peer_left", "disconnected", "room_left"]


class Message(Struct, kw_only=True, rename="camel"):
    """Unknown fields are ignored, so that a newer client can talk to an older server."""


class Nothing(Message):
    """The payload, or the answer, without a field."""


# What requests carry ---------------------------------------------------------------------------------------------


class SetRtpCapabilities(Message):
    rtp_capabilities: RtpCapabilities


class CreateWebRtcTransport(Message):
    direction: Direction


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


class ProducerTarget(Message):
    producer_id: Name


class Consume(Message):
    transport_id: Name
    producer_id: Name


class ConsumerTarget(Message):
    consumer_id: Name


class PeerTarget(Message):
    peer_id: Name


class RoomTarget(Message):
    room_id: Name


# What answers give -----------------------------------------------------------------------------------------------


class HelloAnswer(Message):
    peer_id: str
    protocol: int
    router_rtp_capabilities: RtpCapabilities


class TransportAnswer(Message):
    id: str
    ice_parameters: IceParameters
    ice_candidates: list[IceCandidate]
    dtls_parameters: DtlsParameters


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
    kind: MediaKind
    type: str
    rtp_parameters: RtpParameters
    producer_paused: bool


class JoinRoomAnswer(Message):
    peer_ids: list[str]


class StatsAnswer(Message):
    transports: list[dict[str, Any]]
    producers: list[dict[str, Any]]
    consumers: list[dict[str, Any]]


# What peers are told ---------------------------------------------------------------------------------------------


class Notification(Message):
    event: ClassVar[str]


class PeerConnection(Notification):
    event: ClassVar[str] = "peerConnection"
    peer_id: str


class PeerDisconnection(Notification):
    event: ClassVar[str] = "peerDisconnection"
    peer_id: str


class ProducerAvailable(Notification):
    event: ClassVar[str] = "producerAvailable"
    producer_id: str
    peer_id: str
    label: str
    broadcast: bool
    kind: MediaKind


class ProducerUnavailable(Notification):
    event: ClassVar[str] = "producerUnavailable"
    producer_id: str
    peer_id: str
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


class TransportStateChange(Notification):
    event: ClassVar[str] = "transportStateChange"
    transport_id: str
    state: str
    reason: str

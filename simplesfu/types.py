"""The ORTC dictionaries that travel between client and server, as mediasoup and its clients name them.

Python spells the fields in snake_case, the wire in camelCase; nowhere else do the two meet for these types. They are
plain data: simplesfu.control.ortc knows what they mean and whether they can be true.

A struct declared with `omit_defaults` leaves out what has its default value, so that an absent option is absent on the
wire too and not null. The ones without it always write every field, because clients read those without a default.
"""
from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType, field

MediaKind: TypeAlias = Literal["audio", "video"]
Direction: TypeAlias = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DtlsRole: TypeAlias = Literal["auto", "client", "server"]
ParameterValue: TypeAlias = str | int | float


class RtcpFeedback(Struct, frozen=True, kw_only=True, rename="camel"):
    """One kind of RTCP feedback (RFC 4585 §4.2): ("nack", ""), ("nack", "pli"), ("ccm", "fir"), ("goog-remb", "")."""

    type: str
    parameter: str = ""


class RtpCodecCapability(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A codec that can be received. RTX is a codec of its own, whose `apt` parameter is the payload type it repairs."""

    kind: MediaKind
    mime_type: str
    preferred_payload_type: int
    clock_rate: int
    channels: int | None = None
    parameters: dict[str, ParameterValue] = field(default_factory=dict)
    rtcp_feedback: list[RtcpFeedback] = field(default_factory=list)


class RtpHeaderExtension(Struct, frozen=True, kw_only=True, rename="camel"):
    """A header extension (RFC 8285) that can be used; `direction` is seen by whoever states the capabilities."""

    kind: MediaKind
    uri: str
    preferred_id: int
    preferred_encrypt: bool = False
    direction: Direction = "sendrecv"


class RtpCapabilities(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the router, or a client, can receive."""

    codecs: list[RtpCodecCapability] = field(default_factory=list)
    header_extensions: list[RtpHeaderExtension] = field(default_factory=list)


class RtpCodecParameters(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A codec in use, with the payload type that its packets carry."""

    mime_type: str
    payload_type: int
    clock_rate: int
    channels: int | None = None
    parameters: dict[str, ParameterValue] = field(default_factory=dict)
    rtcp_feedback: list[RtcpFeedback] = field(default_factory=list)


class RtpHeaderExtensionParameters(Struct, frozen=True, kw_only=True, rename="camel"):
    """A header extension in use, with the id that its elements carry."""

    uri: str
    id: int
    encrypt: bool = False
    parameters: dict[str, ParameterValue] = field(default_factory=dict)


class RtxParameters(Struct, frozen=True, kw_only=True, rename="camel"):
    """The retransmission stream of an encoding (RFC 4588, SSRC-multiplexed)."""

    ssrc: int


class RtpEncodingParameters(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One stream: named by its SSRC, or by its RID (RFC 8851) when the SSRC shows only in the packets."""

    ssrc: int | None = None
    rid: str | None = None
    rtx: RtxParameters | None = None
    codec_payload_type: int | None = None
    dtx: bool | None = None
    scalability_mode: str | None = None
    scale_resolution_down_by: float | None = None
    max_bitrate: float | None = None


class RtcpParameters(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`cname`: streams with the same one are played in step. Reduced size: RFC 5506; mux: RFC 5761."""

    cname: str | None = None
    reduced_size: bool = True
    mux: bool = True


class RtpParameters(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How a track is sent: by a client to its producer (the client's ids), or by a consumer (the router's ids)."""

    mid: str | None = None
    codecs: list[RtpCodecParameters]
    header_extensions: list[RtpHeaderExtensionParameters] = field(default_factory=list)
    encodings: list[RtpEncodingParameters] = field(default_factory=list)
    rtcp: RtcpParameters = field(default_factory=RtcpParameters)


class IceParameters(Struct, frozen=True, kw_only=True, rename="camel"):
    """The server's ICE credentials (RFC 8445 §5.3); it is an ICE-lite agent."""

    username_fragment: str
    password: str
    ice_lite: bool = True


class IceCandidate(Struct, frozen=True, kw_only=True, rename="camel"):
    """An address at which the server can be reached. `ip` repeats `address` for clients older than that name.

    `tcp_type` is there for TCP alone: clients connect, and the server waits for them (RFC 6544 §4.5)."""

    foundation: str
    priority: int
    address: str
    ip: str
    port: int
    protocol: Literal["udp", "tcp"] = "udp"
    type: Literal["host"] = "host"
    tcp_type: Literal["passive"] | UnsetType = UNSET


class DtlsFingerprint(Struct, frozen=True, kw_only=True, rename="camel"):
    """A certificate's digest: "sha-256" and upper-case hexadecimal pairs with colons between them (RFC 8122 §5)."""

    algorithm: str
    value: str


class DtlsParameters(Struct, frozen=True, kw_only=True, rename="camel"):
    """One side's DTLS role and the certificates it may show."""

    role: DtlsRole = "auto"
    fingerprints: list[DtlsFingerprint]


class SctpParameters(Struct, frozen=True, kw_only=True, rename="camel"):
    """The server's end of a transport's SCTP association. Sizes in bytes; `max_message_size` is what clients read."""

    port: int
    OS: int = field(name="OS")
    MIS: int = field(name="MIS")
    max_message_size: int


class SctpStreamParameters(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One negotiated data channel (RFC 8831): what is neither ordered nor limited is reliable without an order."""

    stream_id: int
    ordered: bool | None = None
    max_packet_life_time: int | None = None
    max_retransmits: int | None = None

"""From what a publisher sends to what each receiver gets, in the router's numbers.

    RtpParameters of produce    + router's RtpCapabilities   ─ producer_mapping ─────────▶ ProducerMapping
    ProducerMapping             + router's RtpCapabilities   ─ consumable_rtp_parameters ▶ RtpParameters, consumable
    RtpParameters, consumable   + receiver's RtpCapabilities ─ consumer_rtp_parameters ──▶ RtpParameters of the consumer

The publisher's payload type and extension ids become the router's once per packet; after that every receiver of the
packet shares them, and only SSRC, sequence number and time stamp are its own.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from simplesfu.control.ortc.capabilities import (
    ABS_SEND_TIME_URI,
    GOOG_REMB,
    MID_URI,
    NACK,
    REPAIRED_RID_URI,
    RID_URI,
)
from simplesfu.control.ortc.matching import (
    codec_name,
    common_feedback,
    describe,
    find_match,
    is_rtx,
    kind_of,
    rtx_of,
)
from simplesfu.errors import BadParameters, CannotConsume, Unsupported
from simplesfu.types import (
    RtcpParameters,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
)

ProducerType: TypeAlias = Literal["simple", "simulcast", "svc"]

_SCALABILITY_MODE: Final = re.compile(r"[LS]([1-9])T([1-9])")


@dataclass(frozen=True, kw_only=True)
class ProducerMapping:
    """How a publisher's numbers become the router's. An extension id of 0 means that it is not in use."""

    codec: RtpCodecParameters
    rtx_payload_type: int | None
    router_codec: RtpCodecCapability
    extensions: dict[int, int]
    """The publisher's id → the router's, for the extensions that receivers may get."""
    send_time_ext: int
    """The router's id of abs-send-time."""
    mid_ext: int
    rid_ext: int
    repaired_rid_ext: int


def producer_mapping(params: RtpParameters, router: RtpCapabilities) -> ProducerMapping:
    """Match validated parameters with the router's capabilities.

    All encodings use one codec: the one that their `codecPayloadType` names, else the first. Raises Unsupported when
    the router lacks it, BadParameters when a stream could not be told from others.
    """
    codec = codec_in_use(params)
    router_codec = find_match(codec, router.codecs)
    if router_codec is None:
        offered = ", ".join(describe(each) for each in router.codecs if not is_rtx(each))
        raise Unsupported(f"the router does not carry {describe(codec)}", f"it carries {offered}")
    rtx = rtx_of(codec, params.codecs)
    kind = router_codec.kind
    router_ids = {each.uri: each for each in router.header_extensions if each.kind == kind}
    ids = {each.uri: each.id for each in params.header_extensions if each.uri in router_ids and not each.encrypt}
    mapping = ProducerMapping(
        codec=codec,
        rtx_payload_type=rtx.payload_type if rtx else None,
        router_codec=router_codec,
        extensions={
            ids[uri]: extension.preferred_id
            for uri, extension in router_ids.items()
            if uri in ids and extension.direction == "sendrecv"
        },
        send_time_ext=router_ids[ABS_SEND_TIME_URI].preferred_id if ABS_SEND_TIME_URI in ids else 0,
        mid_ext=ids.get(MID_URI, 0),
        rid_ext=ids.get(RID_URI, 0),
        repaired_rid_ext=ids.get(REPAIRED_RID_URI, 0),
    )
    _check_streams_can_be_told_apart(params, mapping)
    return mapping


def consumable_rtp_parameters(router: RtpCapabilities, mapping: ProducerMapping, *, cname: str) -> RtpParameters:
    """What a receiver that could do everything would get. No encodings: each consumer has streams of its own."""
    codec = mapping.router_codec
    codecs = [
        RtpCodecParameters(
            mime_type=codec.mime_type,
            payload_type=codec.preferred_payload_type,
            clock_rate=codec.clock_rate,
            channels=codec.channels,
            parameters=mapping.codec.parameters,
            rtcp_feedback=codec.rtcp_feedback,
        )
    ]
    rtx = rtx_of(codec, router.codecs)
    if rtx is not None:
        codecs.append(
            RtpCodecParameters(
                mime_type=rtx.mime_type,
                payload_type=rtx.preferred_payload_type,
                clock_rate=rtx.clock_rate,
                parameters=rtx.parameters,
            )
        )
    forwarded = set(mapping.extensions.values())
    return RtpParameters(
        codecs=codecs,
        header_extensions=[
            RtpHeaderExtensionParameters(uri=extension.uri, id=extension.preferred_id)
            for extension in router.header_extensions
            if extension.kind == codec.kind and extension.preferred_id in forwarded
        ],
        rtcp=RtcpParameters(cname=cname),
    )


def can_consume(consumable: RtpParameters, capabilities: RtpCapabilities) -> bool:
    return find_match(consumable.codecs[0], capabilities.codecs) is not None


def can_follow(consumable: RtpParameters, mapping: ProducerMapping) -> bool:
    """Whether those who consume this could go on with a track that is mapped so: it has the very same format."""
    codec = consumable.codecs[0]
    return (codec.payload_type == mapping.router_codec.preferred_payload_type
            and codec.parameters == mapping.codec.parameters)


def consumer_rtp_parameters(
    consumable: RtpParameters, capabilities: RtpCapabilities, *, mid: str, ssrc: int, rtx_ssrc: int
) -> RtpParameters:
    """What a receiver with these capabilities gets: one stream with this SSRC, and `rtx_ssrc` if it can use RTX.

    Raises CannotConsume when it cannot decode the codec.
    """
    codec = consumable.codecs[0]
    decoder = find_match(codec, capabilities.codecs)
    if decoder is None:
        can = ", ".join(describe(each) for each in capabilities.codecs
                        if each.kind == kind_of(codec) and not is_rtx(each))
        raise CannotConsume(
            f"the receiving client cannot decode {describe(codec)}",
            f"publish in a codec that it can decode: {can or 'it has none of this kind'}",
        )
    rtx = rtx_of(codec, consumable.codecs) if rtx_of(decoder, capabilities.codecs) else None
    understood = {each.uri for each in capabilities.header_extensions if each.kind == decoder.kind}
    extensions = [each for each in consumable.header_extensions if each.uri in understood]
    unusable = set()
    if rtx is None:
        unusable.add(NACK)  # a packet is never sent twice under one sequence number
    if all(each.uri != ABS_SEND_TIME_URI for each in extensions):
        unusable.add(GOOG_REMB)  # it is estimated from that extension
    feedback = [each for each in common_feedback(codec.rtcp_feedback, decoder.rtcp_feedback) if each not in unusable]
    media = RtpCodecParameters(
        mime_type=codec.mime_type,
        payload_type=codec.payload_type,
        clock_rate=codec.clock_rate,
        channels=codec.channels,
        parameters=codec.parameters,
        rtcp_feedback=feedback,
    )
    return RtpParameters(
        mid=mid,
        codecs=[media, rtx] if rtx else [media],
        header_extensions=extensions,
        encodings=[RtpEncodingParameters(ssrc=ssrc, rtx=RtxParameters(ssrc=rtx_ssrc) if rtx else None)],
        rtcp=consumable.rtcp,
    )


def producer_type(params: RtpParameters) -> ProducerType:
    """"simulcast": several streams; "svc": one with several layers in it (webrtc-svc §6, "L3T3_KEY"), of a codec whose
    packets say which layer they belong to."""
    if len(params.encodings) > 1:
        return "simulcast"
    mode = _SCALABILITY_MODE.match(params.encodings[0].scalability_mode or "")
    layered = mode is not None and mode.groups() != ("1", "1")
    return "svc" if layered and codec_name(codec_in_use(params)) in ("vp9", "av1") else "simple"


def codec_in_use(params: RtpParameters) -> RtpCodecParameters:
    first = next(codec for codec in params.codecs if not is_rtx(codec))
    payload_types = {encoding.codec_payload_type or first.payload_type for encoding in params.encodings}
    if len(payload_types) > 1:
        raise Unsupported("the encodings use different codecs", "send one codec per producer")
    wanted = payload_types.pop()
    return next(codec for codec in params.codecs if codec.payload_type == wanted)


def _check_streams_can_be_told_apart(params: RtpParameters, mapping: ProducerMapping) -> None:
    for index, encoding in enumerate(params.encodings):
        if encoding.ssrc is not None:
            continue
        if not params.mid or not mapping.mid_ext:
            raise BadParameters(
                f"rtpParameters.encodings[{index}]: without an ssrc its packets must carry the MID",
                f"send mid and the header extension {MID_URI}",
            )
        if encoding.rid is not None and not mapping.rid_ext:
            raise BadParameters(
                f"rtpParameters.encodings[{index}]: without an ssrc its packets must carry the RID",
                f"send the header extension {RID_URI}",
            )

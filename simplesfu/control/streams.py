"""RTP parameters said in the plane's words."""
from __future__ import annotations

from typing import Literal

from simplesfu.control.ortc import ProducerMapping
from simplesfu.control.ortc.capabilities import CCM_FIR, NACK, NACK_PLI
from simplesfu.control.ortc.matching import codec_name, is_rtx
from simplesfu.plane import Plane
from simplesfu.types import RtpCodecParameters, RtpEncodingParameters, RtpParameters


def add_recv_stream(
    plane: Plane, transport: int, params: RtpParameters, encoding: RtpEncodingParameters, mapping: ProducerMapping
) -> int:
    """Receive one encoding of a producer. Raises PlaneError."""
    codec = mapping.codec
    return plane.add_recv_stream(
        transport,
        codec=codec_name(codec),
        clock_rate=codec.clock_rate,
        payload_type=codec.payload_type,
        rtx_payload_type=mapping.rtx_payload_type,
        router_payload_type=mapping.router_codec.preferred_payload_type,
        ssrc=encoding.ssrc,
        rtx_ssrc=encoding.rtx.ssrc if encoding.rtx else None,
        mid=params.mid or "",
        rid=encoding.rid or "",
        mid_ext=mapping.mid_ext,
        rid_ext=mapping.rid_ext,
        repaired_rid_ext=mapping.repaired_rid_ext,
        extensions=mapping.extensions,
        send_time_ext=mapping.send_time_ext,
        # A sender without RTX would answer by sending a packet twice under one sequence number.
        nack=mapping.rtx_payload_type is not None and NACK in codec.rtcp_feedback,
        keyframe_request=_keyframe_request(codec),
    )


def add_send_stream(plane: Plane, transport: int, params: RtpParameters) -> int:
    """Send a consumer's one stream. Raises PlaneError."""
    codec = params.codecs[0]
    rtx = next((each for each in params.codecs if is_rtx(each)), None)
    encoding = params.encodings[0]
    assert encoding.ssrc is not None  # consumer_rtp_parameters gave it one
    return plane.add_send_stream(
        transport,
        codec=codec_name(codec),
        clock_rate=codec.clock_rate,
        payload_type=codec.payload_type,
        ssrc=encoding.ssrc,
        rtx_payload_type=rtx.payload_type if rtx else None,
        rtx_ssrc=encoding.rtx.ssrc if encoding.rtx else None,
        extensions=[extension.id for extension in params.header_extensions],
        cname=params.rtcp.cname or "",
    )


def _keyframe_request(codec: RtpCodecParameters) -> Literal["pli", "fir"] | None:
    if NACK_PLI in codec.rtcp_feedback:
        return "pli"
    return "fir" if CCM_FIR in codec.rtcp_feedback else None

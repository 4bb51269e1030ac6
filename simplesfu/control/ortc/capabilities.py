"""What the router can carry: one table of codecs, one of header extensions."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Final, NamedTuple

from simplesfu.types import (
    Direction,
    MediaKind,
    ParameterValue,
    RtcpFeedback,
    RtpCapabilities,
    RtpCodecCapability,
    RtpHeaderExtension,
)

MID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
ABS_SEND_TIME_URI: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
DEPENDENCY_DESCRIPTOR_URI: Final = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
AUDIO_LEVEL_URI: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
VIDEO_ORIENTATION_URI: Final = "urn:3gpp:video-orientation"
ABS_CAPTURE_TIME_URI: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
PLAYOUT_DELAY_URI: Final = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

NACK: Final = RtcpFeedback(type="nack")
NACK_PLI: Final = RtcpFeedback(type="nack", parameter="pli")
CCM_FIR: Final = RtcpFeedback(type="ccm", parameter="fir")
GOOG_REMB: Final = RtcpFeedback(type="goog-remb")

_FIRST_PAYLOAD_TYPE: Final = 100
_VIDEO_CLOCK_RATE: Final = 90_000


class _Format(NamedTuple):
    kind: MediaKind
    mime_type: str
    clock_rate: int
    channels: int | None
    parameters: Mapping[str, ParameterValue]


def _video(mime_type: str, **parameters: ParameterValue) -> _Format:
    named = {name.replace("_", "-"): value for name, value in parameters.items()}
    return _Format("video", mime_type, _VIDEO_CLOCK_RATE, None, named)


def _h264(profile_level_id: str) -> _Format:
    return _video("video/H264", level_asymmetry_allowed=1, packetization_mode=1, profile_level_id=profile_level_id)


# A client publishes in the first format here that it shares with the router, so those that most receivers can decode
# come first. H.264: constrained baseline is what every browser has; the others serve encoders that lack it.
_FORMATS: Final[Mapping[str, tuple[_Format, ...]]] = {
    "opus": (_Format("audio", "audio/opus", 48_000, 2, {"minptime": 10, "useinbandfec": 1}),),
    "VP8": (_video("video/VP8"),),
    "VP9": (_video("video/VP9", profile_id=0), _video("video/VP9", profile_id=2)),
    "H264": (_h264("42e01f"), _h264("42001f"), _h264("4d001f"), _h264("64001f")),
    "AV1": (_video("video/AV1"),),
}


class _Extension(NamedTuple):
    id: int
    uri: str
    kinds: tuple[MediaKind, ...]
    direction: Direction


# MID, RID and repaired RID tell the router which stream a packet belongs to; receivers are told SSRCs instead. The
# dependency descriptor counts the frames of one encoding, which no longer holds for a receiver that is moved between
# encodings, so it ends here. Ids stay below 15, which one-byte headers can carry (RFC 8285 §4.2).
_EXTENSIONS: Final = (
    _Extension(1, MID_URI, ("audio", "video"), "recvonly"),
    _Extension(2, RID_URI, ("video",), "recvonly"),
    _Extension(3, REPAIRED_RID_URI, ("video",), "recvonly"),
    _Extension(4, ABS_SEND_TIME_URI, ("audio", "video"), "sendrecv"),
    _Extension(8, DEPENDENCY_DESCRIPTOR_URI, ("video",), "recvonly"),
    _Extension(10, AUDIO_LEVEL_URI, ("audio",), "sendrecv"),
    _Extension(11, VIDEO_ORIENTATION_URI, ("video",), "sendrecv"),
    _Extension(13, ABS_CAPTURE_TIME_URI, ("audio", "video"), "sendrecv"),
    _Extension(14, PLAYOUT_DELAY_URI, ("video",), "sendrecv"),
)


def router_rtp_capabilities(codecs: Iterable[str]) -> RtpCapabilities:
    """The router's capabilities for these codecs (names as in MediaConfig.codecs, the preferred one first).

    Payload types count up from 100. Each video format is followed by its RTX. Raises KeyError for an unknown name.
    """
    payload_types = count(_FIRST_PAYLOAD_TYPE)
    formats = [each for name in codecs for each in _FORMATS[name]]
    return RtpCapabilities(
        codecs=[codec for each in formats for codec in _capabilities_of(each, payload_types)],
        header_extensions=[
            RtpHeaderExtension(kind=kind, uri=extension.uri, preferred_id=extension.id, direction=extension.direction)
            for extension in _EXTENSIONS
            for kind in extension.kinds
        ],
    )


def _capabilities_of(media: _Format, payload_types: Iterator[int]) -> Iterator[RtpCodecCapability]:
    codec = RtpCodecCapability(
        kind=media.kind,
        mime_type=media.mime_type,
        preferred_payload_type=next(payload_types),
        clock_rate=media.clock_rate,
        channels=media.channels,
        parameters=dict(media.parameters),
        rtcp_feedback=[NACK, NACK_PLI, CCM_FIR, GOOG_REMB] if media.kind == "video" else [],
    )
    yield codec
    if media.kind == "video":
        yield RtpCodecCapability(
            kind="video",
            mime_type="video/rtx",
            preferred_payload_type=next(payload_types),
            clock_rate=media.clock_rate,
            parameters={"apt": codec.preferred_payload_type},
        )

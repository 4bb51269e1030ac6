"""When two descriptions of a codec mean the same one."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from simplesfu.control.ortc.h264 import DEFAULT_PROFILE_LEVEL_ID, profile_of
from simplesfu.types import MediaKind, ParameterValue, RtcpFeedback, RtpCodecCapability, RtpCodecParameters

Codec: TypeAlias = RtpCodecCapability | RtpCodecParameters
CodecT = TypeVar("CodecT", RtpCodecCapability, RtpCodecParameters)


def kind_of(codec: Codec) -> MediaKind:
    return "audio" if codec.mime_type.lower().startswith("audio/") else "video"


def codec_name(codec: Codec) -> str:
    """Lower case, without its kind: "vp8"."""
    return codec.mime_type.rpartition("/")[2].lower()


def is_rtx(codec: Codec) -> bool:
    return codec_name(codec) == "rtx"


def payload_type_of(codec: Codec) -> int:
    return codec.preferred_payload_type if isinstance(codec, RtpCodecCapability) else codec.payload_type


def codecs_match(a: Codec, b: Codec) -> bool:
    """Whether packets of the one can be read by a decoder for the other."""
    if a.mime_type.lower() != b.mime_type.lower() or a.clock_rate != b.clock_rate:
        return False
    match codec_name(a):
        case "h264":
            wanted = _h264_format(a.parameters)
            return wanted is not None and wanted == _h264_format(b.parameters)
        case "vp9":
            return _number(a.parameters.get("profile-id", 0)) == _number(b.parameters.get("profile-id", 0))
        case "av1":
            return _number(a.parameters.get("profile", 0)) == _number(b.parameters.get("profile", 0))
        case _:
            return kind_of(a) == "video" or (a.channels or 1) == (b.channels or 1)


def find_match(codec: Codec, among: Iterable[CodecT]) -> CodecT | None:
    return next((other for other in among if not is_rtx(other) and codecs_match(codec, other)), None)


def rtx_of(codec: Codec, among: Iterable[CodecT]) -> CodecT | None:
    """The RTX codec that repairs this one (RFC 4588 §8.1: its `apt` is the payload type that it repairs)."""
    payload_type = payload_type_of(codec)
    return next((other for other in among if is_rtx(other) and other.parameters.get("apt") == payload_type), None)


def common_feedback(a: Sequence[RtcpFeedback], b: Sequence[RtcpFeedback]) -> list[RtcpFeedback]:
    return [feedback for feedback in a if feedback in b]


def describe(codec: Codec) -> str:
    """For people: "video/H264 (packetization-mode=1, profile-level-id=42e01f)"."""
    telling = [f"{name}={codec.parameters[name]}" for name in _TELLING_PARAMETERS if name in codec.parameters]
    return f"{codec.mime_type} ({', '.join(telling)})" if telling else codec.mime_type


_TELLING_PARAMETERS = ("packetization-mode", "profile-level-id", "profile-id", "profile")


def _h264_format(parameters: Mapping[str, ParameterValue]) -> tuple[float | None, str] | None:
    profile = profile_of(parameters.get("profile-level-id", DEFAULT_PROFILE_LEVEL_ID))
    if profile is None:
        return None
    return _number(parameters.get("packetization-mode", 0)), profile


def _number(value: ParameterValue) -> float | None:
    """SDP knows only text, and clients differ in which parameters they turn into numbers."""
    try:
        return float(value)
    except ValueError:
        return None

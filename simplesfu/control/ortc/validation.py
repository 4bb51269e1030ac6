"""Is what a client says of itself possible? Types have been checked when it was decoded; here it is ranges and lies.

Everything refused here would otherwise reach the packets or, worse, another client's SDP: names that carry a line
break, two streams under one number, lists without end. Errors name the field as it is spelt on the wire.
"""
from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Final

from simplesfu.control.ortc.matching import is_rtx, kind_of, payload_type_of
from simplesfu.errors import BadParameters
from simplesfu.types import (
    DtlsFingerprint,
    DtlsParameters,
    MediaKind,
    ParameterValue,
    RtcpFeedback,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpParameters,
)

MAX_ENCODINGS: Final = 8
_MAX_CODECS: Final = 64  # Chromium states 40
_MAX_EXTENSIONS: Final = 64  # both kinds together
_MAX_FORMAT_PARAMETERS: Final = 32
_MAX_FEEDBACK: Final = 16
_MAX_FINGERPRINTS: Final = 8
_MAX_SSRC: Final = 0xFFFF_FFFF

# 64..95 with the marker bit is where RTCP's packet types are (RFC 5761 §4).
_PAYLOAD_TYPES: Final = frozenset([*range(64), *range(96, 128)])
_DYNAMIC_PAYLOAD_TYPES: Final = frozenset([*range(35, 64), *range(96, 128)])

_MIME_TYPE: Final = re.compile(r"(audio|video)/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,31}", re.IGNORECASE)
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*")
_TOKEN: Final = re.compile(r"[\x21-\x7e]*")
_RID: Final = re.compile(r"[A-Za-z0-9_-]*")  # RFC 8851 §10

_DIGEST_BYTES: Final[Mapping[str, int]] = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})*")


def validate_rtp_capabilities(capabilities: RtpCapabilities) -> None:
    """Raises BadParameters."""
    field = "rtpCapabilities"
    _check_codecs(f"{field}.codecs", capabilities.codecs, _PAYLOAD_TYPES)
    _check_count(f"{field}.headerExtensions", capabilities.header_extensions, 0, _MAX_EXTENSIONS)
    for index, extension in enumerate(capabilities.header_extensions):
        _check_extension(f"{field}.headerExtensions[{index}]", extension.uri, "preferredId", extension.preferred_id)
    _check_unique(
        f"{field}.headerExtensions: preferredId",
        ((extension.kind, extension.preferred_id) for extension in capabilities.header_extensions),
    )


def validate_rtp_parameters(kind: MediaKind, params: RtpParameters) -> None:
    """The parameters of `produce`. Raises BadParameters."""
    field = "rtpParameters"
    _check_text(f"{field}.mid", params.mid, _TOKEN, 32)
    _check_text(f"{field}.rtcp.cname", params.rtcp.cname or None, _TOKEN, 64)  # mediasoup-client: "" with simulcast
    _check_codecs(f"{field}.codecs", params.codecs, _DYNAMIC_PAYLOAD_TYPES)
    if all(is_rtx(codec) for codec in params.codecs):
        raise BadParameters(f"{field}.codecs has no media codec", "name the codec that you send, first")
    for index, codec in enumerate(params.codecs):
        if kind_of(codec) != kind:
            raise BadParameters(f"{field}.codecs[{index}].mimeType: {codec.mime_type} is not {kind}",
                                "produce audio and video apart")
    _check_count(f"{field}.headerExtensions", params.header_extensions, 0, _MAX_EXTENSIONS)
    for index, extension in enumerate(params.header_extensions):
        _check_extension(f"{field}.headerExtensions[{index}]", extension.uri, "id", extension.id)
    _check_unique(f"{field}.headerExtensions: id", (extension.id for extension in params.header_extensions))
    _check_unique(f"{field}.headerExtensions: uri", (extension.uri for extension in params.header_extensions))
    _check_encodings(f"{field}.encodings", params)


def validate_dtls_parameters(params: DtlsParameters) -> DtlsParameters:
    """The same without fingerprints by hash functions too weak to trust (RFC 8122 §5: what one does not support is
    ignored). Raises BadParameters when nothing is left."""
    field = "dtlsParameters.fingerprints"
    _check_count(field, params.fingerprints, 1, _MAX_FINGERPRINTS)
    usable = []
    for index, fingerprint in enumerate(params.fingerprints):
        algorithm = fingerprint.algorithm.lower()
        if algorithm not in _DIGEST_BYTES:
            continue
        if not _DIGEST.fullmatch(fingerprint.value) or fingerprint.value.count(":") + 1 != _DIGEST_BYTES[algorithm]:
            raise BadParameters(f"{field}[{index}].value is not a {algorithm} digest",
                                "write it in hexadecimal pairs with colons between them: AB:CD:…")
        usable.append(DtlsFingerprint(algorithm=algorithm, value=fingerprint.value.upper()))
    if not usable:
        raise BadParameters(f"{field}: none is by a hash function that can be trusted",
                            f"send one of {', '.join(_DIGEST_BYTES)}")
    return DtlsParameters(role=params.role, fingerprints=usable)


def _check_codecs(
    field: str, codecs: Sequence[RtpCodecCapability | RtpCodecParameters], payload_types: frozenset[int]
) -> None:
    _check_count(field, codecs, 1, _MAX_CODECS)
    for index, codec in enumerate(codecs):
        name = "preferredPayloadType" if isinstance(codec, RtpCodecCapability) else "payloadType"
        each = f"{field}[{index}]"
        if not _MIME_TYPE.fullmatch(codec.mime_type):
            raise BadParameters(f"{each}.mimeType is not a media type", 'write it like "video/VP8"')
        if isinstance(codec, RtpCodecCapability) and codec.kind != kind_of(codec):
            raise BadParameters(f"{each}.kind: {codec.mime_type} is not {codec.kind}", "kind repeats the media type's")
        if payload_type_of(codec) not in payload_types:
            raise BadParameters(f"{each}.{name}: {payload_type_of(codec)} is not a payload type for this",
                                "use 96 to 127, or 35 to 63")
        _check_number(f"{each}.clockRate", codec.clock_rate, 1, 384_000)
        if codec.channels is not None:
            _check_number(f"{each}.channels", codec.channels, 1, 64)
        _check_format_parameters(f"{each}.parameters", codec.parameters)
        _check_feedback(f"{each}.rtcpFeedback", codec.rtcp_feedback)
    _check_unique(f"{field}: payload type", (payload_type_of(codec) for codec in codecs))
    repairable = {payload_type_of(codec) for codec in codecs if not is_rtx(codec)}
    for index, codec in enumerate(codecs):
        if is_rtx(codec) and codec.parameters.get("apt") not in repairable:
            raise BadParameters(f"{field}[{index}].parameters.apt: no such codec to repair",
                                "apt is the payload type (a number) of the codec that this RTX belongs to")


def _check_format_parameters(field: str, parameters: Mapping[str, ParameterValue]) -> None:
    _check_count(field, parameters, 0, _MAX_FORMAT_PARAMETERS)
    for name, value in parameters.items():
        # They go into receivers' SDP as one "name=value;name=value" line.
        _check_text(f"{field}: a name", name, _TOKEN, 64, without=";=")
        if isinstance(value, str):
            _check_text(f"{field}: the value of {name}", value, _PRINTABLE, 512, without=";")
        elif not math.isfinite(value) or abs(value) > 2**53:
            raise BadParameters(f"{field}: the value of {name} is out of range", "give a finite number")


def _check_feedback(field: str, feedback: list[RtcpFeedback]) -> None:
    _check_count(field, feedback, 0, _MAX_FEEDBACK)
    for index, each in enumerate(feedback):
        _check_text(f"{field}[{index}].type", each.type, _TOKEN, 32)
        _check_text(f"{field}[{index}].parameter", each.parameter, _PRINTABLE, 32)


def _check_extension(field: str, uri: str, id_name: str, extension_id: int) -> None:
    _check_text(f"{field}.uri", uri, _TOKEN, 256)
    _check_number(f"{field}.{id_name}", extension_id, 1, 255)


def _check_encodings(field: str, params: RtpParameters) -> None:
    encodings = params.encodings
    _check_count(field, encodings, 1, MAX_ENCODINGS)
    media = {codec.payload_type for codec in params.codecs if not is_rtx(codec)}
    for index, encoding in enumerate(encodings):
        each = f"{field}[{index}]"
        _check_text(f"{each}.rid", encoding.rid, _RID, 32)
        _check_text(f"{each}.scalabilityMode", encoding.scalability_mode, _TOKEN, 16)
        if encoding.codec_payload_type is not None and encoding.codec_payload_type not in media:
            raise BadParameters(f"{each}.codecPayloadType: no such codec", "name one of rtpParameters.codecs")
        if encoding.ssrc is None and encoding.rid is None and len(encodings) > 1:
            raise BadParameters(f"{each} has neither ssrc nor rid", "without either its packets cannot be told apart")
        if encoding.ssrc is None and encoding.rtx is not None:
            raise BadParameters(f"{each}.rtx.ssrc without ssrc", "give both, or neither and a rid")
    _check_unique(f"{field}: rid", (encoding.rid for encoding in encodings if encoding.rid is not None))
    ssrcs = [ssrc for encoding in encodings for ssrc in ssrcs_of(encoding)]
    for ssrc in ssrcs:
        _check_number(f"{field}: ssrc", ssrc, 1, _MAX_SSRC)
    _check_unique(f"{field}: ssrc", ssrcs)


def ssrcs_of(encoding: RtpEncodingParameters) -> list[int]:
    """Those that it names, its RTX stream's after its own."""
    named = (encoding.ssrc, encoding.rtx.ssrc if encoding.rtx else None)
    return [ssrc for ssrc in named if ssrc is not None]


def _check_count(field: str, items: Sized, lowest: int, highest: int) -> None:
    if len(items) < lowest:
        raise BadParameters(f"{field} is empty", f"send at least {lowest}")
    if len(items) > highest:
        raise BadParameters(f"{field} has {len(items)} entries", f"send at most {highest}")


def _check_number(field: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise BadParameters(f"{field}: {value} is out of range", f"it lies between {lowest} and {highest}")


def _check_text(field: str, text: str | None, allowed: re.Pattern[str], most: int, *, without: str = "") -> None:
    """Absent is fine, empty is not (but an empty value or parameter is, which `_PRINTABLE` tells)."""
    if text is None:
        return
    if not text and allowed is not _PRINTABLE:
        raise BadParameters(f"{field} is empty", "leave it out, or give it a value")
    if len(text) > most:
        raise BadParameters(f"{field} has {len(text)} characters", f"send at most {most}")
    if not allowed.fullmatch(text) or any(character in without for character in text):
        raise BadParameters(f"{field} has characters that do not belong there", "use printable ASCII")


def _check_unique(field: str, values: Iterable[object]) -> None:
    seen = set()
    for value in values:
        if value in seen:
            raise BadParameters(f"{field} {value} is there twice", "each is used once")
        seen.add(value)

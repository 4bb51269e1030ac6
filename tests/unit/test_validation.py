"""Hostile RTP and DTLS parameters: each is refused, and the refusal names the field as the wire spells it."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from simplesfu.control import ortc
from simplesfu.errors import BadParameters
from simplesfu.types import DtlsParameters, RtpCapabilities, RtpParameters

Change = Callable[[dict[str, Any]], object]

DIGEST = ":".join(["AB"] * 32)


def rtp_parameters() -> dict[str, Any]:
    return {
        "mid": "0",
        "codecs": [
            {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000,
             "rtcpFeedback": [{"type": "nack", "parameter": "pli"}]},
            {"mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": {"apt": 96}},
        ],
        "headerExtensions": [{"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 1}, {"uri": "urn:x", "id": 2}],
        "encodings": [{"ssrc": 1, "rtx": {"ssrc": 2}}, {"ssrc": 3, "rtx": {"ssrc": 4}}],
        "rtcp": {"cname": "{0e68fc5f-8a63-4c27-b5bf-a596d637adf1}"},
    }


def rtp_capabilities() -> dict[str, Any]:
    return {
        "codecs": [
            {"kind": "audio", "mimeType": "audio/opus", "preferredPayloadType": 100, "clockRate": 48000, "channels": 2},
            {"kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 101, "clockRate": 90000},
        ],
        "headerExtensions": [
            {"kind": "audio", "uri": "urn:x", "preferredId": 1},
            {"kind": "video", "uri": "urn:x", "preferredId": 1},
        ],
    }


def put(path: str, value: object) -> Change:
    """Put `value` at "codecs.0.payloadType"."""
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]

    def change(params: dict[str, Any]) -> None:
        target: Any = params
        for step in steps:
            target = target[step]
        target[last] = value

    return change


def append(path: str, value: object) -> Change:
    def change(params: dict[str, Any]) -> None:
        params[path].append(value)

    return change


def repeat(path: str, times: int, make: Callable[[int], object]) -> Change:
    return put(path, [make(n) for n in range(times)])


RTP_PARAMETERS: list[tuple[Change, str]] = [
    # payload types
    (put("codecs.0.payloadType", -1), "rtpParameters.codecs[0].payloadType"),
    (put("codecs.0.payloadType", 128), "rtpParameters.codecs[0].payloadType"),
    (put("codecs.0.payloadType", 0), "rtpParameters.codecs[0].payloadType"),
    (put("codecs.0.payloadType", 72), "rtpParameters.codecs[0].payloadType"),  # with the marker bit: an RTCP SR
    (put("codecs.0.payloadType", 10**30), "rtpParameters.codecs[0].payloadType"),
    (put("codecs.1.payloadType", 96), "rtpParameters.codecs: payload type 96 is there twice"),
    # codecs
    (put("codecs", []), "rtpParameters.codecs is empty"),
    (put("codecs.0.mimeType", "audio/opus"), "rtpParameters.codecs[0].mimeType"),
    (put("codecs.0.mimeType", "video/VP8\r\na=evil"), "rtpParameters.codecs[0].mimeType"),
    (put("codecs.0.mimeType", "video/" + "V" * 1000), "rtpParameters.codecs[0].mimeType"),
    (put("codecs.0.mimeType", "text/html"), "rtpParameters.codecs[0].mimeType"),
    (put("codecs.0.mimeType", ""), "rtpParameters.codecs[0].mimeType"),
    (put("codecs.0.clockRate", 0), "rtpParameters.codecs[0].clockRate"),
    (put("codecs.0.clockRate", 2**32), "rtpParameters.codecs[0].clockRate"),
    (put("codecs.0.channels", 0), "rtpParameters.codecs[0].channels"),
    (put("codecs.0.channels", 10**6), "rtpParameters.codecs[0].channels"),
    (put("codecs.0.mimeType", "video/rtx"), "rtpParameters.codecs"),
    (repeat("codecs", 65, lambda n: {"mimeType": "video/VP8", "payloadType": n, "clockRate": 90000}),
     "rtpParameters.codecs has 65"),
    # RTX
    (put("codecs.1.parameters", {}), "rtpParameters.codecs[1].parameters.apt"),
    (put("codecs.1.parameters.apt", 98), "rtpParameters.codecs[1].parameters.apt"),
    (put("codecs.1.parameters.apt", 97), "rtpParameters.codecs[1].parameters.apt"),
    (put("codecs.1.parameters.apt", "96"), "rtpParameters.codecs[1].parameters.apt"),
    # format parameters go into other clients' SDP
    (put("codecs.0.parameters", {"x": "1\r\na=candidate"}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"x": "1;y=2"}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"x\n": 1}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"x=y": 1}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"": 1}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"x" * 65: 1}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"x": "y" * 513}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"x": "\u2028"}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"x": float("nan")}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"x": float("-inf")}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {"x": 10**300}), "rtpParameters.codecs[0].parameters"),
    (put("codecs.0.parameters", {str(n): n for n in range(33)}), "rtpParameters.codecs[0].parameters has 33"),
    # feedback
    (put("codecs.0.rtcpFeedback.0.type", "nack\r\n"), "rtpParameters.codecs[0].rtcpFeedback[0].type"),
    (put("codecs.0.rtcpFeedback.0.type", ""), "rtpParameters.codecs[0].rtcpFeedback[0].type"),
    (put("codecs.0.rtcpFeedback.0.parameter", "\x00"), "rtpParameters.codecs[0].rtcpFeedback[0].parameter"),
    (repeat("codecs.0.rtcpFeedback", 17, lambda _: {"type": "nack"}), "rtpParameters.codecs[0].rtcpFeedback has 17"),
    # header extensions
    (put("headerExtensions.0.id", 0), "rtpParameters.headerExtensions[0].id"),
    (put("headerExtensions.0.id", 256), "rtpParameters.headerExtensions[0].id"),
    (put("headerExtensions.0.id", 2), "rtpParameters.headerExtensions: id 2 is there twice"),
    (put("headerExtensions.1.uri", "urn:ietf:params:rtp-hdrext:sdes:mid"), "rtpParameters.headerExtensions: uri"),
    (put("headerExtensions.0.uri", ""), "rtpParameters.headerExtensions[0].uri"),
    (put("headerExtensions.0.uri", "urn:x y"), "rtpParameters.headerExtensions[0].uri"),
    (put("headerExtensions.0.uri", "u" * 257), "rtpParameters.headerExtensions[0].uri"),
    (repeat("headerExtensions", 65, lambda n: {"uri": f"urn:{n}", "id": n + 1}), "rtpParameters.headerExtensions has"),
    # names
    (put("mid", ""), "rtpParameters.mid"),
    (put("mid", "0\r\na=evil"), "rtpParameters.mid"),
    (put("mid", "0 1"), "rtpParameters.mid"),
    (put("mid", "m" * 33), "rtpParameters.mid"),
    (put("mid", "\u00e9"), "rtpParameters.mid"),
    (put("rtcp.cname", "a\r\nb"), "rtpParameters.rtcp.cname"),
    (put("rtcp.cname", "c" * 65), "rtpParameters.rtcp.cname"),
    (put("encodings.0.rid", "a;b"), "rtpParameters.encodings[0].rid"),
    (put("encodings.0.rid", ""), "rtpParameters.encodings[0].rid"),
    (put("encodings.0.rid", "r" * 33), "rtpParameters.encodings[0].rid"),
    (put("encodings.0.scalabilityMode", "L1T3\n"), "rtpParameters.encodings[0].scalabilityMode"),
    (put("encodings.0.scalabilityMode", "L" * 17), "rtpParameters.encodings[0].scalabilityMode"),
    # streams
    (put("encodings", []), "rtpParameters.encodings is empty"),
    (repeat("encodings", 9, lambda n: {"ssrc": n + 1}), "rtpParameters.encodings has 9"),
    (put("encodings.0.ssrc", 0), "rtpParameters.encodings: ssrc"),
    (put("encodings.0.ssrc", -1), "rtpParameters.encodings: ssrc"),
    (put("encodings.0.ssrc", 2**32), "rtpParameters.encodings: ssrc"),
    (put("encodings.0.rtx.ssrc", 0), "rtpParameters.encodings: ssrc"),
    (put("encodings.0.ssrc", 3), "rtpParameters.encodings: ssrc 3 is there twice"),
    (put("encodings.0.rtx.ssrc", 1), "rtpParameters.encodings: ssrc 1 is there twice"),
    (put("encodings.0.rtx.ssrc", 3), "rtpParameters.encodings: ssrc 3 is there twice"),
    (put("encodings", [{"rid": "a"}, {"rid": "a"}]), "rtpParameters.encodings: rid a is there twice"),
    (append("encodings", {}), "rtpParameters.encodings[2] has neither"),
    (append("encodings", {"rid": "a", "rtx": {"ssrc": 9}}), "rtpParameters.encodings[2].rtx.ssrc"),
    (put("encodings.0.codecPayloadType", 98), "rtpParameters.encodings[0].codecPayloadType"),
    (put("encodings.0.codecPayloadType", 97), "rtpParameters.encodings[0].codecPayloadType"),
]

RTP_CAPABILITIES: list[tuple[Change, str]] = [
    (put("codecs", []), "rtpCapabilities.codecs is empty"),
    (put("codecs.0.kind", "video"), "rtpCapabilities.codecs[0].kind"),
    (put("codecs.0.preferredPayloadType", 128), "rtpCapabilities.codecs[0].preferredPayloadType"),
    (put("codecs.0.preferredPayloadType", 64), "rtpCapabilities.codecs[0].preferredPayloadType"),
    (put("codecs.0.preferredPayloadType", 101), "rtpCapabilities.codecs: payload type 101 is there twice"),
    (append("codecs", {"kind": "video", "mimeType": "video/rtx", "preferredPayloadType": 102, "clockRate": 90000}),
     "rtpCapabilities.codecs[2].parameters.apt"),
    (put("headerExtensions.0.preferredId", 0), "rtpCapabilities.headerExtensions[0].preferredId"),
    (put("headerExtensions.0.preferredId", 256), "rtpCapabilities.headerExtensions[0].preferredId"),
    (append("headerExtensions", {"kind": "audio", "uri": "urn:y", "preferredId": 1}),
     "rtpCapabilities.headerExtensions: preferredId"),
    (repeat("headerExtensions", 65, lambda n: {"kind": "audio", "uri": f"urn:{n}", "preferredId": n + 1}),
     "rtpCapabilities.headerExtensions has 65"),
]

DTLS_PARAMETERS: list[tuple[list[dict[str, str]], str]] = [
    ([], "dtlsParameters.fingerprints is empty"),
    ([{"algorithm": "sha-256", "value": ""}], "dtlsParameters.fingerprints[0].value"),
    ([{"algorithm": "sha-256", "value": "AB:CD"}], "dtlsParameters.fingerprints[0].value"),
    ([{"algorithm": "sha-512", "value": DIGEST}], "dtlsParameters.fingerprints[0].value"),
    ([{"algorithm": "sha-256", "value": DIGEST + "\n"}], "dtlsParameters.fingerprints[0].value"),
    ([{"algorithm": "sha-256", "value": DIGEST.replace(":", "")}], "dtlsParameters.fingerprints[0].value"),
    ([{"algorithm": "sha-256", "value": DIGEST.replace("A", "G")}], "dtlsParameters.fingerprints[0].value"),
    ([{"algorithm": "sha-1", "value": ":".join(["AB"] * 20)}], "none is by a hash function"),
    ([{"algorithm": "md5", "value": "x"}], "none is by a hash function"),
    ([{"algorithm": "sha-256", "value": DIGEST}] * 9, "dtlsParameters.fingerprints has 9"),
]


def refusal_of(attempt: Callable[[], object]) -> BadParameters:
    with pytest.raises(BadParameters) as refused:
        attempt()
    error = refused.value
    print(error)
    assert error.hint
    assert len(str(error)) < 300
    assert str(error).isprintable()
    return error


def named(cases: list[tuple[Change, str]]) -> Any:
    return pytest.mark.parametrize(("change", "field"), cases, ids=[field for _, field in cases])


@named(RTP_PARAMETERS)
def test_rtp_parameters(change: Change, field: str) -> None:
    wire = rtp_parameters()
    ortc.validate_rtp_parameters("video", msgspec.convert(wire, RtpParameters))
    change(wire)
    params = msgspec.convert(wire, RtpParameters)
    assert field in refusal_of(lambda: ortc.validate_rtp_parameters("video", params)).message


def test_kind_must_be_that_of_the_codecs() -> None:
    params = msgspec.convert(rtp_parameters(), RtpParameters)
    assert "is not audio" in refusal_of(lambda: ortc.validate_rtp_parameters("audio", params)).message


@named(RTP_CAPABILITIES)
def test_rtp_capabilities(change: Change, field: str) -> None:
    wire = rtp_capabilities()
    ortc.validate_rtp_capabilities(msgspec.convert(wire, RtpCapabilities))
    change(wire)
    capabilities = msgspec.convert(wire, RtpCapabilities)
    assert field in refusal_of(lambda: ortc.validate_rtp_capabilities(capabilities)).message


@pytest.mark.parametrize(("fingerprints", "field"), DTLS_PARAMETERS)
def test_dtls_parameters(fingerprints: list[dict[str, str]], field: str) -> None:
    params = msgspec.convert({"role": "client", "fingerprints": fingerprints}, DtlsParameters)
    assert field in refusal_of(lambda: ortc.validate_dtls_parameters(params)).message


def test_fingerprints_by_weak_hash_functions_do_not_count() -> None:
    params = msgspec.convert(
        {
            "role": "server",
            "fingerprints": [
                {"algorithm": "sha-1", "value": ":".join(["AB"] * 20)},
                {"algorithm": "SHA-256", "value": DIGEST.lower()},
            ],
        },
        DtlsParameters,
    )
    usable = ortc.validate_dtls_parameters(params)
    assert usable.role == "server"
    assert [(each.algorithm, each.value) for each in usable.fingerprints] == [("sha-256", DIGEST)]


def test_absent_and_empty_cname_are_fine() -> None:
    for cname in (None, ""):  # mediasoup-client sends "" with simulcast
        wire = rtp_parameters()
        wire["rtcp"]["cname"] = cname
        ortc.validate_rtp_parameters("video", msgspec.convert(wire, RtpParameters))

"""The wire's spelling of the ORTC types."""
from __future__ import annotations

import msgspec
import pytest
from support import captured

from simplesfu.types import (
    DtlsFingerprint,
    DtlsParameters,
    IceCandidate,
    IceParameters,
    RtcpParameters,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtension,
    RtpParameters,
    RtxParameters,
)


def test_fields_are_camel_case_and_absent_options_are_absent() -> None:
    params = RtpParameters(
        codecs=[RtpCodecParameters(mime_type="video/VP8", payload_type=101, clock_rate=90000)],
        encodings=[RtpEncodingParameters(ssrc=11, rtx=RtxParameters(ssrc=12))],
        rtcp=RtcpParameters(cname="x"),
    )
    assert msgspec.to_builtins(params) == {
        "codecs": [{"mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000}],
        "encodings": [{"ssrc": 11, "rtx": {"ssrc": 12}}],
        "rtcp": {"cname": "x"},
    }


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (
            IceParameters(username_fragment="u", password="p"),
            {"usernameFragment": "u", "password": "p", "iceLite": True},
        ),
        (
            IceCandidate(foundation="f", priority=1, address="192.0.2.1", ip="192.0.2.1", port=2),
            {"foundation": "f", "priority": 1, "address": "192.0.2.1", "ip": "192.0.2.1", "port": 2,
             "protocol": "udp", "type": "host"},
        ),
        (
            DtlsParameters(fingerprints=[DtlsFingerprint(algorithm="sha-256", value="AB")]),
            {"role": "auto", "fingerprints": [{"algorithm": "sha-256", "value": "AB"}]},
        ),
        (
            RtpHeaderExtension(kind="audio", uri="urn:x", preferred_id=1),
            {"kind": "audio", "uri": "urn:x", "preferredId": 1, "preferredEncrypt": False, "direction": "sendrecv"},
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, msgspec.Struct) else "",
)
def test_what_clients_read_without_a_default_is_always_written(value: msgspec.Struct, wire: dict[str, object]) -> None:
    assert msgspec.to_builtins(value) == wire


@pytest.mark.parametrize(("client", "track"), captured.produced_tracks())
def test_reads_what_real_clients_send(client: str, track: str) -> None:
    wire = captured.raw(client)["produce"][track]
    params = captured.produced(client, track)
    assert params.mid == wire["mid"]
    assert [codec.payload_type for codec in params.codecs] == [codec["payloadType"] for codec in wire["codecs"]]
    assert [encoding.rid for encoding in params.encodings] == [encoding.get("rid") for encoding in wire["encodings"]]
    assert msgspec.convert(msgspec.to_builtins(params), RtpParameters) == params


@pytest.mark.parametrize("client", captured.CLIENTS)
def test_reads_their_capabilities(client: str) -> None:
    for capabilities in (captured.native_capabilities(client), captured.recv_capabilities(client)):
        assert capabilities.codecs
        assert msgspec.convert(msgspec.to_builtins(capabilities), RtpCapabilities) == capabilities


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "screen", "mimeType": "video/VP8", "preferredPayloadType": 96, "clockRate": 90000},
        {"kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 96.5, "clockRate": 90000},
        {"kind": "video", "mimeType": "video/VP8", "preferredPayloadType": "96", "clockRate": 90000},
        {"kind": "video", "mimeType": None, "preferredPayloadType": 96, "clockRate": 90000},
        {"kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 96, "clockRate": 90000,
         "parameters": {"x": {"y": 1}}},
        {"kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 96},
    ],
)
def test_wrong_types_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(wrong, RtpCodecCapability)
    print(refused.value)


def test_they_cannot_be_changed() -> None:
    encoding = RtpEncodingParameters(ssrc=1)
    with pytest.raises(AttributeError):
        encoding.ssrc = 2  # type: ignore[misc]

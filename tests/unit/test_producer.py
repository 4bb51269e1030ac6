"""Producers: how their encodings are described to the plane, pause, and which encoding feeds consumers."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from support.captured import produced, recv_capabilities
from support.fake_engine import ScriptedEngine, scripted_router

from simplesfu.control.layers import LayerLimit
from simplesfu.control.router import Router
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.types import RtcpFeedback, RtpCodecParameters, RtpParameters


@pytest.fixture
def scripted() -> Iterator[tuple[Router, ScriptedEngine]]:
    with scripted_router() as made:
        yield made


@pytest.fixture
def engine(scripted: tuple[Router, ScriptedEngine]) -> ScriptedEngine:
    return scripted[1]


@pytest.fixture
def transport(scripted: tuple[Router, ScriptedEngine]) -> WebRtcTransport:
    return scripted[0].create_webrtc_transport()


def added(engine: ScriptedEngine) -> list[dict[str, Any]]:
    """What the plane was told of recv streams."""
    return [arguments for _, _, arguments in engine.plane.told("add_recv_stream")]


class TestWhatThePlaneIsTold:
    def test_audio(self, transport: WebRtcTransport, engine: ScriptedEngine) -> None:
        params = produced("chromium", "opus")
        producer = transport.produce("audio", params)
        assert producer.type == "simple"
        assert added(engine) == [{
            "codec": "opus", "clock_rate": 48000, "payload_type": 111, "rtx_payload_type": None,
            "router_payload_type": 100, "ssrc": params.encodings[0].ssrc, "rtx_ssrc": None,
            "mid": "0", "rid": "", "mid_ext": 4, "rid_ext": 0, "repaired_rid_ext": 0,
            "extensions": {2: 4, 1: 10}, "send_time_ext": 4, "nack": False, "keyframe_request": None,
        }]

    def test_video_with_signalled_ssrcs(self, transport: WebRtcTransport, engine: ScriptedEngine) -> None:
        params = produced("firefox", "vp8")
        transport.produce("video", params)
        (encoding,) = params.encodings
        assert encoding.rtx is not None
        assert added(engine) == [{
            "codec": "vp8", "clock_rate": 90000, "payload_type": 120, "rtx_payload_type": 124,
            "router_payload_type": 101, "ssrc": encoding.ssrc, "rtx_ssrc": encoding.rtx.ssrc,
            "mid": "0", "rid": "", "mid_ext": 3, "rid_ext": 0, "repaired_rid_ext": 0,
            "extensions": {4: 4, 6: 14}, "send_time_ext": 4, "nack": True, "keyframe_request": "pli",
        }]

    def test_simulcast_by_rid(self, transport: WebRtcTransport, engine: ScriptedEngine) -> None:
        producer = transport.produce("video", produced("chromium", "vp8-simulcast"))
        assert producer.type == "simulcast"
        streams = added(engine)
        assert [each["rid"] for each in streams] == ["r0", "r1", "r2"]
        for each in streams:
            assert (each["ssrc"], each["rtx_ssrc"], each["mid"]) == (None, None, "0")
            assert (each["mid_ext"], each["rid_ext"], each["repaired_rid_ext"]) == (9, 10, 11)

    @pytest.mark.parametrize(
        ("feedback", "with_rtx", "nack", "keyframe_request"),
        [
            (["nack", "nack pli", "ccm fir"], True, True, "pli"),
            (["nack", "nack pli", "ccm fir"], False, False, "pli"),  # the same number is never asked for twice
            (["nack pli"], True, False, "pli"),
            (["nack", "ccm fir"], True, True, "fir"),
            ([], True, False, None),
        ],
    )
    def test_feedback(
        self, transport: WebRtcTransport, engine: ScriptedEngine, feedback: list[str], with_rtx: bool, nack: bool,
        keyframe_request: str | None,
    ) -> None:
        params = with_feedback(produced("chromium", "vp8"), feedback)
        if not with_rtx:
            params = msgspec.structs.replace(params, codecs=params.codecs[:1])
        transport.produce("video", params)
        (told,) = added(engine)
        assert (told["nack"], told["keyframe_request"]) == (nack, keyframe_request)


class TestPause:
    def test_holds_every_encoding_once(self, transport: WebRtcTransport, engine: ScriptedEngine) -> None:
        producer = transport.produce("video", produced("chromium", "vp8-simulcast"))
        assert not producer.paused
        assert not engine.plane.told("pause_recv_stream")
        for paused, change in [(True, producer.pause), (False, producer.resume)]:
            change()
            change()
            assert producer.paused is paused
            assert engine.plane.told("pause_recv_stream") == [
                ("pause_recv_stream", recv_stream, (paused,)) for recv_stream in producer.recv_streams
            ]

    def test_from_the_start(self, transport: WebRtcTransport, engine: ScriptedEngine) -> None:
        producer = transport.produce("video", produced("chromium", "vp8"), paused=True)
        assert producer.paused
        assert [stream for _, stream, _ in engine.plane.told("pause_recv_stream")] == producer.recv_streams


class TestSource:
    def test_rises_with_the_encodings_that_start(self, transport: WebRtcTransport, engine: ScriptedEngine) -> None:
        producer = transport.produce("video", produced("chromium", "vp8-simulcast"))
        low, middle, high = producer.recv_streams
        assert producer.source() == low
        consumer = transport.consume(producer, recv_capabilities("chromium"))
        assert sources(engine) == [(consumer.send_stream, low)]
        for started, source, told in [
            (low, low, []),
            (high, high, [(consumer.send_stream, high)]),
            (middle, high, []),
            (high, high, []),  # again, with another SSRC
        ]:
            engine.start_stream(started)
            assert producer.source() == source
            assert sources(engine) == told

    def test_falls_with_those_that_stop_and_rises_again(
        self, transport: WebRtcTransport, engine: ScriptedEngine
    ) -> None:
        producer = transport.produce("video", produced("chromium", "vp8-simulcast"))
        low, middle, high = producer.recv_streams
        free, held = [transport.consume(producer, recv_capabilities("chromium")) for _ in range(2)]
        held.limit(LayerLimit(spatial_layer=1))
        for stream in producer.recv_streams:
            engine.start_stream(stream)
        sources(engine)
        for change, stream, told in [
            (engine.stop_stream, high, [(free.send_stream, middle)]),
            (engine.stop_stream, middle, [(free.send_stream, low), (held.send_stream, low)]),
            # Nobody lives: it is a pause, and all go on where they were best.
            (engine.stop_stream, low, [(free.send_stream, high), (held.send_stream, middle)]),
            (engine.start_stream, low, [(free.send_stream, low), (held.send_stream, low)]),
            (engine.start_stream, high, [(free.send_stream, high)]),
            (engine.start_stream, middle, [(held.send_stream, middle)]),
        ]:
            change(stream)
            assert sources(engine) == told

    def test_every_consumer_is_moved(self, transport: WebRtcTransport, engine: ScriptedEngine) -> None:
        producer = transport.produce("video", produced("chromium", "vp8-simulcast"))
        consumers = [transport.consume(producer, recv_capabilities("chromium")) for _ in range(3)]
        consumers.pop(1).close()
        sources(engine)
        engine.start_stream(producer.recv_streams[2])
        assert sources(engine) == [(consumer.send_stream, producer.recv_streams[2]) for consumer in consumers]


def test_stats(transport: WebRtcTransport) -> None:
    producer = transport.produce("video", produced("chromium", "vp8-simulcast"), paused=True)
    transport.consume(producer, recv_capabilities("chromium"))
    stats = producer.stats()
    print(stats)
    encodings = stats.pop("encodings")
    assert stats == {"id": producer.id, "kind": "video", "type": "simulcast", "paused": True, "consumers": 1}
    assert isinstance(encodings, list)
    assert [each["rid"] for each in encodings] == ["r0", "r1", "r2"]
    assert [each["packets"] for each in encodings] == [0, 0, 0]


def sources(engine: ScriptedEngine) -> list[tuple[int, int]]:
    """What the plane was told of sources: (send stream, recv stream)."""
    return [(send_stream, source) for _, send_stream, (source,) in engine.plane.told("set_source")]


def with_feedback(params: RtpParameters, feedback: list[str]) -> RtpParameters:
    def with_it(codec: RtpCodecParameters) -> RtpCodecParameters:
        kinds = [each.partition(" ") for each in feedback]
        return msgspec.structs.replace(
            codec, rtcp_feedback=[RtcpFeedback(type=kind, parameter=parameter) for kind, _, parameter in kinds]
        )

    return msgspec.structs.replace(params, codecs=[with_it(params.codecs[0]), *params.codecs[1:]])

"""Consumers: how they are described to the plane, and who may hold them."""
from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from support.captured import produced, recv_capabilities
from support.fake_engine import ScriptedEngine, scripted_router

from simplesfu.control.consumer import Consumer
from simplesfu.control.layers import NO_LIMIT, LayerLimit
from simplesfu.control.ortc.matching import is_rtx
from simplesfu.control.producer import Producer
from simplesfu.control.router import Router
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import Closed

CHROMIUM = recv_capabilities("chromium")


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


@pytest.fixture
def camera(scripted: tuple[Router, ScriptedEngine]) -> Producer:
    return scripted[0].create_webrtc_transport().produce("video", produced("chromium", "vp8"))


@pytest.fixture
def consumer(transport: WebRtcTransport, camera: Producer) -> Consumer:
    return transport.consume(camera, CHROMIUM)


def test_what_the_plane_is_told(consumer: Consumer, camera: Producer, engine: ScriptedEngine) -> None:
    params = consumer.rtp_parameters
    (encoding,) = params.encodings
    assert encoding.rtx is not None
    assert engine.plane.last("add_send_stream") == {
        "codec": "vp8", "clock_rate": 90000, "payload_type": 101, "ssrc": encoding.ssrc,
        "rtx_payload_type": 102, "rtx_ssrc": encoding.rtx.ssrc, "extensions": [4, 11, 14],
        "cname": camera.rtp_parameters.rtcp.cname,
    }
    assert engine.plane.told("set_source") == [("set_source", consumer.send_stream, (camera.source(),))]


def test_without_rtx(transport: WebRtcTransport, camera: Producer, engine: ScriptedEngine) -> None:
    codecs = [codec for codec in CHROMIUM.codecs if not is_rtx(codec)]
    transport.consume(camera, msgspec.structs.replace(CHROMIUM, codecs=codecs))
    told = engine.plane.last("add_send_stream")
    assert (told["rtx_payload_type"], told["rtx_ssrc"]) == (None, None)


def test_describes_its_producer(consumer: Consumer, camera: Producer) -> None:
    assert (consumer.producer_id, consumer.kind, consumer.type) == (camera.id, "video", "simple")
    assert consumer.rtp_parameters.mid == "0"


def test_starts_paused_and_is_told_to_the_plane_only_when_it_changes(
    consumer: Consumer, engine: ScriptedEngine
) -> None:
    assert consumer.paused
    assert consumer.stats()["waiting"]
    for paused, change in [(False, consumer.resume), (True, consumer.pause), (False, consumer.resume)]:
        change()
        change()
        assert consumer.paused is paused
        assert engine.plane.told("pause_send_stream") == [("pause_send_stream", consumer.send_stream, (paused,))]


def test_two_hold_it_independently(consumer: Consumer, camera: Producer, engine: ScriptedEngine) -> None:
    camera.pause()
    assert consumer.producer_paused
    consumer.resume()
    assert not consumer.paused
    assert consumer.producer_paused
    consumer.pause()
    camera.resume()
    assert consumer.paused
    assert not consumer.producer_paused
    assert [paused for _, _, (paused,) in engine.plane.told("pause_send_stream")] == [False, True]


def test_one_that_comes_late_starts_at_the_best_encoding(
    transport: WebRtcTransport, engine: ScriptedEngine, scripted: tuple[Router, ScriptedEngine]
) -> None:
    producer = scripted[0].create_webrtc_transport().produce("video", produced("chromium", "vp8-simulcast"))
    for recv_stream in producer.recv_streams[:2]:
        engine.start_stream(recv_stream)
    transport.consume(producer, CHROMIUM)
    assert engine.plane.last("set_source") == (producer.recv_streams[1],)


def test_a_limit_is_told_to_the_plane_and_bounds_the_encoding(
    transport: WebRtcTransport, engine: ScriptedEngine, scripted: tuple[Router, ScriptedEngine]
) -> None:
    producer = scripted[0].create_webrtc_transport().produce("video", produced("chromium", "vp8-simulcast"))
    low, middle, high = producer.recv_streams
    for recv_stream in producer.recv_streams:
        engine.start_stream(recv_stream)
    consumer = transport.consume(producer, CHROMIUM)
    engine.plane.calls.clear()
    for limit, layer, rate, source in [
        (LayerLimit(spatial_layer=0), None, None, low),
        (LayerLimit(spatial_layer=1, temporal_layer=2, max_frame_rate=15.0), 2, 15.0, middle),
        (LayerLimit(spatial_layer=7), None, None, high),
        (NO_LIMIT, None, None, None),
    ]:
        consumer.limit(limit)
        consumer.limit(limit)
        assert consumer.layer_limit == limit
        told = [("limit_send_stream", {"max_temporal_layer": layer, "max_frame_rate": rate})]
        if source is not None:
            told.append(("set_source", (source,)))
        assert [(name, arguments) for name, _, arguments in engine.plane.calls] == told
        engine.plane.calls.clear()
    consumer.close()
    with pytest.raises(Closed):
        consumer.limit(NO_LIMIT)


def test_stats(consumer: Consumer) -> None:
    stats = consumer.stats()
    print(stats)
    assert stats["id"] == consumer.id
    assert stats["producer_id"] == consumer.producer_id
    assert stats["paused"] is True
    assert stats["producer_paused"] is False
    assert stats["ssrc"] == consumer.rtp_parameters.encodings[0].ssrc
    assert stats["packets"] == 0

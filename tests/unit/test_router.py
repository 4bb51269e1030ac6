"""Router and WebRtcTransport: what they accept, what they refuse, and what they tell link and plane."""
from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from support.captured import CLIENTS, dtls_parameters, native_capabilities, produced, recv_capabilities
from support.fake_engine import ScriptedEngine, scripted_router

from simplesfu.config import MediaConfig
from simplesfu.control.producer import Producer
from simplesfu.control.router import Router
from simplesfu.errors import (
    AlreadyConnected,
    AlreadyExists,
    BadParameters,
    CannotConsume,
    CannotMove,
    Unsupported,
)
from simplesfu.types import DtlsParameters, RtcpParameters, RtpCapabilities, RtpEncodingParameters, RtpParameters

CHROMIUM = recv_capabilities("chromium")


@pytest.fixture
def scripted() -> Iterator[tuple[Router, ScriptedEngine]]:
    with scripted_router(MediaConfig(max_incoming_bitrate_bps=1_234_567)) as made:
        yield made


@pytest.fixture
def router(scripted: tuple[Router, ScriptedEngine]) -> Router:
    return scripted[0]


@pytest.fixture
def engine(scripted: tuple[Router, ScriptedEngine]) -> ScriptedEngine:
    return scripted[1]


def changed(params: RtpParameters, **changes: object) -> RtpParameters:
    return msgspec.structs.replace(params, **changes)


class TestRouter:
    def test_capabilities_are_those_of_the_configuration(self) -> None:
        with scripted_router(MediaConfig(codecs=["VP9", "opus"])) as (router, _):
            names = [codec.mime_type for codec in router.rtp_capabilities.codecs]
        assert names == ["video/VP9", "video/rtx", "video/VP9", "video/rtx", "audio/opus"]

    def test_knows_its_transports_and_producers(self, router: Router) -> None:
        first, second = router.create_webrtc_transport(), router.create_webrtc_transport()
        assert router.transports == {first.id: first, second.id: second}
        video = first.produce("video", produced("chromium", "vp8"))
        audio = second.produce("audio", produced("chromium", "opus"))
        assert router.producers == {video.id: video, audio.id: audio}
        first.close()
        assert router.transports == {second.id: second}
        assert router.producers == {audio.id: audio}

    def test_ids_say_nothing_and_are_never_the_same(self, router: Router) -> None:
        ids = {router.create_webrtc_transport().id for _ in range(100)}
        print(sorted(ids)[:3])
        assert len(ids) == 100
        assert {len(each) for each in ids} == {16}

    def test_can_consume(self, router: Router) -> None:
        producer = router.create_webrtc_transport().produce("video", produced("chromium", "h264-42e01f"))
        assert {client for client in CLIENTS if router.can_consume(producer, native_capabilities(client))} == {
            "chromium", "pymediasoup",
        }


class TestConnection:
    def test_what_the_client_needs_to_connect(self, router: Router, engine: ScriptedEngine) -> None:
        transport = router.create_webrtc_transport()
        assert transport.state == "new"
        assert transport.ice_parameters == engine.link_of(transport).ice_parameters
        assert transport.ice_candidates == engine.candidates
        assert transport.dtls_parameters == DtlsParameters(role="auto", fingerprints=engine.fingerprints)

    @pytest.mark.parametrize("client", CLIENTS)
    def test_connect(self, router: Router, engine: ScriptedEngine, client: str) -> None:
        transport = router.create_webrtc_transport()
        transport.connect(dtls_parameters(client))
        assert engine.link_of(transport).remote == dtls_parameters(client)
        handle = engine.link_of(transport).handle
        assert engine.plane.told("set_max_recv_bitrate") == [("set_max_recv_bitrate", handle, (1_234_567,))]

    def test_once(self, router: Router) -> None:
        transport = router.create_webrtc_transport()
        transport.connect(dtls_parameters("chromium"))
        with pytest.raises(AlreadyConnected):
            transport.connect(dtls_parameters("chromium"))

    def test_refused_parameters_leave_it_as_it_was(self, router: Router, engine: ScriptedEngine) -> None:
        transport = router.create_webrtc_transport()
        with pytest.raises(BadParameters):
            transport.connect(DtlsParameters(fingerprints=[]))
        assert engine.link_of(transport).remote is None
        transport.connect(dtls_parameters("chromium"))

    def test_restart_ice(self, router: Router, engine: ScriptedEngine) -> None:
        transport = router.create_webrtc_transport()
        before = transport.ice_parameters
        after = transport.restart_ice()
        assert before != after == transport.ice_parameters
        assert engine.link_of(transport).restarts == 1

    def test_states_are_passed_on(self, router: Router, engine: ScriptedEngine) -> None:
        transport = router.create_webrtc_transport()
        states: list[tuple[str, str]] = []
        transport.on_state.connect(lambda state, reason: states.append((state, reason)))
        link = engine.link_of(transport)
        transport.connect(dtls_parameters("chromium"))
        link.become("connected")
        link.become("disconnected", "ice_consent_overdue")
        link.become("connected")
        assert transport.state == "connected"
        assert states == [
            ("connecting", ""), ("connected", ""), ("disconnected", "ice_consent_overdue"), ("connected", ""),
        ]
        assert not transport.closed

    def test_stats(self, router: Router) -> None:
        transport = router.create_webrtc_transport()
        stats = transport.stats()
        print(stats)
        assert stats["id"] == transport.id
        assert stats["state"] == "new"
        assert stats["packets_received"] == 0


class TestProduce:
    def test_before_it_is_connected(self, router: Router) -> None:
        transport = router.create_webrtc_transport()
        producer = transport.produce("video", produced("chromium", "vp8"))
        assert transport.producers == {producer.id: producer}

    def test_refusals_come_from_ortc(self, router: Router, engine: ScriptedEngine) -> None:
        transport = router.create_webrtc_transport()
        params = produced("chromium", "vp8")
        with pytest.raises(BadParameters, match="is not audio"):
            transport.produce("audio", params)
        unknown = [msgspec.structs.replace(params.codecs[0], mime_type="video/H265")]
        with pytest.raises(Unsupported):
            transport.produce("video", changed(params, codecs=unknown))
        assert not engine.plane.told("add_recv_stream")

    def test_an_ssrc_is_used_once_in_a_transport(self, router: Router) -> None:
        transport = router.create_webrtc_transport()
        params = produced("chromium", "vp8")
        producer = transport.produce("video", params)
        for taken in (params.encodings[0].ssrc, params.encodings[0].rtx.ssrc):  # type: ignore[union-attr]
            with pytest.raises(AlreadyExists, match="SSRC"):
                transport.produce("video", changed(params, mid="9", encodings=[RtpEncodingParameters(ssrc=taken)]))
        router.create_webrtc_transport().produce("video", params)  # another one does not mind
        producer.close()
        transport.produce("video", params)

    def test_a_mid_is_used_once_in_a_transport(self, router: Router) -> None:
        transport = router.create_webrtc_transport()
        producer = transport.produce("video", produced("chromium", "vp8-simulcast"))
        with pytest.raises(AlreadyExists, match="MID"):
            transport.produce("audio", produced("chromium", "opus"))
        producer.close()
        transport.produce("audio", produced("chromium", "opus"))

    def test_nothing_is_left_when_the_plane_refuses(self, router: Router, engine: ScriptedEngine) -> None:
        transport = router.create_webrtc_transport()
        params = produced("chromium", "vp8")
        # As if it had learned this SSRC from a packet: nobody has signalled it.
        learned = {"codec": "vp8", "clock_rate": 90000, "payload_type": 96, "rtx_payload_type": None,
                   "router_payload_type": 101, "ssrc": 4242, "rtx_ssrc": None, "mid": "8", "rid": "", "mid_ext": 1,
                   "rid_ext": 0, "repaired_rid_ext": 0, "extensions": {}, "send_time_ext": 0, "nack": False,
                   "keyframe_request": None}
        engine.plane.add_recv_stream(engine.link_of(transport).handle, **learned)
        encodings = [RtpEncodingParameters(ssrc=1), RtpEncodingParameters(ssrc=4242)]
        engine.plane.calls.clear()
        with pytest.raises(AlreadyExists, match="SSRC"):
            transport.produce("video", changed(params, encodings=encodings))
        assert [name for name, _, _ in engine.plane.calls] == ["add_recv_stream", "remove_recv_stream"]
        assert not transport.producers
        assert not engine.stream_observers
        transport.produce("video", changed(params, encodings=[RtpEncodingParameters(ssrc=1)]))

    def test_its_tracks_share_a_cname(self, router: Router) -> None:
        transport = router.create_webrtc_transport()
        first = transport.produce("video", produced("chromium", "vp8-simulcast"))  # has none
        second = transport.produce("audio", changed(produced("chromium", "opus"), mid="1"))
        cname = first.consumable_rtp_parameters.rtcp.cname
        assert cname
        assert second.consumable_rtp_parameters.rtcp.cname == cname

        other = router.create_webrtc_transport()
        params = changed(produced("chromium", "opus"), rtcp=RtcpParameters(cname="of the client"))
        with pytest.raises(BadParameters):
            other.produce("audio", params)
        params = changed(params, rtcp=RtcpParameters(cname="of-the-client"))
        assert other.produce("audio", params).consumable_rtp_parameters.rtcp.cname == "of-the-client"


class TestTakeOver:
    @pytest.fixture
    def camera(self, router: Router) -> Producer:
        return router.create_webrtc_transport().produce("video", produced("chromium", "vp8-simulcast"))

    def test_the_producer_moves_and_its_consumers_follow(
        self, router: Router, engine: ScriptedEngine, camera: Producer
    ) -> None:
        left = next(iter(router.transports.values()))
        consumers = [router.create_webrtc_transport().consume(camera, CHROMIUM) for _ in range(2)]
        old_streams = list(camera.recv_streams)
        engine.start_stream(old_streams[2])
        to = router.create_webrtc_transport()
        engine.plane.calls.clear()
        ended: list[str] = []
        camera.on_close.connect(ended.append)
        identity = camera.id
        to.take_over(camera, produced("chromium", "vp8-simulcast"))

        low = camera.recv_streams[0]
        assert engine.plane.calls == [
            *[("add_recv_stream", engine.link_of(to).handle, told) for told in
              (call[2] for call in engine.plane.calls[:3])],
            *[("set_source", consumer.send_stream, (low,)) for consumer in consumers],
            *[("remove_recv_stream", stream, ()) for stream in old_streams],
        ]
        assert set(engine.stream_observers) == set(camera.recv_streams)
        assert (left.producers, to.producers) == ({}, {identity: camera})
        assert router.producers == {identity: camera}
        engine.start_stream(camera.recv_streams[1])
        assert engine.plane.last("set_source") == (camera.recv_streams[1],)
        left.produce("video", produced("chromium", "vp8-simulcast"))  # its MID is free again there
        left.close()
        assert not camera.closed
        assert not any(consumer.closed for consumer in consumers)
        to.close()
        assert ended == ["transport_closed"]
        assert all(consumer.closed for consumer in consumers)

    def test_a_paused_one_stays_paused(self, router: Router, engine: ScriptedEngine, camera: Producer) -> None:
        camera.pause()
        engine.plane.calls.clear()
        router.create_webrtc_transport().take_over(camera, produced("chromium", "vp8-simulcast"))
        assert engine.plane.told("pause_recv_stream") == [
            ("pause_recv_stream", stream, (True,)) for stream in camera.recv_streams
        ]

    def test_it_may_come_in_fewer_encodings(self, router: Router, camera: Producer) -> None:
        router.create_webrtc_transport().take_over(camera, produced("chromium", "vp8"))
        assert len(camera.recv_streams) == 1
        encodings = camera.stats()["encodings"]
        assert isinstance(encodings, list)
        assert len(encodings) == 1

    def test_refused(self, router: Router, camera: Producer) -> None:
        there, to = next(iter(router.transports.values())), router.create_webrtc_transport()
        streams, simulcast = list(camera.recv_streams), produced("chromium", "vp8-simulcast")
        for transport, params in [
            (to, produced("chromium", "h264-42e01f")),  # another codec
            (there, simulcast),
        ]:
            with pytest.raises(CannotMove):
                transport.take_over(camera, params)
        with pytest.raises(BadParameters):
            to.take_over(camera, produced("chromium", "opus"))  # another kind
        to.produce("video", simulcast)
        with pytest.raises(AlreadyExists):
            to.take_over(camera, simulcast)
        assert camera.recv_streams == streams
        assert there.producers == {camera.id: camera}
        camera.close()
        with pytest.raises(CannotMove):
            to.take_over(camera, produced("firefox", "vp8"))


class TestConsume:
    def test_every_consumer_has_a_mid_and_ssrcs_of_its_own(self, router: Router) -> None:
        producer = router.create_webrtc_transport().produce("video", produced("chromium", "vp8"))
        transport = router.create_webrtc_transport()
        consumers = [transport.consume(producer, CHROMIUM) for _ in range(50)]
        params = [consumer.rtp_parameters for consumer in consumers]
        assert [each.mid for each in params] == [str(n) for n in range(50)]
        ssrcs = [ssrc for each in params for ssrc in (each.encodings[0].ssrc, each.encodings[0].rtx.ssrc)]  # type: ignore[union-attr]
        assert len(set(ssrcs)) == 100
        assert transport.consumers == {consumer.id: consumer for consumer in consumers}

    def test_a_mid_is_not_used_again(self, router: Router) -> None:
        producer = router.create_webrtc_transport().produce("audio", produced("chromium", "opus"))
        transport = router.create_webrtc_transport()
        transport.consume(producer, CHROMIUM).close()
        assert transport.consume(producer, CHROMIUM).rtp_parameters.mid == "1"

    def test_refused(self, router: Router, engine: ScriptedEngine) -> None:
        producer = router.create_webrtc_transport().produce("video", produced("chromium", "h264-42e01f"))
        transport = router.create_webrtc_transport()
        with pytest.raises(CannotConsume, match="H264"):
            transport.consume(producer, recv_capabilities("firefox"))
        with pytest.raises(BadParameters):
            transport.consume(producer, RtpCapabilities())
        assert not engine.plane.told("add_send_stream")
        assert not transport.consumers

    def test_its_own_tracks_and_those_of_others_on_one_transport(self, router: Router) -> None:
        transport = router.create_webrtc_transport()
        producer = transport.produce("video", produced("chromium", "vp8"))
        assert transport.consume(producer, CHROMIUM).producer_id == producer.id

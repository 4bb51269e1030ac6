"""The plane end to end, over real sockets and real SRTP: one publisher, its viewers, packet by packet."""
from __future__ import annotations

import os
import socket
import threading

import pytest
from support.plane_call import (
    KEYFRAME,
    LEVEL_EXT,
    MID_EXT,
    PT,
    ROUTER_LEVEL_EXT,
    ROUTER_PT,
    ROUTER_RTX_PT,
    ROUTER_SEND_TIME_EXT,
    RTX_PT,
    RTX_SSRC,
    SEND_TIME_EXT,
    SSRC,
    plane_call,
)
from support.srtp_peer import KEY_BYTES, SrtpPeer, plane_socket, wait_until

from simplesfu.plane import (
    MAX_TUPLES,
    DtlsDatagram,
    Plane,
    PlaneError,
    StreamStarted,
    StunRequest,
    TupleSelected,
    rtcp,
    rtp,
)


def stun_request(username: bytes) -> bytes:
    attribute = b"\x00\x06" + len(username).to_bytes(2, "big") + username + bytes(-len(username) % 4)
    return b"\x00\x01" + len(attribute).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + attribute


@pytest.mark.parametrize("profile", sorted(KEY_BYTES))
@pytest.mark.parametrize("batching", [True, False], ids=["batched calls", "plain calls"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_forwards_with_the_viewers_numbers(profile: str, batching: bool, host: str) -> None:
    with plane_call(host=host, batching=batching) as call:
        viewer = call.add_viewer(profile=profile)
        payload = os.urandom(900)
        for i in range(3):
            call.publisher.send(call.packet(7 + i, 1000, keyframe=i == 0, marker=i == 2, body=payload))
        got = [viewer.peer.receive_rtp() for _ in range(3)]
        assert [p and p.payload[5:] for p in got] == [payload] * 3
        assert [(p.payload_type, p.ssrc, p.ts) for p in got] == [(ROUTER_PT, viewer.ssrc, 1000)] * 3
        assert [p.marker for p in got] == [False, False, True]
        assert [p.seq - got[0].seq for p in got] == [0, 1, 2]


def test_extensions_are_renumbered_and_the_send_time_is_ours() -> None:
    with plane_call() as call:
        both, none = call.add_viewer(), call.add_viewer(extensions=())
        call.publisher.send(call.packet(1, 0, keyframe=True, extensions=[
            (MID_EXT, b"0"), (LEVEL_EXT, b"\x85"), (SEND_TIME_EXT, b"\0\0\0"), (14, b"unknown")]))
        got = both.peer.receive_rtp()
        assert [ext_id for ext_id, _ in got.extensions] == [ROUTER_LEVEL_EXT, ROUTER_SEND_TIME_EXT]
        assert dict(got.extensions)[ROUTER_LEVEL_EXT] == b"\x85"
        assert dict(got.extensions)[ROUTER_SEND_TIME_EXT] != b"\0\0\0"
        assert none.peer.receive_rtp().extensions == ()


def test_a_frame_leaves_in_one_call_and_near_equal_packets_are_padded_to_be_equal() -> None:
    with plane_call(hold_us=20_000) as call:
        if not call.plane.stats()["sender"]["segmentation"]:
            pytest.skip("this kernel has no UDP_SEGMENT")
        viewer = call.add_viewer()
        call.publisher.send(call.packet(0, 0, keyframe=True))
        assert viewer.peer.receive_rtp()
        before = call.plane.stats()["sender"]["calls"]
        sizes = [1000, 1000, 1001, 1001, 600]
        bodies = [os.urandom(size) for size in sizes]
        for i, body in enumerate(bodies):
            call.publisher.send(call.packet(1 + i, 3000, marker=i == 4, body=body))
        got = [viewer.peer.receive_rtp() for _ in sizes]
        assert [p.payload[5:] for p in got] == bodies, "padding is not payload"
        assert [p.padding for p in got] == [1, 1, 0, 0, 0]
        assert call.plane.stats()["sender"]["calls"] - before == 1


def test_a_paused_viewer_goes_on_without_a_gap_at_the_next_keyframe() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        call.publisher.send(call.packet(100, 0, keyframe=True))
        first = viewer.peer.receive_rtp()
        call.plane.pause_send_stream(viewer.send_stream, True)
        for i in range(1, 5):
            call.publisher.send(call.packet(100 + i, 3000 * i))
        wait_until(lambda: call.plane.stats()["egress_drops"]["paused"] == 4, "four packets held back")
        call.plane.pause_send_stream(viewer.send_stream, False)
        request = call.publisher.receive_rtcp(lambda p: isinstance(p, rtcp.Pli))
        assert request.media_ssrc == SSRC
        call.publisher.send(call.packet(105, 15000))
        call.publisher.send(call.packet(106, 18000, keyframe=True, body=b"again"))
        second = viewer.peer.receive_rtp()
        assert second.payload == KEYFRAME + b"again"
        assert (second.seq - first.seq, second.ts - first.ts) == (1, 18000)


def test_a_paused_producer_reaches_nobody() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        call.publisher.send(call.packet(1, 0, keyframe=True))
        first = viewer.peer.receive_rtp()
        call.plane.pause_recv_stream(call.recv_stream, True)
        call.publisher.send(call.packet(2, 3000))
        wait_until(lambda: call.plane.stats()["ingress_drops"]["producer_paused"] == 1, "a packet held back")
        report = call.publisher.receive_rtcp(
            lambda p: isinstance(p, rtcp.ReceiverReport) and p.reports and p.reports[0].highest_seq == 2)
        assert report.reports[0].packets_lost == 0, "a pause is no loss"
        call.plane.pause_recv_stream(call.recv_stream, False)
        call.publisher.receive_rtcp(lambda p: isinstance(p, rtcp.Pli))
        call.publisher.send(call.packet(3, 6000, keyframe=True))
        assert viewer.peer.receive_rtp().seq == first.seq + 1


def test_what_is_missing_is_asked_for_and_passed_on() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        call.publisher.send(call.packet(10, 0, keyframe=True))
        first = viewer.peer.receive_rtp()
        call.publisher.send(call.packet(13, 3000))
        assert viewer.peer.receive_rtp().seq == first.seq + 3
        nack = call.publisher.receive_rtcp(lambda p: isinstance(p, rtcp.Nack))
        assert (nack.media_ssrc, nack.seqs) == (SSRC, (11, 12))
        repair = b"\x00\x0b" + b"\x10\x01found"
        call.publisher.send(rtp.pack(payload_type=RTX_PT, seq=500, ts=3000, ssrc=RTX_SSRC, payload=repair))
        found = viewer.peer.receive_rtp()
        assert (found.seq - first.seq, found.ssrc, found.payload) == (1, viewer.ssrc, b"\x10\x01found")


def test_what_comes_as_late_as_the_cache_reaches_back_is_passed_on() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        for seq in [1, *range(3, 514)]:
            call.publisher.send(call.packet(seq, 0, keyframe=seq == 1))
            newest = viewer.peer.receive_rtp()
        call.publisher.send(call.packet(2, 0, body=b"late"))
        late = viewer.peer.receive_rtp()
        assert late.payload.endswith(b"late")
        assert newest.seq - late.seq == 511


def test_nacks_are_answered_by_rtx_at_most_once_a_round_trip() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        body = os.urandom(700)
        call.publisher.send(call.packet(65535, 90, keyframe=True, body=body))
        first = viewer.peer.receive_rtp()
        for _ in range(20):
            viewer.peer.send(rtcp.pack_nack(1, viewer.ssrc, [first.seq]))
        again = viewer.peer.receive_rtp()
        assert (again.ssrc, again.payload_type, again.ts) == (viewer.rtx_ssrc, ROUTER_RTX_PT, first.ts)
        assert again.payload == first.seq.to_bytes(2, "big") + KEYFRAME + body
        wait_until(lambda: call.plane.send_stream_stats(viewer.send_stream)["nacks_received"] == 20, "twenty NACKs")
        assert call.plane.send_stream_stats(viewer.send_stream)["rtx_packets"] <= 2


def test_without_rtx_nothing_is_sent_twice() -> None:
    with plane_call() as call:
        viewer = call.add_viewer(rtx=False)
        call.publisher.send(call.packet(1, 0, keyframe=True))
        first = viewer.peer.receive_rtp()
        viewer.peer.send(rtcp.pack_nack(1, viewer.ssrc, [first.seq]))
        wait_until(lambda: call.plane.send_stream_stats(viewer.send_stream)["nacks_unanswered"] == 1, "the NACK")
        assert call.plane.stats()["egress"]["retransmitted"] == 0


def test_keyframe_requests_are_merged_and_throttled() -> None:
    with plane_call() as call:
        viewers = [call.add_viewer() for _ in range(3)]
        call.publisher.send(call.packet(1, 0, keyframe=True))
        for viewer in viewers:
            assert viewer.peer.receive_rtp()
        before = call.plane.recv_stream_stats(call.recv_stream)["keyframe_requests"]
        for _ in range(50):
            for viewer in viewers:
                viewer.peer.send(rtcp.pack_pli(1, viewer.ssrc))
                viewer.peer.send(rtcp.pack_fir(1, viewer.ssrc, 1))
        wait_until(lambda: call.plane.stats()["ingress"]["rtcp"] >= 300, "three hundred requests")
        assert call.plane.recv_stream_stats(call.recv_stream)["keyframe_requests"] - before <= 2
        assert call.publisher.receive_rtcp(lambda p: isinstance(p, rtcp.Pli)).media_ssrc == SSRC


def test_reports_go_both_ways() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        call.plane.set_max_recv_bitrate(call.publisher.transport, 2_000_000)
        call.publisher.send(call.packet(1, 5000, keyframe=True))
        ntp = 0x1234_5678_8000_0000
        call.publisher.send(rtcp.pack_sr(SSRC, ntp_time=ntp, rtp_time=5000, packet_count=1, octet_count=12))
        first = viewer.peer.receive_rtp()
        report = viewer.peer.receive_rtcp(lambda p: isinstance(p, rtcp.SenderReport))
        passed_s = (report.ntp_time - ntp) / 2**32
        assert report.ssrc == viewer.ssrc
        assert 0 <= passed_s < 3
        assert report.rtp_time == pytest.approx(first.ts + passed_s * 90000, abs=2)
        call.publisher.send(call.packet(2, 8000))
        remb = call.publisher.receive_rtcp(lambda p: isinstance(p, rtcp.Remb))
        assert remb.bps == pytest.approx(2_000_000, rel=0.01)
        receiver = call.publisher.receive_rtcp(lambda p: isinstance(p, rtcp.ReceiverReport) and p.reports)
        assert receiver.reports[0].ssrc == SSRC
        assert receiver.reports[0].last_sr == (ntp >> 16) & 0xFFFFFFFF


def test_a_new_sender_behind_the_same_ssrc_is_followed() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        call.publisher.send(call.packet(100, 1000, keyframe=True))
        first = viewer.peer.receive_rtp()
        # libsrtp keeps its rollover counter, so a jump ahead within half the space is what a restart can look like.
        for i in range(2):
            call.publisher.send(call.packet(20100 + i, 500, keyframe=i == 1))
        second = viewer.peer.receive_rtp()
        assert second.seq == first.seq + 1
        assert 0 < second.ts - first.ts < 90000
        assert call.plane.recv_stream_stats(call.recv_stream)["restarts"] == 1


def test_the_source_is_switched_at_a_keyframe() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        call.publisher.send(call.packet(1, 0, keyframe=True))
        first = viewer.peer.receive_rtp()
        other = call.plane.add_recv_stream(
            call.publisher.transport, codec="vp8", clock_rate=90000, payload_type=PT, rtx_payload_type=None,
            router_payload_type=ROUTER_PT, ssrc=0x777, rtx_ssrc=None, mid="1", rid="", mid_ext=MID_EXT, rid_ext=0,
            repaired_rid_ext=0, extensions={}, send_time_ext=0, nack=False, keyframe_request="pli")
        call.plane.set_source(viewer.send_stream, other)

        def from_other(seq: int, keyframe: bool) -> bytes:
            return rtp.pack(payload_type=PT, seq=seq, ts=77, ssrc=0x777, marker=True,
                            payload=(KEYFRAME if keyframe else b"\x10\x01") + b"other")

        call.publisher.send(from_other(5000, False))
        call.publisher.send(call.packet(2, 3000, body=b"old still"))
        assert viewer.peer.receive_rtp().payload.endswith(b"old still")
        call.publisher.send(from_other(5001, True))
        call.publisher.send(call.packet(3, 6000))
        switched = viewer.peer.receive_rtp()
        assert switched.payload.endswith(b"other")
        assert switched.seq == first.seq + 2
        assert switched.ts > first.ts + 3000


def test_an_ssrc_is_learned_from_mid_and_rid() -> None:
    with plane_call() as call:
        low, high = (call.plane.add_recv_stream(
            call.publisher.transport, codec="vp8", clock_rate=90000, payload_type=PT, rtx_payload_type=RTX_PT,
            router_payload_type=ROUTER_PT, ssrc=None, rtx_ssrc=None, mid="1", rid=rid, mid_ext=MID_EXT, rid_ext=10,
            repaired_rid_ext=11, extensions={}, send_time_ext=0, nack=True, keyframe_request="pli")
            for rid in ("r0", "r1"))

        def packet(ssrc: int, extensions: list[tuple[int, bytes]], pt: int = PT) -> bytes:
            return rtp.pack(payload_type=pt, seq=1, ts=0, ssrc=ssrc, payload=KEYFRAME + b"x", extensions=extensions)

        call.publisher.send(packet(0x901, [(MID_EXT, b"1"), (10, b"r1")]))
        call.publisher.send(packet(0x902, [(MID_EXT, b"2"), (10, b"r0")]))
        call.publisher.send(packet(0x903, [(MID_EXT, b"1"), (10, b"r0")]))
        wait_until(lambda: call.plane.stats()["ingress"]["media"] == 2, "two packets of two layers")
        assert call.plane.recv_stream_stats(low)["ssrc"] == 0x903
        assert call.plane.recv_stream_stats(high)["ssrc"] == 0x901
        assert call.plane.stats()["ingress_drops"]["unknown_ssrc"] == 1
        assert {e.recv_stream for e in call.plane.read_events() if isinstance(e, StreamStarted)} == {low, high}


def test_sound_passes_at_once_and_is_kept_in_no_cache() -> None:
    with plane_call(codec="opus", nack=False) as call:
        viewer = call.add_viewer(codec="opus", rtx=False)
        for i in range(200):
            call.publisher.send(rtp.pack(payload_type=PT, seq=i, ts=960 * i, ssrc=SSRC, payload=b"sound"))
            assert viewer.peer.receive_rtp().payload == b"sound"
        assert call.plane.stats()["plane"]["packets_in_use"] <= 64


def test_nothing_comes_from_a_foreign_tuple() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.sendto(call.publisher.seal(call.packet(1, 0, keyframe=True)), call.publisher.server)
            wait_until(lambda: call.plane.stats()["ingress_drops"]["foreign_tuple"] == 1, "the stranger's packet")
            stranger.settimeout(0.1)
            with pytest.raises(TimeoutError):
                stranger.recv(2000)
        assert viewer.peer.receive_any(0.1) is None


def test_media_from_another_proven_tuple_moves_the_transport_there() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        call.publisher.send(call.packet(1, 0, keyframe=True))
        assert viewer.peer.receive_rtp()
        old, rebound = viewer.peer.socket, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rebound.bind(("127.0.0.1", 0))
        assert call.plane.add_tuple(viewer.peer.transport, rebound.getsockname(), select=False) is False
        viewer.peer.socket = rebound
        viewer.peer.send(rtcp.pack_rr(1))
        wait_until(lambda: call.plane.stats()["plane"]["rebound"] == 1, "the move")
        call.publisher.send(call.packet(2, 3000, body=b"here"))
        assert viewer.peer.receive_rtp().payload.endswith(b"here")
        assert TupleSelected(viewer.peer.transport, rebound.getsockname()) in call.plane.read_events()
        old.close()


def test_stun_and_dtls_pass_the_gate_as_events() -> None:
    with plane_call() as call:
        call.plane.add_ufrag(call.publisher.transport, "abcd")
        sock = call.publisher.socket
        request = stun_request(b"abcd:peer")
        sock.sendto(request, call.publisher.server)
        sock.sendto(request.replace(b"abcd", b"abce"), call.publisher.server)
        sock.sendto(b"\x16dtls", call.publisher.server)
        events: list[object] = []
        wait_until(lambda: events.extend(call.plane.read_events()) or len(events) >= 2, "two events")
        assert events == [
            StunRequest(call.publisher.transport, sock.getsockname(), request),
            DtlsDatagram(call.publisher.transport, b"\x16dtls"),
        ]
        wait_until(lambda: call.plane.stats()["ingress_drops"]["stun_unknown_username"] == 1, "the unknown user name")


def test_a_flood_of_dtls_leaves_room_for_the_checks_of_others() -> None:
    with plane_call() as call:
        call.plane.add_ufrag(call.add_viewer().peer.transport, "abcd")
        sock = call.publisher.socket

        def full() -> bool:
            sock.sendto(b"\x16dtls", call.publisher.server)
            return bool(call.plane.stats()["ingress_drops"]["events_full"])

        wait_until(full, "no room for more of it")
        request = stun_request(b"abcd:peer")
        sock.sendto(request, call.publisher.server)
        events: list[object] = []
        wait_until(
            lambda: events.extend(call.plane.read_events()) or any(isinstance(one, StunRequest) for one in events),
            "the check",
        )


def test_tuples_of_a_transport_are_bounded_and_the_selected_one_stays() -> None:
    with plane_call() as call:
        for port in range(20000, 20000 + 3 * MAX_TUPLES):
            call.plane.add_tuple(call.publisher.transport, ("127.0.0.1", port), select=False)
        viewer = call.add_viewer()
        call.publisher.send(call.packet(1, 0, keyframe=True))
        assert viewer.peer.receive_rtp() is not None


def test_calls_about_what_is_gone_say_so() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        call.plane.remove_recv_stream(call.recv_stream)
        call.plane.remove_recv_stream(call.recv_stream)
        with pytest.raises(PlaneError, match="recv stream"):
            call.plane.recv_stream_stats(call.recv_stream)
        with pytest.raises(PlaneError, match="already"):
            call.plane.set_srtp(viewer.peer.transport, "SRTP_AEAD_AES_128_GCM", bytes(28), bytes(28))
        transport = call.plane.add_transport()
        with pytest.raises(PlaneError, match="28 bytes"):
            call.plane.set_srtp(transport, "SRTP_AEAD_AES_128_GCM", bytes(3), bytes(28))
        call.plane.remove_transport(transport)
        with pytest.raises(PlaneError, match="no transport"):
            call.plane.add_tuple(transport, ("127.0.0.1", 1), select=True)


def test_close_leaves_nothing() -> None:
    def cycle() -> None:
        sock = plane_socket()
        plane = Plane([sock])
        plane.start()
        peer = SrtpPeer(plane, sock.getsockname())
        peer.close()
        plane.close()
        plane.close()
        with pytest.raises(PlaneError, match="closed"):
            plane.stats()
        sock.close()

    cycle()

    def alive() -> tuple[int, int]:
        # Other tests' threads may end meanwhile; only planes are of interest here.
        planes = [thread for thread in threading.enumerate() if thread.name == "simplesfu-plane"]
        return len(os.listdir("/proc/self/fd")), len(planes)

    before = alive()
    for _ in range(20):
        cycle()
    assert alive() == before

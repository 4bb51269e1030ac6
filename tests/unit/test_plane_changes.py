"""What Python asks of a running plane: at once, and without a break in what viewers get."""
from __future__ import annotations

import time

import pytest
from support.plane_call import KEYFRAME, PT, add_recv_stream, plane_call
from support.srtp_peer import SrtpPeer, wait_until

from simplesfu.plane import PlaneError, StreamStarted, StreamStopped, rtcp, rtp

OTHER_SSRC = 0x777


def from_other(seq: int, *, keyframe: bool) -> bytes:
    return rtp.pack(payload_type=PT, seq=seq, ts=77, ssrc=OTHER_SSRC, marker=True,
                    payload=(KEYFRAME if keyframe else b"\x10\x01") + b"other")


def test_what_is_asked_for_does_not_wait_for_the_next_packet() -> None:
    """With nothing to do the plane sleeps for 200 ms at a time."""
    with plane_call() as call:
        viewer = call.add_viewer()
        streams = [add_recv_stream(call.publisher, 0x900 + i) for i in range(10)]
        began = time.monotonic()
        for i, stream in enumerate(streams):
            call.plane.set_source(viewer.send_stream, stream)
            call.publisher.receive_rtcp(lambda packet, i=i: isinstance(packet, rtcp.Pli)
                                        and packet.media_ssrc == 0x900 + i)
        took = time.monotonic() - began
        print(f"{took * 1000:.0f} ms for {len(streams)} keyframe requests")
        assert took < 1


def test_an_idle_plane_sleeps_on() -> None:
    with plane_call() as call:
        call.add_viewer()
        before = call.plane.stats()["plane"]["wakeups"]
        time.sleep(1)
        wakeups = call.plane.stats()["plane"]["wakeups"] - before
        print(wakeups, "wake-ups in a second")
        assert wakeups <= 10


def test_how_long_ago_things_happened() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        recv, send = call.plane.recv_stream_stats(call.recv_stream), call.plane.send_stream_stats(viewer.send_stream)
        assert (recv["last_packet_age_ms"], recv["last_keyframe_age_ms"]) == (None, None)
        assert send["last_sent_age_ms"] is None
        assert send["waiting_for_keyframe"]
        never_heard = call.plane.add_transport()
        assert call.plane.transport_stats(never_heard)["last_received_age_ms"] is None

        call.publisher.send(call.packet(1, 0, keyframe=True))
        assert viewer.peer.receive_rtp()
        time.sleep(0.05)
        call.publisher.send(call.packet(2, 3000))
        assert viewer.peer.receive_rtp()
        recv, send = call.plane.recv_stream_stats(call.recv_stream), call.plane.send_stream_stats(viewer.send_stream)
        print(recv, send)
        assert recv["last_keyframe_age_ms"] >= recv["last_packet_age_ms"] + 50
        assert send["last_sent_age_ms"] <= recv["last_packet_age_ms"] + 10
        assert not send["waiting_for_keyframe"]
        assert call.plane.transport_stats(call.publisher.transport)["last_received_age_ms"] < 1000
        call.plane.pause_send_stream(viewer.send_stream, True)
        paused = call.plane.send_stream_stats(viewer.send_stream)
        assert paused["waiting"]
        assert not paused["waiting_for_keyframe"], "it would not help"


def test_a_stream_that_falls_silent_is_told_once_and_so_is_its_return() -> None:
    with plane_call() as call:
        call.publisher.send(call.packet(1, 0, keyframe=True))
        began = time.monotonic()
        events: list[object] = []

        def told(count: int) -> bool:
            events.extend(call.plane.read_events())
            return len(events) >= count

        wait_until(lambda: told(2), "the plane to notice the silence")
        took = time.monotonic() - began
        print(f"noticed after {took:.2f} s")
        assert 1 < took < 2
        call.publisher.send(call.packet(2, 3000))
        call.publisher.send(call.packet(3, 6000))
        wait_until(lambda: told(3), "the plane to notice the return")
        started, stopped, back = events
        assert isinstance(started, StreamStarted)
        assert stopped == StreamStopped(call.recv_stream)
        assert back == started


def test_a_track_goes_on_over_another_transport_without_a_gap() -> None:
    with plane_call() as call:
        viewers = [call.add_viewer() for _ in range(2)]
        for i in range(3):
            call.publisher.send(call.packet(100 + i, 3000 * i, keyframe=i == 0))
        last = [[viewer.peer.receive_rtp() for _ in range(3)][-1] for viewer in viewers]
        moved = SrtpPeer(call.plane, call.publisher.server)
        stream = add_recv_stream(moved, OTHER_SSRC)
        for viewer in viewers:
            call.plane.set_source(viewer.send_stream, stream)
        call.plane.remove_recv_stream(call.recv_stream)
        moved.receive_rtcp(lambda packet: isinstance(packet, rtcp.Pli) and packet.media_ssrc == OTHER_SSRC)
        for seq in (7, 8):
            moved.send(from_other(seq, keyframe=seq == 8))
        for viewer, before in zip(viewers, last, strict=True):
            after = viewer.peer.receive_rtp()
            assert after.payload.endswith(b"other")
            assert after.seq == before.seq + 1
            assert 0 < after.ts - before.ts < 90000 * 5
        moved.close()


def test_without_its_tuples_a_transport_gets_nothing_and_then_goes_on_with_a_keyframe() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        call.publisher.send(call.packet(1, 0, keyframe=True))
        first = viewer.peer.receive_rtp()
        call.plane.remove_tuples(viewer.peer.transport)
        call.plane.remove_tuples(4711)  # gone already
        for seq in range(2, 9):
            call.publisher.send(call.packet(seq, 3000 * seq, keyframe=seq == 5))
        wait_until(lambda: call.plane.stats()["egress_drops"]["not_connected"] == 7, "nothing to be sent")
        viewer.peer.send(rtcp.pack_rr(1))
        wait_until(lambda: call.plane.stats()["ingress_drops"]["foreign_tuple"] == 1, "nothing to be let in")
        call.plane.add_tuple(viewer.peer.transport, viewer.peer.socket.getsockname(), select=True)
        call.publisher.send(call.packet(9, 27000))
        call.publisher.receive_rtcp(lambda packet: isinstance(packet, rtcp.Pli))
        call.publisher.send(call.packet(10, 30000, keyframe=True))
        back = viewer.peer.receive_rtp()
        assert back.payload.startswith(KEYFRAME)
        assert back.seq == first.seq + 1


def test_a_limit_is_for_a_send_stream_that_lives() -> None:
    with plane_call() as call:
        viewer = call.add_viewer()
        limit = {"max_temporal_layer": 300, "max_frame_rate": None}
        call.plane.limit_send_stream(viewer.send_stream, **limit)  # more layers than there can be: no limit
        assert call.plane.send_stream_stats(viewer.send_stream)["temporal_limit"] is None
        call.plane.remove_send_stream(viewer.send_stream)
        with pytest.raises(PlaneError, match="no send stream"):
            call.plane.limit_send_stream(viewer.send_stream, **limit)

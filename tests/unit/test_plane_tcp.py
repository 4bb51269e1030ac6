"""ICE-TCP at the plane: an address like any other, strangers at the gate, and readers that do not read."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from support.plane_call import PlaneCall, plane_call
from support.srtp_peer import SrtpPeer, plane_socket, wait_until
from support.tcp_peer import FramedSocket, TcpPeer, framed, next_checks, stun_request

from simplesfu.plane import Plane, rtcp

MAX_STRANGERS_OF_ADDRESS = 16
MAX_STRANGERS = 128


@contextmanager
def strangers(count: int, call: PlaneCall, source: str = "127.0.0.1") -> Iterator[list[FramedSocket]]:
    sockets = []
    try:
        for _ in range(count):
            sockets.append(FramedSocket(call.publisher.server, source=source))
        yield sockets
    finally:
        for sock in sockets:
            sock.close()


def tcp_of(call: PlaneCall) -> dict[str, int]:
    return call.plane.stats()["tcp"]


def closed_of(call: PlaneCall) -> dict[str, int]:
    return {reason: count for reason, count in call.plane.stats()["tcp_closed"].items() if count}


@pytest.mark.parametrize("batching", [True, False], ids=["batched calls", "plain calls"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_media_goes_in_and_out_by_tcp_and_by_udp(host: str, batching: bool) -> None:
    with plane_call(host=host, batching=batching, tcp=True) as call:
        by_tcp = call.add_viewer(peer=TcpPeer(call.plane, call.publisher.server))
        by_udp = call.add_viewer()
        bodies = [os.urandom(900) for _ in range(5)]
        for i, body in enumerate(bodies):
            call.publisher.send(call.packet(7 + i, 1000, keyframe=i == 0, marker=i == 4, body=body))
        for viewer in (by_tcp, by_udp):
            got = [viewer.peer.receive_rtp() for _ in bodies]
            assert [packet and packet.payload[5:] for packet in got] == bodies
        stats = call.plane.stats()
        print(stats["tcp"], stats["sender"])
        assert stats["tcp"]["proven"] == 2
        assert stats["tcp"]["frames"] >= 5
        protocols = [call.plane.transport_stats(viewer.peer.transport)["protocol"] for viewer in (by_tcp, by_udp)]
        assert protocols == ["tcp", "udp"]


def test_nacks_and_reports_go_their_way_too() -> None:
    with plane_call(tcp=True) as call:
        viewer = call.add_viewer(peer=TcpPeer(call.plane, call.publisher.server))
        for i in range(3):
            call.publisher.send(call.packet(i, 1000, keyframe=i == 0, body=b"%d" % i))
        got = [viewer.peer.receive_rtp() for _ in range(3)]
        viewer.peer.send(rtcp.pack_nack(1, viewer.ssrc, [got[1].seq]))
        resent = viewer.peer.receive_rtp()
        assert resent.ssrc == viewer.rtx_ssrc
        call.publisher.send(call.packet(9, 1000))
        call.publisher.receive_rtcp(lambda packet: isinstance(packet, rtcp.Nack))


def test_checks_come_whole_however_they_are_cut() -> None:
    with plane_call(tcp=True) as call, strangers(1, call) as [stranger]:
        request = stun_request(f"{call.publisher.ufrag}:x")
        for byte in framed(request) + framed(request):
            stranger.tcp.send(bytes([byte]))
        assert [check.data for check in next_checks(call.plane, 2)] == [request, request]
        assert tcp_of(call)["strangers"] == 1, "what asks politely may stay"


NO_CHECKS = {
    "not STUN": framed(b"\x16\xfe\xfd" + bytes(60)),
    "RTP": framed(b"\x80" + bytes(60)),
    "a web browser": b"GET / HTTP/1.1\r\nHost: example\r\n\r\n",
    "TLS": bytes.fromhex("160301020001000001fc0303") + bytes(500),
    "an empty frame": framed(b""),
    "a frame that is too long": framed(bytes(1601)),
    "an unknown name": framed(stun_request("nobody:x")),
    "a STUN response": framed(b"\x01\x01" + stun_request("nobody:x")[2:]),
    "broken STUN": framed(stun_request("nobody:x")[:-1]),
}


@pytest.mark.parametrize("name", NO_CHECKS)
def test_a_stranger_is_closed_on_the_first_thing_that_is_no_check(name: str) -> None:
    with plane_call(tcp=True) as call, strangers(1, call) as [stranger]:
        stranger.tcp.sendall(NO_CHECKS[name])
        assert stranger.is_closed(), name
        assert closed_of(call) == {"not_stun": 1}
        print({reason: count for reason, count in call.plane.stats()["ingress_drops"].items() if count})


@pytest.mark.slow
def test_of_too_many_strangers_the_oldest_goes() -> None:
    with plane_call(tcp=True) as call, strangers(MAX_STRANGERS_OF_ADDRESS + 4, call) as crowd:
        wait_until(lambda: tcp_of(call)["accepted"] >= len(crowd), "all are accepted")
        assert tcp_of(call)["strangers"] == MAX_STRANGERS_OF_ADDRESS
        assert [sock.is_closed(0.2) for sock in crowd] == [True] * 4 + [False] * MAX_STRANGERS_OF_ADDRESS
        assert closed_of(call) == {"crowd": 4}
        # Another address has room of its own, and who shows a proof is no stranger any longer.
        with strangers(1, call, "127.0.0.2") as [other]:
            call.add_viewer(peer=TcpPeer(call.plane, call.publisher.server)).peer.socket.settimeout(1)
            assert not other.is_closed(0.2)
        assert tcp_of(call)["proven"] == 2


def test_strangers_from_everywhere_are_no_more_than_so_many() -> None:
    with plane_call(tcp=True) as call:
        crowd: list[FramedSocket] = []
        for number in range(MAX_STRANGERS // MAX_STRANGERS_OF_ADDRESS + 2):
            crowd += [FramedSocket(call.publisher.server, source=f"127.0.1.{number + 1}")
                      for _ in range(MAX_STRANGERS_OF_ADDRESS)]
        wait_until(lambda: tcp_of(call)["accepted"] > len(crowd), "all are accepted")
        assert tcp_of(call)["strangers"] == MAX_STRANGERS
        for sock in crowd:
            sock.close()


def test_there_is_an_end_to_connections() -> None:
    with plane_call(tcp=True, max_connections=3) as call:
        viewers = [TcpPeer(call.plane, call.publisher.server) for _ in range(2)]
        with strangers(1, call) as [stranger]:
            assert stranger.is_closed()
        assert closed_of(call) == {"full": 1}
        for viewer in viewers:
            viewer.close()


def test_who_does_not_read_costs_nobody_anything() -> None:
    with plane_call(tcp=True) as call:
        lazy = call.add_viewer(peer=TcpPeer(call.plane, call.publisher.server, room_bytes=4096))
        eager = call.add_viewer(peer=TcpPeer(call.plane, call.publisher.server))
        body, count = os.urandom(1100), 2000
        longest_s = 0.0
        for i in range(count):
            call.publisher.send(call.packet(i, 3000 * i, keyframe=i % 300 == 0, body=body))
            began = time.monotonic()
            assert eager.peer.receive_rtp().payload.endswith(body)
            longest_s = max(longest_s, time.monotonic() - began)
        tcp = tcp_of(call)
        held_back = call.plane.stats()["egress_drops"]["slow_reader"]
        print(f"{tcp}; {held_back} held back; the eager one waited {longest_s * 1000:.1f} ms at the most")
        assert held_back > count / 4
        assert tcp["proven"] == 3
        # It reads again, and what comes is whole: half a frame would spoil all that follow.
        read = 0
        while lazy.peer.receive_any(0.5) is not None:
            read += 1
        print(f"{read} packets had waited for the lazy one")
        assert read > 50
        call.publisher.send(call.packet(count, 0, keyframe=True, body=b"again"))
        assert lazy.peer.receive_rtp().payload.endswith(b"again")


def test_an_address_that_closes_is_one_no_longer() -> None:
    with plane_call(tcp=True) as call:
        viewer = call.add_viewer(peer=TcpPeer(call.plane, call.publisher.server))
        peer = viewer.peer
        first = peer.address
        peer.socket.close()
        wait_until(lambda: tcp_of(call)["proven"] == 1, "the plane notices")
        assert call.plane.transport_stats(peer.transport)["protocol"] is None
        assert not call.plane.send(peer.transport, b"\x16nobody hears it")
        assert not call.plane.add_tuple(peer.transport, first, select=True), "a proof that comes too late"
        call.publisher.send(call.packet(0, 0, keyframe=True))
        wait_until(lambda: call.plane.stats()["egress_drops"]["not_connected"] == 1, "a packet for nobody")
        peer._connect()     # the same client connects anew
        call.publisher.send(call.packet(1, 3000, keyframe=True, body=b"back"))
        assert peer.receive_rtp().payload.endswith(b"back")
        assert peer.address != first


def test_a_peer_moves_from_udp_to_tcp_and_back() -> None:
    with plane_call(tcp=True) as call:
        viewer = call.add_viewer(peer=SrtpPeer(call.plane, call.publisher.server))
        peer, by_udp = viewer.peer, viewer.peer.socket
        by_tcp = FramedSocket(call.publisher.server)
        call.plane.add_ufrag(peer.transport, "another")
        by_tcp.sendto(stun_request("another:x"))
        [check] = next_checks(call.plane)
        address = check.address
        assert call.plane.add_tuple(peer.transport, address, select=True)
        call.publisher.send(call.packet(0, 0, keyframe=True, body=b"by tcp"))
        peer.socket = by_tcp
        assert peer.receive_rtp().payload.endswith(b"by tcp")
        # Genuine media from the other proven address takes the answers along.
        peer.socket = by_udp
        peer.send(rtcp.pack_rr(1))
        wait_until(lambda: call.plane.stats()["plane"]["rebound"] == 1, "the plane follows")
        call.publisher.send(call.packet(1, 3000, body=b"by udp"))
        assert peer.receive_rtp().payload.endswith(b"by udp")
        by_tcp.close()


def test_one_that_belongs_to_nobody_is_a_stranger_again() -> None:
    with plane_call(tcp=True) as call:
        peer = TcpPeer(call.plane, call.publisher.server)
        call.plane.remove_tuples(peer.transport)
        assert (tcp_of(call)["strangers"], tcp_of(call)["proven"]) == (1, 1)
        peer.prove()
        assert (tcp_of(call)["strangers"], tcp_of(call)["proven"]) == (0, 2)
        call.plane.remove_transport(peer.transport)
        assert (tcp_of(call)["strangers"], tcp_of(call)["proven"]) == (1, 1)
        peer.send(rtcp.pack_rr(1))
        assert peer.socket.is_closed()
        peer.socket.close()


def test_nothing_is_left_of_connections() -> None:
    before = psutil.Process().num_fds()
    with plane_call(tcp=True) as call, strangers(5, call):
        wait_until(lambda: tcp_of(call)["strangers"] == 5, "strangers")
    assert psutil.Process().num_fds() == before


def test_a_forked_child_keeps_nothing_open() -> None:
    """It has the descriptors of all that was connected then, and the poller goes by what is open somewhere."""
    with plane_call(tcp=True) as call, strangers(3, call) as crowd:
        wait_until(lambda: tcp_of(call)["strangers"] == 3, "all are accepted")
        held, holding = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(holding)
            os.read(held, 1)
            os._exit(0)
        os.close(held)
        try:
            for sock in crowd:
                sock.tcp.sendall(NO_CHECKS["TLS"])
                assert sock.is_closed()
            before = call.plane.stats()["plane"]["wakeups"]
            with pytest.raises(AssertionError, match="a thousand"):
                wait_until(lambda: call.plane.stats()["plane"]["wakeups"] > before + 1000, "a thousand wake-ups", 0.5)
        finally:
            os.close(holding)
            os.waitpid(child, 0)


def test_listeners_are_checked() -> None:
    with plane_socket() as udp, pytest.raises(ValueError, match="listening TCP"):
        Plane([udp], listeners=[udp])


@pytest.mark.slow
def test_a_stranger_has_ten_seconds() -> None:
    with plane_call(tcp=True) as call, strangers(2, call) as [silent, slow]:
        began = time.monotonic()
        check = framed(stun_request(f"{call.publisher.ufrag}:x"))
        while not slow.is_closed(0.5):
            slow.tcp.send(check)       # whose proof never satisfies the engine
        print(f"closed after {time.monotonic() - began:.1f} s")
        assert 9 < time.monotonic() - began < 12
        assert silent.is_closed()
        assert closed_of(call) == {"unproven": 2}
        assert tcp_of(call)["proven"] == 1


@pytest.mark.slow
def test_who_stays_blocked_is_closed() -> None:
    with plane_call(tcp=True) as call:
        lazy = call.add_viewer(peer=TcpPeer(call.plane, call.publisher.server, room_bytes=4096))
        began = time.monotonic()
        number = 0
        while not closed_of(call):
            assert time.monotonic() - began < 20
            call.publisher.send(call.packet(number, 3000 * number, keyframe=True, body=bytes(1000)))
            number += 1
            time.sleep(0.005)
        print(f"closed after {time.monotonic() - began:.1f} s; {tcp_of(call)}")
        assert closed_of(call) == {"stuck": 1}
        assert call.plane.transport_stats(lazy.peer.transport)["protocol"] is None

"""Anything may arrive, from strangers and from peers with valid keys: it is counted, and the bystander's call lives."""

from __future__ import annotations

import random
import socket

import pytest
from pylibsrtp import Error
from support.plane_call import MID_EXT, PT, RTX_PT, RTX_SSRC, SSRC, plane_call
from support.srtp_peer import SrtpPeer, wait_until
from support.tcp_peer import FramedSocket, TcpPeer, framed, stun_request

from simplesfu.plane import rtcp, rtp

DATAGRAMS = 20_000
IN_FLIGHT = 200  # datagrams that wait in the socket at most, so that the kernel drops none of them


def spoilt(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.randint(0, 6)):
        if out:
            out[rng.randrange(len(out))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    if rng.random() < 0.3:
        out = out[: rng.randint(0, len(out))]
    if rng.random() < 0.1:
        out += rng.randbytes(rng.randint(1, 400))
    return bytes(out)


def templates(rng: random.Random) -> bytes:
    extensions = [(MID_EXT, b"0"), (5, b"\x80"), (3, b"abc"), (12, rng.randbytes(rng.randint(1, 16)))]
    ssrc = rng.choice([SSRC, SSRC, RTX_SSRC, rng.getrandbits(32) | 1])
    return rng.choice(
        [
            lambda: rtp.pack(
                payload_type=rng.choice([PT, PT, RTX_PT, 1]),
                seq=rng.randrange(65536),
                ts=rng.getrandbits(32),
                ssrc=ssrc,
                payload=rng.randbytes(rng.randint(0, 60)),
                extensions=rng.sample(extensions, 2),
                padding=rng.choice([0, 0, 1, 4]),
                csrcs=(1, 2) if rng.random() < 0.2 else (),
            ),
            lambda: rtcp.pack_nack(1, ssrc, sorted({rng.randrange(65536) for _ in range(20)})),
            lambda: rtcp.pack_sr(
                ssrc, ntp_time=rng.getrandbits(64), rtp_time=rng.getrandbits(32), packet_count=1, octet_count=2
            ),
            lambda: rtcp.pack_rr(1) + rtcp.pack_remb(1, rng.getrandbits(40), [ssrc]),
            lambda: rtcp.pack_fir(1, ssrc, 3) + rtcp.pack_pli(1, ssrc),
            lambda: rng.randbytes(rng.randint(0, 80)),
        ]
    )()


def test_strangers_and_peers_with_keys() -> None:
    rng = random.Random(20260)
    with plane_call() as call:
        hostile = SrtpPeer(call.plane, call.publisher.server)
        call.plane.add_recv_stream(
            hostile.transport,
            codec="vp8",
            clock_rate=90000,
            payload_type=PT,
            rtx_payload_type=RTX_PT,
            router_payload_type=101,
            ssrc=SSRC,
            rtx_ssrc=RTX_SSRC,
            mid="0",
            rid="",
            mid_ext=MID_EXT,
            rid_ext=0,
            repaired_rid_ext=0,
            extensions={5: 6, 3: 4},
            send_time_ext=4,
            nack=True,
            keyframe_request="pli",
        )
        viewer = call.add_viewer()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            sent = 0
            for i in range(DATAGRAMS):
                data = spoilt(rng, templates(rng))
                try:
                    if rng.random() < 0.5:
                        stranger.sendto(data, call.publisher.server)
                    else:
                        hostile.socket.sendto(hostile.seal(data) if len(data) > 1 else data, call.publisher.server)
                    sent += 1
                except (Error, ValueError):
                    continue  # what libsrtp will not seal
                if i % IN_FLIGHT == 0:
                    call.publisher.send(call.packet(i // IN_FLIGHT, 3000 * i, keyframe=i == 0, body=b"%d" % i))
                    sent += 1
                    assert viewer.peer.receive_rtp().payload.endswith(b"%d" % i)
                    wait_until(
                        lambda n=sent: call.plane.stats()["ingress"]["received"] >= n, f"{sent} datagrams taken in"
                    )
        stats = call.plane.stats()
        print({group: {k: v for k, v in values.items() if v} for group, values in stats.items()})
        assert stats["ingress"]["received"] > DATAGRAMS * 0.8
        assert stats["plane"]["packets_allocated"] < 4000
        for reason in (
            "rtp_malformed",
            "rtcp_malformed",
            "unknown_ssrc",
            "foreign_tuple",
            "unknown_payload_type",
        ):
            assert stats["ingress_drops"][reason] > 0, f"the fuzz never reached {reason}"
        hostile.close()


@pytest.mark.slow
def test_streams_of_strangers_and_of_those_who_belong() -> None:
    """Frames cut anywhere, lengths that lie, junk between them: the connections may go, the call may not."""
    rng = random.Random(20261)
    with plane_call(tcp=True) as call:
        viewer = call.add_viewer(peer=TcpPeer(call.plane, call.publisher.server))
        hostile = TcpPeer(call.plane, call.publisher.server)
        check = stun_request(f"{hostile.ufrag}:x")
        strangers: list[FramedSocket] = []
        for i in range(200):
            stream = b"".join(_spoilt_frame(rng, hostile, check) for _ in range(30))
            hostile.socket.tcp.sendall(stream)
            if len(strangers) < 8:
                strangers.append(FramedSocket(call.publisher.server))
            stranger = rng.choice(strangers)
            try:
                cut = framed(check) + spoilt(rng, framed(check))
                stranger.tcp.sendall(cut[: rng.randrange(len(cut))])
            except OSError:
                stranger.close()
                strangers.remove(stranger)
            if i % 20 == 0:
                call.publisher.send(call.packet(i, 3000 * i, keyframe=i == 0, body=b"%d" % i))
                assert viewer.peer.receive_rtp().payload.endswith(b"%d" % i)
                call.plane.read_events()
        stats = call.plane.stats()
        print({group: {k: v for k, v in values.items() if v} for group, values in stats.items()})
        assert stats["tcp"]["proven"] == 3, "what belongs stays, whatever it says"
        assert stats["tcp_closed"]["not_stun"] > 10
        for reason in ("empty", "oversize", "unknown_protocol", "unknown_ssrc", "rtp_malformed"):
            assert stats["ingress_drops"][reason] > 0, f"the fuzz never reached {reason}"
        for stranger in strangers:
            stranger.close()
        hostile.close()


def _spoilt_frame(rng: random.Random, peer: TcpPeer, check: bytes) -> bytes:
    data = spoilt(rng, templates(rng))
    try:
        data = peer.seal(data) if len(data) > 1 and rng.random() < 0.5 else data
    except (Error, ValueError):
        data = check
    if rng.random() < 0.02:
        data = bytes(rng.choice([1601, 5000, 65535]))
    return framed(data)

"""One publisher and its viewers on a plane, in process and packet by packet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from simplesfu.plane import Plane, rtp
from support.srtp_peer import SrtpPeer, plane_socket
from support.tcp_peer import TcpPeer, sockets_of_one_number

# The publisher's numbers, chosen different from the router's.
PT, RTX_PT, SSRC, RTX_SSRC = 96, 97, 0x11111111, 0x22222222
ROUTER_PT, ROUTER_RTX_PT = 101, 102
MID_EXT, LEVEL_EXT, SEND_TIME_EXT = 9, 5, 3
ROUTER_LEVEL_EXT, ROUTER_SEND_TIME_EXT = 6, 4
EXTENSIONS = {LEVEL_EXT: ROUTER_LEVEL_EXT, SEND_TIME_EXT: ROUTER_SEND_TIME_EXT}

KEYFRAME = b"\x10\x00\x9d\x01\x2a"  # VP8: start of partition 0, P bit clear
INTERFRAME = b"\x10\x01\x00\x00\x00"


@dataclass
class Viewer:
    peer: SrtpPeer
    send_stream: int
    ssrc: int
    rtx_ssrc: int


@dataclass
class PlaneCall:
    plane: Plane
    publisher: SrtpPeer
    recv_stream: int
    viewers: list[Viewer] = field(default_factory=list)

    def add_viewer(
        self,
        *,
        rtx: bool = True,
        profile: str = "SRTP_AEAD_AES_128_GCM",
        extensions: tuple[int, ...] = (4, 6),
        codec: str = "vp8",
        peer: SrtpPeer | None = None,
    ) -> Viewer:
        peer = peer or SrtpPeer(self.plane, self.publisher.server, profile)
        ssrc = 0x30000000 + len(self.viewers)
        rtx_ssrc = 0x40000000 + len(self.viewers)
        send_stream = self.plane.add_send_stream(
            peer.transport,
            codec=codec,
            clock_rate=48000 if codec == "opus" else 90000,
            payload_type=ROUTER_PT,
            ssrc=ssrc,
            rtx_payload_type=ROUTER_RTX_PT if rtx else None,
            rtx_ssrc=rtx_ssrc if rtx else None,
            extensions=extensions,
            cname="publisher",
        )
        self.plane.set_source(send_stream, self.recv_stream)
        self.plane.pause_send_stream(send_stream, False)
        viewer = Viewer(peer, send_stream, ssrc, rtx_ssrc)
        self.viewers.append(viewer)
        return viewer

    def packet(
        self, seq: int, ts: int, *, keyframe: bool = False, marker: bool = True, body: bytes = b"picture", **more
    ) -> bytes:
        return rtp.pack(
            payload_type=PT,
            seq=seq & 0xFFFF,
            ts=ts & 0xFFFFFFFF,
            ssrc=SSRC,
            marker=marker,
            payload=(KEYFRAME if keyframe else INTERFRAME) + body,
            **more,
        )


def unwrapped(values: list[int], bits: int) -> list[int]:
    """Modular numbers as plain ones, each taken to be next to the one before."""
    span, result = 1 << bits, values[:1]
    for value in values[1:]:
        step = (value - result[-1]) % span
        result.append(result[-1] + (step if step < span // 2 else step - span))
    return result


def add_recv_stream(peer: SrtpPeer, ssrc: int = SSRC, *, codec: str = "vp8", nack: bool = True, **more: object) -> int:
    """A stream that this peer sends, with the numbers above unless `more` says others."""
    parameters = {
        "codec": codec,
        "clock_rate": 48000 if codec == "opus" else 90000,
        "payload_type": PT,
        "rtx_payload_type": RTX_PT,
        "router_payload_type": ROUTER_PT,
        "ssrc": ssrc,
        "rtx_ssrc": RTX_SSRC if ssrc == SSRC else None,
        "mid": "0",
        "rid": "",
        "mid_ext": MID_EXT,
        "rid_ext": 0,
        "repaired_rid_ext": 0,
        "extensions": EXTENSIONS,
        "send_time_ext": ROUTER_SEND_TIME_EXT,
        "nack": nack,
        "keyframe_request": None if codec == "opus" else "pli",
    }
    return peer.plane.add_recv_stream(peer.transport, **parameters | more)


@contextmanager
def plane_call(
    *, codec: str = "vp8", host: str = "127.0.0.1", nack: bool = True, tcp: bool = False, **plane_options
) -> Iterator[PlaneCall]:
    """`tcp`: it listens on TCP too, and the publisher comes by it."""
    sock, *listeners = sockets_of_one_number(host) if tcp else (plane_socket(host),)
    plane = Plane([sock], listeners=listeners, **plane_options)
    plane.start()
    server = sock.getsockname()[:2]
    publisher = TcpPeer(plane, server) if tcp else SrtpPeer(plane, server)
    call = PlaneCall(plane, publisher, add_recv_stream(publisher, codec=codec, nack=nack))
    try:
        yield call
        stats = plane.stats()
        ingress, egress = stats["ingress"], stats["egress"]
        assert ingress["received"] == (
            ingress["stun"]
            + ingress["dtls"]
            + ingress["rtcp"]
            + ingress["media"]
            + sum(stats["ingress_drops"].values())
        ), stats
        assert egress["offered"] == egress["forwarded"] + sum(stats["egress_drops"].values()), stats
        assert stats["tcp"]["accepted"] == (
            stats["tcp"]["strangers"] + stats["tcp"]["proven"] + sum(stats["tcp_closed"].values())
        ), stats
    finally:
        for viewer in call.viewers:
            viewer.peer.close()
        publisher.close()
        plane.close()
        for each in (sock, *listeners):
            each.close()

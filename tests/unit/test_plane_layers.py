"""Temporal layers, packet by packet: rates that are measured, VP9, and senders that lie."""
from __future__ import annotations

import random
import time

import pytest
from support.plane_call import PT, SSRC, PlaneCall, Viewer, add_recv_stream, plane_call, unwrapped
from support.srtp_peer import wait_until

from simplesfu.plane import rtp
from simplesfu.plane.payload import parse

PATTERN = (0, 2, 1, 2)
"""The layers of four pictures in three temporal layers, as browsers send them."""


def vp8(number: int, layer: int, *, sync: bool = False) -> bytes:
    picture_id = (0x8000 | number & 0x7FFF).to_bytes(2, "big")
    return b"\x90\xe0" + picture_id + bytes([number // 4 & 0xFF, layer << 6 | sync << 5, number > 0]) + b"picture"


def vp9(number: int, layer: int, *, up: bool = False) -> bytes:
    """Not flexible: I, P, L, B, E."""
    first = 0xAC | 0x40 * (number > 0)
    picture_id = (0x8000 | number).to_bytes(2, "big")
    return bytes([first]) + picture_id + bytes([layer << 5 | up << 4, number // 4 & 0xFF, 0]) + b"picture"


def send(call: PlaneCall, seq: int, payload: bytes, *, ssrc: int = SSRC) -> None:
    packet = rtp.pack(payload_type=PT, seq=seq & 0xFFFF, ts=3000 * seq % 2**32, ssrc=ssrc, marker=True, payload=payload)
    call.publisher.send(packet)


def drain(call: PlaneCall, viewer: Viewer, sent: int, so_far: list[rtp.RtpPacket]) -> None:
    """Add what has been forwarded since to `so_far`, when all that was sent has been taken in."""
    wait_until(lambda: call.plane.stats()["ingress"]["received"] == sent, "all packets to be taken in")
    while len(so_far) < call.plane.send_stream_stats(viewer.send_stream)["packets"]:
        packet = viewer.peer.receive_rtp()
        assert packet is not None
        so_far.append(packet)


def test_a_frame_rate_is_kept_by_the_layer_that_is_measured_to_fit() -> None:
    with plane_call(hold_us=0, nack=False) as call:
        viewers = [call.add_viewer() for _ in range(3)]
        for viewer, rate in zip(viewers[1:], (30.0, 1.0), strict=True):
            call.plane.limit_send_stream(viewer.send_stream, max_temporal_layer=None, max_frame_rate=rate)
        sent = 0

        def send_for(seconds: float) -> None:
            nonlocal sent
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                send(call, sent, vp8(sent, PATTERN[sent % 4], sync=sent % 8 in (1, 2)))
                sent += 1
                time.sleep(1 / 52)

        def counts() -> list[int]:
            wait_until(lambda: call.plane.stats()["ingress"]["received"] == sent, "all packets to be taken in")
            return [call.plane.send_stream_stats(viewer.send_stream)["packets"] for viewer in viewers]

        def a_second_is_limited() -> bool:
            first, before = sent, counts()
            send_for(1)
            got = [after - then for after, then in zip(counts(), before, strict=True)]
            rate = call.plane.recv_stream_stats(call.recv_stream)["frame_rate"]
            limits = [call.plane.send_stream_stats(viewer.send_stream)["temporal_limit"] for viewer in viewers]
            print(f"{rate:.1f} frames a second; limits {limits}; of {sent - first} pictures {got} were forwarded")
            assert got[0] == sent - first
            return 30 < rate < 55 and limits == [None, 1, 0] and all(
                abs(got[layer] - got[0] / parts) <= 2 for layer, parts in ((1, 2), (2, 4))
            )

        send_for(0.5)
        # A machine that stands still while this sends gives the plane another frame rate to measure.
        assert any(a_second_is_limited() for _ in range(10))
        assert call.plane.stats()["egress_drops"]["layer"] > 0


def test_vp9_keeps_its_picture_ids_and_is_joined_again_where_the_sender_says() -> None:
    with plane_call(codec="vp9", hold_us=0, nack=False) as call:
        viewer = call.add_viewer(codec="vp9")
        sent = 0

        def send_some(count: int, up_at: int | None = None) -> None:
            nonlocal sent
            for _ in range(count):
                send(call, sent, vp9(sent, PATTERN[sent % 4], up=sent == up_at))
                sent += 1
            wait_until(lambda: call.plane.stats()["ingress"]["received"] == sent, "all packets to be taken in")

        send_some(8)
        call.plane.limit_send_stream(viewer.send_stream, max_temporal_layer=0, max_frame_rate=None)
        send_some(8)
        call.plane.limit_send_stream(viewer.send_stream, max_temporal_layer=1, max_frame_rate=None)
        send_some(8)
        send_some(8, up_at=28)
        got: list[rtp.RtpPacket] = []
        drain(call, viewer, sent, got)
        ids = [int.from_bytes(packet.payload[1:3], "big") & 0x7FFF for packet in got]
        assert ids == [*range(8), 8, 12, 16, 20, 24, 28, 30]
        seqs = unwrapped([packet.seq for packet in got], 16)
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


@pytest.mark.parametrize("codec", ["vp8", "vp9"])
def test_descriptors_that_lie_are_harmless(codec: str) -> None:
    """The bystander is another stream of the same sender, to the same viewer's transport and another's."""
    rng = random.Random(7)
    with plane_call(codec=codec, hold_us=0, nack=False) as call:
        viewers = [call.add_viewer(codec=codec) for _ in range(2)]
        good = add_recv_stream(call.publisher, 0x999)
        viewers.append(bystander := call.add_viewer())
        call.plane.set_source(bystander.send_stream, good)
        got: list[list[rtp.RtpPacket]] = [[] for _ in viewers]
        sent, seq = 0, 100
        for i in range(3000):
            payload = bytearray(vp8(i, rng.randrange(4)) if codec == "vp8" else vp9(i, rng.randrange(8)))
            for _ in range(rng.randrange(3)):
                payload[rng.randrange(7)] = rng.randrange(256)
            seq += rng.choice([-30, -3, -1, 1, 1, 1, 1, 2, 40])
            send(call, seq, bytes(payload[:rng.randrange(1, 14)]))
            sent += 1
            if i % 10 == 0:
                call.plane.limit_send_stream(
                    rng.choice(viewers[:2]).send_stream, max_temporal_layer=rng.choice([None, 0, 1, 2, 7]),
                    max_frame_rate=rng.choice([None, None, 0.001, 15.0, 1e9]))
            if i % 100 == 0:
                send(call, i // 100, vp8(i // 100, 0), ssrc=0x999)
                sent += 1
                for viewer, so_far in zip(viewers, got, strict=True):
                    drain(call, viewer, sent, so_far)
        for viewer, so_far in zip(viewers, got, strict=True):
            drain(call, viewer, sent, so_far)
            print(f"{len(so_far)} of {sent} packets forwarded")
            assert len({packet.seq for packet in so_far}) == len(so_far), "libsrtp would repeat a nonce"
        assert min(len(so_far) for so_far in got[:2]) > 100
        clean = got[2]
        assert [parse("vp8", packet.payload).picture_id for packet in clean] == list(range(30))
        assert [packet.seq - clean[0].seq for packet in clean] == list(range(30))

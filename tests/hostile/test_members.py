"""Lies from inside a call: sealed with a right key, from a right address. Only the liar may come to harm."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from pylibsrtp import Error as SrtpError
from support import rtp
from support.signalling import RefusedError
from support.wire import Wire
from support.wire_peer import ROOM, LightCall, Stream, WirePeer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Liar = tuple[WirePeer, Wire, Stream]


@pytest_asyncio.fixture(loop_scope="module")
async def liar(bystander: LightCall) -> AsyncIterator[Liar]:
    """A peer with both transports and a stream; at the end it must still be served."""
    async with WirePeer(bystander.sender.url) as peer:
        await peer.ask("joinRoom", roomId=ROOM)
        wire = await peer.connect("send")
        await peer.connect("recv")
        stream = await peer.produce("lies")
        await bystander.receiver.consume(stream.producer_id)
        yield peer, wire, stream
        await still_heard(bystander, stream)


async def still_heard(bystander: LightCall, stream: Stream) -> None:
    """The liar's next honest frame reaches the others: one bad packet costs a packet, not a call."""
    heard = bystander.receiver.wires["recv"].received_rtp
    before = len([packet for packet in heard if packet.endswith(b"T" * 200)])
    for _ in range(50):
        stream.wire.send_rtp(stream.packet(rtp.vp8_payload(keyframe=True) + b"T" * 200))
        await asyncio.sleep(0.02)
        if len([packet for packet in heard if packet.endswith(b"T" * 200)]) > before:
            return
    raise AssertionError("the transport that sent something odd is dead")


def lying_rtp(stream: Stream) -> dict[str, list[bytes]]:
    """RTP whose header fields promise what is not there, or hold what nobody sends."""

    def ext(profile: int, words: int, body: bytes) -> bytes:
        return struct.pack("!HH", profile, words) + body

    frame = rtp.vp8_payload(keyframe=False, size=100)
    return {
        "header only": [stream.packet(b"")],
        "VP8 under 6 bytes": [stream.packet(b"\xff" * size) for size in range(1, 6)],
        "padding longer than the packet": [
            stream.packet(b"x" * 10 + bytes([count]), first_byte=0xA0) for count in (0, 11, 12, 255)
        ],
        "fifteen CSRCs and no room for them": [stream.packet(b"x" * 8, first_byte=0x8F)],
        "extension longer than the packet": [stream.packet(frame, extensions=ext(0xBEDE, 0xFFFF, b"\x00" * 4))],
        "extension of an unknown profile": [stream.packet(frame, extensions=ext(0x1234, 1, b"\x00" * 4))],
        "abs-send-time of one byte": [
            stream.packet(frame, extensions=ext(0xBEDE, 1, bytes([number << 4, 0xAA, 0, 0]))) for number in range(1, 15)
        ],
        "one-byte element over the end": [
            stream.packet(frame, extensions=ext(0xBEDE, 1, bytes([number << 4 | 15, 1, 2, 3]))) for number in range(16)
        ],
        "two-byte elements": [
            stream.packet(frame, extensions=ext(0x1000, 1, bytes([number, 255, 0, 0]))) for number in (0, 1, 4, 255)
        ],
        "MID and RID with line ends and zeros": [
            stream.packet(frame, extensions=ext(0xBEDE, 2, bytes([number << 4 | 5]) + b"\r\n\x00a=b" + b"\x00"))
            for number in (1, 2, 3)
        ],
        "1356 bytes, the most that pylibsrtp seals": [stream.packet(b"\x10\x11".ljust(1344, b"L"))],
    }


def send_sealed_if_possible(wire: Wire, packet: bytes, send_sealed: Callable[[bytes], bytes]) -> bool:
    """libsrtp refuses to seal some lies, as it would to open them; those go out in the clear."""
    try:
        send_sealed(packet)
    except SrtpError:
        wire.send(packet)
        return False
    return True


async def test_rtp_that_lies(bystander: LightCall, liar: Liar) -> None:
    _, wire, stream = liar
    for name, packets in lying_rtp(stream).items():
        sealed = sum(send_sealed_if_possible(wire, packet, wire.send_rtp) for packet in packets)
        print(f"{name}: {len(packets)}, {sealed} of them sealed")
        await still_heard(bystander, stream)


async def test_oversize_datagrams_of_a_member(bystander: LightCall, liar: Liar) -> None:
    _, wire, stream = liar
    for size in (0, 1, 11, 1500, 1501, 2000, 9000, 60000):
        for first in (0x00, 0x16, 0x80, 0xFF):
            wire.send(bytes([first])[:size] + bytes(max(0, size - 1)))
        await still_heard(bystander, stream)


def odd_rtcp(media_ssrc: int) -> dict[str, bytes]:
    def packet(count: int, kind: int, words: int, body: bytes) -> bytes:
        return struct.pack("!BBH", 0x80 | count, kind, words) + body

    ssrcs = struct.pack("!II", 1, media_ssrc)
    return {
        "sender report too short": packet(0, 200, 1, ssrcs[:4]),
        "31 report blocks promised, none there": packet(31, 201, 1, ssrcs[:4]),
        "a length over the end": packet(1, 206, 500, ssrcs),
        "a length of zero": packet(0, 203, 0, b""),
        "SDES that never ends": packet(1, 202, 3, ssrcs[:4] + b"\x01\xff" + b"a" * 6),
        "BYE with a reason over the end": packet(1, 203, 2, ssrcs[:4] + b"\xffabc"),
        "transport-wide feedback": packet(15, 205, 5, ssrcs + b"\x00\x01\xff\xff" + b"\x00" * 8),
        "NACK across the wrap": rtp.nack(1, media_ssrc, [65534, 65535, 0, 1]),
        "NACK of half an item": packet(1, 205, 2, ssrcs),
        "REMB of 255 streams, none there": packet(15, 206, 4, ssrcs + b"REMB" + b"\xff\xff\xff\xff"),
        "FIR of half an entry": packet(4, 206, 3, ssrcs + b"\x00" * 4),
        "application-defined": packet(0, 204, 2, ssrcs[:4] + b"name"),
        "extended report": packet(0, 207, 3, ssrcs[:4] + b"\x04\x00\xff\xff" + b"\x00" * 4),
        "padding over the start": struct.pack("!BBHI", 0xA0, 201, 1, 1)[:-1] + b"\xff",
    }


async def test_rtcp_that_lies(bystander: LightCall, liar: Liar) -> None:
    """Sent on the receive transport too, where feedback counts."""
    peer, wire, stream = liar
    consumer = await peer.consume(bystander.stream.producer_id)
    media_ssrc = consumer["rtpParameters"]["encodings"][0]["ssrc"]
    for name, packet in odd_rtcp(media_ssrc).items():
        for way in (wire, peer.wires["recv"]):
            sealed = send_sealed_if_possible(way, packet, way.send_rtcp)
        print(name, "sealed" if sealed else "in the clear")
    await still_heard(bystander, stream)


async def test_hundreds_of_ssrcs_from_one_sender(bystander: LightCall, liar: Liar) -> None:
    peer, wire, stream = liar
    for ssrc in range(1000, 1500):
        wire.send_rtp(rtp.packet(stream.payload_type, 1, 0, ssrc, rtp.vp8_payload(keyframe=True)))
    await still_heard(bystander, stream)
    began = time.monotonic()
    await peer.ask("closeTransport", transportId=peer.transport_ids["recv"])
    print(f"another transport of it was closed in {time.monotonic() - began:.3f} s")
    assert time.monotonic() - began < 1


async def test_somebody_elses_ssrc(bystander: LightCall, liar: Liar) -> None:
    """The bystander's own SSRC, sent over the liar's transport, is not the bystander's stream."""
    peer, wire, _ = liar
    heard = bystander.receiver.wires["recv"].received_rtp
    for seq in range(50):
        wire.send_rtp(
            rtp.packet(bystander.stream.payload_type, seq, 0, bystander.stream.ssrc, b"\x10\x11".ljust(300, b"F"))
        )
    await bystander.flows()
    assert not [packet for packet in heard if packet.endswith(b"F" * 298)]
    with pytest.raises(RefusedError) as refused:
        await peer.produce("double", ssrc=liar[2].ssrc)
    assert refused.value.code == "already_exists"


async def test_a_nack_storm_is_not_amplified(bystander: LightCall) -> None:
    """A thousand requests for the same packet: at most one answer to it in a round trip."""
    receiver = bystander.receiver
    wire = receiver.wires["recv"]
    consumer_ssrc, rtx_ssrc = video_ssrcs(bystander)
    last_seq = struct.unpack_from("!H", wire.received_rtp[-1], 2)[0]
    before = sum(rtp.ssrc_of(packet) == rtx_ssrc for packet in wire.received_rtp)
    for _ in range(1000):
        wire.send_rtcp(rtp.nack(1, consumer_ssrc, [last_seq]))
    await bystander.flows()
    resent = sum(rtp.ssrc_of(packet) == rtx_ssrc for packet in wire.received_rtp) - before
    print(f"1000 requests, {resent} answers")
    assert 1 <= resent <= 50


async def test_a_storm_of_keyframe_requests_is_held_back(bystander: LightCall) -> None:
    receiver, sender = bystander.receiver.wires["recv"], bystander.sender.wires["send"]
    consumer_ssrc, _ = video_ssrcs(bystander)

    def asked() -> int:
        return sum(map(rtp.asks_for_keyframe, sender.received_rtcp))

    before = asked()
    for _ in range(1000):
        receiver.send_rtcp(rtp.pli(1, consumer_ssrc))
    await bystander.flows()
    print(f"1000 requests of the receiver became {asked() - before} to the sender")
    assert 1 <= asked() - before <= 5


def video_ssrcs(call: LightCall) -> tuple[int, int]:
    encoding: dict[str, Any] = call.consumer["rtpParameters"]["encodings"][0]
    return encoding["ssrc"], encoding["rtx"]["ssrc"]

"""Datagrams from those who belong to no call: nothing is forwarded, nothing comes back, nobody is harmed."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from aioice import stun
from support.waiting import until
from support.wire import binding_request
from support.wire_peer import LightCall, WirePeer

PLAINTEXT_ALERT = bytes.fromhex("15fefd00000000000000000002") + b"\x02\x28"
CLIENT_HELLO = (
    bytes.fromhex("16fefd00000000000000000036" + "010000" + "2a" + "0000" + "000000" + "00002a" + "fefd")
    + bytes(32)
    + bytes.fromhex("00" + "00" + "0002c02b" + "0100")
)


def malformed_stun() -> Iterator[bytes]:
    """Binding requests whose attributes lie about their lengths or hold too little."""
    header = struct.Struct("!HHI12s")
    for kind in (0x0001, 0x0006, 0x0008, 0x0009, 0x0020, 0x0024, 0x0025, 0x8028, 0x802A, 0x802B):
        for length, body in ((0, b""), (1, b"\x00" * 4), (3, b"\x00" * 4), (0xFFFF, b"\x00" * 4), (8, b"")):
            attribute = struct.pack("!HH", kind, length) + body
            yield header.pack(1, len(attribute), stun.COOKIE, os.urandom(12)) + attribute
            yield header.pack(1, 0xFFFC, stun.COOKIE, os.urandom(12)) + attribute


def odd_datagrams(server_ufrag: str) -> dict[str, list[bytes]]:
    dice = random.Random(11)
    return {
        "empty": [b""] * 20,
        "one byte": [bytes([first]) for first in range(256)],
        "random": [dice.randbytes(dice.randrange(1, 1500)) for _ in range(500)],
        "oversize, looking like RTP": [b"\x80" + bytes(size) for size in (1500, 1501, 2000, 9000, 60000)],
        "looking like RTCP": [struct.pack("!BBHI", 0x80, kind, 1, 1) for kind in range(192, 224)],
        "plaintext alert": [PLAINTEXT_ALERT] * 20,
        "ClientHello": [CLIENT_HELLO] * 20,
        "malformed STUN": list(malformed_stun()),
        "STUN with a live name and a wrong password": [binding_request(f"{server_ufrag}:x", "wrong")] * 50,
        "STUN with a name that is none": [binding_request("nobody:x", "wrong")] * 50,
        "STUN with a name of binary rubbish": [binding_request("\x00\r\n\x7fé" * 40, "wrong")] * 20,
    }


def drain(end: socket.socket) -> list[bytes]:
    """What has arrived at a non-blocking socket."""
    arrived: list[bytes] = []
    with suppress(BlockingIOError):
        while True:
            arrived.append(end.recv(65535))
    return arrived


async def test_odd_datagrams_from_a_stranger(bystander: LightCall) -> None:
    wire = bystander.sender.wires["send"]
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        for name, datagrams in odd_datagrams(wire.ice["usernameFragment"]).items():
            for number, datagram in enumerate(datagrams):
                stranger.sendto(datagram, wire.server)
                if number % 50 == 49:
                    await asyncio.sleep(0.005)
            await bystander.flows()
            answered = drain(stranger)
            print(f"{name}: {len(datagrams)} sent, {len(answered)} answered")
            assert not answered


async def test_the_callers_own_packets_from_another_address(bystander: LightCall) -> None:
    """Right SSRC, right key, wrong address: not forwarded; and a replay from the right address is not either."""
    wire = bystander.sender.wires["send"]
    receiver = bystander.receiver.wires["recv"]
    sealed = wire.send_rtp(bystander.stream.packet(b"\x10\x11".ljust(500, b"R")))

    def copies() -> int:
        return sum(packet.endswith(b"R" * 498) for packet in receiver.received_rtp)

    await until(copies, "the honest packet")
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        for _ in range(100):
            stranger.sendto(sealed, wire.server)
            wire.udp.sendto(sealed)
    await bystander.flows()
    assert copies() == 1


@pytest.mark.parametrize("attack", ["empty", "plaintext alert", "ClientHello"])
async def test_a_handshake_under_way_is_not_disturbed(bystander: LightCall, attack: str) -> None:
    """Before DTLS is done is when a spoofed record does most harm (CVE-2023-49786)."""
    async with WirePeer(bystander.sender.url) as victim:
        wire = await victim.describe("send")
        datagram = odd_datagrams(wire.ice["usernameFragment"])[attack][0]
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            for _ in range(50):
                stranger.sendto(datagram, wire.server)
            await wire.connect_ice()
            for _ in range(50):
                stranger.sendto(datagram, wire.server)
                wire.udp.sendto(b"")
            await wire.shake_hands()
            for _ in range(50):
                stranger.sendto(datagram, wire.server)
        await victim.told("transportStateChange", state="connected")
        assert not [payload for event, payload in victim.notifications if payload.get("state") == "failed"]


async def test_a_hundred_thousand_datagrams(bystander: LightCall) -> None:
    """A flood of junk, of bad STUN and of bad SRTP from a stranger, as fast as one process sends them."""
    wire = bystander.sender.wires["send"]
    flood = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("flood.py")),
        *map(str, (*wire.server, wire.ice["usernameFragment"], bystander.stream.ssrc)),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await flood.communicate()
    print(said.decode())
    assert flood.returncode == 0
    await bystander.flows()

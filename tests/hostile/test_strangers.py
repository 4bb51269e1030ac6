"""Datagrams from those who belong to no call: nothing is forwarded, nothing comes back, nobody is harmed."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest
from support.attacks import flood, odd_datagrams
from support.waiting import until
from support.wire_peer import LightCall, WirePeer

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
            await bystander.flows(frames=3)
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
            wire.send(sealed)
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
                wire.send(b"")
            await wire.shake_hands()
            for _ in range(50):
                stranger.sendto(datagram, wire.server)
        await victim.told("transportStateChange", state="connected")
        assert not [payload for event, payload in victim.notifications if payload.get("state") == "failed"]


@pytest.mark.slow
async def test_a_hundred_thousand_datagrams(bystander: LightCall) -> None:
    """A flood of junk, of bad STUN and of bad SRTP from a stranger, as fast as one process sends them."""
    wire = bystander.sender.wires["send"]
    print(await flood(wire.server, wire.ice["usernameFragment"], bystander.stream.ssrc))
    await bystander.flows()

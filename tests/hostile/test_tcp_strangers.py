"""ICE-TCP at its worst: who connects to harm, who belongs and harms all the same, and a call beside that notices none
of it."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from support import tcp_flood
from support.attacks import odd_datagrams
from support.tcp_peer import FramedSocket, framed
from support.tcp_wire import TcpWire
from support.waiting import until
from support.wire import Wire, binding_request
from support.wire_peer import ROOM, LightCall, WirePeer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELSEWHERE = "127.0.0.2"
FLOOD_S = 3


async def tcp_stats(call: LightCall) -> dict[str, Any]:
    plane = (await call.server.stats())["media"]["plane"]
    return plane["tcp"] | {reason: count for reason, count in plane["tcp_closed"].items() if count}


async def held_back(call: LightCall) -> int:
    count: int = (await call.server.stats())["media"]["plane"]["egress_drops"]["slow_reader"]
    return count


async def flood(wire: Wire, kind: str, check: bytes = b"", source: str = ELSEWHERE) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(tcp_flood.__file__)), wire.server[0], str(wire.server[1]), kind, str(FLOOD_S), source,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(check.hex().encode() + b"\n")
    assert process.returncode == 0, said.decode()
    return said.decode().strip()


async def viewer_by_tcp(call: LightCall, peer: WirePeer, **how: Any) -> tuple[TcpWire, dict[str, Any]]:
    """The peer watches the bystander's stream over TCP."""
    wire = await peer.describe("recv", wire=TcpWire)
    assert isinstance(wire, TcpWire)
    for name, value in how.items():
        setattr(wire, name, value)
    await wire.connect()
    await peer.ask("joinRoom", roomId=ROOM)
    return wire, await peer.see("webcam", call.sender)


async def test_odd_things_are_said_once(bystander: LightCall) -> None:
    wire = bystander.sender.wires["send"]
    said = 0
    for data in (data for kind in odd_datagrams(wire.ice["usernameFragment"]).values() for data in kind[:20]):
        for stream in (framed(data[:65535]), data):
            with ExitStack() as stack:
                stranger = FramedSocket(wire.server, source=ELSEWHERE)
                stack.callback(stranger.close)
                with suppress(OSError):  # closed before all of it was said
                    stranger.tcp.sendall(stream)
                    stranger.tcp.shutdown(socket.SHUT_WR)
                assert await asyncio.to_thread(stranger.is_closed)
                said += 1
    print(f"{said} strangers; {await tcp_stats(bystander)}")


async def test_who_comes_by_tcp_gets_in_while_others_hold_on_to_half_a_check(bystander: LightCall) -> None:
    """Slowloris: connections that say a little, and wait; from one address they have few places."""
    wire = bystander.sender.wires["send"]
    half = framed(binding_request(f"{wire.ice['usernameFragment']}:x", "wrong"))[:30]
    with ExitStack() as stack:
        for _ in range(200):
            stranger = FramedSocket(wire.server, source=ELSEWHERE)
            stack.callback(stranger.close)
            stranger.tcp.sendall(half)
        async with WirePeer(bystander.sender.url) as peer:
            _, consumer = await viewer_by_tcp(bystander, peer)
            await peer.gets(consumer)
        stats = await tcp_stats(bystander)
        print(stats)
        assert stats["strangers"] <= 16 + 1


@pytest.mark.slow
async def test_a_flood_of_connections(bystander: LightCall) -> None:
    wire = bystander.sender.wires["send"]
    print(await flood(wire, "connections"), await tcp_stats(bystander))


async def test_one_who_belongs_floods(bystander: LightCall) -> None:
    """It has proved itself, and sends whatever frames it can: empty ones, too long ones, junk of every protocol."""
    async with WirePeer(bystander.sender.url) as peer:
        wire = await peer.describe("send")
        check = binding_request(f"{wire.ice['usernameFragment']}:x", wire.ice["password"])
        print(await flood(wire, "frames", check))
    plane = (await bystander.server.stats())["media"]["plane"]
    print(plane["ingress_drops"], plane["tcp"])
    assert plane["ingress_drops"]["empty"] > 100
    assert plane["ingress_drops"]["oversize"] > 100


async def test_one_who_belongs_never_reads(bystander: LightCall) -> None:
    before = await held_back(bystander)
    async with WirePeer(bystander.sender.url) as peer:
        wire, consumer = await viewer_by_tcp(bystander, peer, room_bytes=4096)
        await peer.gets(consumer)
        wire.stop_reading()

        async def enough() -> bool:
            return await held_back(bystander) > before + 30

        await until(enough, "what is not read is held back")
        print(await tcp_stats(bystander))
        wire.read_on()
        await peer.gets(consumer)


async def test_half_a_frame_of_one_who_belongs(bystander: LightCall) -> None:
    """What is unfinished waits, and holds up nobody else; the rest of it makes it whole."""
    async with WirePeer(bystander.sender.url) as peer:
        wire, consumer = await viewer_by_tcp(bystander, peer)
        wire.fall_silent()
        check = framed(binding_request(f"{wire.ice['usernameFragment']}:x", wire.ice["password"]))
        answered = len(wire.answered)
        wire.send_bytes(check[:40])
        await peer.gets(consumer)
        assert len(wire.answered) == answered
        wire.send_bytes(check[40:])
        await until(lambda: len(wire.answered) == answered + 1, "an answer to the whole check", every_s=0.02)

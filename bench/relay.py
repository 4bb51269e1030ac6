"""The usual way in Python, for comparison: aiortc's MediaRelay, which decodes once and encodes for every viewer.

The same job (one sender, N viewers, one server process on one core), counted in the same way.
"""
from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.contrib.media import MediaBlackhole, MediaRelay
from av import VideoFrame

from bench.accounting import Usage, read_usage
from bench.processes import ask, receive, spawned

WIDTH: Final = 640
HEIGHT: Final = 360
PATTERNS: Final = 60
WARM_UP_S: Final = 1.5


@dataclass(frozen=True)
class Relaying:
    """What one run cost: per RTP packet that left for a viewer, and as a share of one core."""

    forwarded: int
    cpu_us: float
    core_share: float


def measure_relay(viewers: int, *, server_core: int, seconds: float) -> Relaying:
    """Raises RuntimeError when the call does not come about."""
    with spawned(_serve, server_core) as (server_pid, server), spawned(_take_part, viewers) as (_, clients):
        # Offers and answers pass through here, the publisher's first.
        for _ in range(1 + viewers):
            clients.send(ask(server, receive(clients)))
        receive(clients)
        packets_before, usage_before = _count(server, server_pid)
        time.sleep(seconds)
        packets, usage = _count(server, server_pid)
        forwarded = packets - packets_before
        if not forwarded:
            raise RuntimeError("the relay sent nothing")
        cpu_ns = usage.since(usage_before).cpu_ns
        return Relaying(forwarded, cpu_ns / 1e3 / forwarded, cpu_ns / 1e9 / seconds)


def _count(server: Connection, pid: int) -> tuple[int, Usage]:
    return ask(server, "packets"), read_usage(pid, pid)


def _serve(connection: Connection, core: int) -> None:
    os.sched_setaffinity(0, {core})
    asyncio.run(_relay(connection))


async def _relay(connection: Connection) -> None:
    relay = MediaRelay()
    source: MediaStreamTrack | None = None
    peers: list[RTCPeerConnection] = []
    while (message := await _next_message(connection)) is not None:
        if message == "packets":
            reports = [await sender.getStats() for peer in peers for sender in peer.getSenders()]
            connection.send(sum(
                stats.packetsSent for report in reports for stats in report.values() if stats.type == "outbound-rtp"
            ))
            continue
        peer = _peer()
        peers.append(peer)
        await peer.setRemoteDescription(RTCSessionDescription(message, "offer"))
        if source is None:
            source = peer.getReceivers()[0].track
        else:
            peer.addTrack(relay.subscribe(source))
        await peer.setLocalDescription(await peer.createAnswer())
        connection.send(peer.localDescription.sdp)
    await asyncio.gather(*(peer.close() for peer in peers))


def _take_part(connection: Connection, viewers: int) -> None:
    asyncio.run(_publish_and_view(connection, viewers))


async def _publish_and_view(connection: Connection, viewers: int) -> None:
    publisher, *others = peers = [_peer() for _ in range(1 + viewers)]
    publisher.addTrack(_MovingPicture())
    await _negotiate(publisher, connection)
    sinks: list[MediaBlackhole] = []
    for peer in others:
        peer.addTransceiver("video", direction="recvonly")
        await _negotiate(peer, connection)
        sinks.append(MediaBlackhole())
        sinks[-1].addTrack(peer.getReceivers()[0].track)
        await sinks[-1].start()
    await asyncio.gather(*(_connected(peer) for peer in peers))
    await asyncio.sleep(WARM_UP_S)
    connection.send("connected")
    await _next_message(connection)
    await asyncio.gather(*(sink.stop() for sink in sinks), *(peer.close() for peer in peers))


def _peer() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def _negotiate(peer: RTCPeerConnection, connection: Connection) -> None:
    await peer.setLocalDescription(await peer.createOffer())
    connection.send(peer.localDescription.sdp)
    answer = await _next_message(connection)
    if answer is None:
        raise EOFError("the benchmark ended")
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))


async def _connected(peer: RTCPeerConnection) -> None:
    changed = asyncio.Event()
    peer.on("connectionstatechange", changed.set)
    while peer.connectionState != "connected":
        await changed.wait()
        changed.clear()


async def _next_message(connection: Connection) -> str | None:
    """None when the other end has closed."""
    try:
        message: str = await asyncio.to_thread(connection.recv)
    except EOFError:
        return None
    return message


class _MovingPicture(VideoStreamTrack):
    """30 frames a second of a drifting gradient with a square in it; made beforehand, so that only encoding costs."""

    def __init__(self) -> None:
        super().__init__()
        self._frames = [_picture(i) for i in range(PATTERNS)]
        self._next = 0

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = self._frames[self._next % PATTERNS]
        self._next += 1
        frame.pts, frame.time_base = pts, time_base
        return frame


def _picture(i: int) -> VideoFrame:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    picture = np.stack([(x + 8 * i) % 256, (y + 4 * i) % 256, (x + y) % 256], axis=-1).astype(np.uint8)
    left = (10 * i) % (WIDTH - 80)
    picture[140:220, left:left + 80] = 255
    return VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")

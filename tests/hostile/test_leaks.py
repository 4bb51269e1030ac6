"""Coming and going leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from support.factories import Serve
from support.server import MediaServer
from support.waiting import until
from support.wire_peer import WirePeer

CYCLES = 200
AT_ONCE = 5


async def one_cycle(server: MediaServer, number: int) -> None:
    """Two peers meet, send and receive; one says goodbye, the other just goes."""
    async with WirePeer(server.url) as sender, WirePeer(server.url) as receiver:
        for peer in (sender, receiver):
            await peer.ask("joinRoom", roomId=f"room {number}")
        await asyncio.gather(sender.connect("send"), receiver.connect("recv"))
        stream = await sender.produce()
        await receiver.told("producerAvailable", producerId=stream.producer_id)
        await receiver.consume(stream.producer_id)
        stream.send_frame(keyframe=True)
        await until(lambda: receiver.wires["recv"].received_rtp, "a packet", every_s=0.01)
        if number % 2:
            await sender.ask("closeTransport", transportId=sender.transport_ids["send"])


async def cycles(server: MediaServer, first: int) -> None:
    await asyncio.gather(*(one_cycle(server, number) for number in range(first, first + AT_ONCE)))


def footprint(stats: dict[str, Any]) -> Counter[str]:
    tasks = dict(stats["tasks"])
    tasks.pop("AsyncSocket._send_ping", None)  # Engine.IO's own, asleep until its next ping, then it ends
    return Counter({"fds": stats["fds"], "threads": stats["threads"], **stats["objects"], **tasks})


@pytest.mark.slow
async def test_two_hundred_comings_and_goings(serve: Serve) -> None:
    server = await serve()
    for _ in range(2):  # what is made once and kept (thread pools, caches) is made here, by as many at once as later
        await cycles(server, 0)
    before, rss_bytes = await server.empty(), []
    for first in range(0, CYCLES, AT_ONCE):
        await cycles(server, first)
        rss_bytes.append((await server.stats())["rss_bytes"])

    async def as_before() -> bool:
        more = footprint(await server.stats()) - footprint(before)
        print(f"more than before: {dict(more)}")
        return not more

    await until(as_before, "nothing more than there was", timeout_s=10)
    # The first half may still fill the allocator's pools.
    first_half, second_half = (
        rss_bytes[len(rss_bytes) // 2] - rss_bytes[0],
        rss_bytes[-1] - rss_bytes[len(rss_bytes) // 2],
    )
    print(f"{CYCLES} cycles of two peers: {footprint(before)}")
    print(f"memory +{first_half / 2**20:.1f} MB in the first half, +{second_half / 2**20:.1f} MB in the second")
    assert second_half < 5 << 20

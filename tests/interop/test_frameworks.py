"""The same call on gevent, patched or not: threads of its own, and a hub that nobody holds up."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.factories import Serve
from support.node_peer import NodePeer
from support.signalling import SignallingClient
from support.waiting import until

BLOCKED_S = 4


@pytest.fixture(params=["gevent", "gevent_unpatched"])
def app(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.slow
async def test_a_busy_application_on_gevent_freezes_nobody(serve: Serve, app: str) -> None:
    server = await serve(app)
    async with NodePeer(server.url, (200, 30, 30), 400) as red, NodePeer(server.url, (30, 30, 200), 800) as blue:
        await asyncio.gather(red.publish(), blue.publish())
        for one, other in ((red, blue), (blue, red)):
            await one.sees([other])
            await one.hears([other])
        frames = [await count_frames(red, blue)]
        busy = asyncio.create_task(server.get(f"/_burn?s={BLOCKED_S}"))
        await asyncio.sleep(BLOCKED_S / 4)
        asked = time.monotonic()
        await server.stats()
        answered_s = time.monotonic() - asked
        await busy
        frames.append(await count_frames(red, blue))
        print(f"{app}: a request waited {answered_s:.1f} s, {frames[1] - frames[0]} frames came meanwhile")
        assert answered_s > BLOCKED_S / 2, "the application was not busy at all"
        assert frames[1] - frames[0] > 10 * BLOCKED_S
    await until(lambda: server.heard("peer_left"), "what the application is told of leaving")


async def count_frames(viewer: NodePeer, publisher: NodePeer) -> int:
    return int((await viewer.received())[f"{publisher.peer_id}/webcam"]["frames"])


@pytest.mark.slow
async def test_rights_are_asked_for_in_greenlets_side_by_side(serve: Serve, app: str) -> None:
    server = await serve(app, authorizes=True)
    async with SignallingClient(server.url) as one, SignallingClient(server.url) as other:
        await asyncio.gather(*(peer.ask("joinRoom", roomId=f"room-{n}") for peer in (one, other) for n in range(3)))
        asked_at_once = await server.get("/_asked_at_once")
        print(f"{app}: of two peers' questions, three each, so many were open: {asked_at_once}")
        assert len(asked_at_once) == 6
        assert max(asked_at_once) == 2, "one of each peer's at a time"
        # This view waits for answers that need its hub.
        assert await server.get("/_close_room/room-1") == 2
        assert await one.told("roomLeft", roomId="room-1")
        assert (await other.refused("joinRoom", roomId="room-1"))["code"] == "not_allowed"


@pytest.mark.slow
async def test_a_lost_socket_is_no_lost_session(serve: Serve, app: str) -> None:
    server = await serve(app)
    async with SignallingClient(server.url) as client:
        await client.ask("joinRoom", roomId="room")
        await client.lose_socket()
        await until(lambda: server.heard("peer_lost"), "the loss of the socket")
        assert (await client.come_back())["resumed"]
        assert (await server.peers())[client.peer_id]["rooms"] == ["room"]

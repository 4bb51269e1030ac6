"""Rooms of libwebrtc clients without a browser: what a change breaks shows here within seconds."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from support.factories import Serve
from support.node_peer import NodePeer
from support.server import MediaServer
from support.signalling import RefusedError
from support.waiting import until

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 30), (30, 30, 200)


@pytest.mark.parametrize("app", ["asgi", pytest.param("flask", marks=pytest.mark.slow)])
async def test_a_room_of_three(serve: Serve, app: str) -> None:
    server = await serve(app)
    async with AsyncExitStack() as leaving:
        peers = [
            await leaving.enter_async_context(NodePeer(server.url, colour, hertz))
            for colour, hertz in ((RED, 400), (GREEN, 600), (BLUE, 800))
        ]
        for peer in peers:
            await peer.do("joinRoom", roomId="room")
        await asyncio.gather(*(peer.publish() for peer in peers))
        for peer in peers:
            others = [other for other in peers if other is not peer]
            await peer.sees(others)
            await peer.hears(others)

        red, green, blue = peers
        await blue.do("leaveRoom", roomId="room")
        await red.sees([green])
        await green.told("trackRemoved", peerId=blue.peer_id, label="webcam", reason="room_left")
        await blue.sees([])
        await blue.do("joinRoom", roomId="room")
        await red.sees([green, blue])

        await green.do("removeTrack", label="webcam")
        await red.told("trackRemoved", peerId=green.peer_id, label="webcam", reason="closed")
        await red.sees([blue])


@pytest.mark.slow
async def test_pausing_stops_the_server_from_sending(serve: Serve) -> None:
    server = await serve()
    async with NodePeer(server.url, RED) as red, NodePeer(server.url, GREEN) as green:
        await red.publish()
        await green.sees([red])
        await green.do("pausePeer", peerId=red.peer_id)
        picture = f"{red.peer_id}/webcam"

        async def stands_still() -> bool:
            before = (await green.received())[picture]["frames"]
            await asyncio.sleep(0.5)
            return bool((await green.received())[picture]["frames"] == before)

        await until(stands_still, "no more frames")
        forwarded = await forwarded_packets(server)
        await asyncio.sleep(1)
        assert await forwarded_packets(server) == forwarded, "the server still sends what nobody wants"
        await green.do("resumePeer", peerId=red.peer_id)
        before = (await green.received())[picture]["frames"]

        async def moves() -> bool:
            return bool((await green.received())[picture]["frames"] > before + 10)

        await until(moves, "frames again")


async def forwarded_packets(server: MediaServer) -> int:
    return int((await server.stats())["media"]["plane"]["egress"]["forwarded"])


async def test_errors_reach_the_promise_with_a_hint(serve: Serve) -> None:
    server = await serve()
    async with NodePeer(server.url) as peer:
        with pytest.raises(RefusedError) as refused:
            await peer.do("leaveRoom", roomId="never joined")
        print(refused.value)
        assert refused.value.code == "not_found"
        assert refused.value.hint


@pytest.mark.slow
async def test_a_lost_socket_is_noticed_by_nobody(serve: Serve) -> None:
    server = await serve()
    async with NodePeer(server.url, RED) as red, NodePeer(server.url, GREEN) as green:
        for peer in (red, green):
            await peer.do("joinRoom", roomId="room")
            await peer.publish()
        await green.sees([red])
        await red.sees([green])
        told_before = [len(peer.events) for peer in (red, green)]
        frames_before = (await green.received())[f"{red.peer_id}/webcam"]["frames"]
        for times in range(1, 4):
            await red.do("dropSocket")
            # begun while the socket is away: carried out when it is back, once
            await asyncio.gather(
                red.do("pausePeer", peerId=green.peer_id),
                red.do("addTrack", label=f"extra {times}", kind="video", color=RED, broadcast=True),
                red.do("resumePeer", peerId=green.peer_id),
            )
            await green.told("track", label=f"extra {times}")
        assert (await red.do("peers"))["peerId"] == red.peer_id
        resumed = [data for name, data in red.events if name == "connectionStateChange" and data["reason"] == "resumed"]
        assert len(resumed) == 3, red.events
        news = [peer.events[before:] for peer, before in zip((red, green), told_before, strict=True)]
        told = [name for events in news for name, _ in events]
        print(told)
        assert not {"trackRemoved", "peerDisconnection", "peerConnection", "error"} & set(told)
        assert told.count("track") == 3
        assert (await green.received())[f"{red.peer_id}/webcam"]["frames"] > frames_before
        assert [event["event"] for event in await server.heard("peer_lost")] == ["peer_lost"] * 3
        assert not await server.heard("peer_left")
        labels = [producer["label"] for producer in (await server.peers())[red.peer_id]["producers"]]
        assert sorted(labels) == ["extra 1", "extra 2", "extra 3", "microphone", "webcam"]


@pytest.mark.slow
async def test_a_server_that_is_killed_gets_its_calls_back(serve: Serve) -> None:
    server = await serve(session_key="a key that outlives the process")
    async with NodePeer(server.url, RED) as red, NodePeer(server.url, GREEN) as green:
        for peer in (red, green):
            await peer.do("joinRoom", roomId="room")
        await red.publish(broadcast=False)
        await green.do("connectToPeer", peerId=red.peer_id)
        await green.sees([red])
        await server.crash()
        await server.revive()
        began = asyncio.get_running_loop().time()
        await green.told("trackRemoved", label="webcam", reason="connection_lost")
        await green.sees([red])
        print(f"seen again {asyncio.get_running_loop().time() - began:.2f} s after the server was back")
        for peer in (red, green):
            assert (await peer.do("peers"))["peerId"] == peer.peer_id, "the key keeps the ids"


@pytest.mark.slow
@pytest.mark.parametrize("app", ["asgi", "flask"])
async def test_another_peer_on_the_same_socket(serve: Serve, app: str) -> None:
    """As user interfaces do that mount everything twice: made, closed and made again within a moment."""
    server = await serve(app)
    async with NodePeer(server.url, RED) as red, NodePeer(server.url, GREEN) as green:
        await green.publish()
        for wait in (False, True, False, False, True):
            red.peer_id = (await red.do("reopen", wait=wait)).get("peerId")
        await red.publish()
        await green.sees([red])
        await red.sees([green])
        assert "error" not in [name for name, _ in red.events], red.events

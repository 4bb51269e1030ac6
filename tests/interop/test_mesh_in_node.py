"""Links of SimplePeers on libwebrtc, over the real server: what they carry, and what happens when something goes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from support.in_process import MediaApp, media_app
from support.node_peer import NodePeer
from support.server import MediaServer, running
from support.waiting import until

pytestmark = pytest.mark.slow

COLOURS = [(200, 30, 30), (30, 180, 30), (40, 40, 200)]


@asynccontextmanager
async def call(app: MediaApp | MediaServer, count: int, topology: str) -> AsyncIterator[list[NodePeer]]:
    async with AsyncExitStack() as peers:
        yield [await join(peers, app, number, topology) for number in range(count)]


async def join(peers: AsyncExitStack, app: MediaApp | MediaServer, number: int, topology: str) -> NodePeer:
    peer = NodePeer(app.url, COLOURS[number], 440 + 220 * number, topology=topology)
    await peers.enter_async_context(peer)
    await peer.do("joinRoom", roomId="room")
    return peer


async def linked(peer: NodePeer, others: list[NodePeer]) -> None:
    """Wait until there is a link with each of them, and no other, and it is connected."""

    async def all_connected() -> bool:
        reports = (await peer.do("links"))["reports"]
        return reports.keys() == {other.peer_id for other in others} and all(map(is_connected, reports.values()))

    await until(all_connected, f"links with {len(others)} others")


def is_connected(report: list[dict[str, Any]]) -> bool:
    return any(entry["type"] == "transport" and entry.get("dtlsState") == "connected" for entry in report)


def sent_bytes(report: list[dict[str, Any]]) -> int:
    return sum(entry["bytesSent"] for entry in report if entry["type"] == "outbound-rtp")


def transports_of(peer: NodePeer) -> list[tuple[Any, Any]]:
    changes = [data for name, data in peer.events if name == "connectionStateChange"]
    return [(change["direction"], change["state"]) for change in changes if change["direction"] != "signaling"]


async def test_three_in_a_mesh_see_and_hear_each_other_and_nothing_goes_through_the_server() -> None:
    async with media_app() as app, call(app, 3, "mesh") as peers:
        await asyncio.gather(*(peer.publish() for peer in peers))
        for peer in peers:
            others = [other for other in peers if other is not peer]
            await peer.sees(others)
            await peer.hears(others)
            await linked(peer, others)
        assert not await app.transports()
        for peer in peers:
            assert (await peer.do("links"))["topology"] == "mesh"
            assert set(transports_of(peer)) == {("mesh", "connecting"), ("mesh", "connected")}


async def test_a_pause_stops_the_sending_and_a_mute_and_a_removal_are_told() -> None:
    async with media_app() as app, call(app, 2, "mesh") as (red, green):
        await red.do("addTrack", label="webcam", kind="video", color=COLOURS[0], broadcast=True)
        await green.sees([red])

        async def sent_in_a_second() -> int:
            [before] = (await red.do("links"))["reports"].values()
            await asyncio.sleep(1)
            [after] = (await red.do("links"))["reports"].values()
            return sent_bytes(after) - sent_bytes(before)

        flowing = await sent_in_a_second()
        await green.do("pausePeer", peerId=red.peer_id)
        await until(lambda: is_silent(sent_in_a_second), "nothing is sent any longer")
        await green.do("resumePeer", peerId=red.peer_id)

        async def flows() -> int:
            return await sent_in_a_second()

        print(f"bytes a second: {flowing}, and after the pause {await until(flows, 'it flows again')}")
        await red.do("muteTrack", label="webcam")
        await green.told("trackMuted", label="webcam")
        await until(lambda: is_silent(sent_in_a_second), "nothing of a muted track is sent")
        await red.do("unmuteTrack", label="webcam")
        await green.told("trackUnmuted", label="webcam")
        await red.do("setColor", label="webcam", color=(30, 30, 30))
        red.colour = (30, 30, 30)
        await green.sees([red])
        await red.do("removeTrack", label="webcam")
        await green.told("trackRemoved", label="webcam", reason="closed")


async def is_silent(sent: Any) -> bool:
    return bool(await sent() == 0)


async def test_a_lost_socket_disturbs_no_link_and_a_leaver_is_gone_for_all() -> None:
    async with media_app() as app, AsyncExitStack() as later, call(app, 2, "mesh") as (red, green):
        await asyncio.gather(red.publish(), green.publish())
        await green.sees([red])
        await red.sees([green])
        await linked(red, [green])
        before = transports_of(red)
        red.events.clear()
        await red.do("dropSocket")
        await red.told("connectionStateChange", direction="signaling", reason="resumed")
        frames = await shown(green, red)

        async def more() -> bool:
            return await shown(green, red) > frames + 20

        await until(more, "the picture moves on")
        assert transports_of(red) == []
        assert ("mesh", "connected") in before
        blue = await join(later, app, 2, "mesh")
        await blue.sees([red, green])
        await blue.do("close")
        await red.told("peerDisconnection", peerId=blue.peer_id)
        await linked(red, [green])
        assert not [data for name, data in green.events if name == "trackRemoved"]


async def shown(viewer: NodePeer, publisher: NodePeer) -> int:
    """Frames so far, of the one track that there is."""
    frames: int = (await viewer.received())[f"{publisher.peer_id}/webcam"]["frames"]
    return frames


async def test_a_server_that_allows_no_mesh_carries_all_by_its_router() -> None:
    async with media_app(allow_mesh=False) as app, call(app, 2, "mesh") as (red, green):
        await red.publish()
        await green.sees([red])
        links = await green.do("links")
        assert (links["topology"], links["carriers"], links["reports"]) == ("sfu", {red.peer_id: "sfu"}, {})


async def test_who_wishes_for_the_router_gets_it_from_everybody() -> None:
    async with media_app() as app, AsyncExitStack() as others, call(app, 2, "mesh") as (red, green):
        blue = await join(others, app, 2, "sfu")
        await asyncio.gather(*(peer.publish() for peer in (red, green, blue)))
        await red.sees([green, blue])
        await green.sees([red, blue])
        await blue.sees([red, green])
        await linked(red, [green])
        assert (await red.do("links"))["carriers"] == {green.peer_id: "mesh", blue.peer_id: "sfu"}
        await blue.do("pausePeer", peerId=red.peer_id)
        await green.do("listen", event="data")
        await blue.do("listen", event="data")
        await red.do("send", data="to all", label="")
        for peer in (green, blue):
            await until(lambda peer=peer: heard(peer, ["to all"]), "the message")


async def heard(peer: NodePeer, wanted: list[str]) -> bool:
    return [message["data"] for message in (await peer.do("heard"))["heard"]["data"]] == wanted


async def test_a_server_that_starts_again_finds_everybody_linked_anew() -> None:
    async with running(MediaServer("asgi")) as server, call(server, 2, "mesh") as (red, green):
        await asyncio.gather(red.publish(), green.publish())
        await green.sees([red])
        await red.sees([green])
        red.events.clear()
        await server.crash()
        await server.revive()
        await red.told("connectionStateChange", direction="signaling", reason="new_session")
        await red.told("trackRemoved", label="webcam", reason="connection_lost")
        await red.told("carrierChange", carrier="mesh")
        for peer in (red, green):
            peer.peer_id = (await peer.do("peers"))["peerId"]
        await green.sees([red])
        await red.sees([green])
        for peer in (red, green):
            await peer.do("close")


async def test_messages_come_once_and_in_order_while_the_way_changes_from_links_to_the_server_and_back() -> None:
    """Numbered texts, a few hundred a second, while two become three and two again."""
    seed = random.randrange(1 << 16)
    print("seed", seed)
    padding = random.Random(seed).choice([0, 1000, 40_000])
    async with media_app(mesh_settle_s=1) as app, AsyncExitStack() as later, call(app, 2, "auto") as (red, green):
        await green.do("listen", event="data")
        await linked(red, [green])
        count = 1200
        numbers = {"first": 0, "count": count, "everyMs": 5, "padding": padding, "to": green.peer_id}
        sending = asyncio.create_task(red.do("sendNumbers", timeout_s=60, **numbers))
        await asyncio.sleep(1)
        blue = await join(later, app, 2, "auto")
        await green.told("carrierChange", carrier="sfu", reason="third_peer")
        await asyncio.sleep(1.5)
        green.events.clear()
        await blue.do("close")
        await green.told("carrierChange", carrier="mesh", reason="two_peers")
        await sending
        await linked(red, [green])
        await red.do("sendNumbers", **numbers | {"first": count, "count": 100})

        async def all_here() -> bool:
            return len((await green.do("numbers"))["numbers"]) >= count + 100

        await until(all_here, "all numbers")
        assert (await green.do("numbers"))["numbers"] == list(range(count + 100))
        assert sent_over_link(await red.do("links")) > 0


def sent_over_link(links: dict[str, Any]) -> int:
    entries = [entry for report in links["reports"].values() for entry in report]
    return sum(entry["messagesSent"] for entry in entries if entry["type"] == "data-channel")

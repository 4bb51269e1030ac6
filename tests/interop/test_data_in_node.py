"""Data with SimplePeer on libwebrtc: rights, the application's part, and transports that end under it."""

from __future__ import annotations

import asyncio
import base64
import random
from typing import Any
from unittest.mock import Mock

import pytest
from support.in_process import MediaApp, media_app
from support.node_peer import NodePeer
from support.server import MediaServer, running
from support.signalling import RefusedError
from support.waiting import until

from simplesfu import AuthorizationRequest, NotAllowed
from simplesfu.signaling.sessions.info import DataInfo

KIB = 1024


async def listen(*peers: NodePeer) -> None:
    for peer in peers:
        await peer.do("listen", event="data")
    for peer in peers:
        await until(lambda peer=peer: receives(peer), "channels from the server")


async def receives(peer: NodePeer) -> bool:
    transports = (await peer.do("stats"))["server"]["transports"]
    return sum(len(transport["dataConsumers"]) for transport in transports) == 2


async def heard(peer: NodePeer) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = (await peer.do("heard"))["heard"]["data"]
    return messages


async def hears(peer: NodePeer, wanted: list[tuple[str, Any, str]], timeout_s: float = 20) -> None:
    async def all_of_it() -> bool:
        return [(one["from"], one["data"], one["label"]) for one in await heard(peer)] == wanted

    await until(all_of_it, f"{len(wanted)} messages", timeout_s=timeout_s)


async def test_a_label_called_data_clashes_with_nothing() -> None:
    """Not with a track of that name either."""
    async with media_app() as app, NodePeer(app.url, (200, 30, 30)) as red, NodePeer(app.url) as green:
        await listen(green)
        await red.do("addTrack", label="data", kind="video", color=(200, 30, 30), broadcast=True)
        await green.told("track", label="data")
        await red.do("send", data="text", label="data")
        await red.do("send", data={"base64": base64.b64encode(b"\0\1").decode()}, label="data", to=green.peer_id)
        await hears(green, [(red.peer_id, "text", "data"), (red.peer_id, {"base64": "AAE="}, "data")])


async def test_who_comes_in_sight_is_greeted_at_once_and_hears_it() -> None:
    """By a peer whose channels are open already, while those of the newcomer are not yet."""
    async with media_app() as app, NodePeer(app.url) as red:
        greetings = [f"hello {number}" for number in range(20)]
        await red.do("addTrack", label="webcam", kind="video", color=red.colour, broadcast=True)
        await red.do("send", data="is there anybody?")
        for greeting in greetings:
            await red.do("greet", text=greeting)
        async with NodePeer(app.url, listens=True) as green:
            await hears(green, [(red.peer_id, greeting, "") for greeting in greetings])


@pytest.mark.slow
async def test_the_application_decides_by_label_and_may_change_its_mind() -> None:
    refused = {"control"}

    def authorize(request: AuthorizationRequest) -> bool:
        if request.action == "data" and request.label in refused:
            raise NotAllowed("moderators only", "become one", code="moderators_only")
        return True

    async with media_app(authorize=authorize) as app, NodePeer(app.url) as red, NodePeer(app.url) as green:
        await listen(green)
        with pytest.raises(RefusedError) as refusal:
            await red.do("send", data="stop!", label="control")
        assert refusal.value.wire == {"code": "moderators_only", "message": "moderators only", "hint": "become one"}
        await red.do("send", data="hello", label="chat")
        refused.clear()
        await red.do("send", data="stop!", label="control")
        await hears(green, [(red.peer_id, "hello", "chat"), (red.peer_id, "stop!", "control")])
        refused.add("chat")
        assert await asyncio.wrap_future(app.media.reauthorize(red.peer_id)) == 1

        async def is_refused() -> bool:
            try:
                await red.do("send", data="still there?", label="chat")
            except RefusedError as error:
                return error.code == "moderators_only"
            return False

        await until(is_refused, "chat is refused")
        await red.do("send", data="go on", label="control")
        await until(lambda: holds(green, "go on"), "control goes on")
        assert not await holds(green, "still there?")


async def holds(peer: NodePeer, data: str) -> bool:
    return any(one["data"] == data for one in await heard(peer))


@pytest.mark.slow
async def test_the_application_sends_and_hears() -> None:
    async with media_app() as app, NodePeer(app.url) as red, NodePeer(app.url) as green:
        messages: list[DataInfo] = []
        app.media.on("data", messages.append)
        await red.do("joinRoom", roomId="red")
        await listen(red, green)
        long = "ż" * (128 * KIB)
        for sending in (
            app.media.send("to all", label="news"),
            app.media.send(long, to=green.peer_id),
            app.media.send(b"\0\1", room="red", label="room", reliable=False),
        ):
            await asyncio.wrap_future(sending)
        await hears(green, [("", "to all", "news"), ("", long, "")])
        await hears(red, [("", "to all", "news"), ("", {"base64": "AAE="}, "room")])
        await green.do("send", data=long, label="up")
        await green.do("send", data={"base64": "AAE="}, to=red.peer_id, label="private")
        await until(lambda: len(messages) == 2, "the application hears")
        assert [(one.peer_id, one.to, one.label, one.data, one.reliable) for one in messages] == [
            (green.peer_id, "", "up", long, True), (green.peer_id, red.peer_id, "private", b"\0\1", True),
        ]
        assert not await holds(red, "up"), "that was another room"


async def end_a_transport(app: MediaApp, dice: random.Random) -> str:
    """As when a client's DTLS fails: no ICE restart brings that back."""

    async def connected() -> list[Any]:
        return [one for one in await app.transports() if one.state == "connected"]

    transport = dice.choice(await until(connected, "a transport that is connected"))
    await app.on_engine(lambda: transport._link._fail_dtls("dtls_handshake_failed", 0))
    return transport.id


@pytest.mark.slow
async def test_every_message_arrives_once_and_in_order_whatever_ends_under_it() -> None:
    """Transports of both sides are made anew, and sockets lost, while messages flow."""
    count, dice = 1500, random.Random(4)
    async with media_app() as app, NodePeer(app.url) as red, NodePeer(app.url) as green:
        await listen(green)
        sending = asyncio.create_task(
            red.do("sendNumbers", timeout_s=120, first=0, count=count, padding=3000, everyMs=5, label="n")
        )
        deeds = []
        while not sending.done():
            await asyncio.sleep(0.7 + dice.random())
            deed = dice.choice(["transport", "transport", "red's socket", "green's socket"])
            if deed == "transport":
                await end_a_transport(app, dice)
            else:
                await (red if deed.startswith("red") else green).do("dropSocket")
            deeds.append(deed)
        await sending

        async def numbers() -> list[int]:
            came: list[int] = (await green.do("numbers"))["numbers"]
            return came

        async def all_there() -> bool:
            return len(await numbers()) >= count

        try:
            await until(all_there, "all of them", timeout_s=40)
        finally:
            came = await numbers()
            counts = await app.on_engine(lambda: dict(app.media._peers.data.counts))
            print(f"{deeds}; {len(came)} of {count}; {counts}")
        assert came == list(range(count))
        assert len(deeds) >= 5


async def miss_too_much(app: MediaApp, *peers: NodePeer) -> None:
    """More notifications than the server keeps: their next hello is answered with a snapshot."""

    def miss() -> None:
        for session in app.media._peers.sessions():
            if session.id in {peer.peer_id for peer in peers}:
                session.journal.seq += 5000

    await app.on_engine(miss)


async def channels(peer: NodePeer) -> set[str]:
    transports = (await peer.do("stats"))["server"]["transports"]
    return {one["id"] for transport in transports for one in transport["dataConsumers"] + transport["dataProducers"]}


@pytest.mark.slow
async def test_what_a_snapshot_tells_to_be_there_is_left_alone() -> None:
    """So every message arrives, once and in order."""
    count, rounds = 800, 0
    async with media_app() as app, NodePeer(app.url) as red, NodePeer(app.url) as green:
        await listen(red, green)
        await red.do("sendNumbers", first=0, count=1, label="n")
        before = [await channels(peer) for peer in (red, green)]
        sending = asyncio.create_task(
            red.do("sendNumbers", timeout_s=60, first=1, count=count - 1, padding=3000, everyMs=5, label="n")
        )
        while not sending.done():
            rounds += 1
            await miss_too_much(app, red, green)
            for peer in (red, green):
                await peer.do("dropSocket")
                await until(lambda peer=peer, rounds=rounds: connections(peer, "resumed") == rounds, "it is back")
        await sending

        async def all_there() -> bool:
            return len((await green.do("numbers"))["numbers"]) >= count

        await until(all_there, f"all of them, after {rounds} rounds")
        assert (await green.do("numbers"))["numbers"] == list(range(count))
        assert [await channels(peer) for peer in (red, green)] == before
        assert rounds > 1


@pytest.mark.slow
async def test_what_a_snapshot_does_not_tell_of_is_opened_anew() -> None:
    async with media_app() as app, NodePeer(app.url) as red, NodePeer(app.url) as green:
        await listen(green)
        await red.do("send", data="before", label="chat")
        await hears(green, [(red.peer_id, "before", "chat")])

        def end_all_unheard() -> None:
            routing = app.media._peers.data
            for session in app.media._peers.sessions():
                session.notify = Mock()
                if session.id == red.peer_id:
                    routing.close_label(session, "chat")
                    for entry in session.transports.values():
                        for producer in list(entry.transport.data.producers.values()):
                            producer.close("closed")
                else:
                    session.data.outlet(reliable=True).give_up()
                assert session.notify.call_count
                del session.notify

        await app.on_engine(end_all_unheard)
        await miss_too_much(app, red, green)
        for peer in (red, green):
            await peer.do("dropSocket")
            await until(lambda peer=peer: connections(peer, "resumed") == 1, "it is back")
        assert "(missed)" in (await green.told("error", code="data_lost"))["message"]
        await until(lambda: receives(green), "another channel")
        await red.do("send", data="after", label="chat")
        await hears(green, [(red.peer_id, "before", "chat"), (red.peer_id, "after", "chat")])


@pytest.mark.slow
async def test_data_goes_on_after_a_restart_of_the_server() -> None:
    server = MediaServer(session_key="a key that outlives the process")
    async with running(server), NodePeer(server.url) as red, NodePeer(server.url) as green:
        await listen(green)
        wanted = []
        for when in ("before", "after"):
            for number in range(3):
                await server.get(f"/_send?data={number}")
                wanted.append(("", str(number), "from the application"))
            await hears(green, wanted)
            await red.do("send", data=when, label="chat")
            wanted.append((red.peer_id, when, "chat"))
            await hears(green, wanted)
            if when == "before":
                await server.crash()
                await server.revive()
                await until(lambda: receives(green), "channels from the new server")
                # What red sends into its dead transport before that is lost, as the protocol's page says.
                await until(lambda: connections(red, "new_session") == 2, "red is back, too")


def connections(peer: NodePeer, reason: str) -> int:
    """How many it has had that came about so: "new_session", "resumed"."""
    return sum(event == "connectionStateChange" and data["reason"] == reason for event, data in peer.events)

"""What the original did wrong, said in its own protocol, and put right. Packets, no browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import socketio
from support.factories import Serve
from support.in_process import MediaApp, asgi, media_app
from support.legacy_wire import EVENT, LegacyWire
from support.waiting import until
from support.wire_call import stands_still
from support.wire_peer import WirePeer

from simplesfu import AuthorizationRequest, MediaManager
from simplesfu.errors import ConfigError


@asynccontextmanager
async def house(count: int = 2, **options: Any) -> AsyncIterator[tuple[MediaApp, list[LegacyWire]]]:
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(media_app(legacy_signaling=True, **options))
        yield app, [await stack.enter_async_context(LegacyWire(app.url)) for _ in range(count)]


async def settled(app: MediaApp, *wires: LegacyWire) -> None:
    await until(lambda: {wire.id for wire in wires} <= set(app.media.peers), "the peers are in")


async def test_every_request_is_acknowledged() -> None:
    async with house(1) as (_, [wire]):
        await wire.begin()
        for kind in ("pauseConsumer", "resumeConsumer", "closeConsumer", "closeProducer"):
            error = await wire.refused(kind, producerId="nowhere")
            assert error["code"] == "not_found", kind
        assert (await wire.refused("createConsumer", producingPeerId="nobody", producerId="nowhere"))["message"]
        assert (await wire.refused("createDataConsumer", producingPeerId="nobody", producerId="x"))["message"]
        assert (await wire.refused("leaveRoom", roomId="nowhere"))["code"] == "not_found"
        assert (await wire.refused("no such thing"))["code"] == "unknown_request"
        assert (await wire.refused("produce", transportId=3))["code"] == "bad_request"
        assert (await wire.refused("createWebRtcTransport", producing=True, consuming=True))["code"] == "bad_request"
        assert (await wire.sio.call(EVENT, "nonsense", timeout=5))["error"]["code"] == "bad_request"
        assert (await wire.sio.call(EVENT, timeout=5))["error"]["code"] == "bad_request"


async def test_broadcast_stays_in_its_room() -> None:
    async with house(3) as (app, [alice, bob, carol]):
        for wire, room in ((alice, "hall"), (bob, "hall"), (carol, "kitchen")):
            await wire.enter(room)
        stream = await alice.produce("webcam", broadcast=True)
        consumer = await bob.handed(stream.producer_id)
        async with stream.running():
            await bob.gets(consumer)
        assert not [kind for kind, _ in carol.pushed if kind == "createConsumer"]
        error = await carol.refused("createConsumer", producingPeerId=alice.id, producerId=stream.producer_id)
        assert error["code"] == "not_found", "what is in another room looks like what never was"
        assert set(app.media.peers) == {alice.id, bob.id, carol.id}


async def test_nobody_in_the_lobby_sees_them_on_their_way() -> None:
    async with house(1) as (app, [alice]), WirePeer(app.url) as bob:
        await bob.ask("enter")
        await alice.enter()
        await alice.offer("webcam")  # without `broadcast`: the newest client, before joinRoom
        await alice.ok("joinRoom", roomId="hall")
        await alice.ok("leaveRoom", roomId={"roomId": "hall"})  # as its client says it
        await alice.ok("joinRoom", roomId="kitchen")
        assert not bob.heard("peerConnection")
        assert app.media.peers[alice.id].rooms == ("kitchen",)


async def test_consuming_needs_the_right() -> None:
    def authorize(request: AuthorizationRequest) -> bool:
        return request.action != "consume" or request.label != "private"

    async with house(2, authorize=authorize) as (_, [alice, bob]):
        await alice.enter()
        await bob.enter()
        private = await alice.produce("private", broadcast=False)
        public = await alice.produce("public", broadcast=False)
        await bob.listed(alice.id, public.producer_id)
        await bob.consume(alice.id, public.producer_id)
        error = await bob.refused("createConsumer", producingPeerId=alice.id, producerId=private.producer_id)
        assert error["code"] == "not_allowed"


async def test_joining_and_producing_need_the_right_and_a_kick_is_final() -> None:
    def authorize(request: AuthorizationRequest) -> bool:
        return not (request.action == "produce" or request.room == "closed")

    async with house(1, authorize=authorize) as (app, [alice]):
        await alice.enter("hall")
        assert (await alice.refused("joinRoom", roomId="closed"))["code"] == "not_allowed"
        assert (await alice.offer("webcam", broadcast=True))["error"]["code"] == "not_allowed"
        app.media.kick(alice.id)
        await until(lambda: not app.media.peers, "kicked")
        assert (await alice.refused("getRouterRtpCapabilities"))["code"] == "closed"
        assert alice.sio.connected, "the socket is the application's"


async def test_a_socket_older_than_the_media_server_is_served() -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    async with (
        asgi(socketio.ASGIApp(sio)) as url,
        LegacyWire(url) as alice,
        MediaManager(sio, legacy_signaling=True, listen=("127.0.0.1", 0)) as media,
    ):
        await alice.enter("hall")
        assert media.peers[alice.id].rooms == ("hall",)


async def test_a_codec_that_not_every_browser_has_is_not_handed_out() -> None:
    """The original consumed with the server's capabilities: black, without a word."""
    async with house(2) as (app, [alice, bob]):
        await alice.enter()
        await bob.enter()
        await settled(app, alice, bob)
        codec = next(one for one in alice.capabilities["codecs"] if one["mimeType"] == "video/AV1")
        codecs = [{"mimeType": "video/AV1", "payloadType": codec["preferredPayloadType"], "clockRate": 90000}]

        async def send_av1(wire: LegacyWire, ssrc: int) -> str:
            parameters = {"mid": str(ssrc), "codecs": codecs, "encodings": [{"ssrc": ssrc}]}
            answer = await wire.ok("produce", transportId=wire.transport_ids["send"], kind="video",
                                   rtpParameters=parameters, appData={"label": "webcam", "broadcast": True})
            return str(answer["id"])

        track = await send_av1(alice, 1111)
        await bob.listed(alice.id, track)
        error = await bob.refused("createConsumer", producingPeerId=alice.id, producerId=track)
        assert error["code"] == "cannot_consume"
        await send_av1(bob, 2222)  # who sends it can receive it
        await bob.consume(alice.id, track)


async def test_a_track_called_data_and_data_called_data() -> None:
    async with house(2) as (_, [alice, bob]):
        for wire in (alice, bob):
            await wire.begin()
            for each in wire.wires.values():
                await each.connect()
            await wire.ok("produceData", transportId=wire.transport_ids["send"], label="data", protocol="",
                          sctpStreamParameters={"streamId": 0, "ordered": False, "maxRetransmits": 1},
                          appData={"type": "data"})
            await wire.ok("joinRoom", roomId="hall")
        stream = await alice.produce("data", broadcast=True)
        listed = await bob.told("availableProducers", lambda peers: peers.get(alice.id, {}).get("producers"))
        assert listed[alice.id]["producers"][stream.producer_id]["label"] == "data"
        assert alice.id in listed[alice.id]["dataProducers"]
        async with stream.running():
            await bob.gets(await bob.consume(alice.id, stream.producer_id))
        await bob.ok("createDataConsumer", producingPeerId=alice.id, producerId=alice.id)
        told = await bob.told("createDataConsumer")
        assert told["peerId"] == told["dataProducerId"] == alice.id


async def test_the_same_label_with_another_kind_replaces_the_track() -> None:
    async with house(2) as (_, [alice, bob]):
        await alice.enter("hall")
        await bob.enter("hall")
        video = await alice.produce("main")
        await bob.handed(video.producer_id)
        audio = await alice.produce("main", kind="audio")
        await bob.told("consumerClosed", lambda data: data["producerId"] == video.producer_id)
        assert (await bob.handed(audio.producer_id))["kind"] == "audio"


@pytest.mark.slow
async def test_a_pause_holds_whatever_it_pauses_and_whenever_it_comes() -> None:
    async with house(2) as (_, [alice, bob]):
        await alice.enter()
        await bob.enter()
        stream = await alice.produce("webcam", broadcast=True)
        entry = await bob.listed(alice.id, stream.producer_id)
        assert entry == {"label": "webcam", "broadcast": True, "peerId": alice.id}
        answer = await bob.ok("pauseConsumer", producerId=stream.producer_id)  # before there is a consumer
        assert answer["paused"] is True
        async with stream.running():
            consumer = await bob.consume(alice.id, stream.producer_id)
            assert consumer["appData"]["broadcast"] is False, "else the client would not pause it"
            await stands_still(bob, consumer)
            await bob.ok("resumeConsumer", producerId=stream.producer_id)
            await bob.gets(consumer)
            await bob.ok("pauseConsumer", producerId=stream.producer_id)
            await stands_still(bob, consumer)
            await bob.ok("closeConsumer", producerId=stream.producer_id)


async def test_the_end_is_told_when_the_client_can_take_it() -> None:
    """The first client fails over the end of a consumer that it has not set up."""
    async with house(2) as (_, [alice, bob]):
        await alice.enter("hall")
        await bob.enter("hall")
        stream = await alice.produce("webcam")
        await bob.told("createConsumer")
        await alice.ok("closeProducer", producerId=stream.producer_id)
        await asyncio.sleep(0.3)
        assert not [kind for kind, _ in bob.pushed if kind == "consumerClosed"]
        await bob.ok("resumeConsumer", producerId=stream.producer_id)
        assert await bob.told("consumerClosed") == {"producingPeerId": alice.id, "producerId": stream.producer_id}
        assert (await alice.refused("closeProducer", producerId=stream.producer_id))["code"] == "not_found"


async def test_asking_twice_makes_one_consumer() -> None:
    async with house(2) as (_, [alice, bob]):
        await alice.enter()
        await bob.enter()
        stream = await alice.produce("webcam", broadcast=True)
        await bob.listed(alice.id, stream.producer_id)
        both = {"producingPeerId": alice.id, "producerId": stream.producer_id}
        await asyncio.gather(*(bob.ok("createConsumer", **both) for _ in range(3)))
        await asyncio.sleep(0.2)
        assert len([kind for kind, _ in bob.pushed if kind == "createConsumer"]) == 1


@pytest.mark.slow
async def test_lists_are_told_at_once_and_again() -> None:
    async with house(2) as (app, [alice, bob]):
        await alice.enter()
        await bob.enter()
        await settled(app, alice, bob)
        loop = asyncio.get_running_loop()
        began = loop.time()
        stream = await alice.produce("webcam", broadcast=False)
        await bob.listed(alice.id, stream.producer_id)
        waited_s = loop.time() - began
        print(f"listed after {waited_s * 1000:.0f} ms; the original told it every 5 s")
        assert waited_s < 4
        lists = len(bob.pushed)
        await until(lambda: len(bob.pushed) > lists, "the list again", timeout_s=7)


async def test_the_application_keeps_its_handlers() -> None:
    """Its own events, and those of its catch-all, but not ours."""
    sio = socketio.AsyncServer(async_mode="asgi")
    caught: list[str] = []

    async def catch(event: str, _sid: str, *_: object) -> str:
        caught.append(event)
        return "caught"

    sio.on("*", catch)
    sio.on("chat", lambda _sid, text: text.upper())
    async with asgi(socketio.ASGIApp(sio)) as url, LegacyWire(url) as alice:
        async with MediaManager(sio, legacy_signaling=True, listen=("127.0.0.1", 0)):
            await alice.enter("hall")
            assert await alice.sio.call("chat", "hello") == "HELLO"
            assert await alice.sio.call("other") == "caught"
            assert caught == ["other"]
        assert await alice.sio.call(EVENT, {"type": "joinRoom"}) == "caught", "after close() it is the application's"


async def test_who_handles_the_event_already() -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    sio.on(EVENT, lambda *_: None)
    with pytest.raises(ConfigError, match=EVENT):
        MediaManager(sio, legacy_signaling=True, listen=("127.0.0.1", 0))


async def test_without_the_option_the_event_is_the_applications() -> None:
    async with media_app() as app, LegacyWire(app.url) as alice:
        app.sio.on(EVENT, lambda *_: "mine")
        assert await alice.sio.call(EVENT, {"type": "joinRoom"}) == "mine"


async def test_one_socket_has_one_client() -> None:
    async with house(0) as (app, _), WirePeer(app.url) as peer:
        await peer.ask("enter")
        answer = await peer.sio.call(EVENT, {"type": "getRouterRtpCapabilities"}, namespace="/")
        assert answer["error"]["code"] == "already_exists"
        assert set(app.media.peers) == {peer.peer_id}


async def test_a_flood_is_refused() -> None:
    async def authorize(_: AuthorizationRequest) -> bool:
        await asyncio.sleep(0.5)
        return True

    async with house(1, authorize=authorize, max_pending_requests_per_peer=2) as (_, [alice]):
        await alice.begin()
        answers = await asyncio.gather(*(alice.ask("joinRoom", roomId=str(number)) for number in range(6)))
        codes = [answer["error"]["code"] for answer in answers if "error" in answer]
        assert codes == ["too_many_requests"] * 4


@pytest.mark.slow
@pytest.mark.parametrize("app", ["asgi", "flask", "gevent"])
async def test_every_kind_of_server_speaks_it(app: str, serve: Serve) -> None:
    """An old client and a new one, in a process of the server's own."""
    server = await serve(app, legacy_signaling=True)
    async with LegacyWire(server.url) as alice, WirePeer(server.url) as bob:
        await bob.ask("joinRoom", roomId="hall")
        await bob.connect("send")
        await bob.connect("recv")
        await alice.enter("hall")
        mine = await alice.produce("webcam")
        theirs = await bob.produce("webcam")
        async with mine.running(), theirs.running():
            offer = await bob.told("producerAvailable", peerId=alice.id, label="webcam")
            await bob.gets(await bob.consume(offer["producerId"]))
            await alice.gets(await alice.handed(theirs.producer_id))

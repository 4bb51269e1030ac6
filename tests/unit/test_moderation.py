"""What the server may do to peers, tracks and rooms: from any thread, at once, with a clear word when it cannot."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import flask
import pytest
import socketio
from flask_socketio import SocketIO
from support.in_process import asgi, media_app, wsgi
from support.signalling import SignallingClient
from support.waiting import until
from support.wire_call import stands_still, wire_call
from support.wire_peer import WirePeer

from simplesfu import (
    AuthorizationRequest,
    BadRequest,
    Closed,
    MediaManager,
    NotFound,
    RoomFull,
    SfuError,
    SubscriptionRequest,
)
from simplesfu.plane import rtcp
from simplesfu.signaling.sessions import bitrate_guard

# rooms


async def test_join_and_leave() -> None:
    async with media_app() as app, SignallingClient(app.url) as alice, SignallingClient(app.url) as bob:
        await alice.ask("joinRoom", roomId="hall")
        await bob.ask("enter")
        app.media.join(bob.peer_id, "hall")
        assert (await bob.told("roomJoined", roomId="hall"))["peerIds"] == [alice.peer_id]
        await alice.told("peerConnection", peerId=bob.peer_id)
        app.media.join(bob.peer_id, "hall")
        app.media.leave(bob.peer_id, "hall")
        await bob.told("roomLeft", roomId="hall")
        await alice.told("peerDisconnection", peerId=bob.peer_id)
        assert [event for event, _ in bob.notifications].count("roomJoined") == 1, "the second join changed nothing"
        with pytest.raises(NotFound):
            app.media.leave(bob.peer_id, "hall")


async def test_join_from_the_connect_handler_before_the_client_of_the_media_is_there() -> None:
    """Called on the application's own loop, for a socket whose media namespace is still to come."""
    sio = socketio.AsyncServer(async_mode="asgi")
    async with MediaManager(sio, listen=("127.0.0.1", 0)) as media:

        @sio.event  # type: ignore[untyped-decorator]
        async def connect(sid: str, _environ: object, _auth: object) -> None:
            media.join(sid, "reception")

        async with asgi(socketio.ASGIApp(sio)) as url, SignallingClient(url) as alice, SignallingClient(url) as bob:
            for peer in (alice, bob):
                await peer.ask("enter")
                assert media.peers[peer.peer_id].rooms == ("reception",)
                await peer.told("roomJoined", roomId="reception")
            await alice.told("peerConnection", peerId=bob.peer_id)


@pytest.mark.parametrize("room", ["", "x" * 129, None, 7])
async def test_a_room_that_no_client_could_name(room: Any) -> None:
    async with media_app() as app:
        for verb in (lambda: app.media.join("anybody", room), lambda: app.media.lock_room(room)):
            with pytest.raises(BadRequest) as refused:
                verb()
            print(refused.value)
            assert "room" in refused.value.message
            assert "128" in refused.value.hint


async def test_the_limits_of_a_room_hold_for_the_server_too() -> None:
    async with media_app(max_peers_per_room=1) as app, SignallingClient(app.url) as ann, SignallingClient(app.url) as b:
        for peer in (ann, b):
            await peer.ask("enter")
        app.media.join(ann.peer_id, "hall")
        with pytest.raises(RoomFull):
            app.media.join(b.peer_id, "hall")


async def test_a_locked_room_lets_in_only_whom_the_server_puts_there() -> None:
    async with media_app() as app, SignallingClient(app.url) as alice, SignallingClient(app.url) as bob:
        app.media.lock_room("hall")
        refusal = await alice.refused("joinRoom", roomId="hall")
        assert refusal["code"] == "room_locked"
        assert refusal["hint"]
        await bob.ask("enter")
        app.media.join(bob.peer_id, "hall")
        app.media.lock_room("hall", locked=False)
        assert (await alice.ask("joinRoom", roomId="hall"))["peerIds"] == [bob.peer_id]


async def test_closing_a_room_empties_it_at_once() -> None:
    async with wire_call() as (app, alice, bob, consumer):
        app.media.close_room("hall")
        for peer in (alice, bob):
            await peer.told("roomLeft", roomId="hall", reason="closed")
            assert app.media.peers[peer.peer_id].rooms == ()
        await bob.told("producerUnavailable", producerId=consumer["producerId"])
        await stands_still(bob, consumer)
        app.media.close_room("hall")
        assert (await alice.ask("joinRoom", roomId="hall"))["peerIds"] == [], "closed is not locked"


# peers and tracks


async def test_kick() -> None:
    async with wire_call() as (app, alice, bob, consumer):
        app.media.kick(alice.peer_id, "please come back tomorrow")
        ended = await alice.told("ended", code="kicked")
        assert ended["hint"] == "please come back tomorrow"
        await bob.told("producerUnavailable", producerId=consumer["producerId"], reason="kicked")
        await bob.told("peerDisconnection", peerId=alice.peer_id, reason="kicked")
        await stands_still(bob, consumer)
        assert alice.peer_id not in app.media.peers
        await until(lambda: alice.disconnections, "the media namespace is disconnected", every_s=0.02)
        with pytest.raises(NotFound):
            app.media.kick(alice.peer_id)


async def test_who_loses_its_socket_is_kicked_all_the_same() -> None:
    """It is told when it comes back, and has not got its session."""
    async with wire_call() as (app, alice, bob, consumer):
        await alice.lose_socket()
        app.media.kick(alice.peer_id, "please come back tomorrow")
        await bob.told("peerDisconnection", peerId=alice.peer_id, reason="kicked")
        await stands_still(bob, consumer)
        alice.last_seq = 0  # of the new session that it is going to have
        greeting = await alice.come_back()
        assert not greeting["resumed"]
        ended = await alice.told("ended", code="kicked")
        assert ended["hint"] == "please come back tomorrow"
        await until(lambda: len(alice.disconnections) == 2, "it is disconnected again", every_s=0.02)
        assert alice.peer_id not in app.media.peers


async def test_mute_stops_the_packets_and_lasts_whatever_the_publisher_does() -> None:
    async with wire_call() as (app, alice, bob, consumer):
        app.media.mute(alice.peer_id, "webcam")
        await bob.told("consumerHeld", producerId=consumer["producerId"], reason="server")
        await stands_still(bob, consumer)
        assert app.media.producers[consumer["producerId"]].muted
        assert app.media.explain(bob.peer_id, alice.peer_id, "webcam").code == "muted_by_server"
        for request in ("pauseProducer", "resumeProducer"):
            await alice.ask(request, producerId=consumer["producerId"])
        await stands_still(bob, consumer)

        await alice.ask("closeProducer", producerId=consumer["producerId"])
        await bob.told("producerUnavailable", producerId=consumer["producerId"])
        bob.notifications.clear()
        again = await alice.produce("webcam")
        async with again.running():
            consumer = await bob.see("webcam", alice)
            await stands_still(bob, consumer)
            app.media.mute(alice.peer_id, "webcam", muted=False)
            await bob.told("consumerHeld", producerId=consumer["producerId"], reason="")
            await bob.gets(consumer)


async def test_mute_all_of_a_peer_those_to_come_too() -> None:
    async with wire_call() as (app, alice, bob, consumer):
        app.media.mute(alice.peer_id)
        await stands_still(bob, consumer)
        await alice.produce("screen")
        assert all(producer.muted for producer in app.media.producers.values())
        app.media.mute(alice.peer_id, muted=False)
        await bob.gets(consumer)


async def test_close_producer() -> None:
    async with wire_call() as (app, alice, bob, consumer):
        app.media.close_producer(consumer["producerId"])
        await bob.told("producerUnavailable", producerId=consumer["producerId"], reason="closed")
        await alice.told("producerClosed", producerId=consumer["producerId"], label="webcam")
        await stands_still(bob, consumer)
        with pytest.raises(NotFound):
            app.media.close_producer(consumer["producerId"])
        await alice.produce("webcam")


async def test_an_older_id_and_the_sockets_id_name_the_same_peer() -> None:
    async with wire_call() as (app, alice, bob, consumer):
        await alice.lose_socket()
        await alice.come_back()
        original, newer = alice.socket_ids
        assert alice.peer_id == original != newer
        app.media.mute(newer, "webcam")
        await stands_still(bob, consumer)
        app.media.mute(original, "webcam", muted=False)
        await bob.gets(consumer)
        assert app.media.explain(bob.peer_id, newer, "webcam").ok
        app.media.kick(newer)
        await bob.told("peerDisconnection", peerId=original)


VERBS: list[Callable[[MediaManager], object]] = [
    lambda media: media.kick("nobody"),
    lambda media: media.mute("nobody", "webcam"),
    lambda media: media.leave("nobody", "hall"),
    lambda media: media.close_producer("none"),
    lambda media: media.explain("nobody", "nobody else", "webcam"),
]


@pytest.mark.parametrize("verb", VERBS)
async def test_who_is_not_there(verb: Callable[[MediaManager], object]) -> None:
    async with media_app() as app:
        with pytest.raises(NotFound) as refused:
            verb(app.media)
        print(refused.value)
        assert refused.value.hint


@pytest.mark.parametrize("verb", [*VERBS, lambda media: media.join("a", "b"), lambda media: media.close_room("b")])
async def test_after_the_end(verb: Callable[[MediaManager], object]) -> None:
    async with media_app() as app:
        pass
    with pytest.raises(Closed):
        verb(app.media)


async def test_from_the_applications_handlers_and_from_any_thread() -> None:
    async with wire_call() as (app, alice, bob, _consumer):

        @app.sio.event  # type: ignore[untyped-decorator]
        async def moderate(_sid: str, peer_id: str) -> str:
            app.media.mute(peer_id, "webcam")
            app.media.mute(peer_id, "webcam", muted=False)
            app.media.join(peer_id, "stage")
            try:
                app.media.kick("nobody")
            except SfuError as error:
                return error.code
            return ""

        assert await bob.sio.call("moderate", alice.peer_id, timeout=5) == "not_found"
        assert app.media.peers[alice.peer_id].rooms == ("hall", "stage")
        await asyncio.gather(*(asyncio.to_thread(app.media.mute, alice.peer_id, f"label {n}") for n in range(20)))
        await asyncio.to_thread(app.media.leave, alice.peer_id, "stage")
        assert app.media.peers[alice.peer_id].rooms == ("hall",)


# a room's bitrate


def asked_to_send(peer: WirePeer) -> int | None:
    """The newest REMB: how much a peer may send, in kbps."""
    rembs = [packet.bps for data in peer.wires["send"].received_rtcp for packet in rtcp.parse(data)
             if isinstance(packet, rtcp.Remb)]
    return round(rembs[-1] / 1000) if rembs else None


async def test_a_rooms_bitrate_is_shared_among_those_who_send_there() -> None:
    limits = {"max_room_bitrate_bps": 3_000_000, "max_incoming_bitrate_bps": 2_000_000}
    async with wire_call(**limits) as (app, alice, bob, _), WirePeer(app.url) as carol:
        await until(lambda: asked_to_send(alice) == 2000, "alone, no more than a peer may", every_s=0.05)
        await bob.connect("send")
        await carol.ask("joinRoom", roomId="cellar")
        await carol.connect("send")
        async with (await bob.produce("webcam")).running(), (await carol.produce("webcam")).running():
            for sender in (alice, bob):
                await until(lambda sender=sender: asked_to_send(sender) == 1500, "1500 kbps each", every_s=0.05)
            assert asked_to_send(carol) == 2000, "in the cellar she is alone"
            await carol.ask("joinRoom", roomId="hall")
            for sender in (alice, bob, carol):
                await until(lambda sender=sender: asked_to_send(sender) == 1000, "1000 kbps each", every_s=0.05)
        await carol.ask("leaveRoom", roomId="hall")
        await until(lambda: (asked_to_send(alice) or 0) > 1000, "more again when somebody leaves", every_s=0.05)


@pytest.mark.slow
async def test_who_does_not_keep_to_its_bitrate_loses_the_heaviest_track(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Hand-made streams know nothing of REMB: 430 kbps are far more than 150."""
    monkeypatch.setattr(bitrate_guard, "PERIOD_S", 0.3)
    monkeypatch.setattr(bitrate_guard, "STRIKES", 3)
    async with wire_call(max_incoming_bitrate_bps=150_000) as (app, alice, bob, consumer):
        await bob.told("producerUnavailable", producerId=consumer["producerId"], reason="too_much_bitrate")
        await alice.told("producerClosed", label="webcam", reason="too_much_bitrate")
        await stands_still(bob, consumer)
        assert "may send 150" in caplog.text
        bob.notifications.clear()
        again = await alice.produce("webcam")
        await bob.see("webcam", alice)
        for _ in range(8):
            again.send_frame(keyframe=True)
            await asyncio.sleep(0.2)
        assert again.producer_id in app.media.producers, "who sends less is left alone"


# with threads


async def test_all_of_it_in_an_application_with_threads() -> None:
    """Flask-SocketIO: plain functions, asked in threads of our own; verbs in a handler's thread."""
    app = flask.Flask(__name__)
    sio = SocketIO(app, async_mode="threading")
    held: set[str] = set()

    def authorize(request: AuthorizationRequest) -> bool:
        return request.room != "cellar"

    def policy(request: SubscriptionRequest) -> bool:
        return request.viewer_id not in held

    manager = MediaManager(sio, listen=("127.0.0.1", 0), authorize=authorize, subscription_policy=policy)

    @sio.on("hold")  # type: ignore[untyped-decorator]
    def hold(peer_id: str) -> None:
        held.add(peer_id)
        manager.reevaluate(viewer=peer_id)

    @sio.on("mute")  # type: ignore[untyped-decorator]
    def mute(peer_id: str, muted: bool) -> str:
        manager.mute(peer_id, "webcam", muted)
        return manager.explain(flask.request.sid, peer_id, "webcam").code  # type: ignore[attr-defined]

    async with manager as media, wsgi(app) as url, WirePeer(url) as alice, WirePeer(url) as bob:
        assert (await alice.refused("joinRoom", roomId="cellar"))["code"] == "not_allowed"
        await alice.connect("send")
        await bob.connect("recv")
        async with (await alice.produce("webcam")).running():
            consumer = await bob.see("webcam", alice)
            await bob.gets(consumer)
            assert await bob.sio.call("mute", (alice.peer_id, True), timeout=5) == "muted_by_server"
            await stands_still(bob, consumer)
            await bob.sio.call("mute", (alice.peer_id, False), timeout=5)
            await bob.gets(consumer)
            await bob.sio.emit("hold", bob.peer_id)
            await bob.told("consumerHeld", reason="policy")
            await stands_still(bob, consumer)
            assert await asyncio.wrap_future(media.reauthorize()) == 0

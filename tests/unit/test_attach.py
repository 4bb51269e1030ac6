"""Media beside an application's own Socket.IO, on real servers: uvicorn, werkzeug's threads, Flask-SocketIO."""
from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import engineio
import pytest
import pytest_asyncio
import socketio
from flask import Flask
from flask_socketio import SocketIO
from support.in_process import asgi, wsgi
from support.server import ROOT, Server, running
from support.signalling import NAMESPACE, Member, SignallingClient
from support.waiting import until

from simplesfu import MediaManager
from simplesfu.signaling.attachment import attach
from simplesfu.signaling.attachment.connection import MAX_WAITING_NOTIFICATIONS
from simplesfu.signaling.messages import PeerConnection

KINDS = ("asyncio", "threads", "flask")


@dataclass
class App:
    """An application with handlers of its own, which note what they get."""

    url: str
    sio: Any
    media: MediaManager
    heard: list[tuple[str, ...]] = field(default_factory=list)

    async def kick(self, sid: str) -> None:
        if isinstance(self.sio, socketio.AsyncServer):
            await self.sio.disconnect(sid)
        else:
            await asyncio.to_thread(self.sio.disconnect, sid)

    async def gone(self, peer_id: str) -> None:
        """Nothing is left of the peer."""
        await until(lambda: peer_id not in self.media.peers, "the peer gone", every_s=0.02)
        assert peer_id not in [producer.peer_id for producer in self.media.producers.values()]


def register(sio: Any, heard: list[tuple[str, ...]]) -> None:
    def note(kind: str) -> Any:
        def handler(*arguments: Any) -> str:
            heard.append((kind, *(one for one in arguments if isinstance(one, str))))
            return kind

        if not isinstance(sio, socketio.AsyncServer):
            return handler

        async def async_handler(*arguments: Any) -> str:
            return str(handler(*arguments))

        return async_handler

    for event in ("connect", "disconnect", "chat"):
        sio.on(event, note(event))
    sio.on("*", note("catch-all"))
    sio.on("*", note("catch-all of all namespaces"), namespace="*")
    sio.on("connect", note("connect of all namespaces"), namespace="*")


@asynccontextmanager
async def application(
    kind: str, *, grace_period_s: float = 20, heartbeat_s: float = 3, **options: Any
) -> AsyncIterator[App]:
    """`options` are those of the Socket.IO server."""
    heard: list[tuple[str, ...]] = []
    web: Any
    if kind == "asyncio":
        sio = socketio.AsyncServer(async_mode="asgi", **options)
        web, serve, given = socketio.ASGIApp(sio), asgi, sio
    elif kind == "threads":
        sio = socketio.Server(async_mode="threading", **options)
        web, serve, given = socketio.WSGIApp(sio), wsgi, sio
    else:
        web, serve = Flask(__name__), wsgi
        given = SocketIO(web, async_mode="threading", **options)
        sio = given.server
    register(sio, heard)
    media = MediaManager(
        given, listen=0, announce="127.0.0.1", grace_period_s=grace_period_s, heartbeat_s=heartbeat_s
    )
    async with media, serve(web) as url:
        yield App(url, sio, media, heard)


@pytest_asyncio.fixture(params=KINDS)
async def app(request: pytest.FixtureRequest) -> AsyncIterator[App]:
    async with application(request.param) as opened:
        yield opened


async def disconnected(client: SignallingClient) -> None:
    await until(lambda: NAMESPACE not in client.sio.namespaces, "the media namespace disconnected", every_s=0.02)


# requests and notifications over the wire


async def test_a_peer_is_its_application_socket(app: App) -> None:
    async with Member(app.url) as anna, Member(app.url) as ben:
        assert anna.peer_id == anna.sio.get_sid("/")
        assert ben.peer_id == ben.sio.get_sid("/")
        assert app.media.peers.keys() == {anna.peer_id, ben.peer_id}
        assert (await anna.told("peerConnection"))["peerId"] == ben.peer_id
        assert (await ben.told("peerConnection"))["peerId"] == anna.peer_id
    await app.gone(anna.peer_id)
    await app.gone(ben.peer_id)


async def test_requests_are_carried_out_in_their_order(app: App) -> None:
    """Each would fail if it overtook the one before it."""
    async with Member(app.url) as anna:
        asked = [(name, {"roomId": "kitchen"}) for _ in range(10) for name in ("joinRoom", "leaveRoom")]
        answers = await asyncio.gather(*(anna.answer(name, payload) for name, payload in asked))
        print(f"{len(answers)} requests in a pipeline")
        assert [answer["ok"] for answer in answers] == [True] * 20, answers


async def test_notifications_keep_their_order(app: App) -> None:
    async with Member(app.url) as anna, Member(app.url) as ben:
        for _ in range(10):
            await anna.ask("joinRoom", roomId="kitchen")
            await anna.ask("leaveRoom", roomId="kitchen")
        await until(lambda: len(ben.notifications) >= 21, "21 notifications", every_s=0.02)
        events = [event for event, _ in ben.notifications]
        assert events == ["peerConnection", *["peerDisconnection", "peerConnection"] * 10]


async def test_everything_is_answered(app: App) -> None:
    async with Member(app.url) as anna:
        for name, payload, code in [
            ("launchMissiles", {}, "unknown_request"),
            ("message", "text", "unknown_request"),
            ("joinRoom", {"roomId": 7}, "bad_request"),
            ("joinRoom", b"\x00binary", "bad_request"),
            ("joinRoom", ({"roomId": "a"}, {"roomId": "b"}), "bad_request"),
            ("closeTransport", {"transportId": "none"}, "not_found"),
        ]:
            answer = await anna.answer(name, payload)
            assert answer["error"]["code"] == code, answer
        await anna.sio.emit("joinRoom", {"roomId": "unacknowledged"}, namespace=NAMESPACE)
        await anna.sio.emit("nonsense", namespace=NAMESPACE)
        await until(lambda: app.media.peers[anna.peer_id].rooms == ("unacknowledged",), "the room joined")


async def test_a_bug_is_an_answer(app: App, caplog: pytest.LogCaptureFixture) -> None:
    app.media._router.create_webrtc_transport = lambda: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    async with Member(app.url) as anna:
        answer = await anna.answer("createWebRtcTransport", {"direction": "send"})
        assert answer["error"]["code"] == "internal_error"
        assert (await anna.answer("hello"))["ok"], "the peer lives on"
    assert "ZeroDivisionError" in caplog.text
    assert app.media.stats()["signaling"]["internal_errors"] == 1


async def test_too_many_requests_are_refused_and_the_others_are_not_held_up(app: App) -> None:
    async with Member(app.url) as anna, Member(app.url) as ben:
        answers = await asyncio.gather(*(anna.answer("getStats", timeout_s=30) for _ in range(2000)))
        refused = [answer["error"]["code"] for answer in answers if not answer["ok"]]
        print(f"{len(refused)} of {len(answers)} refused")
        assert set(refused) == {"too_many_requests"}
        assert (await ben.answer("hello"))["ok"]
        assert app.media.stats()["signaling"]["too_many_requests"] == len(refused)


async def test_answers_while_the_engine_stops(app: App) -> None:
    async with Member(app.url) as anna:
        await asyncio.to_thread(app.media._engine.close)
        assert (await anna.answer("hello"))["error"]["code"] == "closed"
        late = socketio.AsyncClient(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await late.connect(app.url, namespaces=["/", NAMESPACE], transports=["websocket"])
        await late.disconnect()


# coming and going


async def test_refused_without_an_application_socket(app: App) -> None:
    client = socketio.AsyncClient(reconnection=False)
    errors: list[Any] = []
    client.on("connect_error", errors.append, namespace=NAMESPACE)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(app.url, namespaces=[NAMESPACE], transports=["websocket"])
    await client.disconnect()
    print(errors)
    assert errors[0]["data"]["code"] == "no_application_socket"
    assert errors[0]["data"]["hint"]
    assert app.media.stats()["signaling"]["refused_connections"] == 1
    assert not app.media.peers


async def test_kicked_from_the_application(app: App) -> None:
    async with Member(app.url) as anna, Member(app.url) as ben:
        await anna.ask("createWebRtcTransport", direction="send")
        await app.kick(anna.peer_id)
        await app.gone(anna.peer_id)
        await disconnected(anna)
        await ben.told("peerDisconnection", peerId=anna.peer_id)
        assert app.media.stats()["engine"]["links"] == {}
        assert (await ben.answer("hello"))["ok"]


async def test_leaving_the_main_namespace_alone(app: App) -> None:
    async with Member(app.url) as anna:
        leave = anna.sio.packet_class(socketio.packet.DISCONNECT, namespace="/")
        await anna.sio._send_packet(leave)
        await app.gone(anna.peer_id)
        await disconnected(anna)


async def test_a_lost_socket_loses_nothing(app: App) -> None:
    """Its peer comes back over another, as the same one, and hears what it has missed."""
    async with Member(app.url) as anna, Member(app.url) as ben:
        transport = (await anna.ask("createWebRtcTransport", direction="recv"))["id"]
        peer_id = anna.peer_id
        await anna.lose_socket()
        await until(lambda: not app.media.peers[peer_id].connected, "the loss noticed", every_s=0.02)
        assert app.media.stats()["engine"]["links"] == {"new": 1}
        await ben.ask("joinRoom", roomId="elsewhere")
        missed = len(anna.notifications)
        greeting = await anna.come_back()
        assert (greeting["resumed"], greeting["peerId"]) == (True, peer_id)
        await anna.told("peerDisconnection", peerId=ben.peer_id)
        assert len(anna.notifications) == missed + 1
        info = app.media.peers[peer_id]
        print(info)
        assert (info.connected, info.sid, info.aliases) == (True, anna.socket_ids[1], (anna.socket_ids[1],))
        assert await anna.ask("restartIce", transportId=transport)
        assert ben.heard("peerDisconnection", peerId=peer_id) == 1, "because it went elsewhere itself"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grace_period_s", [0.5, 0])
async def test_who_does_not_come_back_in_time_leaves_nothing(kind: str, grace_period_s: float) -> None:
    async with (
        application(kind, grace_period_s=grace_period_s) as app,
        Member(app.url) as ben,
        Member(app.url) as anna,
    ):
        await anna.ask("createWebRtcTransport", direction="recv")
        await anna.lose_socket()
        lost_s = time.monotonic()
        await app.gone(anna.peer_id)
        took_s = time.monotonic() - lost_s
        print(f"released after {took_s:.2f} s")
        assert grace_period_s - 0.1 < took_s < grace_period_s + 5
        assert app.media.stats()["engine"]["links"] == {}
        told = await ben.told("peerDisconnection", peerId=anna.peer_id)
        assert told["reason"] == "peer_lost"
        greeting = await anna.come_back()
        assert (greeting["resumed"], greeting["peerId"]) == (False, anna.socket_ids[0])


async def test_a_second_socket_takes_over_while_the_first_is_open(app: App) -> None:
    async with Member(app.url) as anna:
        first = anna.sio
        greeting = await anna.come_back()
        assert greeting["resumed"]
        await until(lambda: NAMESPACE not in first.namespaces, "the first is sent away", every_s=0.02)
        assert app.media.peers[anna.peer_id].sid == anna.socket_ids[1]
        await first.disconnect()
        assert (await anna.answer("enter"))["ok"], "its end ends nothing"
        assert app.media.peers[anna.peer_id].connected


@pytest.mark.parametrize("kind", KINDS)
async def test_a_socket_that_falls_silent_is_given_up(kind: str) -> None:
    async with application(kind, heartbeat_s=0.3) as app:
        async with Member(app.url) as anna, Member(app.url) as ben:
            anna.answers_heartbeats = False
            silent_s = time.monotonic()
            await until(lambda: not app.media.peers[anna.peer_id].connected, "the silence noticed", every_s=0.02)
            took_s = time.monotonic() - silent_s
            print(f"noticed after {took_s:.2f} s of heartbeats every 0.3 s")
            assert took_s < 10, "Engine.IO's ping takes 45 s"
            assert app.media.peers[ben.peer_id].connected
            await disconnected(anna)
            anna.answers_heartbeats = True
            assert (await anna.come_back())["resumed"]
        assert app.media.stats()["signaling"]["silent_connections"] == 1


@pytest.mark.slow
async def test_a_blocked_application_silences_nobody() -> None:
    """What clients say waits in their sockets meanwhile."""
    async with application("asyncio", heartbeat_s=0.3) as app, Member(app.url) as anna:
        await until(lambda: anna.heartbeats > 1, "heartbeats", every_s=0.02)
        time.sleep(3)  # noqa: ASYNC251 (that is the point)
        seen = anna.heartbeats
        await until(lambda: anna.heartbeats > seen + 3, "heartbeats again", every_s=0.02)
        assert app.media.peers[anna.peer_id].connected
        assert app.media.stats()["signaling"].get("silent_connections", 0) == 0


async def test_the_application_can_cut_off_the_whole_connection(app: App) -> None:
    """On purpose, and so the session ends with it."""
    async with Member(app.url) as anna:
        eio_sid = app.sio.manager.eio_sid_from_sid(anna.peer_id, "/")
        if isinstance(app.sio, socketio.AsyncServer):
            await app.sio.eio.disconnect(eio_sid)
        else:
            await asyncio.to_thread(app.sio.eio.disconnect, eio_sid)
        await app.gone(anna.peer_id)


async def test_a_client_that_gives_up_its_engine_may_come_back(app: App) -> None:
    """Engine.IO's goodbye, without Socket.IO's: what a client does with a connection that seems dead to it."""
    async with Member(app.url) as anna:
        await anna.sio.eio._send_packet(engineio.packet.Packet(engineio.packet.CLOSE))
        await until(lambda: not app.media.peers[anna.peer_id].connected, "the end noticed", every_s=0.02)
        assert (await anna.come_back())["resumed"]


async def test_the_media_namespace_can_be_left_and_joined_again(app: App) -> None:
    async with Member(app.url) as anna:
        await anna.ask("joinRoom", roomId="kitchen")
        await anna.sio._send_packet(anna.sio.packet_class(socketio.packet.DISCONNECT, namespace=NAMESPACE))
        del anna.sio.namespaces[NAMESPACE]
        await app.gone(anna.peer_id)
        again = asyncio.Event()
        anna.sio.on("connect", again.set, namespace=NAMESPACE)
        await anna.sio._send_packet(anna.sio.packet_class(socketio.packet.CONNECT, namespace=NAMESPACE))
        await asyncio.wait_for(again.wait(), 10)
        assert (await anna.ask("hello", token=anna.greeting["token"]))["resumed"] is False, "it has left on purpose"
        await anna.ask("enter")
        assert app.media.peers[anna.peer_id].rooms == ()
        assert ("disconnect", anna.peer_id) not in app.heard, "the application's socket stayed"


async def test_who_does_not_listen_is_disconnected(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """Notifications that find no place in the queue: the client is sent away and not left with a wrong picture."""
    async with Member(app.url) as anna, Member(app.url) as ben:
        session = app.media._peers._sessions[anna.peer_id]
        free = threading.Event()

        async def flood() -> None:
            for _ in range(2 * MAX_WAITING_NOTIFICATIONS):
                session.notify(PeerConnection(peer_id="somebody"))

        if isinstance(app.sio, socketio.AsyncServer):
            app.media._engine.call(flood())  # which blocks the application's loop meanwhile
        else:
            app.media._attachment._to_clients.do(free.wait)  # type: ignore[attr-defined]
            app.media._engine.call(flood())
            free.set()
        await disconnected(anna)
        await until(lambda: not app.media.peers[anna.peer_id].connected, "the loss noticed", every_s=0.02)
        assert (await ben.answer("hello"))["ok"]
        assert app.media.stats()["signaling"]["notification_overflows"] >= 1
        greeting = await anna.come_back(lastSeq=1)
        assert greeting["resumed"]
        assert greeting["snapshot"]["peers"] == [{"peerId": ben.peer_id}], "too much to be repeated"
    assert "notifications wait" in caplog.text


async def test_who_reads_nothing_is_disconnected(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engine.IO keeps what its writer cannot write, however much: here it writes nothing at all."""
    monkeypatch.setattr(attach, "MAX_WAITING_NOTIFICATIONS", 50)
    async with Member(app.url) as anna:
        session = app.media._peers._sessions[anna.peer_id]
        manager = app.sio.manager
        engine_socket = app.sio.eio.sockets[manager.eio_sid_from_sid(anna.peer_id, "/")]
        monkeypatch.setattr(engine_socket, "queue", queue := app.sio.eio.create_queue())

        async def tell() -> None:
            for _ in range(1000):
                session.notify(PeerConnection(peer_id="somebody"))

        app.media._engine.call(tell())
        await until(lambda: not app.media.peers[anna.peer_id].connected, "the loss", every_s=0.02)
        print(f"{queue.qsize()} packets wait")
        assert queue.qsize() <= 52
        assert app.media.stats()["signaling"]["notification_overflows"] == 1
        monkeypatch.undo()  # so that it can be closed


# the application's own


async def test_the_applications_handlers_are_left_alone(app: App) -> None:
    async with Member(app.url) as anna:
        assert await anna.sio.call("chat", "hello") == "chat"
        assert await anna.sio.call("anything", "else") == "catch-all"
        await anna.answer("nonsense")
        sid = anna.peer_id
    await until(lambda: ("disconnect", sid) in [one[:2] for one in app.heard], "the disconnect heard")
    print(app.heard)
    assert [one[:2] for one in app.heard] == [
        ("connect", sid), ("chat", sid), ("catch-all", "anything"), ("disconnect", sid),
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [
    {"namespaces": ["/", "/shop"]},
    {"always_connect": True},
    {"async_handlers": False},
], ids=lambda options: next(iter(options)))
async def test_options_of_the_applications_server(kind: str, options: dict[str, Any]) -> None:
    async with application(kind, **options) as app, Member(app.url) as anna, Member(app.url) as ben:
        await anna.told("peerConnection", peerId=ben.peer_id)
        assert (await anna.ask("joinRoom", roomId="kitchen")) == {"peerIds": []}


INSTRUMENTED = """
import socketio, uvicorn, werkzeug.serving
from simplesfu import MediaManager

sio = {server}
media = MediaManager(sio, listen=0)
sio.instrument(auth=False)
{run}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("server", "run"), [
    ('socketio.AsyncServer(async_mode="asgi")', 'uvicorn.run(socketio.ASGIApp(sio), port=0)'),
    ('socketio.Server(async_mode="threading")',
     'werkzeug.serving.run_simple("127.0.0.1", 0, socketio.WSGIApp(sio), threaded=True)'),
], ids=["asyncio", "threads"])
async def test_beside_the_admin_interface(server: str, run: str) -> None:
    """In a process of its own: instrument() changes the classes of python-socketio for good."""
    script = INSTRUMENTED.format(server=server, run=run)
    async with running(Server([sys.executable, "-c", script], env={"PYTHONPATH": str(ROOT)})) as started:
        admin = socketio.AsyncClient(reconnection=False)
        await admin.connect(started.url, namespaces=["/admin"], transports=["websocket"])
        async with Member(started.url) as anna, Member(started.url) as ben:
            assert await anna.ask("joinRoom", roomId="kitchen") == {"peerIds": []}
            await ben.told("peerDisconnection", peerId=anna.peer_id)
        await admin.disconnect()


async def test_polling_clients(app: App) -> None:
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(app.url, namespaces=["/", NAMESPACE], transports=["polling"])
    async with Member(app.url) as anna:
        answer = await client.call("hello", namespace=NAMESPACE)
        await client.call("enter", namespace=NAMESPACE)
        assert answer["data"]["peerId"] == client.get_sid("/")
        await anna.told("peerConnection", peerId=client.get_sid("/"))
        peer_id = client.get_sid("/")
        await client.disconnect()
        await app.gone(peer_id)
    with warnings.catch_warnings():  # Engine.IO's polling client leaves responses open
        warnings.simplefilter("ignore", ResourceWarning)
        del client
        gc.collect()


# the end


@pytest.mark.parametrize("kind", KINDS)
async def test_close_leaves_the_applications_server_as_it_was(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with application(kind) as app:
            async with Member(app.url) as anna:
                await app.media.aclose()
                await disconnected(anna)
                assert await anna.sio.call("chat", "hello") == "chat"
            assert NAMESPACE not in app.sio.handlers
            assert vars(app.sio).keys().isdisjoint({"handle_request", "_handle_event"})
            assert "disconnect" not in vars(app.sio.manager)
            assert not [one for one in threading.enumerate() if one.name.startswith("simplesfu")]
            async with MediaManager(app.sio, listen=0) as second, Member(app.url) as again:
                assert second.peers.keys() == {again.peer_id}
    assert not [record for record in caplog.records if record.name.startswith("simplesfu")]


def test_close_leaves_what_others_have_wrapped_since() -> None:
    sio = socketio.Server(async_mode="threading")
    media = MediaManager(sio, listen=0)
    ours = sio.manager.disconnect
    sio.manager.disconnect = lambda *args, **kwargs: ours(*args, **kwargs)
    theirs = sio.manager.disconnect
    media.close()
    assert sio.manager.disconnect is theirs
    sio.manager.disconnect("nobody", "/", ignore_queue=True)


# the queue between the threads

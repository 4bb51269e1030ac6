"""MediaManager: what it takes, what it refuses, what it tells, how it ends."""
from __future__ import annotations

import asyncio
import inspect
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields
from typing import Any, get_type_hints

import pytest
import pytest_asyncio
import socketio
from flask import Flask
from flask_socketio import SocketIO
from support import rtp
from support.in_process import asgi, wsgi
from support.server import ROOT, Server, running
from support.signalling import Member
from support.waiting import until

import simplesfu
from simplesfu import Closed, ConfigError, MediaManager
from simplesfu.config import MediaConfig, MediaOptions
from simplesfu.signaling.application.events import EVENTS, MAX_WAITING, AppEvents
from simplesfu.signaling.sessions.info import PeerInfo


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    assert not our_threads()


def our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("simplesfu")]


def async_server() -> Any:
    return socketio.AsyncServer(async_mode="asgi")


def thread_server() -> Any:
    return socketio.Server(async_mode="threading")


# the public face


def test_public_names() -> None:
    errors = {name for name in dir(simplesfu.errors) if isinstance(getattr(simplesfu.errors, name), type)}
    values = {"AuthorizationRequest", "Decision", "Explanation", "SubscriptionRequest"}
    assert set(simplesfu.__all__) == {"MediaManager", "__version__"} | values | errors
    assert all(hasattr(simplesfu, name) for name in simplesfu.__all__)


def test_the_docstring_is_the_way_of_a_packet() -> None:
    lines = [line for line in (simplesfu.__doc__ or "").splitlines() if line[:6].strip().isdigit()]
    assert [int(line[:6]) for line in lines] == list(range(1, 13))


def test_the_options_are_those_of_the_configuration() -> None:
    options = get_type_hints(MediaOptions)
    print(*options)
    assert options == {each.name: get_type_hints(MediaConfig)[each.name] for each in fields(MediaConfig) if each.init}
    assert inspect.signature(MediaManager).parameters["options"].annotation == "Unpack[MediaOptions]"


# what it takes


def eventlet_server() -> socketio.Server:
    """As python-socketio makes one, where eventlet is installed."""
    sio = thread_server()
    sio.async_mode = "eventlet"
    return sio


@pytest.mark.parametrize("make", [async_server, thread_server])
def test_made_without_a_running_loop_and_closed_twice(make: Any) -> None:
    sio = make()
    media = MediaManager(sio, listen=0, announce="127.0.0.1")
    ((address, port),) = media.addresses
    print(address, port)
    assert address == "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
        other.bind(("0.0.0.0", port))
    media.close()
    media.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", port))


def test_flask_socket_io_itself_and_its_server() -> None:
    flask_sio = SocketIO(Flask(__name__), async_mode="threading")
    for given in (flask_sio, flask_sio.server):
        MediaManager(given, listen=0).close()


@pytest.mark.parametrize(("make", "hint"), [
    (lambda: None, "pass a socketio.AsyncServer"),
    (lambda: "sio", "pass a socketio.AsyncServer"),
    (lambda: socketio.ASGIApp(async_server()), "not the application around it"),
    (lambda: socketio.WSGIApp(thread_server()), "not the application around it"),
    (SocketIO, "init_app"),
    (socketio.Client, "pass a socketio.AsyncServer"),
    (eventlet_server, '"threading" or "gevent"'),
])
def test_what_is_no_socket_io_server(make: Any, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        MediaManager(make(), listen=0)
    print(refused.value)
    assert hint in refused.value.hint


def test_a_wrong_option_says_what_is_right() -> None:
    with pytest.raises(ConfigError, match="hold_us"):
        MediaManager(async_server(), hold_us=-1)
    with pytest.raises(TypeError, match="hold_ms"):
        MediaManager(async_server(), hold_ms=1)  # type: ignore[call-arg]


def test_a_busy_port_is_told_at_once() -> None:
    sio = async_server()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            MediaManager(sio, listen=("127.0.0.1", port))
    print(refused.value)
    assert str(port) in refused.value.message
    assert refused.value.hint
    assert not sio.handlers, "the Socket.IO server is as it was"
    MediaManager(sio, listen=("127.0.0.1", port)).close()


def test_two_on_one_server() -> None:
    sio = async_server()
    first = MediaManager(sio, listen=0)
    with pytest.raises(ConfigError, match="already"):
        MediaManager(sio, listen=0)
    first.close()
    MediaManager(sio, listen=0).close()


async def test_async_with() -> None:
    sio = async_server()
    async with MediaManager(sio, listen=0) as media:
        assert media.stats()["engine"] == {"links": {}, "rejects": {}}
    assert not sio.handlers


def test_after_close() -> None:
    media = MediaManager(async_server(), listen=0)
    media.close()
    assert (media.peers, media.producers, media.consumers) == ({}, {}, {})
    with pytest.raises(Closed):
        media.stats()


# what it tells


@pytest_asyncio.fixture(params=[async_server, thread_server])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[tuple[MediaManager, str]]:
    sio = request.param()
    app, serve = (socketio.ASGIApp(sio), asgi) if request.param is async_server else (socketio.WSGIApp(sio), wsgi)
    async with MediaManager(sio, listen=0, announce="127.0.0.1") as media, serve(app) as url:
        yield media, url


async def a_call(url: str) -> None:
    """One sends, one receives, both leave."""
    async with Member(url) as anna, Member(url) as ben:
        for peer in (anna, ben):
            await peer.ask("setRtpCapabilities", rtpCapabilities=peer.capabilities)
        send = (await anna.ask("createWebRtcTransport", direction="send"))["id"]
        recv = (await ben.ask("createWebRtcTransport", direction="recv"))["id"]
        video = rtp.video_parameters(anna.codec("video/VP8"), 77)
        producer = (await anna.ask("produce", transportId=send, kind="video", rtpParameters=video, label="camera",
                                   broadcast=True))["producerId"]
        await ben.told("producerAvailable", producerId=producer)
        await ben.ask("consume", transportId=recv, producerId=producer)
        await anna.ask("closeProducer", producerId=producer)
        await ben.told("producerUnavailable", producerId=producer)


CALL = [
    "peer_joined", "peer_joined", "producer_added", "consumer_added", "consumer_removed", "producer_removed",
    "transport_state", "peer_left", "transport_state", "peer_left",
]


async def test_events_of_a_call(served: tuple[MediaManager, str]) -> None:
    media, url = served
    heard: list[tuple[str, Any, str]] = []
    for event in EVENTS:
        media.on(event, lambda info, event=event: heard.append((event, info, threading.current_thread().name)))
    await a_call(url)
    await until(lambda: len(heard) == len(CALL), "all events", every_s=0.02)
    for event in heard:
        print(*event)
    assert [event for event, _, _ in heard] == CALL
    assert len({thread for _, _, thread in heard}) == 1
    assert "simplesfu-engine" not in {thread for _, _, thread in heard}
    joined, *_, left = [info for _, info, _ in heard]
    assert isinstance(joined, PeerInfo)
    assert left.transports[0].state == "new", "what a peer had when it left"


async def test_a_coroutine_function_hears_in_order_too() -> None:
    sio, heard = async_server(), []
    async with MediaManager(sio, listen=0) as media, asgi(socketio.ASGIApp(sio)) as url:
        first_may_end = asyncio.Event()

        @media.on("peer_joined")
        async def slow(info: PeerInfo) -> None:
            if not heard:
                await first_may_end.wait()
            heard.append(info.id)

        async with Member(url) as anna, Member(url) as ben:
            first_may_end.set()
            await until(lambda: len(heard) == 2, "both heard", every_s=0.02)
            assert heard == [anna.peer_id, ben.peer_id]


def test_a_coroutine_function_without_a_loop_for_it() -> None:
    async def handler(_info: PeerInfo) -> None: ...

    media = MediaManager(thread_server(), listen=0)
    with pytest.raises(ConfigError, match="no loop"):
        media.on("peer_joined", handler)
    media.close()


async def test_a_handler_that_raises_is_logged_and_the_others_hear(
    served: tuple[MediaManager, str], caplog: pytest.LogCaptureFixture
) -> None:
    media, url = served
    heard: list[str] = []

    @media.on("peer_joined")
    def faulty(_info: PeerInfo) -> None:
        raise RuntimeError("the application's own fault")

    @media.on("peer_joined")
    def good(info: PeerInfo) -> None:
        heard.append(info.id)

    async with Member(url) as anna:
        await until(lambda: heard == [anna.peer_id], "the second handler", every_s=0.02)
    assert "the application's own fault" in caplog.text
    media.off("peer_joined", good)
    media.off("peer_joined", good)
    async with Member(url):
        await until(lambda: caplog.text.count("own fault\n") >= 2, "the first handler again", every_s=0.02)
    assert len(heard) == 1


def test_an_event_that_is_none() -> None:
    media = MediaManager(async_server(), listen=0)
    for register in (media.on, media.off):
        with pytest.raises(ConfigError, match="peer_joined"):
            register("peer_came", print)
    with pytest.raises(ConfigError, match="function"):
        media.on("peer_joined", "handler")  # type: ignore[arg-type]
    media.close()


def test_an_application_that_does_not_keep_up_loses_events_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    events, heard = AppEvents(lambda: None, coroutines=True), []
    events.on("peer_joined", heard.append)
    info = PeerInfo(id="x", rooms=(), transports=(), producers=(), consumers=())
    for _ in range(MAX_WAITING + 5):
        events.report("peer_joined", info)
    events.deliver()
    assert len(heard) == MAX_WAITING
    assert caplog.text.count("events are lost") == 1
    events.report("peer_joined", info)
    events.deliver()
    assert len(heard) == MAX_WAITING + 1


# what there is


async def test_peers_producers_consumers_and_stats(served: tuple[MediaManager, str]) -> None:
    media, url = served
    async with Member(url) as anna, Member(url) as ben:
        for peer in (anna, ben):
            await peer.ask("joinRoom", roomId="kitchen")
            await peer.ask("setRtpCapabilities", rtpCapabilities=peer.capabilities)
        send = (await anna.ask("createWebRtcTransport", direction="send"))["id"]
        recv = (await ben.ask("createWebRtcTransport", direction="recv"))["id"]
        video = rtp.video_parameters(anna.codec("video/VP8"), 77)
        producer_id = (await anna.ask("produce", transportId=send, kind="video", rtpParameters=video, label="camera",
                                      broadcast=True))["producerId"]
        consumer_id = (await ben.ask("consume", transportId=recv, producerId=producer_id))["consumerId"]

        assert media.peers[anna.peer_id].rooms == ("kitchen",)
        producer, consumer = media.producers[producer_id], media.consumers[consumer_id]
        assert (producer.peer_id, producer.label, producer.kind) == (anna.peer_id, "camera", "video")
        assert (consumer.publisher_id, consumer.peer_id, consumer.paused) == (anna.peer_id, ben.peer_id, True)

        stats = json.loads(json.dumps(media.stats()))
        print(stats["signaling"], stats["transports"])
        assert stats["signaling"]["peers"] == 2
        assert {transport["id"] for transport in stats["transports"]} == {send, recv}
        assert stats["engine"]["links"] == {"new": 2}
        assert stats["plane"]["ingress"]["received"] == 0

        told = await ben.ask("getStats")
        assert [consumer["label"] for consumer in told["consumers"]] == ["camera"]


# the end of a program that does not think of us


UVICORN = """
import socketio, uvicorn
from simplesfu import MediaManager

sio = socketio.AsyncServer(async_mode="asgi")
media = MediaManager(sio, listen=0)
uvicorn.run(socketio.ASGIApp(sio), port=0)
"""

WERKZEUG = """
import socketio, werkzeug.serving
from simplesfu import MediaManager

sio = socketio.Server(async_mode="threading")
MediaManager(sio, listen=0)
werkzeug.serving.run_simple("127.0.0.1", 0, socketio.WSGIApp(sio), threaded=True)
"""


@pytest.mark.parametrize("script", [UVICORN, WERKZEUG], ids=["uvicorn", "werkzeug"])
async def test_ctrl_c(script: str) -> None:
    """With a call open, nobody closes anything: it ends at once, with code 0 and without a traceback."""
    server = Server([sys.executable, "-c", script], env={"PYTHONPATH": str(ROOT)})
    async with running(server):
        client = Member(server.url)
        async with client:
            await client.ask("createWebRtcTransport", direction="send")
            began = time.monotonic()
            await server.stop()
            took_s = time.monotonic() - began
    print(f"it took {took_s:.1f} s\n{server.log}")
    assert took_s < 5


@pytest.mark.parametrize("server", ['AsyncServer(async_mode="asgi")', 'Server(async_mode="threading")'])
async def test_a_program_that_just_ends(server: str) -> None:
    script = f"import socketio, simplesfu; simplesfu.MediaManager(socketio.{server}, listen=0); print('made')"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", script, cwd=ROOT, stdout=-1, stderr=-1
    )
    output, complaints = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, output, complaints) == (0, b"made\n", b"")


async def test_closing_from_the_applications_own_loop_and_handlers() -> None:
    """on_shutdown=media.close is called on the loop; a handler may close too."""
    sio = async_server()
    media = MediaManager(sio, listen=0)
    media.on("peer_left", lambda _info: media.close())
    async with asgi(socketio.ASGIApp(sio, on_shutdown=media.close)) as url:
        async with Member(url):
            pass
        await until(lambda: not sio.handlers, "closed by the handler", every_s=0.02)


async def test_closing_from_a_handler_in_a_thread(caplog: pytest.LogCaptureFixture) -> None:
    sio = thread_server()
    media = MediaManager(sio, listen=0)
    media.on("peer_left", lambda _info: media.close())
    async with wsgi(socketio.WSGIApp(sio)) as url:
        async with Member(url):
            pass
        await until(lambda: not our_threads(), "closed by the handler", every_s=0.02)
    assert not sio.handlers
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]

"""Rights: the application is asked before, its words reach the client, and what it takes back ends at once."""
from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import flask
import pytest
import socketio
from flask_socketio import SocketIO
from support import rtp
from support.in_process import MediaApp, media_app, wsgi
from support.signalling import SignallingClient
from support.waiting import until
from support.wire_call import stands_still, wire_call
from support.wire_peer import WirePeer

from simplesfu import AuthorizationRequest, ConfigError, MediaManager, NotAllowed, NotFound
from simplesfu.signaling.application import calls as app_calls

PRODUCE, CONSUME, JOIN, DATA = "produce", "consume", "join", "data"
SPEAKER, GUEST = {"role": "speaker"}, {"role": "guest"}


class House:
    """An application's rules, which it can change."""

    def __init__(self) -> None:
        self.asked: list[AuthorizationRequest] = []
        self.refused: set[tuple[str, str | None]] = set()
        """(action, the room or the label)."""

    async def authorize(self, request: AuthorizationRequest) -> bool | None:
        self.asked.append(request)
        await asyncio.sleep(0)
        if request.action == PRODUCE and request.session.get("role") != "speaker":
            raise NotAllowed("guests only watch", "sign up", code="guests_only_watch")
        return (request.action, request.room or request.label) not in self.refused

    def questions(self) -> list[tuple[str, str | None]]:
        questions = [(request.action, request.room or request.label) for request in self.asked]
        self.asked.clear()
        return questions


def call_under(rules: House) -> AbstractAsyncContextManager[tuple[MediaApp, WirePeer, WirePeer, dict[str, Any]]]:
    return wire_call((SPEAKER, GUEST), authorize=rules.authorize)


# asked before


async def test_what_is_asked_and_what_is_known() -> None:
    rules = House()
    async with call_under(rules) as (_, alice, bob, _consumer):
        join_alice, join_bob, produce, consume = rules.asked
        for request in rules.asked:
            print(request)
        assert (join_alice.action, join_alice.room, join_alice.rooms) == (JOIN, "hall", ())
        assert (join_bob.peer_id, join_bob.sid, join_bob.session) == (bob.peer_id, bob.peer_id, GUEST)
        assert (produce.action, produce.label, produce.kind, produce.rooms) == (PRODUCE, "webcam", "video", ("hall",))
        assert produce.session == SPEAKER
        assert (consume.action, consume.publisher_id, consume.label) == (CONSUME, alice.peer_id, "webcam")
        assert (consume.peer_id, consume.session) == (bob.peer_id, GUEST)
        rules.questions()
        await alice.ask("openData", label="chat")
        await alice.ask("joinRoom", roomId="hall")
        assert rules.questions() == [(DATA, "chat")], "who is in a room does not ask again"


async def test_the_applications_words_reach_the_client() -> None:
    rules = House()
    async with call_under(rules) as (_, alice, bob, _consumer):
        await bob.describe("send")
        refusal = await bob.refused("produce", **produce_payload(bob, "webcam"))
        assert refusal == {"code": "guests_only_watch", "message": "guests only watch", "hint": "sign up"}
        rules.refused = {(JOIN, "cellar"), (DATA, "chat")}
        for peer, request, payload in (
            (alice, "joinRoom", {"roomId": "cellar"}),
            (alice, "openData", {"label": "chat"}),
        ):
            refusal = await peer.refused(request, **payload)
            print(refusal)
            assert refusal["code"] == "not_allowed"
            assert refusal["hint"]
        assert not (await alice.answer("leaveRoom", {"roomId": "cellar"}))["ok"]


def produce_payload(peer: WirePeer, label: str) -> dict[str, Any]:
    return {"transportId": peer.transport_ids["send"], "kind": "video", "label": label, "broadcast": True,
            "rtpParameters": rtp.video_parameters(peer.codec("video/VP8"), 4711, mid=label)}


async def test_nobody_is_asked_about_what_the_client_cannot_know_of() -> None:
    rules = House()
    async with call_under(rules) as (app, _alice, _bob, consumer), WirePeer(app.url) as eve:
        await eve.ask("joinRoom", roomId="cellar")
        await eve.describe("recv")
        rules.questions()
        answers = [
            await eve.refused("consume", transportId=eve.transport_ids["recv"], producerId=producer_id)
            for producer_id in (consumer["producerId"], "x" * len(consumer["producerId"]))
        ]
        assert [answer["code"] for answer in answers] == ["not_found", "not_found"]
        assert answers[0]["hint"] == answers[1]["hint"]
        assert rules.questions() == []


async def test_the_metadata_of_a_track_is_asked_about_too() -> None:
    rules = House()
    async with call_under(rules) as (_, alice, _bob, consumer):
        rules.questions()
        await alice.ask("setMetadata", producerId=consumer["producerId"], metadata={"price": 3})
        (request,) = rules.asked
        assert (request.action, request.metadata) == (PRODUCE, {"price": 3})
        rules.refused = {(PRODUCE, "webcam")}
        refusal = await alice.refused("setMetadata", producerId=consumer["producerId"], metadata={"price": 0})
        assert refusal["code"] == "not_allowed"


# what an application can do wrong


@pytest.mark.parametrize("wrong", [
    lambda _: {}["user"],
    lambda _: 1,
    lambda _: "yes",
])
async def test_what_is_no_answer_refuses_and_is_logged_once(
    wrong: Callable[[AuthorizationRequest], Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with media_app(authorize=wrong) as app, SignallingClient(app.url) as client:
        for room in ("one", "two", "three"):
            refusal = await client.refused("joinRoom", roomId=room)
            assert refusal["code"] == "not_allowed"
            assert "log" in refusal["hint"]
        assert app.media.stats()["signaling"]["application_failures"] == {"authorize": 3}
    assert caplog.text.count("authorize failed") == 1


async def test_who_does_not_answer_in_time_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_calls, "ANSWER_TIMEOUT_S", 0.2)

    async def slow(request: AuthorizationRequest) -> bool:
        await asyncio.sleep(60 if request.room == "slow" else 0)
        return True

    async with media_app(authorize=slow) as app, SignallingClient(app.url) as one, SignallingClient(app.url) as other:
        asking = asyncio.create_task(one.refused("joinRoom", roomId="slow"))
        await other.ask("joinRoom", roomId="fast")
        assert not asking.done(), "one who waits holds up nobody else"
        assert (await asking)["code"] == "authorization_timeout"
        await one.ask("joinRoom", roomId="fast")


async def test_requests_of_one_peer_keep_their_order_while_the_application_thinks() -> None:
    decide = asyncio.Event()

    async def slow(_: AuthorizationRequest) -> bool:
        await decide.wait()
        return True

    async with media_app(authorize=slow) as app, SignallingClient(app.url) as client:
        joining = asyncio.create_task(client.ask("joinRoom", roomId="hall"))
        leaving = asyncio.create_task(client.ask("leaveRoom", roomId="hall"))
        await asyncio.sleep(0.05)
        assert not joining.done()
        assert not leaving.done()
        decide.set()
        await joining
        await leaving


def test_what_cannot_be_called() -> None:
    async def coroutine(_: AuthorizationRequest) -> bool:
        return True

    with pytest.raises(ConfigError, match="authorize"):
        MediaManager(socketio.AsyncServer(async_mode="asgi"), listen=0, authorize=True)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no loop"):
        MediaManager(socketio.Server(async_mode="threading"), listen=0, authorize=coroutine)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("simplesfu")]


# rights that change


async def test_a_viewers_right_that_is_taken_away_ends_the_packets_and_comes_back() -> None:
    rules = House()
    async with call_under(rules) as (app, alice, bob, consumer):
        rules.refused = {(CONSUME, "webcam")}
        bob.notifications.clear()
        called_ms = time.time() * 1000
        assert await asyncio.wrap_future(app.media.reauthorize(bob.peer_id)) == 1
        await bob.told("producerUnavailable", producerId=consumer["producerId"], reason="not_allowed")
        await stands_still(bob, consumer)
        after_ms = bob.wires["recv"].arrivals_ms[-1] - called_ms
        print(f"the last packet came {after_ms:.1f} ms after reauthorize() was called")
        assert app.media.explain(bob.peer_id, alice.peer_id, "webcam").code == "not_allowed"
        rules.refused.clear()
        bob.notifications.clear()
        assert await asyncio.wrap_future(app.media.reauthorize()) == 0
        await bob.gets(await bob.see("webcam", alice))


async def test_a_viewer_who_was_refused_at_first_is_offered_the_track_anew() -> None:
    rules = House()
    rules.refused = {(CONSUME, "webcam")}
    async with (
        media_app(authorize=rules.authorize) as app,
        WirePeer(app.url, auth=SPEAKER) as alice,
        WirePeer(app.url) as bob,
    ):
        await alice.connect("send")
        await bob.connect("recv")
        stream = await alice.produce("webcam")
        async with stream.running():
            offer = await bob.told("producerAvailable", label="webcam")
            refusal = await bob.refused("consume", transportId=bob.transport_ids["recv"],
                                        producerId=offer["producerId"])
            assert refusal["code"] == "not_allowed"
            bob.notifications.clear()
            rules.refused.clear()
            await asyncio.wrap_future(app.media.reauthorize(bob.peer_id))
            await bob.gets(await bob.see("webcam", alice))


async def test_a_publishers_right_that_is_taken_away_ends_the_track_for_all() -> None:
    rules = House()
    async with call_under(rules) as (app, alice, bob, consumer):
        rules.refused = {(PRODUCE, "webcam")}
        assert await asyncio.wrap_future(app.media.reauthorize(alice.peer_id)) == 1
        await bob.told("producerUnavailable", producerId=consumer["producerId"], reason="not_allowed")
        await alice.told("producerClosed", producerId=consumer["producerId"], reason="not_allowed")
        await stands_still(bob, consumer)
        assert not app.media.producers


async def test_a_room_and_a_label_that_are_taken_away() -> None:
    rules = House()
    async with call_under(rules) as (app, alice, bob, consumer):
        await alice.ask("openData", label="chat")
        rules.refused = {(JOIN, "hall"), (DATA, "chat")}
        assert await asyncio.wrap_future(app.media.reauthorize(alice.peer_id)) == 2
        await alice.told("roomLeft", roomId="hall", reason="not_allowed")
        await alice.told("dataClosed", label="chat")
        await bob.told("peerDisconnection", peerId=alice.peer_id, reason="not_allowed")
        await stands_still(bob, consumer)


async def test_what_ends_by_itself_while_it_is_asked_about() -> None:
    rules, may_answer = House(), asyncio.Event()
    may_answer.set()

    async def slow(request: AuthorizationRequest) -> bool | None:
        answer = await rules.authorize(request)
        await may_answer.wait()
        return answer

    async with media_app(authorize=slow) as app, WirePeer(app.url, auth=SPEAKER) as alice, WirePeer(app.url) as bob:
        for peer in (alice, bob):
            await peer.ask("joinRoom", roomId="hall")
            await peer.ask("openData", label="chat")
        await alice.describe("send")
        stream = await alice.produce("webcam")
        rules.questions()
        may_answer.clear()
        rules.refused = {(JOIN, "hall"), (PRODUCE, "webcam"), (DATA, "chat")}
        asking = asyncio.wrap_future(app.media.reauthorize())
        await until(lambda: len(rules.asked) == 6, "all is being asked", every_s=0.02)
        await alice.ask("leaveRoom", roomId="hall")
        await alice.ask("closeProducer", producerId=stream.producer_id)
        may_answer.set()
        assert await asking == 5, "the hall and the chat of both, and the webcam"
        await bob.told("roomLeft", roomId="hall", reason="not_allowed")
        await bob.told("dataClosed", label="chat")


async def test_a_room_that_the_server_gave_is_the_servers_to_take() -> None:
    rules = House()
    rules.refused = {(JOIN, "hall")}
    async with media_app(authorize=rules.authorize) as app, SignallingClient(app.url) as alice:
        await alice.ask("enter")
        app.media.join(alice.peer_id, "hall")
        await alice.told("roomJoined", roomId="hall")
        assert await asyncio.wrap_future(app.media.reauthorize()) == 0
        assert app.media.peers[alice.peer_id].rooms == ("hall",)


async def test_a_yes_of_yesterday_lets_nobody_in() -> None:
    """The rights change while a request is being decided: it is decided again."""
    rules = {"hall": True}
    thinking, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(request: AuthorizationRequest) -> bool:
        allowed = rules[request.room or ""]
        thinking.set()
        await may_answer.wait()
        return allowed

    async with media_app(authorize=slow) as app, SignallingClient(app.url) as client:
        joining = asyncio.create_task(client.answer("joinRoom", {"roomId": "hall"}))
        await thinking.wait()
        rules["hall"] = False
        app.media.reauthorize(client.peer_id)
        may_answer.set()
        assert (await joining)["error"]["code"] == "not_allowed"


async def test_while_the_socket_is_lost_the_last_session_is_known() -> None:
    rules = House()
    async with call_under(rules) as (app, alice, bob, consumer):
        await alice.lose_socket()
        await until(lambda: not app.media.peers[alice.peer_id].connected, "alice is waited for", every_s=0.02)
        rules.questions()
        assert await asyncio.wrap_future(app.media.reauthorize(alice.peer_id)) == 0
        await bob.gets(consumer)


async def test_who_comes_back_as_somebody_else_has_that_ones_rights() -> None:
    """The page goes on, and its next socket is another user's: what that one may not do ends."""
    rules = House()
    async with call_under(rules) as (app, alice, bob, consumer):
        await alice.lose_socket()
        rules.questions()
        await alice.come_back()
        await bob.gets(consumer)
        assert rules.questions() == [], "the same user is not asked about"
        alice.auth = GUEST
        await alice.lose_socket()
        assert (await alice.come_back())["resumed"]
        await alice.told("producerClosed", label="webcam", reason="not_allowed")
        await stands_still(bob, consumer)
        assert app.media.peers[alice.peer_id].rooms == ("hall",)


async def test_reauthorize_needs_something_to_ask_and_somebody_to_ask_about() -> None:
    async with media_app() as app:
        with pytest.raises(ConfigError, match="authorize"):
            app.media.reauthorize()
    async with media_app(authorize=House().authorize) as app:
        with pytest.raises(NotFound):
            app.media.reauthorize("nobody")


# with threads


async def test_flask_knows_its_own_session(caplog: pytest.LogCaptureFixture) -> None:
    app = flask.Flask(__name__)
    app.secret_key = "of this test"
    sio = SocketIO(app, async_mode="threading")
    asked: list[tuple[str, AuthorizationRequest]] = []

    @sio.on("connect")  # type: ignore[untyped-decorator]
    def connect() -> None:
        flask.session["user"] = "carol"

    def authorize(request: AuthorizationRequest) -> bool:
        asked.append((threading.current_thread().name, request))
        return request.session["user"] == "carol"

    manager = MediaManager(sio, listen=("127.0.0.1", 0), authorize=authorize)
    async with manager as media, wsgi(app) as url, SignallingClient(url) as carol:
        await carol.ask("joinRoom", roomId="hall")
        assert media.peers[carol.peer_id].rooms == ("hall",)
        assert await asyncio.wrap_future(media.reauthorize()) == 0
    print(asked)
    assert {thread for thread, _ in asked} == {"simplesfu-calls"}
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

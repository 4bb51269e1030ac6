"""The subscription policy: nothing flows before its word, its word holds until the next, and nobody else notices."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import socketio
from support.in_process import MediaApp, media_app
from support.waiting import until
from support.wire_peer import WirePeer

from simplesfu import ConfigError, Decision, MediaManager, SubscriptionRequest
from simplesfu.signaling.application import calls as app_calls
from simplesfu.signaling.rights import policy
from simplesfu.signaling.sessions.decision import HOLD


class Director:
    """A policy that a test can change: what it says by viewer, and how often it was asked about whom."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Any] = {}
        self.asked: list[SubscriptionRequest] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, request: SubscriptionRequest) -> Any:
        self.asked.append(request)
        verdict = self.verdicts.get(request.viewer_id)
        await self.may_answer.wait()
        if isinstance(verdict, Exception):
            raise verdict
        return verdict


@asynccontextmanager
async def a_stage(director: Director, viewers: int = 2) -> AsyncIterator[tuple[MediaApp, WirePeer, list[WirePeer]]]:
    """One publishes "webcam", and its frames run; the viewers have a connection each, and nothing consumed."""
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(media_app(subscription_policy=director))
        publisher, *others = [await stack.enter_async_context(WirePeer(app.url)) for _ in range(1 + viewers)]
        await publisher.connect("send")
        for viewer in others:
            await viewer.connect("recv")
        stream = await publisher.produce("webcam", more={"metadata": {"tier": "gold"}})
        await stack.enter_async_context(stream.running())
        yield app, publisher, others


async def gets_nothing(peer: WirePeer, consumer: dict[str, Any], seconds: float = 0.4) -> None:
    before = peer.packets_of(consumer)
    await asyncio.sleep(seconds)
    assert peer.packets_of(consumer) == before


async def test_nothing_flows_before_the_first_word() -> None:
    director = Director()
    director.may_answer.clear()
    async with a_stage(director, viewers=1) as (app, publisher, (viewer,)):
        consumer = await viewer.see("webcam", publisher)
        await until(lambda: director.asked, "the question", every_s=0.02)
        (request,) = director.asked
        print(request)
        assert (request.viewer_id, request.publisher_id) == (viewer.peer_id, publisher.peer_id)
        assert (request.label, request.kind, request.metadata) == ("webcam", "video", {"tier": "gold"})
        assert request.rooms == ()
        await gets_nothing(viewer, consumer)
        explanation = app.media.explain(viewer.peer_id, publisher.peer_id, "webcam")
        assert explanation.code == "held_by_policy"
        assert "not answered yet" in explanation.message
        director.may_answer.set()
        await viewer.gets(consumer)


async def test_it_holds_one_viewer_and_lets_go_and_the_other_misses_nothing() -> None:
    director = Director()
    async with a_stage(director) as (app, publisher, (held, other)):
        consumer, others = await held.see("webcam", publisher), await other.see("webcam", publisher)
        await held.gets(consumer)
        await other.gets(others)
        director.verdicts[held.peer_id] = False
        app.media.reevaluate(viewer=held.peer_id)
        await held.told("consumerHeld", producerId=consumer["producerId"], reason="policy")
        await gets_nothing(held, consumer)
        assert app.media.explain(held.peer_id, publisher.peer_id, "webcam").code == "held_by_policy"
        before = other.packets_of(others)
        await other.gets(others)
        director.verdicts[held.peer_id] = True
        app.media.reevaluate(publisher=publisher.peer_id)
        await held.told("consumerHeld", producerId=consumer["producerId"], reason="")
        await held.gets(consumer)
        print(f"the other got {other.packets_of(others) - before} packets meanwhile")


async def test_the_old_word_holds_until_the_new_one_is_in() -> None:
    director = Director()
    async with a_stage(director, viewers=1) as (app, publisher, (viewer,)):
        consumer = await viewer.see("webcam", publisher)
        await viewer.gets(consumer)
        director.may_answer.clear()
        director.verdicts[viewer.peer_id] = False
        app.media.reevaluate()
        await until(lambda: len(director.asked) == 2, "asked again", every_s=0.02)
        await viewer.gets(consumer)
        director.may_answer.set()
        await viewer.told("consumerHeld", reason="policy")
        await gets_nothing(viewer, consumer)


async def test_a_question_under_way_is_asked_again_when_things_change_meanwhile() -> None:
    director = Director()
    director.may_answer.clear()
    async with a_stage(director, viewers=1) as (app, publisher, (viewer,)):
        director.verdicts[viewer.peer_id] = True
        consumer = await viewer.see("webcam", publisher)
        await until(lambda: director.asked, "the question", every_s=0.02)
        director.verdicts[viewer.peer_id] = False
        for _ in range(10):
            app.media.reevaluate()
        director.may_answer.set()
        await viewer.told("consumerHeld", reason="policy")
        await gets_nothing(viewer, consumer)
        assert len(director.asked) == 2, "ten times at once is once more"


async def test_whom_a_reevaluation_is_about() -> None:
    director = Director()
    async with a_stage(director) as (app, publisher, viewers):
        for viewer in viewers:
            await viewer.see("webcam", publisher)
        await until(lambda: len(director.asked) == 2, "the first questions", every_s=0.02)
        first, second = (viewer.peer_id for viewer in viewers)
        for whom, asked in (
            ({"viewer": first}, [first]),
            ({"publisher": publisher.peer_id}, [first, second]),
            ({"viewer": second, "publisher": publisher.peer_id}, [second]),
            ({"viewer": publisher.peer_id}, []),
            ({"publisher": "nobody"}, []),
            ({}, [first, second]),
        ):
            director.asked.clear()
            app.media.reevaluate(**whom)
            await until(lambda asked=asked: len(director.asked) == len(asked), f"asked {whom}", every_s=0.02)
            assert sorted(request.viewer_id for request in director.asked) == sorted(asked)


@pytest.mark.parametrize("wrong", [RuntimeError("no database"), 7, "forward"])
async def test_what_is_no_answer_changes_nothing_and_is_logged_once(
    wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    director = Director()
    async with a_stage(director) as (app, publisher, (viewer, late)):
        consumer = await viewer.see("webcam", publisher)
        await viewer.gets(consumer)
        director.verdicts = {viewer.peer_id: wrong, late.peer_id: wrong}
        for number in (2, 3):
            app.media.reevaluate()
            await until(lambda number=number: len(director.asked) == number, "asked again", every_s=0.02)
        await viewer.gets(consumer)
        await gets_nothing(late, await late.see("webcam", publisher))
    assert caplog.text.count("subscription_policy failed") == 1


async def test_who_does_not_answer_in_time(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(app_calls, "ANSWER_TIMEOUT_S", 0.1)
    director = Director()
    director.may_answer.clear()
    async with a_stage(director, viewers=1) as (app, publisher, (viewer,)):
        consumer = await viewer.see("webcam", publisher)
        await until(lambda: "did not answer" in caplog.text, "a line in the log", every_s=0.02)
        await gets_nothing(viewer, consumer)
        director.may_answer.set()
        app.media.reevaluate()
        await viewer.gets(consumer)


async def test_a_subscription_that_ends_while_it_is_asked_about() -> None:
    director = Director()
    director.may_answer.clear()
    async with a_stage(director, viewers=1) as (app, publisher, (viewer,)):
        consumer = await viewer.see("webcam", publisher)
        await until(lambda: director.asked, "the question", every_s=0.02)
        await publisher.ask("closeProducer", producerId=consumer["producerId"])
        director.may_answer.set()
        await viewer.told("producerUnavailable")
        app.media.reevaluate()
        assert not app.media.consumers


async def test_many_are_asked_about_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "AT_ONCE", 4)
    running: set[str] = set()
    most = asked = 0

    async def count(request: SubscriptionRequest) -> None:
        nonlocal most, asked
        running.add(request.label)
        most, asked = max(most, len(running)), asked + 1
        await asyncio.sleep(0.005)
        running.discard(request.label)

    async with media_app(subscription_policy=count) as app, WirePeer(app.url) as publisher, WirePeer(app.url) as viewer:
        await publisher.describe("send")
        await viewer.describe("recv")
        for number in range(12):
            await publisher.produce(f"track {number}")
            await viewer.see(f"track {number}", publisher)
        await until(lambda: asked == 12 and not running, "the first answers", every_s=0.02)
        for _ in range(5):
            app.media.reevaluate()
        await until(lambda: asked >= 24 and not running, "all asked again", every_s=0.02)
        print(f"{most} at once, {asked} in all")
        assert most == 4
        assert asked <= 36


def test_what_cannot_be_called() -> None:
    async def coroutine(_: SubscriptionRequest) -> bool:
        return True

    with pytest.raises(ConfigError, match="subscription_policy"):
        MediaManager(socketio.AsyncServer(async_mode="asgi"), listen=0, subscription_policy=1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no loop"):
        MediaManager(socketio.Server(async_mode="threading"), listen=0, subscription_policy=coroutine)


async def test_without_one_there_is_nothing_to_reevaluate() -> None:
    async with media_app() as app:
        with pytest.raises(ConfigError, match="subscription_policy"):
            app.media.reevaluate()


@pytest.mark.parametrize("wrong", [
    {"max_spatial_layer": -1},
    {"max_temporal_layer": 1.5},
    {"max_spatial_layer": True},
    {"max_frame_rate": 0},
    {"max_frame_rate": float("nan")},
])
def test_a_decision_that_makes_no_sense(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Decision(**wrong)


def test_decisions_are_values() -> None:
    assert Decision() == Decision(forward=True)
    assert Decision(forward=False) == HOLD
    assert Decision(max_spatial_layer=1).limit.spatial_layer == 1

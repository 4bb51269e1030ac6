"""A request that carries an id is carried out once, however often it comes, and answered alike each time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import rtp
from support.in_process import media_app
from support.waiting import until
from support.wire_peer import WirePeer

from simplesfu.signaling.rights.authorization import AuthorizationRequest


def producing(peer: WirePeer, request_id: str, label: str = "webcam", ssrc: int = 4711) -> dict[str, Any]:
    return {
        "transportId": peer.transport_ids["send"],
        "kind": "video",
        "rtpParameters": rtp.video_parameters(peer.codec("video/VP8"), ssrc, mid=str(ssrc)),
        "label": label,
        "broadcast": True,
        "requestId": request_id,
    }


def alike(answers: list[Any]) -> Any:
    """The one answer that all of these are."""
    assert all(answer == answers[0] for answer in answers), answers
    return answers[0]


@pytest.mark.parametrize("times", [2, 5, 10])
async def test_at_once(times: int) -> None:
    async with media_app() as app, WirePeer(app.url) as publisher, WirePeer(app.url) as viewer:
        await publisher.describe("send")
        request = producing(publisher, "produce it")
        answer = alike(await asyncio.gather(*(publisher.answer("produce", request) for _ in range(times))))
        assert app.media.producers.keys() == {answer["data"]["producerId"]}
        again = {"direction": "recv", "requestId": "create it"}
        answers = await asyncio.gather(*(viewer.answer("createWebRtcTransport", again) for _ in range(times)))
        transport_id = alike(answers)["data"]["id"]
        consuming = {"transportId": transport_id, "producerId": answer["data"]["producerId"], "requestId": "consume it"}
        consumer = alike(await asyncio.gather(*(viewer.answer("consume", consuming) for _ in range(times))))
        assert app.media.consumers.keys() == {consumer["data"]["consumerId"]}
        await viewer.ask("getSnapshot")  # after all that it was told
        assert viewer.heard("producerAvailable") == 1
        assert viewer.heard("producerUnavailable") == 0
        assert len(app.media.peers[viewer.peer_id].transports) == 1


async def test_while_the_application_still_decides() -> None:
    asked: list[str] = []
    decided = asyncio.Event()

    async def slow(request: AuthorizationRequest) -> bool:
        asked.append(request.action)
        if request.action == "produce":
            await decided.wait()
        return True

    async with media_app(authorize=slow) as app, WirePeer(app.url) as publisher:
        await publisher.describe("send")
        request = producing(publisher, "produce it")
        answers = [asyncio.create_task(publisher.answer("produce", request)) for _ in range(10)]
        await until(lambda: "produce" in asked, "the application is asked", every_s=0.01)
        await publisher.lose_socket()
        for answer in answers:
            answer.cancel()
        await publisher.come_back()
        more = [asyncio.create_task(publisher.answer("produce", request)) for _ in range(3)]
        decided.set()
        answer = alike(await asyncio.gather(*more))
        assert app.media.producers.keys() == {answer["data"]["producerId"]}
        assert asked.count("produce") == 1


async def test_across_a_resume() -> None:
    """The answer was lost with the socket: the client cannot know whether it was done, and asks again."""
    async with media_app() as app, WirePeer(app.url) as publisher, WirePeer(app.url) as viewer:
        await viewer.ask("enter")
        await publisher.describe("send")
        for number in range(5):
            request = producing(publisher, f"request {number}", f"track {number}", 1000 + number)
            lost = asyncio.create_task(publisher.answer("produce", request))
            if number % 2:
                await viewer.told("producerAvailable", label=f"track {number}")  # it was done, and not heard of
            else:
                await asyncio.sleep(0)  # perhaps it was not even sent
            await publisher.lose_socket()
            lost.cancel()
            assert (await publisher.come_back())["resumed"]
            assert (await publisher.answer("produce", request))["ok"]
        assert sorted(one.label for one in app.media.producers.values()) == [f"track {number}" for number in range(5)]
        await viewer.ask("getSnapshot")
        assert viewer.heard("producerAvailable") == 5
        assert viewer.heard("producerUnavailable") == 0


async def test_with_another_payload_and_another_name() -> None:
    """The first answer, and nothing else: an id is used once."""
    async with media_app() as app, WirePeer(app.url) as publisher:
        await publisher.describe("send")
        first = await publisher.answer("produce", producing(publisher, "the id", "webcam", 1))
        changed = [
            await publisher.answer("produce", producing(publisher, "the id", "screen", 2)),
            await publisher.answer("joinRoom", {"roomId": "elsewhere", "requestId": "the id"}),
            await publisher.answer("closeProducer", {**first["data"], "requestId": "the id"}),
        ]
        assert alike([first, *changed])["ok"]
        assert [one.label for one in app.media.producers.values()] == ["webcam"]
        assert app.media.peers[publisher.peer_id].rooms == ()


async def test_a_refusal_is_an_answer_too() -> None:
    async with media_app() as app, WirePeer(app.url) as peer:
        leaving = {"roomId": "room", "requestId": "leave it"}
        refused = await peer.answer("leaveRoom", leaving)
        assert refused["error"]["code"] == "not_found"
        await peer.ask("joinRoom", roomId="room")
        assert alike([refused, await peer.answer("leaveRoom", leaving)])
        assert app.media.peers[peer.peer_id].rooms == ("room",)


async def test_a_lost_order_is_kept() -> None:
    """Requests resent after a resume, in their order, come out as if nothing had been lost, whatever had been done."""
    async with media_app() as app, WirePeer(app.url) as peer:
        steps = [("joinRoom", "a"), ("joinRoom", "b"), ("leaveRoom", "a"), ("joinRoom", "c"), ("leaveRoom", "b")]
        requests = [(name, {"roomId": room, "requestId": f"{name} {room}"}) for name, room in steps]
        sent = [asyncio.create_task(peer.answer(name, payload)) for name, payload in requests]
        await asyncio.wait(sent[:2])
        await peer.lose_socket()
        for one in sent:
            one.cancel()
        await peer.come_back()
        answers = [await peer.answer(name, payload) for name, payload in requests]
        assert all(answer["ok"] for answer in answers), answers
        assert app.media.peers[peer.peer_id].rooms == ("c",)

"""Rights and policies with a real client: libwebrtc and SimplePeer, without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from support.in_process import media_app
from support.node_peer import NodePeer
from support.signalling import RefusedError
from support.waiting import until

from simplesfu import AuthorizationRequest, Decision, NotAllowed, SubscriptionRequest

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 30), (30, 30, 200)


class House:
    def __init__(self) -> None:
        self.refused: set[str] = set()
        """Actions."""

    async def authorize(self, request: AuthorizationRequest) -> bool:
        if request.action in self.refused:
            raise NotAllowed(f"no {request.action} here", f"pay for {request.action}", code=f"unpaid_{request.action}")
        return True


async def frames(peer: NodePeer, publisher: NodePeer) -> int:
    received = await peer.received()
    return int(received[f"{publisher.peer_id}/webcam"]["frames"])


async def stands_still(peer: NodePeer, publisher: NodePeer) -> bool:
    before = await frames(peer, publisher)
    await asyncio.sleep(0.5)
    return await frames(peer, publisher) == before


async def test_the_applications_words_reach_the_promises() -> None:
    house = House()
    async with media_app(authorize=house.authorize) as app, NodePeer(app.url, RED) as red, NodePeer(app.url) as green:
        async def refused(doing: Callable[[], Any]) -> None:
            with pytest.raises(RefusedError) as refusal:
                await doing()
            print(refusal.value)
            assert refusal.value.wire == {
                "code": f"unpaid_{action}", "message": f"no {action} here", "hint": f"pay for {action}",
            }

        house.refused = {"join", "produce", "consume"}
        action = "join"
        await refused(lambda: red.do("joinRoom", roomId="hall"))
        action = "produce"
        await refused(lambda: red.do("addTrack", label="webcam", kind="video", color=RED))
        house.refused.discard("produce")
        await red.do("addTrack", label="webcam", kind="video", color=RED)
        action = "consume"
        await refused(lambda: green.do("connectToPeer", peerId=red.peer_id))
        house.refused.clear()
        await asyncio.wrap_future(app.media.reauthorize())
        await green.sees([red])


async def test_a_right_that_is_taken_away_in_mid_call_ends_the_picture_at_once() -> None:
    house = House()
    async with media_app(authorize=house.authorize) as app, NodePeer(app.url, RED) as red, NodePeer(app.url) as green:
        await red.publish()
        await green.sees([red])
        await green.hears([red])
        house.refused = {"consume"}
        taken = await asyncio.wrap_future(app.media.reauthorize(green.peer_id))
        assert taken == 2
        for label in ("webcam", "microphone"):
            await green.told("trackRemoved", peerId=red.peer_id, label=label, reason="not_allowed")
        assert not app.media.consumers
        house.refused.clear()
        await asyncio.wrap_future(app.media.reauthorize(green.peer_id))
        await green.sees([red])
        await green.hears([red])


async def test_a_publisher_whose_track_the_server_closes_is_told_and_may_ask_again() -> None:
    house = House()
    async with media_app(authorize=house.authorize) as app, NodePeer(app.url, RED) as red, NodePeer(app.url) as green:
        await red.publish()
        await green.sees([red])
        house.refused = {"produce"}
        await asyncio.wrap_future(app.media.reauthorize(red.peer_id))
        for label in ("webcam", "microphone"):
            error = await red.told("error", message=f'the server has closed your track "{label}"')
            assert error["code"] == "not_allowed"
            await green.told("trackRemoved", peerId=red.peer_id, label=label, reason="not_allowed")
        with pytest.raises(RefusedError, match="unpaid_produce"):
            await red.publish()
        house.refused.clear()
        await red.publish()
        await green.sees([red])


@pytest.mark.slow
async def test_a_policy_holds_and_lets_go_and_others_miss_nothing() -> None:
    held: set[str] = set()

    async def policy(request: SubscriptionRequest) -> Decision:
        return Decision(forward=request.viewer_id not in held or request.kind == "audio")

    async with (
        media_app(subscription_policy=policy) as app,
        NodePeer(app.url, RED) as red,
        NodePeer(app.url) as green,
        NodePeer(app.url) as blue,
    ):
        await red.publish()
        for viewer in (green, blue):
            await viewer.sees([red])
        held.add(green.peer_id)
        app.media.reevaluate(viewer=green.peer_id)
        await until(lambda: stands_still(green, red), "no more frames")
        explanation = app.media.explain(green.peer_id, red.peer_id, "webcam")
        assert explanation.code == "held_by_policy"
        await green.hears([red])
        before = await frames(blue, red)

        async def goes_on() -> bool:
            return await frames(blue, red) > before + 10

        await until(goes_on, "frames for who is not held")
        held.clear()
        app.media.reevaluate()
        stood = await frames(green, red)

        async def moves() -> bool:
            return await frames(green, red) > stood + 10

        await until(moves, "frames again")

"""Lies about links: signals to strangers, others' links and tracks, floods. Whoever lies gains nothing by it."""

from __future__ import annotations

from typing import Any

import pytest
from support.signalling import RefusedError
from support.waiting import until
from support.wire_peer import LightCall, WirePeer

from simplesfu.signaling.sessions.carriers import MAX_SIGNAL_BYTES
from simplesfu.signaling.sessions.session import SIGNALS_BURST

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "no-such-peer"
VIDEO = {"kind": "video", "label": "camera", "broadcast": True}


async def join(peer: WirePeer, room: str) -> WirePeer:
    await peer.ask("joinRoom", roomId=room)
    return peer


async def answers_about(asker: WirePeer, request: str, peer_ids: list[str], **payload: Any) -> list[Any]:
    """Without the ids themselves."""
    answers = [await asker.answer(request, {"peerId": peer_id, **payload}) for peer_id in peer_ids]
    return [str(answer).replace(peer_id, "…") for answer, peer_id in zip(answers, peer_ids, strict=True)]


async def test_strangers_are_answered_as_if_they_were_not_there(bystander: LightCall) -> None:
    """Out of sight, or without a link: neither signals nor reports tell who is there, and nobody hears of them."""
    url = bystander.sender.url
    async with (
        WirePeer(url, topology="mesh") as liar,
        WirePeer(url, topology="mesh") as elsewhere,
        WirePeer(url, topology="sfu") as beside,
    ):
        await join(elsewhere, "another room")
        for peer in (liar, beside):
            await join(peer, "the liar's room")
        targets = [elsewhere.peer_id, beside.peer_id, bystander.sender.peer_id, liar.peer_id, NOBODY]
        signals = await answers_about(liar, "signal", targets, message={"description": "let me in"})
        print(signals[0])
        assert "not_found" in signals[0]
        assert len(set(signals)) == 1
        out_of_sight = [elsewhere.peer_id, bystander.sender.peer_id, liar.peer_id, NOBODY]
        reports = await answers_about(liar, "reportLink", out_of_sight, state="failed", reason="so there")
        assert "not_found" in reports[0]
        assert len(set(reports)) == 1
        for peer in (elsewhere, beside, bystander.sender, bystander.receiver):
            assert not peer.heard("signal")
            assert not peer.heard("carrierChange")


async def test_others_signals_are_not_to_be_had(bystander: LightCall) -> None:
    url = bystander.sender.url
    async with (
        WirePeer(url, topology="mesh") as one,
        WirePeer(url, topology="mesh") as other,
        WirePeer(url, topology="mesh") as third,
    ):
        for peer in (one, other, third):
            await join(peer, "three")
        await one.ask("signal", peerId=other.peer_id, message={"candidate": "192.0.2.7"})
        await other.told("signal", peerId=one.peer_id)
        await other.ask("signal", peerId=third.peer_id, message={"candidate": "for the third"})
        await third.told("signal", peerId=other.peer_id)
        assert third.heard("signal") == 1
        assert "192.0.2.7" not in str(third.notifications)
        assert "192.0.2.7" not in str(await third.ask("getSnapshot"))


async def test_a_flood_of_signals_reaches_nobody(bystander: LightCall) -> None:
    url = bystander.sender.url
    big = {"text": "x" * (MAX_SIGNAL_BYTES - 100)}
    async with WirePeer(url, topology="mesh") as liar, WirePeer(url, topology="mesh") as victim:
        for peer in (liar, victim):
            await join(peer, "flood")
        codes: list[str] = []
        for _ in range(300):
            answer = await liar.answer("signal", {"peerId": victim.peer_id, "message": big})
            codes.append("ok" if answer["ok"] else answer["error"]["code"])
        passed = codes.count("ok")
        await until(lambda: victim.heard("signal") == passed, "what has passed arrives")
        print(f"{passed} of {len(codes)} signals of {MAX_SIGNAL_BYTES >> 10} KiB have passed")
        assert passed < SIGNALS_BURST / 16
        assert set(codes) == {"ok", "too_many_requests"}
        assert (await victim.ask("getSnapshot"))["snapshot"]["peers"], "is served as before"


async def test_odd_signals_are_refused(bystander: LightCall) -> None:
    url = bystander.sender.url
    async with WirePeer(url, topology="mesh") as liar, WirePeer(url, topology="mesh") as victim:
        for peer in (liar, victim):
            await join(peer, "odd")
        messages: list[Any] = [None, "text", 7, [], [{}], {"text": "x" * (40 << 10)}]
        for message in messages:
            refused = await liar.refused("signal", peerId=victim.peer_id, message=message)
            assert refused["code"] == "bad_request", refused
        await bystander.flows(30)
        assert not victim.heard("signal")


async def test_anothers_producer_cannot_be_published(bystander: LightCall) -> None:
    url, producer_id = bystander.sender.url, bystander.stream.producer_id
    async with WirePeer(url, topology="mesh") as liar, WirePeer(url, topology="mesh") as friend:
        for peer in (liar, friend):
            await join(peer, "publishers")
        mine = await liar.ask("publish", producerId=producer_id, **VIDEO)
        assert mine["producerId"] != producer_id
        await liar.describe("send")
        stream = await liar.produce("screen", more={"producerId": producer_id})
        assert stream.producer_id not in (producer_id, mine["producerId"])
        with pytest.raises(RefusedError, match="not_found"):
            await liar.ask("consume", producerId=producer_id)
        await friend.told("producerAvailable", producerId=mine["producerId"], carrier="mesh")
        consumer = await friend.ask("consume", producerId=mine["producerId"])
        for request in ("closeConsumer", "resumeConsumer"):
            with pytest.raises(RefusedError, match="not_found"):
                await liar.ask(request, consumerId=consumer["consumerId"])
        await bystander.flows(30)
        assert not bystander.receiver.heard("producerUnavailable")


async def test_who_cries_failure_harms_its_own_pair_alone(bystander: LightCall) -> None:
    """And that once a minute: it could have said "sfu" in the first place."""
    url = bystander.sender.url
    async with (
        WirePeer(url, topology="mesh") as one,
        WirePeer(url, topology="mesh") as other,
        WirePeer(url, topology="mesh") as liar,
    ):
        for peer in (one, other, liar):
            await join(peer, "crying")
        await one.told("carrierChange", peerId=liar.peer_id, carrier="mesh")
        for _ in range(50):
            await liar.ask("reportLink", peerId=one.peer_id, state="failed", reason="x")
        assert one.heard("carrierChange", peerId=liar.peer_id) == 2, "asked, unreachable"
        assert one.heard("carrierChange", peerId=other.peer_id) == 1
        refused = await liar.refused("reportLink", peerId=one.peer_id, state="failed", reason="x" * 300)
        assert refused["code"] == "bad_request"


async def test_who_changes_its_mind_all_the_time_bothers_nobody_much(bystander: LightCall) -> None:
    url = bystander.sender.url
    async with WirePeer(url, topology="mesh") as liar, WirePeer(url, topology="mesh") as victim:
        for peer in (liar, victim):
            await join(peer, "minds")
        refused: list[str] = []
        for topology in ("sfu", "mesh", "auto") * 100:
            try:
                await liar.ask("setTopology", topology=topology)
            except RefusedError as error:
                refused.append(error.code)
        print(f"{len(refused)} of 300 refused; the other has heard of {victim.heard('carrierChange')} changes")
        assert len(refused) > 100
        assert set(refused) == {"too_many_requests"}
        assert victim.heard("carrierChange") <= 3

"""Every video codec that the server offers, decoded by a real browser: what it cannot parse is no frame."""

from __future__ import annotations

import asyncio

import pytest
from support.factories import Invite, Serve
from support.watch import judge_all, require_fluent

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
async def test_a_call_in_this_codec(serve: Serve, invite: Invite, codec: str) -> None:
    server = await serve()
    alice, bob = [await invite(server, number, "room") for number in (33, 34)]
    await alice.publish_video(options={"codec": f"video/{codec}"}, width=480, height=270, crowd=40)
    await bob.sees([alice])

    async def decode_all() -> None:
        before = await bob.received(alice)
        await asyncio.sleep(5)
        after = await bob.received(alice)
        names = ("framesReceived", "framesDecoded", "framesDropped", "keyFramesDecoded")
        seen = {name: after[name] - before[name] for name in names}
        print(after["mimeType"], seen)
        assert after["mimeType"].lower() == f"video/{codec}".lower()
        require_fluent(seen["framesDecoded"] >= seen["framesReceived"] - 5, seen)
        require_fluent(seen["keyFramesDecoded"] <= 3, f"a decoder that loses its way asks for keyframes: {seen}")

    await judge_all([(bob, alice)], decode_all)
    sender = (await server.stats())["media"]["plane"]["sender"]
    per_call = sender["datagrams"] / sender["messages"]
    print(f"{per_call:.1f} packets of a frame shared a send call")
    if sender["segmentation"]:
        assert per_call > 2, "the padding that lets packets share a call was not put to the test"

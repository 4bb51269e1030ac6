"""A policy limits what one viewer gets of a sender of two qualities, and the other viewer's picture does not care."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from support.caller import Caller
from support.factories import Invite, Serve
from support.server import MediaServer
from support.waiting import until
from support.watch import judge_all

pytestmark = pytest.mark.browser

ENCODINGS = [{"scaleResolutionDownBy": 2, "maxBitrate": 200_000}, {"maxBitrate": 900_000}]


async def decide(server: MediaServer, viewer: Caller, **decision: Any) -> None:
    await server.get("/_decide?" + urlencode({"viewer": viewer.peer_id, "decision": json.dumps(decision)}))


async def gets_width(viewer: Caller, publisher: Caller, width: int) -> None:
    async def so_wide() -> bool:
        return bool((await viewer.received(publisher)).get("frameWidth") == width)

    await until(so_wide, f"caller {viewer.number} gets a width of {width}", timeout_s=30)


async def test_a_policy_limits_a_layer_and_lets_go(serve: Serve, invite: Invite) -> None:
    server = await serve(decides=True)
    alice, bob, carol = [await invite(server, number, "room") for number in (11, 12, 13)]
    await alice.publish_video(width=640, height=360, options={"encodings": ENCODINGS, "codec": "video/VP8"})
    for viewer in (bob, carol):
        await viewer.sees([alice])
        await gets_width(viewer, alice, 640)

    async def limit_and_let_go() -> None:
        await decide(server, bob, max_spatial_layer=0)
        await gets_width(bob, alice, 320)
        await asyncio.sleep(2)
        await gets_width(bob, alice, 320)
        await decide(server, bob)
        await gets_width(bob, alice, 640)

    await judge_all([(carol, alice)], limit_and_let_go)
    await judge_all([(bob, alice)], partial(asyncio.sleep, 3))


async def test_a_policy_holds_and_lets_go(serve: Serve, invite: Invite) -> None:
    server = await serve(decides=True)
    alice, bob, carol = [await invite(server, number, "room") for number in (14, 15, 16)]
    await alice.publish_video()
    for viewer in (bob, carol):
        await viewer.sees([alice])

    async def decoded() -> int:
        return int((await bob.received(alice))["framesDecoded"])

    async def hold_and_let_go() -> None:
        await decide(server, bob, forward=False)

        async def stands_still() -> bool:
            before = await decoded()
            await asyncio.sleep(0.5)
            return await decoded() == before

        await until(stands_still, "no more frames")
        explanation = await bob.explain(alice)
        print(explanation)
        assert explanation["code"] == "held_by_policy"
        await decide(server, bob)
        before = await decoded()

        async def moves() -> bool:
            return await decoded() > before + 20

        await until(moves, "frames again")

    await judge_all([(carol, alice)], hold_and_let_go)

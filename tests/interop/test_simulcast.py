"""A sender of two qualities: whoever watches gets the better one."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from support.factories import Invite, Serve
from support.waiting import until
from support.watch import judge_all

pytestmark = pytest.mark.browser

ENCODINGS = [{"scaleResolutionDownBy": 2, "maxBitrate": 200_000}, {"maxBitrate": 900_000}]


async def test_the_best_quality_is_forwarded(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob = [await invite(server, number, "room") for number in (35, 36)]
    await alice.publish_video(width=640, height=360, options={"encodings": ENCODINGS, "codec": "video/VP8"})
    await bob.sees([alice])
    first = await bob.received(alice)

    async def full_size() -> dict[str, Any] | None:
        stats = await bob.received(alice)
        return stats if stats["frameWidth"] == 640 else None

    await until(full_size, "the better quality", timeout_s=30)
    await bob.sees([alice])
    await judge_all([(bob, alice)], partial(asyncio.sleep, 5))
    last = await bob.received(alice)
    widths = sorted(encoding["frameWidth"] for encoding in await alice.sent() if encoding["framesSent"] > 30)
    print("sent in widths of", widths)
    assert widths == [320, 640]
    shown = ("frameWidth", "framesDecoded", "framesDropped", "keyFramesDecoded", "freezeCount", "pliCount")
    print("at first", {name: first.get(name) for name in shown}, "at last", {name: last.get(name) for name in shown})
    assert last["frameWidth"] == 640

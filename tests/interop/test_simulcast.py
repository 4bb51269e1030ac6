"""A sender of several qualities: whoever watches gets the best that it wants."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from support.caller import Caller
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


LAYERED = [
    {"scaleResolutionDownBy": 2, "maxBitrate": 400_000, "scalabilityMode": "L1T2"},
    {"maxBitrate": 1_500_000, "scalabilityMode": "L1T2"},
]


async def test_each_viewer_gets_the_layers_that_it_wants(serve: Serve, invite: Invite) -> None:
    server = await serve(max_incoming_bitrate_bps=8_000_000)
    alice, bob, carol = [await invite(server, number, "room") for number in (37, 38, 39)]
    await bob.ask("setPreferredLayers", alice.peer_id, {"spatialLayer": 0})
    options = {"encodings": LAYERED, "codec": "video/VP8"}
    await alice.publish_video(width=1280, height=720, fps=20, options=options)
    for viewer in (bob, carol):
        await viewer.sees([alice])
    await until(partial(has_width, carol, alice, 1280), "the best quality for who wants all of it", timeout_s=30)
    widths = [(await viewer.received(alice))["frameWidth"] for viewer in (bob, carol)]
    print("widths", widths)
    assert widths == [640, 1280]

    await bob.ask("setPreferredLayers", alice.peer_id, {"maxFrameRate": 11})
    await until(partial(has_width, bob, alice, 1280), "the best quality, in half of its frames", timeout_s=30)

    async def half_of_the_frames() -> bool:
        before = await frames_of(alice, bob, carol)
        await asyncio.sleep(6)
        sent, *seen = [after - then for after, then in zip(await frames_of(alice, bob, carol), before, strict=True)]
        print(f"of {sent} frames sent {seen[0]} were seen with a limit, {seen[1]} without")
        return 0.4 * sent < seen[0] < 0.6 * sent and seen[1] > 0.9 * sent

    await until(half_of_the_frames, "half of the frames for bob, and all for carol", timeout_s=30)
    await bob.ask("setPreferredLayers", alice.peer_id, {})

    async def all_frames() -> bool:
        before = await frames_of(alice, bob)
        await asyncio.sleep(2)
        sent, seen = [after - then for after, then in zip(await frames_of(alice, bob), before, strict=True)]
        return seen > 0.9 * sent

    await until(all_frames, "all frames again", timeout_s=20)
    for viewer in (bob, carol):
        stats = await viewer.received(alice)
        shown = {name: stats.get(name) for name in ("framesDecoded", "keyFramesDecoded", "pliCount", "nackCount")}
        print(f"caller {viewer.number}: {stats['freezeCount']} freezes, {shown}")
    await judge_all([(bob, alice), (carol, alice)], partial(asyncio.sleep, 5))


async def has_width(viewer: Caller, sender: Caller, width: int) -> bool:
    return bool((await viewer.received(sender)).get("frameWidth") == width)


async def frames_of(sender: Caller, *viewers: Caller) -> list[int]:
    """How many frames of its best quality it has sent, and how many each viewer has decoded."""
    best = max(await sender.sent(), key=lambda encoding: encoding.get("frameWidth", 0))
    return [best["framesSent"], *[(await viewer.received(sender))["framesDecoded"] for viewer in viewers]]

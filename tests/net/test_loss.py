"""A call over a network that loses packets: retransmission keeps the picture whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.factories import Divert, Invite, Serve
from support.fluency import Fluency
from support.udp_proxy import Weather

pytestmark = pytest.mark.browser


SHOWN = ("packetsReceived", "packetsLost", "retransmittedPacketsReceived", "nackCount", "pliCount", "framesDropped")
Seen = tuple[Fluency, dict[str, Any]]
CallThrough = Callable[[Weather], Awaitable[Seen]]


@pytest.fixture
def call_through(serve: Serve, divert: Divert, invite: Invite) -> CallThrough:
    """Twenty seconds of a call, both ends behind the same weather: what the receiver saw, and its statistics."""

    async def call(weather: Weather) -> Seen:
        server = await serve()
        ways = [divert(server, seed=seed) for seed in (1, 2)]
        alice, bob = [await invite(server, number, "room", way) for number, way in zip((60, 61), ways, strict=True)]
        await alice.publish_video()
        await bob.sees([alice])
        for way in ways:
            way.set_weather(up=weather, down=weather)
        await asyncio.sleep(2)  # the receiver's jitter buffer grows to what the weather demands
        seen = (await bob.watch(20))[f"{alice.peer_id}/webcam"]
        stats = await bob.received(alice)
        print(f"{weather}: {seen}; up {ways[0].up_tally}, down {ways[1].down_tally}")
        print({name: stats.get(name) for name in SHOWN})
        return seen, stats

    return call


async def test_no_loss_costs_nothing(call_through: CallThrough) -> None:
    seen, stats = await call_through(Weather())
    assert seen.fps >= 25
    assert not seen.freezes
    assert stats["packetsLost"] == 0
    assert stats["nackCount"] == 0


async def test_one_packet_in_twenty_lost_both_ways(call_through: CallThrough) -> None:
    seen, stats = await call_through(Weather(loss=0.05))
    assert stats["retransmittedPacketsReceived"] > 0
    assert seen.fps >= 20
    assert seen.longest_gap_ms < 1000


async def test_jitter_and_reordering_harm_nothing(call_through: CallThrough) -> None:
    seen, _ = await call_through(Weather(delay_ms=20, jitter_ms=5, reorder=0.02))
    assert seen.fps >= 25
    assert seen.longest_gap_ms < 500

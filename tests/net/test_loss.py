"""A call over a network that loses packets: retransmission keeps the picture whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from support.factories import Divert, Invite, Serve
from support.fluency import Fluency
from support.udp_proxy import Weather
from support.watch import Watch, attempt_with_processor, require_fluent

pytestmark = pytest.mark.browser

SHOWN = ("packetsReceived", "packetsLost", "retransmittedPacketsReceived", "nackCount", "pliCount", "keyFramesDecoded")
WATCHED_S = 20


@dataclass(frozen=True)
class Seen:
    """`rates`: how much each counter of the receiver's statistics grew in a second of the time watched."""

    watch: Watch
    fluency: Fluency
    rates: dict[str, float]


CallThrough = Callable[[Weather, Callable[[Seen], Awaitable[None]]], Awaitable[None]]


@pytest.fixture
def call_through(serve: Serve, divert: Divert, invite: Invite) -> CallThrough:
    """A call with both ends behind the same weather: `judge` is given what the receiver saw."""

    async def call(weather: Weather, judge: Callable[[Seen], Awaitable[None]]) -> None:
        server = await serve()
        ways = [divert(server, seed=seed) for seed in (1, 2)]
        alice, bob = [await invite(server, number, "room", way) for number, way in zip((60, 61), ways, strict=True)]
        await alice.publish_video(width=480, height=270, crowd=40)
        await bob.sees([alice])
        for way in ways:
            way.set_weather(up=weather, down=weather)
        await asyncio.sleep(2)  # the receiver's jitter buffer grows to what the weather demands

        async def attempt(watches: list[Watch]) -> None:
            before = await bob.received(alice)
            await asyncio.sleep(WATCHED_S)
            fluency, after = await watches[0].seen(), await bob.received(alice)
            names = (*SHOWN, "framesReceived", "framesDecoded")
            rates = {name: (after.get(name, 0) - before.get(name, 0)) / WATCHED_S for name in names}
            print(f"{weather}: {fluency}; up {ways[0].up_tally}, down {ways[1].down_tally}")
            print("each second:", {name: round(rate, 1) for name, rate in rates.items()})
            await judge(Seen(watches[0], fluency, rates))

        await attempt_with_processor([(bob, alice)], attempt)

    return call


async def test_no_loss_costs_nothing(call_through: CallThrough) -> None:
    async def judge(seen: Seen) -> None:
        await seen.watch.judge()
        require_fluent(seen.rates["packetsLost"] == seen.rates["nackCount"] == 0, seen.rates)

    await call_through(Weather(), judge)


async def test_one_packet_in_twenty_lost_both_ways(call_through: CallThrough) -> None:
    """Without retransmission one frame in five would be broken, and the picture stand until the next keyframe."""

    async def judge(seen: Seen) -> None:
        assert seen.rates["retransmittedPacketsReceived"] > 0
        require_fluent(seen.rates["framesDecoded"] >= 20, seen.rates)
        require_fluent(seen.rates["keyFramesDecoded"] <= 0.1, seen.rates)
        require_fluent(seen.fluency.longest_gap_ms < 1000, seen.fluency)

    await call_through(Weather(loss=0.05), judge)


async def test_jitter_and_reordering_harm_nothing(call_through: CallThrough) -> None:
    async def judge(seen: Seen) -> None:
        await seen.watch.judge()
        require_fluent(seen.rates["keyFramesDecoded"] == 0, seen.rates)

    await call_through(Weather(delay_ms=20, jitter_ms=5, reorder=0.02), judge)

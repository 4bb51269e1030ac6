"""ICE-TCP with real clients, in networks that drop UDP: whose picture arrives, by which way, and how fluently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.caller import Caller
from support.chromium import chromium, new_page
from support.firefox import firefox_caller
from support.netns import Host, HostServer, Network
from support.node_peer import NodePeer
from support.server import running
from support.waiting import until
from support.watch import Watch, attempt_with_processor, require_fluent

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def without_udp(network: Network, *hosts: Host) -> None:
    for host in hosts:
        network.block(f"ip saddr {host.ipv4} meta l4proto udp")
        network.block(f"ip daddr {host.ipv4} meta l4proto udp")


@asynccontextmanager
async def caller_on(host: Host, server: HostServer, number: int) -> AsyncIterator[Caller]:
    """A page of a Chromium of its own, in the room "room"."""
    secure = f"--unsafely-treat-insecure-origin-as-secure={server.url}"
    async with chromium(secure, executable=host.executable("/usr/bin/chromium")) as browser:
        caller = Caller(await new_page(browser), number)
        await caller.open(server.url)
        await caller.join("room")
        yield caller
        await caller.close()


async def protocols(caller: Caller) -> list[str]:
    """Of the caller's connections to the server, as the server's statistics have them."""
    stats = await caller.page.call("serverStats")
    return sorted(transport["protocol"] or "none" for transport in stats["transports"])


async def fluent(viewer: Caller, publisher: Caller, seconds: float = 5) -> None:
    async def attempt(watches: list[Watch]) -> None:
        await asyncio.sleep(seconds)
        seen = await watches[0].seen()
        print(f"caller {viewer.number} of {publisher.number}: {seen}")
        require_fluent(seen.fps > 20 and seen.longest_gap_ms < 1000, seen)

    await attempt_with_processor([(viewer, publisher)], attempt)


async def test_where_udp_is_dropped_pictures_come_by_tcp(network: Network) -> None:
    client = network.host("client")
    without_udp(network, client)
    async with (
        running(HostServer(network.host("server"))) as server,
        caller_on(client, server, 30) as alice, caller_on(client, server, 31) as bob,
    ):
        began = time.monotonic()
        for caller in (alice, bob):
            await caller.publish_video()
            await caller.publish_audio()
        await alice.sees([bob])
        await bob.sees([alice])
        print(f"no UDP: both pictures after {time.monotonic() - began:.1f} s; {network.blocked} packets were dropped")
        await alice.hears([bob])
        await bob.hears([alice])
        assert await protocols(alice) == await protocols(bob) == ["tcp", "tcp"]
        await fluent(alice, bob)
        print((await server.stats())["media"]["plane"]["tcp"])


async def test_one_by_udp_and_one_by_tcp(network: Network) -> None:
    """And when UDP is dropped in mid-call, the one who had it comes back by TCP, by an ICE restart of the client's."""
    free, shut = network.host("free"), network.host("shut")
    without_udp(network, shut)
    async with (
        running(HostServer(network.host("server"))) as server,
        caller_on(free, server, 32) as alice, caller_on(shut, server, 33) as bob,
    ):
        for caller in (alice, bob):
            await caller.publish_video()
        await alice.sees([bob])
        await bob.sees([alice])
        assert (await protocols(alice), await protocols(bob)) == (["udp", "udp"], ["tcp", "tcp"])
        await fluent(alice, bob)
        await fluent(bob, alice)

        without_udp(network, free)
        began, started = time.monotonic(), {caller: await caller.now() for caller in (alice, bob)}

        async def both_by_tcp_and_moving() -> bool:
            if await protocols(alice) != ["tcp", "tcp"]:
                return False
            to_alice = (await alice.watch(0.5))[f"{bob.peer_id}/webcam"]
            to_bob = (await bob.watch(0.5))[f"{alice.peer_id}/webcam"]
            return to_alice.fps > 15 and to_bob.fps > 15

        await until(both_by_tcp_and_moving, "the pictures are back, by TCP", timeout_s=40)
        print(f"UDP dropped in mid-call: all well again after {time.monotonic() - began:.1f} s")
        for viewer, publisher in ((alice, bob), (bob, alice)):
            seen = (await viewer.fluency_since(started[viewer]))[f"{publisher.peer_id}/webcam"]
            print(f"caller {viewer.number} of {publisher.number}, over the change: {seen}")
        await alice.sees([bob])
        await bob.sees([alice])


async def test_firefox_and_chromium_by_tcp(network: Network) -> None:
    client = network.host("client")
    without_udp(network, client)
    async with (
        running(HostServer(network.host("server"))) as server,
        caller_on(client, server, 34) as chrome, firefox_caller(server, 35, client) as fox,
    ):
        began = time.monotonic()
        for caller in (chrome, fox):
            await caller.publish_video()
        await fox.sees([chrome])
        await chrome.sees([fox])
        print(f"no UDP: both pictures after {time.monotonic() - began:.1f} s")
        assert await protocols(fox) == await protocols(chrome) == ["tcp", "tcp"]
        seen = (await fox.watch(3))[f"{chrome.peer_id}/webcam"]
        print(f"Firefox of Chromium: {seen}")
        assert seen.fps >= 10


async def test_node_by_tcp(network: Network) -> None:
    client = network.host("client")
    without_udp(network, client)
    async with (
        running(HostServer(network.host("server"))) as server,
        NodePeer(server.url, (200, 30, 30), 440, host=client) as red,
        NodePeer(server.url, (30, 30, 200), 880, host=client) as blue,
    ):
        began = time.monotonic()
        for peer in (red, blue):
            await peer.publish()
        await red.sees([blue])
        await blue.sees([red])
        print(f"no UDP: both pictures after {time.monotonic() - began:.1f} s")
        await blue.hears([red])
        tcp = (await server.stats())["media"]["plane"]["tcp"]
        print(tcp)
        assert tcp["proven"] >= 4, "two connections to the server each"


async def test_a_narrow_way_by_tcp(network: Network) -> None:
    """What does not fit is held back, so that the call stays one: sound goes on, pictures come in stretches that are
    not late, and when the way is wide again they are fluent again."""
    free, narrow = network.host("free"), network.host("narrow")
    without_udp(network, narrow)
    async with (
        running(HostServer(network.host("server"))) as server,
        caller_on(free, server, 36) as alice, caller_on(narrow, server, 37) as bob,
    ):
        await alice.publish_video(width=320, height=180, crowd=100)
        await alice.publish_audio()
        await bob.sees([alice])
        await fluent(bob, alice)
        sent_bps = await rate_of(bob, alice, 3)
        for share in (0.8, 0.5):
            network.cap(narrow, int(sent_bps * share))
            await bob.watch(2)  # until what was under way has passed
            heard = await concealed(bob, alice)
            seen = (await bob.watch(8))[f"{alice.peer_id}/webcam"]
            heard = [now - before for now, before in zip(await concealed(bob, alice), heard, strict=True)]
            plane = (await server.stats())["media"]["plane"]
            made_up = heard[0] / heard[1]
            print(f"{share:.0%} of {sent_bps / 1000:.0f} kbit/s: {seen}; {made_up:.1%} of the sound made up")
            print(plane["egress_drops"], plane["tcp"])
            network.uncap(narrow)
            assert plane["egress_drops"]["slow_reader"] > 0
            assert seen.frames > 0
            began = time.monotonic()

            async def moves() -> bool:
                return (await bob.watch(1))[f"{alice.peer_id}/webcam"].fps > 20

            await until(moves, "the picture is fluent again")
            print(f"fluent again {time.monotonic() - began:.1f} s after")
        assert await protocols(bob) == ["tcp"]


async def rate_of(viewer: Caller, publisher: Caller, seconds: float) -> float:
    before = await viewer.received(publisher)
    await viewer.watch(seconds)
    after = await viewer.received(publisher)
    bits: float = (after["bytesReceived"] - before["bytesReceived"]) * 8
    return bits / (after["timestamp"] - before["timestamp"]) * 1000


async def concealed(viewer: Caller, publisher: Caller) -> list[int]:
    """Samples of sound so far: those that the browser made up, and all."""
    heard = await viewer.received(publisher, "microphone")
    return [heard["concealedSamples"], heard["totalSamplesReceived"]]

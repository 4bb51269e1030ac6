"""Networks that let little through, made of namespaces: pictures are the proof, and each test says how long it took."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser
from support.caller import Caller
from support.chromium import chromium, new_page
from support.coturn import SECRET, coturn, require_coturn
from support.netns import MEDIA_PORT, Host, HostServer, Network
from support.server import running
from support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@asynccontextmanager
async def browser_on(client: Host, server: HostServer) -> AsyncIterator[Browser]:
    secure = f"--unsafely-treat-insecure-origin-as-secure={server.url}"
    async with chromium(secure, executable=client.executable("/usr/bin/chromium")) as browser:
        yield browser


@asynccontextmanager
async def pair(client: Host, server: HostServer, **options: Any) -> AsyncIterator[list[Caller]]:
    """Two pages of one browser on that host, in one room, each sending its picture; `options`: of their SimplePeer."""
    async with browser_on(client, server) as browser, AsyncExitStack() as stack:
        callers = [Caller(await new_page(browser), number) for number in (20, 21)]
        for caller in callers:
            stack.push_async_callback(caller.close)
            await caller.open(server.url, **options)
            await caller.join("room")
        for caller in callers:
            await caller.publish_video()
        yield callers


async def both_see(alice: Caller, bob: Caller, what: str) -> None:
    began = time.monotonic()
    await alice.sees([bob])
    await bob.sees([alice])
    print(f"{what}: both pictures {time.monotonic() - began:.1f} s after both were sent")


async def both_go_on(alice: Caller, bob: Caller, what: str, change: Any) -> float:
    """Both pictures move again after the change, and still show whom they should; the longest gap of either, in s."""
    ends = [(alice, bob), (bob, alice)]
    starts = [await viewer.now() for viewer, _ in ends]
    change()

    async def both_move() -> bool:
        seen = [(await viewer.watch(0.5))[f"{publisher.peer_id}/webcam"] for viewer, publisher in ends]
        return all(one.fps > 15 for one in seen)

    await until(both_move, f"the pictures go on after {what}", timeout_s=30)
    await both_see(alice, bob, f"after {what}")
    gaps_s = []
    for (viewer, publisher), start in zip(ends, starts, strict=True):
        seen = (await viewer.fluency_since(start))[f"{publisher.peer_id}/webcam"]
        states = [f"{one['direction']} {one['state']}" for one in await changes(viewer, start)]
        print(f"{what}: {viewer.number} of {publisher.number}: {seen}; {', '.join(states) or 'no change of state'}")
        gaps_s.append(seen.longest_gap_ms / 1000)
    return max(gaps_s)


async def changes(caller: Caller, start_ms: float) -> list[dict[str, Any]]:
    """Of the states of its connections, since then."""
    return [change for change in await caller.events("connectionStateChange") if change["at"] > start_ms]


async def check(page: Caller, **options: Any) -> dict[str, Any]:
    """SimplePeer.checkNetwork() on that page."""
    report: dict[str, Any] = await page.page.call("checkNetwork", options=options)
    print(f"{report['tookMs']:.0f} ms: {report['summary']} {report['hint']}")
    for way in ("udp", "tcp", "turn"):
        print(f"    {way}: {report[way]['message']} {report[way]['hint']}")
    return report


def open_ways(report: dict[str, Any]) -> set[str]:
    return {way for way in ("udp", "tcp", "turn") if report[way]["ok"]}


async def test_a_check_before_the_call_leaves_nothing_behind(network: Network) -> None:
    client = network.host("client")
    async with running(HostServer(network.host("server"))) as server, browser_on(client, server) as browser:
        page = Caller(await new_page(browser), 20)
        await page.page.open(server.url)
        report = await check(page)
        assert open_ways(report) == {"udp", "tcp"}
        assert report["ok"]
        assert report["udp"]["rttMs"] is not None
        await server.empty()
        assert not await server.heard("peer_joined"), "nobody was seen"
        await page.close()


async def test_udp_dropped_tcp_carries_it(network: Network) -> None:
    client = network.host("client")
    network.block("meta l4proto udp")
    async with running(HostServer(network.host("server"))) as server, pair(client, server) as [alice, bob]:
        await both_see(alice, bob, "UDP dropped, TCP")
        assert network.blocked
        report = await check(alice)
        assert open_ways(report) == {"tcp"}
        assert f"UDP port {MEDIA_PORT}" in report["hint"]
        assert report["tookMs"] < 10_000


async def test_udp_and_the_port_dropped_turn_carries_it(network: Network) -> None:
    require_coturn()
    client, turn = network.host("client"), network.host("turn")
    async with coturn(turn) as address:
        urls = [f"turn:{address}?transport=udp", f"turn:{address}?transport=tcp"]
        server = HostServer(network.host("server"), turn_urls=urls, turn_secret=SECRET)
        network.block(f"ip saddr {client.ipv4} meta l4proto udp")
        network.block(f"ip saddr {client.ipv4} tcp dport {MEDIA_PORT}")
        async with running(server), pair(client, server) as [alice, bob]:
            await both_see(alice, bob, "UDP and the port dropped, TURN over TCP")
            assert network.blocked
            report = await check(alice, timeoutMs=3000)
            assert open_ways(report) == {"turn"}
            assert "transport=tcp" in report["turn"]["message"]
            await both_see(alice, bob, "after the check")

            forged = [{"urls": urls[1], "username": "9999999999:nobody", "credential": "guessed"}]
            report = await check(alice, iceServers=forged, timeoutMs=2000)
            assert not report["ok"]
            assert "refuses the credentials" in report["turn"]["message"]
            assert "turn_secret" in report["turn"]["hint"]
            told = await asyncio.to_thread(client.run, sys.executable, "-m", "simplesfu", "doctor", "--url", server.url)
            print(told)
            assert "calls work from here, over TURN only" in told
        assert SECRET not in server.log


async def test_relay_only_goes_by_turn_and_never_directly(network: Network) -> None:
    require_coturn()
    client, turn, host = network.host("client"), network.host("turn"), network.host("server")
    async with coturn(turn) as address:
        server = HostServer(host, turn_urls=f"turn:{address}", turn_secret=SECRET)
        network.block(f"ip saddr {client.ipv4} ip daddr {host.ipv4} meta l4proto udp")
        network.block(f"ip saddr {client.ipv4} ip daddr {host.ipv4} tcp dport {MEDIA_PORT}")
        async with running(server), pair(client, server, iceTransportPolicy="relay") as [alice, bob]:
            await both_see(alice, bob, "relay only, TURN over UDP")
            assert not network.blocked, "the browser did not even try"


async def test_ipv6_only(network: Network) -> None:
    client, host = network.host("client", ipv4=False), network.host("server", ipv4=False)
    async with running(HostServer(host, address=host.ipv6)) as server, pair(client, server) as [alice, bob]:
        await both_see(alice, bob, "IPv6 only")
        assert open_ways(await check(alice)) == {"udp", "tcp"}


async def test_announced_by_a_name_of_both_families(network: Network) -> None:
    """The client's network has only the second."""
    client, host = network.host("client", ipv4=False), network.host("server")
    host.knows(media=f"{host.ipv4} {host.ipv6}")
    listen = [f"{host.ipv4}:{MEDIA_PORT}", f"[{host.ipv6}]:{MEDIA_PORT}"]
    server = HostServer(host, address=host.ipv6, listen=listen, announce="media")
    async with running(server), pair(client, server) as [alice, bob]:
        assert all(f"{address}:{MEDIA_PORT}" in server.log for address in (host.ipv4, host.ipv6))
        await both_see(alice, bob, "announced by a name with an IPv4 and an IPv6 address")


async def test_behind_a_nat_that_rebinds(network: Network) -> None:
    client = network.host("client")
    network.nat(client)
    async with running(HostServer(network.host("server"))) as server, pair(client, server) as [alice, bob]:
        await both_see(alice, bob, "behind a NAT")
        start = await alice.now()
        gap_s = await both_go_on(alice, bob, "the NAT has rebound", network.rebind)
        print(f"back {gap_s:.1f} s after the NAT had rebound")
        assert gap_s < 6
        assert not await changes(alice, start), "the browser's next check was enough"

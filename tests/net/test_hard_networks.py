"""Networks that let little through, made of namespaces: pictures are the proof, and each test says how long it took."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from support.caller import Caller
from support.chromium import chromium, new_page
from support.coturn import SECRET, coturn, require_coturn
from support.netns import MEDIA_PORT, Host, HostServer, Network, require_namespaces
from support.server import running
from support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def network() -> Iterator[Network]:
    require_namespaces()
    with Network() as network:
        yield network


@asynccontextmanager
async def callers(client: Host, server: HostServer, count: int = 2, **options: object) -> AsyncIterator[list[Caller]]:
    """Pages of one browser on that host, each sending its picture; `options`: of their SimplePeer."""
    async with AsyncExitStack() as stack:
        secure = f"--unsafely-treat-insecure-origin-as-secure={server.url}"
        browser = await stack.enter_async_context(chromium(secure, executable=client.executable("/usr/bin/chromium")))
        invited = [Caller(await new_page(browser), 20 + number) for number in range(count)]
        for caller in invited:
            stack.push_async_callback(caller.close)
            await caller.open(server.url, **options)
            await caller.join("room")
        for caller in invited:
            await caller.publish_video()
        yield invited


async def pictures_both_ways(alice: Caller, bob: Caller, what: str) -> None:
    began = time.monotonic()
    await alice.sees([bob])
    await bob.sees([alice])
    print(f"{what}: both pictures {time.monotonic() - began:.1f} s after both sent")


async def test_in_the_open(network: Network) -> None:
    client = network.host("client")
    async with running(HostServer(network.host("server"))) as server, callers(client, server) as [alice, bob]:
        await pictures_both_ways(alice, bob, "open network, UDP")


async def test_behind_a_nat_that_rebinds(network: Network) -> None:
    client = network.host("client")
    network.nat(client)
    async with running(HostServer(network.host("server"))) as server, callers(client, server) as [alice, bob]:
        await pictures_both_ways(alice, bob, "behind a NAT")
        ends = [(alice, bob), (bob, alice)]
        starts = [await viewer.now() for viewer, _ in ends]
        network.rebind()
        await pictures_go_on(ends, "after the NAT has rebound")
        for (viewer, publisher), start in zip(ends, starts, strict=True):
            seen = (await viewer.fluency_since(start))[f"{publisher.peer_id}/webcam"]
            print(f"the NAT has rebound: {viewer.number} of {publisher.number}: {seen}")
            print(await viewer.events("iceRestart"), await viewer.events("connectionStateChange"))


async def pictures_go_on(ends: list[tuple[Caller, Caller]], when: str) -> None:
    async def all_fluent() -> bool:
        seen = [(await viewer.watch(0.5))[f"{publisher.peer_id}/webcam"] for viewer, publisher in ends]
        return all(one.fps > 15 for one in seen)

    await until(all_fluent, f"the pictures go on {when}", timeout_s=30)


async def test_udp_and_the_port_dropped_turn_carries_it(network: Network) -> None:
    require_coturn()
    client, turn = network.host("client"), network.host("turn")
    async with coturn(turn) as address:
        options = {"turn_urls": [f"turn:{address}?transport=udp", f"turn:{address}?transport=tcp"], "turn_secret": SECRET}
        server = HostServer(network.host("server"), **options)
        network.block(f"ip saddr {client.ipv4} meta l4proto udp")
        network.block(f"ip saddr {client.ipv4} tcp dport {MEDIA_PORT}")
        async with running(server), callers(client, server) as [alice, bob]:
            await pictures_both_ways(alice, bob, "UDP and the port dropped, TURN over TCP")
            print(await alice.page.call("checkNetwork"))
            print(f"{network.blocked} packets were dropped")
            assert network.blocked


async def test_ipv6_only(network: Network) -> None:
    client, host = network.host("client", ipv4=False), network.host("server", ipv4=False)
    async with running(HostServer(host, address=host.ipv6)) as server, callers(client, server) as [alice, bob]:
        await pictures_both_ways(alice, bob, "IPv6 only")
        print(await alice.page.call("checkNetwork"))


async def test_announced_by_name(network: Network) -> None:
    """The name has an address of each family; the client's network has only the second."""
    client, host = network.host("client", ipv4=False), network.host("server")
    host.knows(media=f"{host.ipv4} {host.ipv6}")
    server = HostServer(host, address=host.ipv6, listen=[f"{host.ipv4}:{MEDIA_PORT}", f"[{host.ipv6}]:{MEDIA_PORT}"], announce="media")
    async with running(server), callers(client, server) as [alice, bob]:
        await pictures_both_ways(alice, bob, "announced by a name with an IPv4 and an IPv6 address")
        print(await alice.page.call("checkNetwork"))

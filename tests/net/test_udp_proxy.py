"""The bad network itself: at rest it adds nothing, and its dice are the seed's."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from statistics import median

import pytest
from support.udp_proxy import UdpProxy, Weather

COUNT = 500


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client and a server, bound to loopback."""
    with socket.socket(type=socket.SOCK_DGRAM) as client, socket.socket(type=socket.SOCK_DGRAM) as server:
        for end in (client, server):
            end.bind(("127.0.0.1", 0))
            end.settimeout(1)
        yield client, server


def exchange(client: socket.socket, server: socket.socket, proxy: UdpProxy) -> list[int]:
    """Send COUNT numbered datagrams; the numbers that arrive, in their order."""
    arrived = []
    for number in range(COUNT):
        client.sendto(number.to_bytes(4), proxy.address)
        if number % 50 == 49:  # before a buffer of the kernel overflows
            arrived += drain(server, quiet_s=0.02)
    return arrived + drain(server, quiet_s=0.3)


def drain(server: socket.socket, quiet_s: float) -> list[int]:
    """The numbers that arrive, until none does for a while."""
    arrived = []
    server.settimeout(quiet_s)
    with suppress(TimeoutError):
        while True:
            arrived.append(int.from_bytes(server.recv(100)))
    return arrived


@pytest.mark.slow
def test_calm_weather_adds_nothing(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    with UdpProxy(server.getsockname()) as proxy:
        assert exchange(client, server, proxy) == list(range(COUNT))

        server.settimeout(1)
        ways_ms = []
        for _ in range(100):
            sent = time.monotonic()
            client.sendto(b"question", proxy.address)
            _, back = server.recvfrom(100)
            server.sendto(b"answer", back)
            assert client.recvfrom(100) == (b"answer", proxy.address)
            ways_ms.append((time.monotonic() - sent) * 1000)
        print(f"there and back in {median(ways_ms):.2f} ms (median)")
        assert median(ways_ms) < 5
        assert (proxy.up_tally.lost, proxy.down_tally.lost, proxy.up_tally.reordered) == (0, 0, 0)


def test_losses_are_the_seeds(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    runs = []
    for seed in (7, 7, 8):
        with UdpProxy(server.getsockname(), seed=seed, up=Weather(loss=0.1)) as proxy:
            runs.append(exchange(client, server, proxy))
        assert proxy.up_tally.received == proxy.up_tally.passed + proxy.up_tally.lost
    print([len(run) for run in runs])
    assert runs[0] == runs[1] != runs[2]
    assert 0.85 * COUNT < len(runs[0]) < 0.95 * COUNT


def test_overtaken_datagrams_arrive_late(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    with UdpProxy(server.getsockname(), up=Weather(reorder=0.2, reorder_ms=30)) as proxy:
        for number in range(100):
            client.sendto(number.to_bytes(4), proxy.address)
        arrived = [int.from_bytes(server.recv(100)) for _ in range(100)]
    assert sorted(arrived) == list(range(100))
    assert arrived != sorted(arrived)
    assert proxy.up_tally.reordered > 5


def test_rebind_changes_what_the_server_sees(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    with UdpProxy(server.getsockname()) as proxy:
        client.sendto(b"before", proxy.address)
        _, before = server.recvfrom(100)
        proxy.rebind()
        client.sendto(b"after", proxy.address)
        _, after = server.recvfrom(100)
        server.sendto(b"back", after)
        assert client.recv(100) == b"back"
    print(before, "became", after)
    assert before != after

"""A flood as two people in Chromium see it: they do not."""

from __future__ import annotations

import socket

import pytest
from support.attacks import flood, odd_datagrams
from support.factories import Invite, Serve
from support.watch import judge_all

pytestmark = pytest.mark.browser


async def test_a_call_in_chromium_under_a_flood(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob = [await invite(server, number, "room") for number in (80, 81)]
    await alice.publish_video()
    await bob.publish_video()
    await alice.sees([bob])
    await bob.sees([alice])
    before, logged = await server.stats(), len(server.lines)

    async def attack() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            for datagrams in odd_datagrams("whoever").values():
                for datagram in datagrams:
                    stranger.sendto(datagram, server.media_address)
        print(await flood(server.media_address, "whoever", 1))

    await judge_all([(bob, alice)], attack)
    after = await server.stats()
    print(f"memory {(after['rss_bytes'] - before['rss_bytes']) / 2**20:+.1f} MB")
    assert after["rss_bytes"] - before["rss_bytes"] < 30 << 20
    assert len(server.lines) - logged < 20

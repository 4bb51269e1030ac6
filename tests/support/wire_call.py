"""A call of two wire peers with an application in this process: packets, no browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from .in_process import MediaApp, media_app
from .wire_peer import WirePeer


@asynccontextmanager
async def wire_call(
    auths: tuple[Mapping[str, str] | None, Mapping[str, str] | None] = (None, None), **options: Any
) -> AsyncIterator[tuple[MediaApp, WirePeer, WirePeer, dict[str, Any]]]:
    """In the hall, Alice's webcam is running, and Bob gets its packets. The last is Bob's consumer."""
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(media_app(**options))
        alice, bob = [await stack.enter_async_context(WirePeer(app.url, auth=auth)) for auth in auths]
        for peer in (alice, bob):
            await peer.ask("joinRoom", roomId="hall")
        await alice.connect("send")
        await bob.connect("recv")
        stream = await alice.produce("webcam")
        await stack.enter_async_context(stream.running())
        consumer = await bob.see("webcam", alice)
        await bob.gets(consumer)
        yield app, alice, bob, consumer


class GetsPackets(Protocol):
    def packets_of(self, consumer: dict[str, Any]) -> int: ...


async def stands_still(peer: GetsPackets, consumer: dict[str, Any]) -> None:
    """Nothing comes any longer: what was on its way has arrived, and half a second later it is no more."""
    await asyncio.sleep(0.1)
    before = peer.packets_of(consumer)
    await asyncio.sleep(0.5)
    assert peer.packets_of(consumer) == before

"""Shared fixtures. The drivers behind them are in tests/support."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from support.caller import Caller
from support.chromium import chromium, new_page
from support.factories import Divert, Invite, Serve
from support.server import MediaServer, running
from support.udp_proxy import UdpProxy


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve(app="asgi", **options)` starts a server; at the end it must be empty, balanced and quiet."""
    async with AsyncExitStack() as servers:

        async def start(app: str = "asgi", **options: Any) -> MediaServer:
            server = MediaServer(app, **options)
            await servers.enter_async_context(running(server))
            return server

        yield start


@pytest.fixture
def divert(serve: Serve) -> Iterator[Divert]:  # noqa: ARG001  (ways outlive callers, servers outlive ways)
    """`divert(server, seed=1)` puts a bad network, calm at first, in front of a server."""
    with ExitStack() as ways:
        yield lambda server, seed=1: ways.enter_context(UdpProxy(server.media_address, seed=seed))


@pytest_asyncio.fixture
async def invite(divert: Divert, browser: Browser) -> AsyncIterator[Invite]:  # noqa: ARG001
    """`await invite(server, number, room=None, via=None)` opens the page of one more caller in Chromium."""
    callers: list[Caller] = []

    async def open_page(
        server: MediaServer, number: int, room: str | None = None, via: UdpProxy | None = None
    ) -> Caller:
        caller = Caller(await new_page(browser), number)
        callers.append(caller)
        await caller.open(server.url, via)
        if room:
            await caller.join(room)
        return caller

    yield open_page
    for caller in callers:
        await caller.close()

"""Shared fixtures. The drivers behind them are in tests/support."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from support.caller import Caller
from support.chromium import chromium, new_page
from support.factories import Divert, Invite, LayLine, Serve
from support.packed import pack
from support.server import MediaServer, running
from support.tcp_proxy import TcpProxy
from support.udp_proxy import UdpProxy

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a shell script. Servers would inherit it, and could not be stopped by Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

expect.set_options(timeout=45_000)  # three cameras, six links: a slow machine takes its time


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
async def lay_line(serve: Serve) -> AsyncIterator[LayLine]:  # noqa: ARG001  (servers outlive lines)
    """`await lay_line(server)` puts a line that can break in front of a server's HTTP address."""
    async with AsyncExitStack() as lines:
        yield lambda server: lines.enter_async_context(TcpProxy(server.http_address))


@pytest_asyncio.fixture
async def invite(divert: Divert, lay_line: LayLine, browser: Browser) -> AsyncIterator[Invite]:  # noqa: ARG001
    """`await invite(server, number, room=None, via=None, line=None)` opens the page of one more caller in Chromium.

    `via`: the way of its media; `line`: that of its page and socket. Both lead straight to the server when not given.
    Other options are those of its SimplePeer.
    """
    callers: list[Caller] = []

    async def open_page(
        server: MediaServer,
        number: int,
        room: str | None = None,
        via: UdpProxy | None = None,
        line: TcpProxy | None = None,
        **options: Any,
    ) -> Caller:
        caller = Caller(await new_page(browser), number)
        callers.append(caller)
        await caller.open(line.url if line else server.url, via, **options)
        if room:
            await caller.join(room)
        return caller

    yield open_page
    for caller in callers:
        await caller.close()


@pytest.fixture(scope="session")
def npm_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client as `npm pack` makes it of the sources as they are."""
    return pack(tmp_path_factory.mktemp("npm"))

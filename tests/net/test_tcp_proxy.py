"""The breakable line itself: whole it adds nothing, cut it resets, silent it tells nobody anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
from support.drops import LONGEST_S, SHORTEST_S, drops
from support.tcp_proxy import TcpProxy
from support.waiting import until

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that says everything back, and notes what it heard and how each connection ended."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ended: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                self.heard.append(data)
                writer.write(data)
                await writer.drain()
            self.ended.append("closed")
        except ConnectionResetError:
            self.ended.append("reset")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@pytest_asyncio.fixture
async def echo() -> Echo:
    return Echo()


@pytest_asyncio.fixture
async def proxy(echo: Echo) -> AsyncIterator[TcpProxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with server, TcpProxy(server.sockets[0].getsockname()) as proxy:
        yield proxy


async def hear(reader: asyncio.StreamReader, seconds: float = 5.0) -> bytes:
    return await asyncio.wait_for(reader.read(1 << 16), seconds)


async def connect(proxy: TcpProxy) -> Ends:
    reader, writer = await asyncio.open_connection(*proxy.address)
    writer.write(b"hello")
    assert await hear(reader) == b"hello"
    return reader, writer


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def test_a_whole_line_passes_everything_and_the_end(echo: Echo, proxy: TcpProxy) -> None:
    reader, writer = await connect(proxy)
    much = bytes(range(256)) * 8192
    writer.write(much)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 5) == much
    await close(writer)
    assert echo.ended == ["closed"]


async def test_a_cut_resets_both_ends_and_whoever_comes_until_it_is_mended(echo: Echo, proxy: TcpProxy) -> None:
    reader, writer = await connect(proxy)
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await hear(reader)
    await until(lambda: echo.ended == ["reset"], "the server is told", every_s=0.01)
    await close(writer)

    reader, writer = await asyncio.open_connection(*proxy.address)
    with pytest.raises(ConnectionResetError):
        await hear(reader)
    await close(writer)

    proxy.restore()
    _, writer = await connect(proxy)
    await close(writer)


async def test_a_silent_line_tells_neither_end_anything_ever(echo: Echo, proxy: TcpProxy) -> None:
    reader, writer = await connect(proxy)
    proxy.fall_silent()
    writer.write(b"is anybody there?")
    _, late = await asyncio.open_connection(*proxy.address)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await hear(reader, 0.3)
        proxy.restore()  # the old connection is none the better for it
        writer.write(b"and now?")
    await close(writer)
    await close(late)
    assert echo.heard == [b"hello"]
    assert echo.ended == []
    _, again = await connect(proxy)
    await close(again)


def test_drops_are_the_seeds() -> None:
    one, same, other = (drops(seed, 50) for seed in ("1", "1", "2"))
    lengths = [drop.lasts_s for drop in one]
    print(f"50 drops: {min(lengths):.1f}-{max(lengths):.1f} s, {sum(lengths):.0f} s in all")
    assert one == same != other
    assert min(lengths) >= SHORTEST_S
    assert 8 < max(lengths) <= LONGEST_S
    assert sum(length < 1.5 for length in lengths) > 25

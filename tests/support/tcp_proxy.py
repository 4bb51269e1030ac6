"""A line between pages and an HTTP or WebSocket server that can break, loudly or silently, and be mended."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from enum import Enum
from typing import Self

from .udp_proxy import Address

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for 0 seconds. Closing then sends RST (socket(7))."""


class Line(Enum):
    WHOLE = "whole"
    CUT = "cut"
    SILENT = "silent"


class TcpProxy:
    """Stands between any number of clients and one server, on the event loop. Use as an async context manager.

    What happens to it is the test's choice, so that one seed decides it all (see support.drops).
    """

    def __init__(self, server: Address) -> None:
        self.server = server
        self.accepted = 0
        self.address: Address = ("", 0)
        """What the clients are given in place of the server's."""
        self._line = Line.WHOLE
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, self.server[0], 0)
        self.address = self._listener.sockets[0].getsockname()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.reset()
        await asyncio.gather(*self._tasks)
        await self._listener.wait_closed()

    def cut(self) -> None:
        """Every connection is reset at both ends, and so is every new one."""
        self._line = Line.CUT
        for connection in self._connections:
            connection.reset()

    def fall_silent(self) -> None:
        """What either end says from now on is lost, its goodbye too, and neither is told: half-open connections."""
        self._line = Line.SILENT
        for connection in self._connections:
            connection.silent = True

    def restore(self) -> None:
        """New connections pass again. Those that fell silent stay so: bytes are missing in them."""
        self._line = Line.WHOLE

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        connection = _Connection(reader, writer, silent=self._line is Line.SILENT)
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._connections.add(connection)
        try:
            if self._line is Line.CUT:
                connection.reset()
            await connection.run(self.server)
        finally:
            self._connections.discard(connection)
            self._tasks.discard(task)


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, silent: bool) -> None:
        self.silent = silent
        self._from_client = reader
        self._writers = [writer]

    async def run(self, server: Address) -> None:
        """Until both ends have closed, or it is reset."""
        [to_client] = self._writers
        try:
            if self.silent:
                await self._pump(self._from_client, None)
                return
            with suppress(OSError):
                from_server, to_server = await asyncio.open_connection(*server)
                self._writers.append(to_server)
                if to_client.is_closing():  # cut while it was being made
                    return
                await asyncio.gather(self._pump(self._from_client, to_server), self._pump(from_server, to_client))
        finally:
            self.reset()
            for writer in self._writers:
                with suppress(OSError):
                    await writer.wait_closed()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter | None) -> None:
        try:
            while data := await source.read(1 << 16):
                if sink and not self.silent:
                    sink.write(data)
                    await sink.drain()
            if sink and not self.silent and not sink.is_closing():
                sink.write_eof()
        except OSError:
            if not self.silent:  # one end is gone, and the other is told
                self.reset()

    def reset(self) -> None:
        for writer in self._writers:
            if not writer.is_closing():
                with suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                writer.transport.abort()

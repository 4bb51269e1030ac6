"""A client's end of a transport that comes by TCP (RFC 6544, active), and reads only while it likes to."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress

from .tcp_peer import framed
from .wire import Wire


class TcpWire(Wire):
    room_bytes = 0
    """Of the kernel for what is not read; 0: as it likes."""
    broken = False
    """The server has closed the connection."""

    def bind(self) -> None:
        self.broken = False
        self._unread = b""
        connected = socket.socket(type=socket.SOCK_STREAM)
        if self.room_bytes:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.room_bytes)
        connected.connect(self.server)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
        self._socket = connected
        self.read_on()

    def read_on(self) -> None:
        assert self._socket is not None
        asyncio.get_running_loop().add_reader(self._socket, self._readable, self._socket)

    def stop_reading(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)

    def send(self, datagram: bytes) -> None:
        assert self._socket is not None, "connect first"
        self.send_bytes(framed(datagram))

    def send_bytes(self, data: bytes) -> None:
        """As they are, into the stream."""
        assert self._socket is not None
        with suppress(ConnectionError):
            self._socket.sendall(data)

    def _readable(self, bound: socket.socket) -> None:
        try:
            data = bound.recv(1 << 17)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.broken = True
            self.stop_reading()
            return
        self._unread += data
        while len(self._unread) >= 2 and len(self._unread) >= (end := 2 + int.from_bytes(self._unread[:2])):
            frame, self._unread = self._unread[2:end], self._unread[end:]
            self._received(frame, time.time() * 1000)

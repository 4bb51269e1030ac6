"""Clients of ICE-TCP: framed sockets, strangers, and peers of the plane that come by TCP."""

from __future__ import annotations

import errno
import secrets
import select
import socket
import struct
import time

from simplesfu.plane import Plane, StunRequest
from support.srtp_peer import SrtpPeer, plane_socket

Address = tuple[str, int]


def framed(data: bytes) -> bytes:
    """RFC 4571 §2."""
    return struct.pack("!H", len(data)) + data


def stun_request(username: str) -> bytes:
    """A binding request as the plane reads it; whether it is genuine is the engine's to say."""
    name = username.encode()
    attribute = struct.pack("!HH", 6, len(name)) + name + bytes(-len(name) % 4)
    return struct.pack("!HHI", 1, len(attribute), 0x2112A442) + secrets.token_bytes(12) + attribute


def sockets_of_one_number(host: str) -> tuple[socket.socket, socket.socket]:
    """A UDP socket and a listening TCP socket, as the plane takes them. A number that UDP has free may be taken in TCP:
    then another one is tried."""
    while True:
        udp = plane_socket(host)
        tcp = socket.socket(udp.family, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(udp.getsockname())
        except OSError as error:
            udp.close()
            tcp.close()
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        tcp.listen(512)
        tcp.setblocking(False)
        return udp, tcp


class FramedSocket:
    """A TCP connection with the methods of a UDP socket. `room_bytes`: of the kernel for what is not read."""

    def __init__(self, server: Address, *, source: str = "", room_bytes: int = 0) -> None:
        self.tcp = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_STREAM)
        if room_bytes:
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room_bytes)
        if source:
            self.tcp.bind((source, 0))
        self.tcp.settimeout(2.0)
        self.tcp.connect(server)
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def settimeout(self, seconds: float) -> None:
        self.tcp.settimeout(seconds)

    def sendto(self, data: bytes, _server: Address | None = None) -> None:
        self.tcp.sendall(framed(data))

    def recv(self, _size: int = 0) -> bytes:
        """The next frame. Raises TimeoutError; ConnectionError when the other end has closed."""
        while len(self._read) < 2 or len(self._read) < 2 + int.from_bytes(self._read[:2]):
            data = self.tcp.recv(1 << 16)
            if not data:
                raise ConnectionResetError("closed by the other end")
            self._read += data
        end = 2 + int.from_bytes(self._read[:2])
        frame, self._read = self._read[2:end], self._read[end:]
        return frame

    def is_closed(self, timeout_s: float = 2.0) -> bool:
        """Whether the other end closes within that time."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.tcp], [], [], left)[0]:
                return False
            try:
                if not self.tcp.recv(1 << 16):
                    return True
            except ConnectionError:
                return True
        return False

    def close(self) -> None:
        self.tcp.close()


class TcpPeer(SrtpPeer):
    """A transport of the plane whose client comes by TCP. The test must read no events of the plane meanwhile."""

    def __init__(
        self, plane: Plane, server: Address, profile: str = "SRTP_AEAD_AES_128_GCM", *, room_bytes: int = 0
    ) -> None:
        self._room_bytes = room_bytes
        super().__init__(plane, server, profile)

    def _connect(self) -> None:
        self.socket = FramedSocket(self.server, room_bytes=self._room_bytes)
        self.ufrag = secrets.token_hex(8)
        self.plane.add_ufrag(self.transport, self.ufrag)
        self.prove()

    def prove(self, *, select: bool = True) -> None:
        """What a check of the client's leads to."""
        self.socket.sendto(stun_request(f"{self.ufrag}:client"))
        [check] = next_checks(self.plane)
        self.address = check.address
        self.plane.add_tuple(self.transport, self.address, select=select)


def next_checks(plane: Plane, count: int = 1, timeout_s: float = 2.0) -> list[StunRequest]:
    """What strangers have asked of the engine. Other events are lost."""
    deadline = time.monotonic() + timeout_s
    checks: list[StunRequest] = []
    while time.monotonic() < deadline:
        select.select([plane.fileno()], [], [], 0.1)
        checks += [event for event in plane.read_events() if isinstance(event, StunRequest)]
        if len(checks) >= count:
            return checks
    raise AssertionError(f"{len(checks)} of {count} checks came to the engine; {plane.stats()}")

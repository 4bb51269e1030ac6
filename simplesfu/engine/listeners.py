"""The TCP side of the media port (RFC 6544, passive): for clients whose networks let no UDP through."""
from __future__ import annotations

import errno
import logging
import resource
import socket
from collections.abc import Sequence
from typing import Final, NamedTuple

from simplesfu.config import MediaConfig
from simplesfu.engine.sockets import FREE_PORTS_TRIED, close_sockets, open_sockets
from simplesfu.errors import ConfigError
from simplesfu.unpatched import original

BACKLOG: Final = 512
MOST_CONNECTIONS: Final = 8192

logger = logging.getLogger(__name__)


class Ports(NamedTuple):
    """Bound and non-blocking; both lists have one socket of each address family at most, all on the same number."""

    sockets: list[socket.socket]
    """UDP."""
    listeners: list[socket.socket]
    """TCP."""

    def close(self) -> None:
        close_sockets([*self.sockets, *self.listeners])


def open_ports(config: MediaConfig) -> Ports:
    """Raises ConfigError with a hint when UDP cannot be had, or TCP although `tcp=True` asks for it."""
    any_port = any(address.port == 0 for address in config.listen_addresses)
    for tries_left in reversed(range(FREE_PORTS_TRIED if any_port else 1)):
        ports = Ports(open_sockets(config), [])
        try:
            if config.tcp is not False:
                ports.listeners.extend(listen_beside(ports.sockets))
        except OSError as error:
            if error.errno == errno.EADDRINUSE and tries_left:
                ports.close()
                continue
            if config.tcp:
                port = ports.sockets[0].getsockname()[1]
                ports.close()
                raise ConfigError(
                    f"cannot listen on TCP port {port}: {error.strerror or error}",
                    "stop what uses it, name another port (listen=<port>), or leave tcp out to go on with UDP alone",
                ) from error
            logger.warning("cannot listen on TCP too (%s): clients whose networks block UDP will not get through "
                           "(tcp=False says that this is meant)", error.strerror or error)
        except BaseException:
            ports.close()
            raise
        return ports
    raise AssertionError("unreachable")


def max_connections() -> int:
    """The application needs descriptors of its own."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2)


def listen_beside(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    """A listener at each address. Raises OSError."""
    listeners: list[socket.socket] = []
    try:
        for sock in sockets:
            listeners.append(_listen(sock.family, sock.getsockname()))
    except BaseException:
        close_sockets(listeners)
        raise
    return listeners


def _listen(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    sock: socket.socket = original("socket", "socket")(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # Connections of the last run may still be in TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


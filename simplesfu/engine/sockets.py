"""The UDP sockets of the plane: one port, on IPv4 and on IPv6."""
from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Sequence
from typing import Final, TypeAlias

from simplesfu.config import DEFAULT_PORT, ListenAddress, MediaConfig
from simplesfu.errors import ConfigError
from simplesfu.unpatched import original

WILDCARDS: Final = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
DEFAULT_PORTS_TRIED: Final = 100
FREE_PORTS_TRIED: Final = 16
BUFFER_BYTES: Final = 8 << 20
"""What is asked for: 0.2 s at 300 Mbit/s. The kernel gives what its limit allows (net.core.rmem_max, wmem_max)."""
USEFUL_BUFFER_BYTES: Final = 1 << 20

_NO_SUCH_FAMILY: Final = {errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL}
_Target: TypeAlias = tuple[socket.AddressFamily, str]

logger = logging.getLogger(__name__)


def open_sockets(config: MediaConfig) -> list[socket.socket]:
    """Bound, non-blocking sockets, at most one of each family. Raises ConfigError with a hint when that cannot be."""
    sockets = _open_given(config.listen_addresses) if config.listen_addresses else _open_default()
    for sock in sockets:
        logger.info("media on UDP %s port %d", *sock.getsockname()[:2])
    _tell_small_buffers(sockets)
    return sockets


def _open_default() -> list[socket.socket]:
    for port in range(DEFAULT_PORT, DEFAULT_PORT + DEFAULT_PORTS_TRIED):
        try:
            sockets = _bind_everywhere(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _bind_error(ListenAddress("", port), error) from error
            continue
        if port != DEFAULT_PORT:
            logger.warning("UDP port %d is in use: taking %d (listen=%d makes it lasting)", DEFAULT_PORT, port, port)
        return sockets
    raise ConfigError(f"UDP ports {DEFAULT_PORT} to {DEFAULT_PORT + DEFAULT_PORTS_TRIED - 1} are all in use",
                      "name a free one: listen=<port>")


def _open_given(addresses: Sequence[ListenAddress]) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            sockets += _open_address(address)
        families = [sock.family for sock in sockets]
        if len(set(families)) < len(families):
            raise ConfigError(f"listen names more than one {families[0].name[3:]} address",
                              "give one IPv4 and one IPv6 address at most; 0.0.0.0 listens on every IPv4 address")
    except BaseException:
        close_sockets(sockets)
        raise
    return sockets


def _open_address(address: ListenAddress) -> list[socket.socket]:
    try:
        if not address.host:
            return _bind_everywhere(address.port)
        return _bind_all(_resolve(address), address.port)
    except OSError as error:
        raise _bind_error(address, error) from error


def _resolve(address: ListenAddress) -> list[_Target]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(f"listen: {address.host!r} is not an address of this machine ({error})",
                          'write an IP address, such as "0.0.0.0:10000"') from error
    # A name such as localhost may stand for an address of each family; the first of each is the preferred one.
    first: dict[socket.AddressFamily, str] = {}
    for family, _, _, _, sockaddr in found:
        if family in WILDCARDS:
            first.setdefault(family, str(sockaddr[0]))
    return list(first.items())


def _bind_everywhere(port: int) -> list[socket.socket]:
    """The same port on every address. Port 0: one that is free in both families. Raises OSError."""
    for tries_left in reversed(range(FREE_PORTS_TRIED if port == 0 else 1)):
        try:
            return _bind_all(list(WILDCARDS.items()), port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or tries_left == 0:
                raise
    raise AssertionError("unreachable")


def _bind_all(targets: Sequence[_Target], port: int) -> list[socket.socket]:
    """One socket for each target that this machine can have, all on one port. Raises OSError."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, host in targets:
            try:
                sockets.append(_bind(family, host, sockets[0].getsockname()[1] if sockets else port))
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                missing = error
                logger.debug("no %s here: %s", family.name, error)
        if not sockets and missing is not None:
            raise missing
    except BaseException:
        close_sockets(sockets)
        raise
    return sockets


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # gevent's would be tied to the hub of this thread, and other threads read and close it.
    sock: socket.socket = original("socket", "socket")(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            # Mapped IPv4 addresses would name one client in two ways.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            _enlarge(sock, option)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _enlarge(sock: socket.socket, option: int) -> None:
    """Linux cuts a too large wish down to its limit; BSD and macOS refuse it, so ask for less and less there."""
    size_bytes = BUFFER_BYTES
    while size_bytes >= 1 << 16:
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, size_bytes)
        except OSError:
            size_bytes //= 2
        else:
            return


def _tell_small_buffers(sockets: Sequence[socket.socket]) -> None:
    granted = min(sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for sock in sockets)
    if granted < USEFUL_BUFFER_BYTES:
        logger.info("the kernel grants %d kB of UDP receive buffer; bursts of many senders want more "
                    "(sysctl net.core.rmem_max=%d)", granted >> 10, BUFFER_BYTES)


def close_sockets(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _bind_error(address: ListenAddress, error: OSError) -> ConfigError:
    where = f"UDP port {address.port}" + (f" of {address.host}" if address.host else "")
    hints = {
        errno.EADDRINUSE: "stop what uses it, name another port, or leave listen out: the next free one is taken then",
        errno.EADDRNOTAVAIL: 'listen on an address of this machine, or on "0.0.0.0:port", and announce the other',
        errno.EACCES: "ports below 1024 want privileges; the default is 10000",
    }
    return ConfigError(f"cannot listen on {where}: {error.strerror or error}",
                       hints.get(error.errno or 0, "see what the operating system says"))

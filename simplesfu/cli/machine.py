"""What this machine gives a media server: a port, addresses, buffers, and what its kernel and libraries can."""
from __future__ import annotations

import contextlib
import ctypes
import errno
import importlib.metadata
import ipaddress
import logging
import socket
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from cryptography.hazmat.backends.openssl import backend as openssl

from simplesfu.cli.finding import Finding
from simplesfu.config import MediaConfig
from simplesfu.engine.candidates import find_candidates
from simplesfu.engine.listeners import listen_beside
from simplesfu.engine.sockets import BUFFER_BYTES, USEFUL_BUFFER_BYTES, close_sockets, open_sockets
from simplesfu.errors import ConfigError

UDP_SEGMENT: Final = 103
LIBRARIES: Final = ("python-socketio", "aiortc", "aioice", "pylibsrtp")


def check_machine(config: MediaConfig) -> list[Finding]:
    try:
        with _silence():
            sockets = open_sockets(config)
    except ConfigError as error:
        hint = f"{error.hint}; if it is your application that uses it: simplesfu doctor --url http://…"
        return [Finding("bad", "UDP port", error.message, hint), *_libraries()]
    try:
        findings = [_udp_port(sockets), _tcp_port(sockets)]
        findings += _addresses(config, sockets)
        findings += [_buffers(sockets), *_kernel(sockets)]
    finally:
        close_sockets(sockets)
    return [*findings, *_libraries()]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """What would be logged is found here, and told."""
    logger = logging.getLogger("simplesfu")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def is_private(address: str) -> bool:
    """Only those in the same network can send there."""
    parsed = ipaddress.ip_address(address)
    return parsed.is_private or parsed.is_link_local or parsed in ipaddress.ip_network("100.64.0.0/10")


def _udp_port(sockets: Sequence[socket.socket]) -> Finding:
    where = " and ".join(sock.getsockname()[0] for sock in sockets)
    return Finding("good", "UDP port", f"{sockets[0].getsockname()[1]} is free on {where}")


def _tcp_port(sockets: Sequence[socket.socket]) -> Finding:
    port = sockets[0].getsockname()[1]
    try:
        close_sockets(listen_beside(sockets))
    except OSError as error:
        return Finding("note", "TCP port", f"{port} cannot be listened on: {error.strerror}; calls go by UDP alone",
                       "for networks that block UDP stop what uses it, or take another port for both: listen=…")
    return Finding("good", "TCP port", f"{port} is free, for networks that block UDP")


def _addresses(config: MediaConfig, sockets: Sequence[socket.socket]) -> Iterator[Finding]:
    try:
        candidates = find_candidates(sockets, config.announced_hosts)
    except ConfigError as error:
        yield Finding("bad", "announced", error.message, error.hint)
        return
    for address in dict.fromkeys(candidate.address for candidate in candidates):
        yield _address(address, config.announced_hosts)
    if not any(":" in candidate.address for candidate in candidates):
        yield Finding("note", "IPv6", "clients with nothing but IPv6 cannot send here",
                      "give this machine an IPv6 address, or announce a name that has one")


def _address(address: str, announced: Sequence[str]) -> Finding:
    names = [host for host in announced if host != address and _resolves_to(host, address)]
    told = f"clients are told {address}" + (f" (by {names[0]})" if names else "")
    if ipaddress.ip_address(address).is_loopback:
        return Finding("note", "announced", f"{told}: only this machine can send there",
                       "give this machine an address, or announce=… the one that clients reach it at")
    if is_private(address):
        return Finding("note", "announced", f"{told}, a private address: nobody outside of its network can send there",
                       "announce=… the public address, and forward the port to this machine")
    if not _is_own(address):
        return Finding("note", "announced", f"{told}, which is not this machine's own",
                       "forward UDP and TCP of the port from there to this machine; --url tries it from where you are")
    return Finding("good", "announced", told)


def _resolves_to(host: str, address: str) -> bool:
    with contextlib.suppress(OSError):
        return any(found[4][0] == address for found in socket.getaddrinfo(host, None))
    return False


def _is_own(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True


def _buffers(sockets: Sequence[socket.socket]) -> Finding:
    granted = min(sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for sock in sockets)
    message = f"the kernel grants {granted >> 10} kB of UDP receive buffer"
    if granted < USEFUL_BUFFER_BYTES:
        return Finding("note", "buffers", f"{message}; bursts of many senders want more",
                       f"sysctl -w net.core.rmem_max={BUFFER_BYTES} net.core.wmem_max={BUFFER_BYTES}")
    return Finding("good", "buffers", message)


def _kernel(sockets: Sequence[socket.socket]) -> Iterator[Finding]:
    slower = "it works without, and takes more of the processor"
    if hasattr(ctypes.CDLL(None), "recvmmsg"):
        yield Finding("good", "kernel", "receives many datagrams in a call (recvmmsg)")
    else:
        yield Finding("note", "kernel", f"no recvmmsg: {slower}", "Linux has it")
    try:
        sockets[0].setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1200)
    except OSError:
        yield Finding("note", "kernel", f"no UDP_SEGMENT: {slower}", "Linux has it from 4.18 on")
    else:
        yield Finding("good", "kernel", "sends many datagrams in a call (UDP_SEGMENT)")


def _libraries() -> Iterator[Finding]:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    yield Finding("good", "libraries", f"Python {sys.version.split()[0]}, {openssl.openssl_version_text()}, "
                  + ", ".join(versions))

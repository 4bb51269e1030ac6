"""Where clients are told to send (RFC 8445 §5.1.1; a lite agent has host candidates only)."""
from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from typing import Final

from aioice.ice import get_host_addresses

from simplesfu.engine.sockets import WILDCARDS
from simplesfu.errors import ConfigError
from simplesfu.types import IceCandidate

HOST_TYPE_PREFERENCE: Final = 126
HIGHEST_LOCAL_PREFERENCE: Final = 65535
TCP_HOST_TYPE_PREFERENCE: Final = 90
PASSIVE_PREFERENCE: Final = 4
HIGHEST_OTHER_PREFERENCE: Final = 8191
RTP_COMPONENT: Final = 1

# Documentation addresses (RFC 5737, RFC 3849): only ever looked up in the routing table, nothing is sent there.
_FAR_AWAY: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_LOOPBACK: Final = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
_NAMES: Final = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


def find_candidates(
    sockets: Sequence[socket.socket], announced_hosts: Sequence[str], *, listeners: Sequence[socket.socket] = ()
) -> list[IceCandidate]:
    """The announced addresses, else those that the sockets can be reached at (loopback only for want of others),
    the preferred one first. TCP comes after UDP: `listeners` have the same addresses and numbers.

    Raises ConfigError when an announced host cannot be resolved, or has no address of a family that is listened on.
    """
    ports = {sock.family: sock.getsockname()[1] for sock in sockets}
    if announced_hosts:
        addresses = [address for host in announced_hosts for address in _resolve(host, ports)]
    else:
        addresses = [address for sock in sockets for address in _reachable_at(sock)]
        addresses = addresses or [_LOOPBACK[family] for family in ports]
    unique = list(dict.fromkeys(addresses))
    by_tcp = {sock.family for sock in listeners}
    return [
        *(_candidate(rank, address, ports[_family(address)]) for rank, address in enumerate(unique)),
        *(
            _tcp_candidate(rank, address, ports[_family(address)])
            for rank, address in enumerate(unique) if _family(address) in by_tcp
        ),
    ]


def priority(rank: int) -> int:
    """RFC 8445 §5.1.2.1; rank 0 is preferred over rank 1."""
    return _priority(HOST_TYPE_PREFERENCE, HIGHEST_LOCAL_PREFERENCE - rank)


def tcp_priority(rank: int) -> int:
    """RFC 6544 §4.2: below every UDP candidate, and the direction in the upper bits of the local preference."""
    return _priority(TCP_HOST_TYPE_PREFERENCE, (PASSIVE_PREFERENCE << 13) + HIGHEST_OTHER_PREFERENCE - rank)


def _priority(type_preference: int, local_preference: int) -> int:
    return (type_preference << 24) + (local_preference << 8) + (256 - RTP_COMPONENT)


def _candidate(rank: int, address: str, port: int) -> IceCandidate:
    # Each address is a base of its own, so each has a foundation of its own (§5.1.1.3).
    return IceCandidate(foundation=f"host{rank}", priority=priority(rank), address=address, ip=address, port=port)


def _tcp_candidate(rank: int, address: str, port: int) -> IceCandidate:
    return IceCandidate(foundation=f"tcp{rank}", priority=tcp_priority(rank), address=address, ip=address, port=port,
                        protocol="tcp", tcp_type="passive")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET


def _resolve(host: str, ports: Mapping[socket.AddressFamily, int]) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(f"announce: {host!r} cannot be resolved ({error})",
                          "give an IP address, or mend the name") from error
    addresses = [str(sockaddr[0]) for family, _, _, _, sockaddr in found if family in ports]
    if not addresses:
        listened = " and ".join(_NAMES[family] for family in ports)
        raise ConfigError(f"announce: {host!r} has no {listened} address, and nothing else is listened on",
                          "listen on the other family too, or announce another address")
    return addresses


def _reachable_at(sock: socket.socket) -> list[str]:
    bound: str = sock.getsockname()[0]
    if bound != WILDCARDS[sock.family]:
        return [bound]
    found = get_host_addresses(use_ipv4=sock.family == socket.AF_INET, use_ipv6=sock.family == socket.AF_INET6)
    usable = [address for address in found if _is_usable(address)]
    preferred = _source_of_default_route(sock.family)
    if preferred in usable:
        usable.remove(preferred)
        usable.insert(0, preferred)
    return usable


def _is_usable(text: str) -> bool:
    """Worth telling to clients, who are elsewhere."""
    address = ipaddress.ip_address(text)
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)


def _source_of_default_route(family: socket.AddressFamily) -> str:
    """The address that packets to strangers come from, or "" without a route."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((_FAR_AWAY[family], 9))
        except OSError:
            return ""
        return str(sock.getsockname()[0])

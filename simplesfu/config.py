"""The options of MediaManager: checked once, then never changed."""
from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias, TypedDict

from simplesfu.errors import ConfigError
from simplesfu.ice_servers import IceServerOption, IceServers, parse_ice_servers, parse_turn_urls

DEFAULT_PORT: Final = 10000
CODECS: Final = ("opus", "VP8", "VP9", "H264", "AV1")

MIN_KEY_BYTES: Final = 16

ListenOption: TypeAlias = int | str | tuple[str, int]
KeyOption: TypeAlias = str | bytes


class ListenAddress(NamedTuple):
    """`host` "" is every address of this machine, IPv4 and IPv6; `port` 0 is any free one."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class MediaConfig:
    """Every option of the media server.

    listen: UDP port, "host:port", "[v6]:port" or (host, port), or two of them, one IPv4 and one IPv6.
        None: DEFAULT_PORT on every address, or the next free one.
    tcp: whether clients whose networks block UDP may come by TCP, on the port of the same number. None: when that port
        can be had; True: it must; False: no.
    announce: the addresses (or host names, resolved at the start) that clients are told to send to, when they differ
        from this machine's own: behind NAT, in a container, in a cloud.
    ice_servers: STUN and TURN servers that clients are to use, as RTCIceServer objects or URLs. STUN is not needed:
        this server's address is known.
    turn_urls, turn_secret: TURN servers, and the secret shared with them (coturn's static-auth-secret): each client is
        given credentials of its own.
    turn_ttl_s: how long those last; clients renew them.
    codecs: names, the preferred one first.
    session_key: signs the tokens with which clients come back to their sessions. A sequence rotates keys: the first
        signs, all verify. None: a random one, so that peer ids do not survive a restart of the server.
    grace_period_s: how long a peer that lost its socket keeps its session and its media; 0: not at all.
    heartbeat_s: how often a client is asked whether it is there; silence three times as long is a lost socket.
    max_incoming_bitrate_bps: what a peer may send to the server (it is told by REMB); 0: as much as it likes. Who sends
        more than twice as much for 10 s loses its heaviest track (`too_much_bitrate`).
    max_room_bitrate_bps: what all who send into one room may send together, shared evenly; 0: no such limit.
    consent_timeout_s: silence of a client (no ICE checks) after which its transport has failed (RFC 7675 §5.1).
    allow_mesh: peers that wish it send media directly to each other, where each learns the other's addresses.
    mesh_settle_s: how long two peers must have been alone before a link takes over from the server again.
    legacy_signaling: also speak SimpleMediasoupPeer's own protocol (docs/guide/legacy.md), for pages written for it.
    hold_us: how long the packets of an unfinished video frame wait for the rest of it, so that they share a send call.

    Raises ConfigError, whose hint names the fix.
    """

    listen: ListenOption | Sequence[ListenOption] | None = None
    tcp: bool | None = None
    announce: str | Sequence[str] | None = None
    ice_servers: IceServerOption | Sequence[IceServerOption] | None = field(default=None, repr=False)
    turn_urls: str | Sequence[str] | None = None
    turn_secret: str | None = field(default=None, repr=False)
    turn_ttl_s: int = 3600
    codecs: Sequence[str] = CODECS
    session_key: KeyOption | Sequence[KeyOption] | None = field(default=None, repr=False)
    grace_period_s: float = 20.0
    heartbeat_s: float = 3.0
    max_incoming_bitrate_bps: int = 3_000_000
    max_room_bitrate_bps: int = 0
    consent_timeout_s: float = 30.0
    allow_mesh: bool = True
    mesh_settle_s: float = 5.0
    legacy_signaling: bool = False
    hold_us: int = 1000
    max_transports_per_peer: int = 4
    max_producers_per_peer: int = 16
    max_consumers_per_peer: int = 512
    max_rooms_per_peer: int = 16
    max_wishes_per_peer: int = 1024
    max_pending_requests_per_peer: int = 64
    max_joins_per_second: int = 20
    max_peers_per_room: int = 1000
    max_producers_per_room: int = 4000

    listen_addresses: tuple[ListenAddress, ...] = field(init=False)
    """`listen` made uniform; empty when it was not given."""
    announced_hosts: tuple[str, ...] = field(init=False)
    """`announce` made uniform; empty when it was not given."""
    session_keys: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """`session_key` made uniform, the one that signs first; a random one when it was not given."""
    ice: IceServers = field(init=False, repr=False, compare=False)
    """What the options about STUN and TURN say, together."""

    def __post_init__(self) -> None:
        _set(self, "listen_addresses", _parse_listen(self.listen))
        _set(self, "announced_hosts", _parse_announce(self.announce))
        _set(self, "session_keys", _parse_session_key(self.session_key))
        _set(self, "ice", IceServers(
            parse_ice_servers(self.ice_servers),
            parse_turn_urls(self.turn_urls, self.turn_secret),
            self.turn_secret,
            self.turn_ttl_s,
        ))
        _set(self, "codecs", _parse_codecs(self.codecs))
        _check_range("turn_ttl_s", self.turn_ttl_s, 30, 30 * 86400)
        _check_range("max_incoming_bitrate_bps", self.max_incoming_bitrate_bps, 0, 10_000_000_000)
        _check_range("max_room_bitrate_bps", self.max_room_bitrate_bps, 0, 1_000_000_000_000)
        _check_range("hold_us", self.hold_us, 0, 20_000)
        for name in _LIMITS:
            _check_range(name, getattr(self, name), 1, 1_000_000)
        _check_seconds("grace_period_s", self.grace_period_s, 0, 3600, "0 ends a session together with its socket")
        _check_seconds("heartbeat_s", self.heartbeat_s, 0.1, 60, "3 notices a dead connection within 10 seconds")
        _check_seconds("mesh_settle_s", self.mesh_settle_s, 0, 3600, "5 spares a call the switching to and fro")
        if self.tcp is not None:
            _check_bool("tcp", self.tcp)
        _check_bool("allow_mesh", self.allow_mesh)
        _check_bool("legacy_signaling", self.legacy_signaling)
        _check_seconds("consent_timeout_s", self.consent_timeout_s, 1, 3600, "30 is what RFC 7675 asks for")


class MediaOptions(TypedDict, total=False):
    """MediaConfig's options once more, for type checkers and editors: what MediaManager takes by keyword."""

    listen: ListenOption | Sequence[ListenOption] | None
    tcp: bool | None
    announce: str | Sequence[str] | None
    ice_servers: IceServerOption | Sequence[IceServerOption] | None
    turn_urls: str | Sequence[str] | None
    turn_secret: str | None
    turn_ttl_s: int
    codecs: Sequence[str]
    session_key: KeyOption | Sequence[KeyOption] | None
    grace_period_s: float
    heartbeat_s: float
    max_incoming_bitrate_bps: int
    max_room_bitrate_bps: int
    consent_timeout_s: float
    allow_mesh: bool
    mesh_settle_s: float
    legacy_signaling: bool
    hold_us: int
    max_transports_per_peer: int
    max_producers_per_peer: int
    max_consumers_per_peer: int
    max_rooms_per_peer: int
    max_wishes_per_peer: int
    max_pending_requests_per_peer: int
    max_joins_per_second: int
    max_peers_per_room: int
    max_producers_per_room: int


_LIMITS: Final = tuple(
    name for name in MediaConfig.__dataclass_fields__ if name.endswith(("_per_peer", "_per_room", "_per_second"))
)
_KEY_HINT: Final = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
_LISTEN_HINT: Final = 'write a port (10000), "host:port", "[::1]:10000" or ("host", 10000)'


def _set(config: MediaConfig, name: str, value: object) -> None:
    object.__setattr__(config, name, value)  # the dataclass is frozen for everybody else


def _check_range(name: str, value: object, lowest: int, highest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise ConfigError(f"{name}={value!r} is not a whole number between {lowest} and {highest}",
                          f"the default is {MediaConfig.__dataclass_fields__[name].default}")


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigError(f"{name}={value!r} is neither True nor False",
                          f"the default is {MediaConfig.__dataclass_fields__[name].default}")


def _check_seconds(name: str, value: object, lowest: float, highest: float, hint: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise ConfigError(f"{name}={value!r} is not a number of seconds between {lowest} and {highest}", hint)


def _parse_session_key(given: object) -> tuple[bytes, ...]:
    """Never shows a key in an error."""
    if given is None:
        return (secrets.token_bytes(32),)
    keys = (given,) if isinstance(given, str | bytes) else given
    if not isinstance(keys, Sequence) or not keys or not all(isinstance(key, str | bytes) for key in keys):
        raise ConfigError("session_key is not a key (str or bytes) or a sequence of keys", _KEY_HINT)
    encoded = tuple(key.encode() if isinstance(key, str) else key for key in keys)
    shortest = min(len(key) for key in encoded)
    if shortest < MIN_KEY_BYTES:
        raise ConfigError(f"session_key: a key has {shortest} bytes, fewer than {MIN_KEY_BYTES}", _KEY_HINT)
    return encoded


def _parse_listen(listen: object) -> tuple[ListenAddress, ...]:
    if listen is None:
        return ()
    if isinstance(listen, Sequence) and not isinstance(listen, str) and not _is_host_and_port(listen):
        if not listen:
            raise ConfigError("listen is an empty sequence", _LISTEN_HINT)
        addresses = tuple(_parse_listen_one(one) for one in listen)
    else:
        addresses = (_parse_listen_one(listen),)
    if len(addresses) > 1 and not all(address.host for address in addresses):
        raise ConfigError(f"listen={listen!r} names a port on every address and more",
                          'give the one port, or two hosts: ["192.0.2.1:10000", "[2001:db8::1]:10000"]')
    if len(addresses) > 2:
        raise ConfigError(f"listen={listen!r} has more than two addresses",
                          "give one IPv4 and one IPv6 address at most")
    return addresses


def _is_host_and_port(value: Sequence[object]) -> bool:
    return len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def _parse_listen_one(value: object) -> ListenAddress:
    host: object = ""
    port: object = value
    if isinstance(value, str):
        host, separator, digits = value.rpartition(":")
        if not separator or not digits.isascii() or not digits.isdigit():
            raise ConfigError(f"listen={value!r} has no port", _LISTEN_HINT)
        bracketed = host.startswith("[") and host.endswith("]")
        if ":" in host and not bracketed:
            raise ConfigError(f"listen={value!r} is ambiguous", 'put an IPv6 address into brackets: "[::1]:10000"')
        host, port = host[1:-1] if bracketed else host, int(digits)
    elif isinstance(value, Sequence) and _is_host_and_port(value):
        host, port = value
    if isinstance(port, bool) or not isinstance(port, int) or not isinstance(host, str):
        raise ConfigError(f"listen={value!r} is not an address", _LISTEN_HINT)
    if not 0 <= port <= 65535:
        raise ConfigError(f"listen: port {port} is not between 0 and 65535", "0 takes any free port")
    return ListenAddress(host, port)


def _parse_announce(announce: object) -> tuple[str, ...]:
    if announce is None:
        return ()
    hosts = (announce,) if isinstance(announce, str) else announce
    if not isinstance(hosts, Sequence) or not hosts:
        raise ConfigError(f"announce={announce!r} is not a host or a sequence of hosts",
                          'write the public address, such as "203.0.113.7"')
    for host in hosts:
        _check_announced_host(host)
    return tuple(dict.fromkeys(hosts))


def _check_announced_host(host: object) -> None:
    if not isinstance(host, str) or not host or host != host.strip():
        raise ConfigError(f"announce: {host!r} is not a host", 'write an address or a name, such as "203.0.113.7"')
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if any(character in host for character in ":/[]@ "):
            raise ConfigError(f"announce: {host!r} is more than a host",
                              "give the address alone: the port is that of listen") from None
        return
    if address.is_unspecified or address.is_multicast:
        raise ConfigError(f"announce: nobody can send to {host}",
                          "give the address at which clients reach this machine")


def _parse_codecs(codecs: object) -> tuple[str, ...]:
    if isinstance(codecs, str) or not isinstance(codecs, Sequence) or not codecs:
        raise ConfigError(f"codecs={codecs!r} is not a sequence of names", f"the default is {CODECS}")
    canonical = {name.lower(): name for name in CODECS}
    names = []
    for codec in codecs:
        name = canonical.get(codec.lower()) if isinstance(codec, str) else None
        if name is None:
            raise ConfigError(f"codecs: {codec!r} is not known", f"choose from {', '.join(CODECS)}")
        if name in names:
            raise ConfigError(f"codecs: {name} is there twice", "name each once, the preferred one first")
        names.append(name)
    return tuple(names)

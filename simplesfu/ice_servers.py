"""STUN and TURN servers that clients are told of, and TURN credentials that expire.

The scheme is the one that coturn calls use-auth-secret (draft-uberti-behave-turn-rest-00): the server and coturn share
a secret; a user name is the time of its expiry and whose it is, and the password is the HMAC-SHA1 of that name.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

from simplesfu.errors import ConfigError

IceServerOption: TypeAlias = str | Mapping[str, Any]

# RFC 7064, RFC 7065; a host in brackets is an IPv6 address.
URL: Final = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:(?P<port>\d{1,5}))?"
    r"(\?transport=(?P<transport>udp|tcp))?"
)
_URL_HINT: Final = 'write "stun:host:3478", "turn:host:3478", "turn:host:3478?transport=tcp" or "turns:host:5349"'
_FIELDS: Final = {"urls", "username", "credential"}


class IceServer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An RTCIceServer of the W3C. Shown without its credential."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None

    def __repr__(self) -> str:
        return f"IceServer(urls={self.urls!r}, credential={'…' if self.credential else None})"


def parse_ice_servers(given: object) -> tuple[IceServer, ...]:
    """Of the option `ice_servers`. Raises ConfigError, which never shows a credential."""
    if given is None:
        return ()
    entries = [given] if isinstance(given, str | Mapping) else given
    if not isinstance(entries, Sequence):
        raise ConfigError("ice_servers is not a sequence", 'write ["stun:stun.example.org:3478"]')
    return tuple(_parse_ice_server(entry) for entry in entries)


def parse_turn_urls(given: object, secret: object) -> tuple[str, ...]:
    """Of the options `turn_urls` and `turn_secret`, which need each other. Raises ConfigError."""
    urls = () if given is None else _parse_urls("turn_urls", given)
    if secret is not None and (not isinstance(secret, str) or not secret):
        raise ConfigError("turn_secret is not a text", "it is coturn's static-auth-secret")
    if urls and secret is None:
        raise ConfigError("turn_urls without turn_secret", "give coturn's static-auth-secret, or name the servers in "
                          "ice_servers, with a username and a credential that do not expire")
    if secret is not None and not urls:
        raise ConfigError("turn_secret without turn_urls", 'name the server: turn_urls="turn:turn.example.org:3478"')
    if any(url.startswith("stun") for url in urls):
        raise ConfigError("turn_urls: STUN has no credentials", 'ice_servers=["stun:…"] is the place for it')
    return urls


def turn_server(urls: tuple[str, ...], secret: str, user: str, expires_at_s: int) -> IceServer:
    """With credentials that coturn takes until `expires_at_s` (Unix time)."""
    username = f"{expires_at_s}:{user}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return IceServer(urls=urls, username=username, credential=base64.b64encode(digest).decode())


class IceServers:
    """What a peer is to use, by the options."""

    def __init__(
        self, lasting: tuple[IceServer, ...], turn_urls: tuple[str, ...], turn_secret: str | None, turn_ttl_s: int
    ) -> None:
        self._lasting = lasting
        self._turn_urls = turn_urls
        self._turn_secret = turn_secret
        self._turn_ttl_s = turn_ttl_s

    def of(self, peer_id: str) -> list[IceServer]:
        """Those of `ice_servers` as they stand, and TURN with fresh credentials."""
        servers = list(self._lasting)
        if self._turn_secret is not None:
            servers.append(
                turn_server(self._turn_urls, self._turn_secret, peer_id, int(time.time()) + self._turn_ttl_s)
            )
        return servers

    @property
    def lifetime_ms(self) -> int | None:
        """How long credentials last that are made now; None: for ever."""
        return None if self._turn_secret is None else self._turn_ttl_s * 1000


def _parse_ice_server(entry: object) -> IceServer:
    if isinstance(entry, str):
        entry = {"urls": entry}
    if not isinstance(entry, Mapping) or "urls" not in entry or not entry.keys() <= _FIELDS:
        raise ConfigError("ice_servers: an entry is not an RTCIceServer",
                          'write {"urls": "turn:turn.example.org:3478", "username": …, "credential": …}')
    urls = _parse_urls("ice_servers", entry["urls"])
    username, credential = entry.get("username"), entry.get("credential")
    if any(url.startswith("turn") for url in urls):
        for name, value in (("username", username), ("credential", credential)):
            if not isinstance(value, str) or not value:
                raise ConfigError(f"ice_servers: {urls[0]} has no {name}",
                                  "TURN needs both; with coturn's use-auth-secret use turn_urls and turn_secret")
    return IceServer(urls=urls, username=username, credential=credential)


def _parse_urls(option: str, given: object) -> tuple[str, ...]:
    urls = [given] if isinstance(given, str) else given
    if not isinstance(urls, Sequence) or not urls:
        raise ConfigError(f"{option} is not a URL or a sequence of URLs", _URL_HINT)
    for url in urls:
        found = URL.fullmatch(url) if isinstance(url, str) else None
        if found is None:
            raise ConfigError(f"{option}: {url!r} is not the URL of a STUN or TURN server", _URL_HINT)
        if found["scheme"].startswith("stun") and found["transport"]:
            raise ConfigError(f"{option}: {url!r} has a transport, which STUN URLs have not", _URL_HINT)
        if found["port"] and not 0 < int(found["port"]) < 65536:
            raise ConfigError(f"{option}: {url!r} has a port that does not exist", _URL_HINT)
    return tuple(urls)

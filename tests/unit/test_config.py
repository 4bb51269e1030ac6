"""Options: what is taken, and that what is not says how to mend it."""
from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from simplesfu.config import CODECS, ListenAddress, MediaConfig
from simplesfu.errors import ConfigError


def test_the_defaults_are_valid() -> None:
    config = MediaConfig()
    print(config)
    assert config.listen_addresses == ()
    assert config.announced_hosts == ()
    assert config.codecs == CODECS
    assert MediaConfig(**{each.name: getattr(config, each.name) for each in fields(config) if each.init}) == config


@pytest.mark.parametrize(("listen", "addresses"), [
    (5000, [("", 5000)]),
    (0, [("", 0)]),
    (":5000", [("", 5000)]),
    ("127.0.0.1:5000", [("127.0.0.1", 5000)]),
    ("localhost:5000", [("localhost", 5000)]),
    ("[::1]:5000", [("::1", 5000)]),
    (("127.0.0.1", 5000), [("127.0.0.1", 5000)]),
    (["127.0.0.1", 5000], [("127.0.0.1", 5000)]),
    ([5000], [("", 5000)]),
    (["127.0.0.1:5000", "[::1]:5001"], [("127.0.0.1", 5000), ("::1", 5001)]),
    ([("127.0.0.1", 5000), ("::1", 5001)], [("127.0.0.1", 5000), ("::1", 5001)]),
])
def test_listen_takes(listen: Any, addresses: list[tuple[str, int]]) -> None:
    assert MediaConfig(listen=listen).listen_addresses == tuple(ListenAddress(*each) for each in addresses)


@pytest.mark.parametrize(("announce", "hosts"), [
    ("203.0.113.7", ("203.0.113.7",)),
    ("2001:db8::1", ("2001:db8::1",)),
    ("media.example.org", ("media.example.org",)),
    (["203.0.113.7", "2001:db8::1", "203.0.113.7"], ("203.0.113.7", "2001:db8::1")),
])
def test_announce_takes(announce: Any, hosts: tuple[str, ...]) -> None:
    assert MediaConfig(announce=announce).announced_hosts == hosts


def test_codecs_are_named_without_regard_to_case() -> None:
    assert MediaConfig(codecs=["h264", "OPUS"]).codecs == ("H264", "opus")


KEY, OLD_KEY = "k" * 32, b"\x00" * 16


@pytest.mark.parametrize(("given", "keys"), [
    (KEY, [KEY.encode()]),
    (OLD_KEY, [OLD_KEY]),
    ([KEY, OLD_KEY], [KEY.encode(), OLD_KEY]),
])
def test_session_key_takes(given: Any, keys: list[bytes]) -> None:
    config = MediaConfig(session_key=given)
    assert config.session_keys == tuple(keys)
    assert KEY not in repr(config), "a configuration may be logged"


def test_without_a_session_key_each_server_has_its_own() -> None:
    (one,), (other,) = MediaConfig().session_keys, MediaConfig().session_keys
    assert one != other
    assert len(one) == 32


@pytest.mark.parametrize("option", ["grace_period_s", "heartbeat_s", "consent_timeout_s"])
def test_seconds_may_have_a_fraction(option: str) -> None:
    assert getattr(MediaConfig(**{option: 1.5}), option) == 1.5


@pytest.mark.parametrize(("option", "value", "hint"), [
    ("session_key", "", "secrets.token_urlsafe"),
    ("session_key", "short secret", "secrets.token_urlsafe"),
    ("session_key", [], "secrets.token_urlsafe"),
    ("session_key", [KEY, "short secret"], "secrets.token_urlsafe"),
    ("session_key", [KEY, 7], "secrets.token_urlsafe"),
    ("session_key", 7, "secrets.token_urlsafe"),
    ("grace_period_s", -1, "0 ends a session"),
    ("grace_period_s", "20", "0 ends a session"),
    ("heartbeat_s", 0, "within 10 seconds"),
    ("heartbeat_s", True, "within 10 seconds"),
    ("heartbeat_s", float("nan"), "within 10 seconds"),
    ("max_room_bitrate_bps", -1, "the default is 0"),
    ("max_wishes_per_peer", 0, "1024"),
    ("max_joins_per_second", 0.5, "20"),
    ("max_peers_per_room", 0, "1000"),
    ("max_producers_per_room", -1, "4000"),
    ("listen", "5000", "10000"),
    ("listen", "127.0.0.1", "host:port"),
    ("listen", "127.0.0.1:http", "host:port"),
    ("listen", "::1:5000", "brackets"),
    ("listen", 65536, "0 takes any free port"),
    ("listen", -1, "0 takes any free port"),
    ("listen", True, "10000"),
    ("listen", 1.5, "10000"),
    ("listen", [], "10000"),
    ("listen", [5000, 5001], "two hosts"),
    ("listen", ["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"], "one IPv4 and one IPv6"),
    ("announce", "", "203.0.113.7"),
    ("announce", [], "203.0.113.7"),
    ("announce", 7, "203.0.113.7"),
    ("announce", ["203.0.113.7", None], "203.0.113.7"),
    ("announce", "203.0.113.7:5000", "the port is that of listen"),
    ("announce", "https://example.org", "the port is that of listen"),
    ("announce", "0.0.0.0", "reach this machine"),
    ("announce", "::", "reach this machine"),
    ("announce", "224.0.0.1", "reach this machine"),
    ("codecs", "VP8", "default"),
    ("codecs", [], "default"),
    ("codecs", ["VP7"], "VP8"),
    ("codecs", ["VP8", "vp8"], "once"),
    ("codecs", [8], "VP8"),
    ("max_incoming_bitrate_bps", -1, "3000000"),
    ("max_incoming_bitrate_bps", "3M", "3000000"),
    ("max_producers_per_peer", 0, "default is 16"),
    ("max_rooms_per_peer", True, "default is 16"),
    ("hold_us", 20_001, "1000"),
    ("mesh_settle_s", -1, "to and fro"),
    ("allow_mesh", "no", "the default is True"),
    ("consent_timeout_s", 0, "RFC 7675"),
    ("consent_timeout_s", float("nan"), "RFC 7675"),
    ("consent_timeout_s", "30", "RFC 7675"),
])
def test_refused_with_the_name_and_a_hint(option: str, value: Any, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        MediaConfig(**{option: value})
    print(caught.value)
    assert option in caught.value.message
    assert hint in caught.value.hint


def test_it_cannot_be_changed_later() -> None:
    with pytest.raises(FrozenInstanceError):
        MediaConfig().hold_us = 1  # type: ignore[misc]

"""STUN and TURN for clients: what the options take, and credentials as coturn wants them."""
from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import msgspec
import pytest

from simplesfu.config import MediaConfig
from simplesfu.errors import ConfigError

SECRET = "not for anybody's eyes"


def test_without_options_there_are_none() -> None:
    ice = MediaConfig().ice
    assert ice.of("peer") == []
    assert ice.lifetime_ms is None


def test_credentials_are_coturns_and_expire() -> None:
    ice = MediaConfig(turn_urls=["turn:turn.example.org:3478", "turns:turn.example.org:5349?transport=tcp"],
                      turn_secret=SECRET, turn_ttl_s=60).ice
    [server] = msgspec.to_builtins(ice.of("alice"))
    print(server)
    assert list(server["urls"]) == ["turn:turn.example.org:3478", "turns:turn.example.org:5349?transport=tcp"]
    expiry, _, user = server["username"].partition(":")
    assert user == "alice"
    assert 55 < int(expiry) - time.time() <= 60
    digest = hmac.new(SECRET.encode(), server["username"].encode(), hashlib.sha1).digest()
    assert server["credential"] == base64.b64encode(digest).decode()
    assert ice.lifetime_ms == 60_000


def test_lasting_servers_are_told_as_they_stand() -> None:
    given = {"urls": ["turn:[2001:db8::1]:3478"], "username": "user", "credential": "password"}
    ice = MediaConfig(ice_servers=["stun:stun.example.org", given]).ice
    assert msgspec.json.decode(msgspec.json.encode(ice.of("alice"))) == [{"urls": ["stun:stun.example.org"]}, given]
    assert ice.lifetime_ms is None


@pytest.mark.parametrize(("options", "words"), [
    ({"turn_urls": "turn:a"}, "turn_secret"),
    ({"turn_secret": SECRET}, "turn_urls"),
    ({"turn_urls": "a:3478", "turn_secret": SECRET}, "a:3478"),
    ({"turn_urls": "stun:a", "turn_secret": SECRET}, "STUN"),
    ({"turn_urls": "turn:a?transport=sctp", "turn_secret": SECRET}, "transport"),
    ({"turn_urls": "turn:a", "turn_secret": b"bytes"}, "turn_secret"),
    ({"turn_urls": "turn:a", "turn_secret": SECRET, "turn_ttl_s": 1}, "turn_ttl_s"),
    ({"ice_servers": 5}, "ice_servers"),
    ({"ice_servers": [{"url": "stun:a"}]}, "urls"),
    ({"ice_servers": {"urls": "turn:a"}}, "username"),
    ({"ice_servers": {"urls": "turn:a", "username": "user"}}, "credential"),
    ({"ice_servers": {"urls": "turn:a", "username": "user", "credential": "", "x": SECRET}}, "RTCIceServer"),
    ({"ice_servers": ["https://a"]}, "https://a"),
])
def test_what_cannot_be_says_how_to_mend_it(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        MediaConfig(**options)
    print(caught.value)
    assert words in str(caught.value)
    assert caught.value.hint
    assert SECRET not in str(caught.value)


def test_secrets_are_shown_nowhere() -> None:
    config = MediaConfig(turn_urls="turn:a", turn_secret=SECRET,
                         ice_servers={"urls": "turn:b", "username": "user", "credential": SECRET})
    shown = repr(config) + str(config.ice) + repr(config.ice.of("alice"))
    print(shown)
    assert SECRET not in shown
    assert msgspec.to_builtins(config.ice.of("alice"))[1]["credential"] not in shown

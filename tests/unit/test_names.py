"""An announced name that comes to stand for another address."""
from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support.waiting import until

from simplesfu.config import MediaConfig
from simplesfu.engine import names
from simplesfu.engine.engine import Engine
from simplesfu.engine.names import has_names
from simplesfu.errors import ConfigError


class NameServer:
    """What socket.getaddrinfo says of "media.test"; "" for nothing."""

    def __init__(self) -> None:
        self.address = "127.0.0.1"
        self.asked = 0
        self._others = socket.getaddrinfo

    def getaddrinfo(self, host: str, *args: Any, **kwargs: Any) -> Any:
        if host != "media.test":
            return self._others(host, *args, **kwargs)
        self.asked += 1
        if not self.address:
            raise socket.gaierror("no such name")
        return self._others(self.address, *args, **kwargs)


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    monkeypatch.setattr(names, "NAME_CHECK_S", 0.02)
    return server


@pytest.fixture
def engine(name_server: NameServer) -> Iterator[Engine]:  # noqa: ARG001  (the name is there first)
    engine = Engine(MediaConfig(listen="127.0.0.1:0", announce="media.test"))
    engine.start()
    yield engine
    engine.close()


def told(engine: Engine) -> set[str]:
    return {candidate.address for candidate in engine.candidates}


async def test_clients_are_told_the_new_address(engine: Engine, name_server: NameServer) -> None:
    assert told(engine) == {"127.0.0.1"}
    name_server.address = "127.0.0.2"
    await until(lambda: told(engine) == {"127.0.0.2"}, "the other address")


async def test_a_name_server_that_fails_changes_nothing(
    engine: Engine, name_server: NameServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        name_server.address = ""
        asked = name_server.asked
        await until(lambda: name_server.asked > asked + 3, "asked again and again")
    print(caplog.text)
    assert told(engine) == {"127.0.0.1"}
    assert len(caplog.records) == 1, "said once"
    name_server.address = "127.0.0.3"
    await until(lambda: told(engine) == {"127.0.0.3"}, "the other address")


def test_at_the_start_it_is_an_error(name_server: NameServer) -> None:
    name_server.address = ""
    with pytest.raises(ConfigError, match=r"media\.test"):
        Engine(MediaConfig(listen="127.0.0.1:0", announce="media.test")).start()


def test_addresses_are_not_looked_up() -> None:
    assert not has_names(["203.0.113.7", "2001:db8::1"])
    assert has_names(["203.0.113.7", "media.test"])

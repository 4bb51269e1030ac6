"""The TCP side of the media port: the same number, candidates behind those of UDP, and what happens if it is taken."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator

import msgspec
import pytest

from simplesfu.config import MediaConfig
from simplesfu.engine.candidates import find_candidates
from simplesfu.engine.listeners import MOST_CONNECTIONS, max_connections, open_ports
from simplesfu.errors import ConfigError


@pytest.fixture
def taken() -> Iterator[int]:
    """A number whose TCP side is somebody else's."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def test_one_number_for_udp_and_tcp() -> None:
    ports = open_ports(MediaConfig(listen=0))
    try:
        assert [sock.family for sock in ports.sockets] == [sock.family for sock in ports.listeners]
        numbers = {sock.getsockname()[1] for sock in (*ports.sockets, *ports.listeners)}
        print(numbers)
        assert len(numbers) == 1
        assert not any(sock.getblocking() for sock in ports.listeners)
    finally:
        ports.close()


def test_tcp_candidates_come_after_all_of_udp() -> None:
    ports = open_ports(MediaConfig(listen="127.0.0.1:0"))
    try:
        found = find_candidates(ports.sockets, ["127.0.0.1", "203.0.113.7"], listeners=ports.listeners)
    finally:
        ports.close()
    assert [(one.protocol, one.address) for one in found] == [
        ("udp", "127.0.0.1"), ("udp", "203.0.113.7"), ("tcp", "127.0.0.1"), ("tcp", "203.0.113.7"),
    ]
    assert [one.priority for one in found] == sorted((one.priority for one in found), reverse=True)
    assert len({one.foundation for one in found}) == 4
    assert len({one.port for one in found}) == 1
    udp, tcp = (msgspec.to_builtins(one) for one in found[::2])
    assert "tcpType" not in udp
    assert tcp["tcpType"] == "passive"
    # RFC 6544 §4.2: the direction of a passive host candidate is 4, in the upper three bits of 16.
    assert (found[2].priority >> 8 & 0xFFFF) >> 13 == 4


def test_where_the_number_is_taken_udp_goes_on_alone_and_says_so(
    taken: int, caplog: pytest.LogCaptureFixture
) -> None:
    ports = open_ports(MediaConfig(listen=("127.0.0.1", taken)))
    ports.close()
    assert ports.listeners == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "tcp=False" in caplog.text


def test_who_asks_for_tcp_gets_it_or_an_error(taken: int) -> None:
    with pytest.raises(ConfigError, match=f"TCP port {taken}") as caught:
        open_ports(MediaConfig(listen=("127.0.0.1", taken), tcp=True))
    assert "leave tcp out" in caught.value.hint
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", taken))     # nothing was left open


def test_tcp_can_be_forbidden() -> None:
    ports = open_ports(MediaConfig(listen="127.0.0.1:0", tcp=False))
    ports.close()
    assert ports.listeners == []


def test_the_option_is_checked() -> None:
    with pytest.raises(ConfigError, match="tcp"):
        MediaConfig(tcp="yes")  # type: ignore[arg-type]


def test_the_application_keeps_descriptors_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, expected in ((1024, 512), (1 << 20, MOST_CONNECTIONS), (resource.RLIM_INFINITY, MOST_CONNECTIONS)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        assert max_connections() == expected

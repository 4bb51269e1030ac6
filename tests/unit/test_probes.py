"""Transports that a client tries its network with: few, seen by nobody, gone by themselves."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.house import DTLS, House, open_house

from simplesfu.signaling.sessions.probes import MAX_PROBES, PROBE_S


@pytest.fixture
def house() -> Iterator[House]:
    with open_house(turn_urls="turn:turn.example.org", turn_secret="a secret", max_transports_per_peer=1) as house:
        yield house


def test_before_hello_and_nobody_sees_it(house: House) -> None:
    anna, ben = house.enter("anna"), house.connect("ben")
    house.heard()
    [server] = ben.ask("getIceServers")["iceServers"]
    probe = ben.ask("createProbe")
    ben.ask("connectProbe", transportId=probe["id"], dtlsParameters=DTLS)
    assert ben.refused_code("connectProbe", transportId=probe["id"], dtlsParameters=DTLS) == "already_connected"
    ben.ask("closeProbe", transportId=probe["id"])
    assert ben.refused_code("closeProbe", transportId=probe["id"]) == "not_found"
    assert server["username"].endswith(":ben")
    assert not [event for event, _ in anna.notifications if event == "peerConnection"]
    assert house.heard() == []
    assert not house.peers.router.transports


def test_it_counts_as_no_transport(house: House) -> None:
    anna = house.enter("anna")
    probes = [anna.ask("createProbe")["id"] for _ in range(MAX_PROBES)]
    anna.transport("send")
    assert [entry["direction"] for entry in anna.ask("getSnapshot")["snapshot"]["transports"]] == ["send"]
    assert anna.refused_code("createProbe") == "too_many_transports"
    assert anna.refused_code("closeTransport", transportId=probes[0]) == "not_found"
    anna.ask("closeProbe", transportId=probes[0])
    anna.ask("createProbe")


def test_it_is_nobody_elses(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    probe = anna.ask("createProbe")["id"]
    assert ben.refused_code("connectProbe", transportId=probe, dtlsParameters=DTLS) == "not_found"
    assert ben.refused_code("closeProbe", transportId=probe) == "not_found"


def test_it_goes_by_itself_or_with_its_peer(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    anna.ask("createProbe")
    house.clock.pass_time(PROBE_S + 1)
    assert not house.peers.router.transports
    ben.ask("createProbe")
    ben.leave()
    assert not house.peers.router.transports


def test_hello_tells_of_ice_servers_again_at_each_coming_back(house: House) -> None:
    anna = house.enter("anna")
    first = anna.greeting["iceServers"]
    anna.lose_socket()
    again = anna.come_back("later")
    print(again["iceServers"], again["iceServersLifetimeMs"])
    assert again["iceServersLifetimeMs"] == 3_600_000
    assert again["iceServers"][0]["username"].endswith(":anna")
    assert again["iceServers"][0]["urls"] == first[0]["urls"]

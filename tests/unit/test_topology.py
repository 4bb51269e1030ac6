"""What carries the media of two peers: who decides it, and what their browsers tell each other."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.house import House, open_house
from support.links import SETTLE_S, called, carriers, changes, meet
from support.signalling import RefusedError

from simplesfu.signaling.sessions.carriers import MAX_SIGNAL_BYTES, RETRY_S, SWITCH_S
from simplesfu.signaling.sessions.session import SIGNALS_BURST, SIGNALS_PER_S


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


# who decides


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        (("sfu", "sfu"), []),
        (("mesh", "sfu"), []),
        (("auto", "sfu"), []),
        (("mesh", "mesh"), [("b", "mesh", "asked")]),
        (("mesh", "auto"), [("b", "mesh", "two_peers")]),
        (("auto", "auto"), [("b", "mesh", "two_peers")]),
    ],
)
def test_both_wishes_must_let_it(house: House, wishes: tuple[str, str], told: list[tuple[str, str, str]]) -> None:
    anna, ben = meet(house, *wishes)
    assert changes(anna) == told
    assert carriers(anna) == {peer_id: carrier for peer_id, carrier, _ in told}
    assert [(peer_id, carrier) for peer_id, carrier, _ in changes(ben)] == [("a", "mesh")] * len(told)


def test_the_server_may_forbid_it() -> None:
    with open_house(allow_mesh=False) as house:
        anna, ben = meet(house, "mesh", "auto")
        assert anna.greeting["topology"] == ben.greeting["topology"] == "sfu"
        assert anna.ask("setTopology", topology="mesh") == {"topology": "sfu"}
        assert changes(anna) == []
        with pytest.raises(RefusedError, match="bad_request"):
            anna.publish("camera")


def test_nobody_is_asked_who_says_nothing(house: House) -> None:
    anna = house.enter("a")
    assert anna.greeting["topology"] == "sfu"


def test_auto_is_mesh_for_two_and_the_servers_from_the_third_on(house: House) -> None:
    anna, ben, carl = meet(house, "auto", "auto", "auto")
    assert changes(anna) == [("b", "mesh", "two_peers"), ("b", "sfu", "third_peer")]
    assert changes(carl) == []
    carl.leave()
    assert changes(anna) == []
    house.clock.pass_time(SETTLE_S - 0.1)
    assert changes(anna) == []
    house.clock.pass_time(0.2)
    assert changes(anna) == [("b", "mesh", "two_peers")]
    assert carriers(ben) == {"a": "mesh"}
    house.enter("d", room="hall", topology="sfu")
    assert changes(anna) == [("b", "sfu", "third_peer")]


def test_mesh_goes_on_with_as_many_as_wish_it(house: House) -> None:
    anna, *_ = meet(house, "mesh", "mesh", "mesh", "auto", "sfu")
    assert carriers(anna) == {"b": "mesh", "c": "mesh"}


def test_who_comes_and_goes_within_the_time_to_settle_makes_no_difference(house: House) -> None:
    anna, ben, carl = meet(house, "auto", "auto", "sfu")
    anna.notifications.clear()
    for _ in range(4):
        carl.ask("leaveRoom", roomId="hall")
        house.clock.pass_time(SETTLE_S - 1)
        carl.ask("joinRoom", roomId="hall")
        house.clock.pass_time(60)
    assert changes(anna) == []
    assert carriers(ben) == {"a": "sfu"}


def test_a_peer_is_told_of_first_and_its_carrier_before_its_tracks(house: House) -> None:
    anna = house.enter("a", topology="auto")
    anna.publish("camera")
    ben = house.enter("b", topology="auto")
    assert [event for event, _ in ben.notifications] == ["peerConnection", "carrierChange", "producerAvailable"]


def test_another_wish_on_coming_back(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    anna.lose_socket()
    ben.notifications.clear()
    assert anna.come_back("a2")["topology"] == "mesh"
    assert changes(ben) == []
    anna.lose_socket()
    assert anna.come_back("a3", topology="sfu")["topology"] == "sfu", "as it says now"
    assert changes(ben) == [("a", "sfu", "topology_changed")]
    assert changes(anna)[-1] == ("b", "sfu", "topology_changed")


def test_another_wish_in_mid_call(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    ben.notifications.clear()
    assert anna.ask("setTopology", topology="sfu") == {"topology": "sfu"}
    assert changes(ben) == [("a", "sfu", "topology_changed")]
    assert anna.ask("setTopology", topology="auto") == {"topology": "auto"}
    assert changes(ben) == []
    house.clock.pass_time(SETTLE_S)
    assert changes(ben) == [("a", "mesh", "two_peers")]
    assert anna.ask("setTopology", topology="mesh") == {"topology": "mesh"}
    assert changes(ben) == [], "it is carried so already"
    assert anna.refused_code("setTopology", topology="mcu") == "bad_request"


def test_the_application_hears_of_it(house: House) -> None:
    meet(house, "auto", "auto")
    house.events.clear()
    house.enter("c", room="hall")
    (info,) = [info for event, info in house.events if event == "carrier_change"]
    assert (set(info.peer_ids), info.carrier, info.reason) == ({"a", "b"}, "sfu", "third_peer")
    peer = house.peers.info("a")
    assert peer is not None
    assert (peer.topology, peer.linked_with) == ("auto", ())
    house.peers.close(house.peers.find("c"))
    house.clock.pass_time(SETTLE_S)
    assert house.peers.infos()["a"].linked_with == ("b",)


# a link that fails


def test_auto_falls_back_when_the_link_fails_and_tries_again_later(house: House) -> None:
    anna, ben = meet(house, "auto", "mesh")
    anna.notifications.clear()
    ben.ask("reportLink", peerId="a", state="failed", reason="no candidate pair works")
    anna.ask("reportLink", peerId="b", state="failed", reason="7 s are over")
    assert changes(anna) == [("b", "sfu", "unreachable")]
    house.clock.pass_time(RETRY_S)
    assert changes(anna) == []
    house.clock.pass_time(SETTLE_S)
    assert changes(anna) == [("b", "mesh", "two_peers")]


def test_who_insist_on_mesh_are_told_and_get_nothing_else(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera = ben.publish("camera")
    for peer in (anna, ben):
        peer.notifications.clear()
    anna.ask("reportLink", peerId="b", state="failed", reason="no candidate pair works")
    ben.ask("reportLink", peerId="a", state="failed")
    assert changes(anna) == changes_of("b")
    assert changes(ben) == changes_of("a")
    explanation = anna.ask("explain", peerId="b", label="camera")["explanation"]
    assert (explanation["code"], explanation["link"]) == ("link_failed", "direct")
    anna.ask("reportLink", peerId="b", state="connected")
    anna.ask("reportLink", peerId="b", state="failed")
    assert changes(ben) == changes_of("a"), "failed anew"
    assert carriers(anna) == {"b": "mesh"}
    assert camera in anna.session.offers


def test_who_gives_up_insisting_gets_it_by_the_server(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    anna.ask("reportLink", peerId="b", state="failed", reason="no candidate pair works")
    ben.notifications.clear()
    anna.ask("setTopology", topology="auto")
    assert changes(ben) == [("a", "sfu", "unreachable")]
    house.clock.pass_time(RETRY_S + SETTLE_S)
    assert changes(ben) == [("a", "mesh", "two_peers")]


def changes_of(peer_id: str) -> list[tuple[str, str, str]]:
    return [(peer_id, "mesh", "unreachable")]


def test_a_link_is_forgotten_out_of_sight(house: House) -> None:
    anna, ben = meet(house, "auto", "auto")
    anna.ask("reportLink", peerId="b", state="failed")
    assert carriers(anna) == {"b": "sfu"}
    ben.ask("joinRoom", roomId="elsewhere")
    ben.ask("leaveRoom", roomId="hall")
    assert carriers(anna) == {}
    ben.ask("joinRoom", roomId="hall")
    assert carriers(anna) == {"b": "mesh"}


# signals


def test_a_signal_reaches_its_addressee_and_nobody_else(house: House) -> None:
    anna, ben, carl = meet(house, "mesh", "mesh", "mesh")
    message = {"linkId": "1", "description": {"type": "offer", "sdp": "v=0"}}
    carl.notifications.clear()
    anna.ask("signal", peerId="b", message=message)
    assert ben.hears("signal") == [{"event": "signal", "peerId": "a", "message": message}]
    assert carl.notifications == []


def test_signals_pass_while_there_is_a_link_and_a_while_after_it(house: House) -> None:
    anna, ben, *_ = called(house)
    anna.ask("signal", peerId="b", message={"bye": True})
    assert len(ben.hears("signal")) == 1
    house.clock.pass_time(SWITCH_S)
    assert anna.refused_code("signal", peerId="b", message={}) == "not_found"


def test_a_signal_missed_with_the_socket_comes_later(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera = ben.publish("camera")
    consumer = anna.consume_directly(camera)
    ben.lose_socket()
    anna.ask("signal", peerId="b", message={"candidate": "1"})
    assert ben.come_back("b2", topology="mesh")["resumed"]
    assert [one["message"] for one in ben.hears("signal")] == [{"candidate": "1"}]
    assert carriers(anna) == {"b": "mesh"}
    assert anna.flows(consumer), "a resumed session keeps its links"
    anna.ask("signal", peerId="b2", message={"by": "alias"})
    assert len(ben.hears("signal")) == 1


def test_a_session_made_anew_starts_clean(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    anna.consume_directly(ben.publish("camera"))
    ben.lose_socket()
    house.clock.pass_time(house.peers.config.grace_period_s + 1)
    assert carriers(anna) == {}
    assert not ben.come_back("b2", topology="mesh")["resumed"]
    ben.ask("joinRoom", roomId="hall")
    snapshot = ben.ask("getSnapshot")["snapshot"]
    assert snapshot["links"] == [{"peerId": "a", "carrier": "mesh"}]
    assert snapshot["linkConsumers"] == snapshot["producers"] == []


def test_signals_are_limited_in_size_and_number(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    small: dict[str, Any] = {"text": "x" * (MAX_SIGNAL_BYTES - 11)}
    anna.ask("signal", peerId="b", message=small)
    assert anna.refused_code("signal", peerId="b", message=small | {"more": 1}) == "bad_request"
    passed = 1
    while anna.answer("signal", {"peerId": "b", "message": small})["ok"]:
        passed += 1
    assert passed == SIGNALS_BURST // 33
    assert anna.refused_code("signal", peerId="b", message=small) == "too_many_requests"
    house.clock.pass_time(33 / SIGNALS_PER_S)
    anna.ask("signal", peerId="b", message=small)
    assert len(ben.hears("signal")) == passed + 1


def test_what_was_missed_comes_before_what_the_new_socket_brings_about(house: House) -> None:
    """Somebody has paused a peer by the id of a socket that it does not have yet."""
    anna, ben = meet(house, "mesh", "mesh")
    ben.consume_directly(anna.publish("camera"))
    ben.ask("pausePeer", peerId="a2")
    anna.lose_socket()
    ben.ask("signal", peerId="a", message={"candidate": "1"})
    anna.come_back("a2", topology="mesh")
    numbers = [payload["seq"] for event, payload in anna.notifications]
    assert numbers == sorted(numbers)
    assert [event for event, _ in anna.notifications][-2:] == ["signal", "linkConsumer"]

"""Coming back: tokens, what was missed, what was asked twice, how long a session waits."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer
from support.house import House, HouseLine, HousePeer, open_house
from support.notices import available, gone, unavailable
from support.signalling import RefusedError

from simplesfu.signaling.sessions import tokens
from simplesfu.signaling.sessions.replay import KEPT_ANSWERS, KEPT_NOTIFICATIONS, Answers, Journal
from simplesfu.signaling.sessions.session import MAX_ALIASES
from simplesfu.signaling.sessions.tokens import Claim, Tokens

KEY = "a key of sufficient length"


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


def seqs(peer: HousePeer) -> list[int]:
    return [payload["seq"] for _, payload in peer.notifications]


# the session goes on


def test_a_peer_stays_itself_over_another_socket(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True)
    consumer = ben.consume(producer)
    ben.told()
    house.heard()
    session = anna.session
    anna.lose_socket()
    assert house.heard() == ["peer_lost"]
    house.clock.pass_time(19)
    greeting = anna.come_back("anna's second")
    assert (greeting["resumed"], greeting["peerId"], greeting["gracePeriodMs"]) == (True, "anna", 20_000)
    assert house.heard() == ["peer_resumed"]
    assert anna.session is session
    assert house.peers.find("anna's second") is session
    house.clock.pass_time(1000)
    assert ben.flows(consumer)
    assert ben.told() == [], "nobody has noticed"
    anna.ask("closeProducer", producerId=producer)


def test_a_loss_that_the_client_notices_first_is_told_as_any_other(house: House) -> None:
    anna = house.enter("anna")
    house.heard()
    anna.come_back("anna's second")
    assert house.heard() == ["peer_lost", "peer_resumed"]


def test_after_the_grace_period_nothing_is_left(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    anna.produce("camera", broadcast=True)
    ben.told()
    house.heard()
    anna.lose_socket()
    house.clock.pass_time(19.99)
    assert ben.told() == []
    house.clock.pass_time(0.02)
    assert ben.told() == [unavailable(anna, "camera", "peer_lost"), gone("anna", "peer_lost")]
    assert house.heard() == ["peer_lost", "producer_removed", "transport_state", "peer_left"]
    assert not house.peers.router.transports
    greeting = anna.come_back("anna's second")
    assert (greeting["resumed"], greeting["peerId"], greeting["seq"]) == (False, "anna", 0), "others know it by that id"
    anna.ask("enter")
    assert ben.told() == [("peerConnection", "anna")]


def test_without_a_grace_period() -> None:
    with open_house(grace_period_s=0) as house:
        anna, ben = house.enter("anna"), house.enter("ben")
        ben.told()
        anna.lose_socket()
        assert ben.told() == [gone("anna", "peer_lost")]


def test_who_left_on_purpose_comes_as_a_new_one(house: House) -> None:
    anna = house.enter("anna")
    anna.ask("joinRoom", roomId="kitchen")
    anna.leave()
    assert not house.peers.infos()
    assert not anna.come_back("anna's second")["resumed"]
    assert house.peers.rooms_of(anna.session) == ()


def test_the_connection_before_is_sent_away_and_its_requests_are_refused(house: House) -> None:
    """A half-open socket, or somebody who has copied the token."""
    anna = house.enter("anna")
    first = anna.line
    assert anna.come_back("anna's second")["resumed"]
    assert first.disconnected
    stale = HousePeer(house, "anna")
    stale.line = first
    assert stale.answer("getStats")["error"]["code"] == "closed"
    assert stale.answer("hello", {"token": anna.greeting["token"]})["error"]["code"] == "closed"
    house.attendance.lost(first)
    assert anna.session.connection is anna.line
    assert not anna.line.disconnected


def test_every_id_of_a_peer_names_it_in_wishes(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    anna.lose_socket()
    anna.come_back("anna's second")
    producer = anna.produce("camera")
    assert ben.ask("connectToPeer", peerId="anna's second")["peerId"] == "anna"
    consumer = ben.consume(producer)
    ben.ask("pausePeer", peerId="anna")
    assert not ben.flows(consumer)
    ben.ask("resumePeer", peerId="anna's second")
    assert ben.flows(consumer)
    ben.ask("disconnectFromPeer", peerId="anna")
    assert not ben.session.offers


def test_an_id_may_be_wished_before_it_becomes_one_of_the_peers(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    anna.produce("camera")
    ben.ask("connectToPeer", peerId="anna's second")
    ben.told()
    anna.lose_socket()
    anna.come_back("anna's second")
    assert ben.told() == [available(anna, "camera")]


def test_a_peer_has_so_many_ids_and_no_more(house: House) -> None:
    anna = house.enter("anna")
    for number in range(2 * MAX_ALIASES):
        anna.lose_socket()
        assert anna.come_back(f"socket {number}")["resumed"]
    assert len(anna.session.names) == 1 + MAX_ALIASES
    assert house.peers.get("socket 0") is None
    assert house.peers.get(f"socket {2 * MAX_ALIASES - 1}") is anna.session
    anna.leave()
    assert not vars(house.peers)["_aliases"]


def test_a_client_that_forgot_its_token_replaces_what_its_socket_carried(house: House) -> None:
    """Its media namespace was lost, and the application's socket was not."""
    anna = house.enter("anna")
    anna.lose_socket()
    again = house.enter("anna")
    assert not again.greeting["resumed"]
    assert len(house.peers.infos()) == 1
    house.clock.pass_time(100)
    assert again.session.connection is again.line


# tokens


def test_an_older_token_is_worth_nothing_once_the_newer_one_has_arrived(house: House) -> None:
    anna = house.enter("anna")
    first = anna.greeting["token"]
    anna.lose_socket()
    anna.come_back("anna's second")
    anna.ask("getStats")
    thief = house.connect("thief")
    greeting = thief.hello(token=first)
    assert (greeting["resumed"], greeting["peerId"]) == (False, "thief")
    assert not anna.line.disconnected


def test_a_token_is_good_until_the_next_has_arrived(house: House) -> None:
    """The answer to hello may be lost with the socket, and then the one after it."""
    anna = house.enter("anna")
    token = anna.greeting["token"]
    for number in range(3):
        anna.lose_socket()
        greeting = anna.come_back(f"socket {number}", token=token)
        assert greeting["resumed"]
        anna.ask("heartbeat", lastSeq=0)  # the server's may have come before the answer


@pytest.mark.parametrize("forge", [
    lambda _: "", lambda _: "nonsense", lambda _: "x" * 10_000, lambda token: token[:-1], lambda token: "é" + token,
    lambda _: URLSafeTimedSerializer("another key", salt="simplesfu.session").dumps(["anna", "life", 1]),
    lambda _: URLSafeTimedSerializer(KEY, salt="another purpose").dumps(["anna", "life", 1]),
])
def test_a_token_that_is_none_opens_a_new_session(forge: Any) -> None:
    with open_house(session_key=KEY) as house:
        anna = house.enter("anna")
        other = house.connect("other")
        greeting = other.hello(token=forge(anna.greeting["token"]))
        assert (greeting["resumed"], greeting["peerId"]) == (False, "other")


def test_ids_outlive_the_server_with_a_key_and_not_without() -> None:
    for key, kept in ((KEY, True), (["a newer key of some length", KEY], True), ("something else, as long", False)):
        with open_house(session_key=KEY) as before:
            anna = before.connect("anna")
            token = anna.hello()["token"]
        with open_house(session_key=key) as after:
            anna = after.connect("anna's second")
            greeting = anna.hello(token=token, lastSeq=7)
            assert (greeting["resumed"], greeting["peerId"]) == (False, "anna" if kept else "anna's second")
            anna.lose_socket()
            assert anna.come_back("anna's third")["resumed"]


def test_a_claim_that_begins_a_new_session_does_not_resume_it() -> None:
    """The server was started anew, the answer to hello was lost, and the client asks again with what it has: to be told
    that all is as it was would leave it with nothing."""
    with open_house(session_key=KEY) as before:
        token = before.connect("anna").hello()["token"]
    with open_house(session_key=KEY) as house:
        anna = house.connect("anna's second")
        for socket in ("anna's third", "anna's fourth"):
            assert not anna.hello(token=token)["resumed"]
            anna.lose_socket()
            anna.line = HouseLine(socket)
        greeting = anna.hello(token=token)
        assert (greeting["resumed"], greeting["peerId"]) == (False, "anna")
        anna.ask("enter")
        thief = house.connect("thief")
        assert thief.hello(token=token)["peerId"] == "thief", "it is known now, and nobody else's"
        anna.lose_socket()
        assert anna.come_back("anna's fifth")["resumed"]


def test_a_request_before_hello_does_not_spoil_it(house: House) -> None:
    anna = house.enter("anna")
    anna.ask("joinRoom", roomId="kitchen")
    anna.lose_socket()
    token, anna.line = anna.greeting["token"], HouseLine("anna's second")
    anna.ask("heartbeat", lastSeq=0)
    assert anna.hello(token=token)["resumed"]
    assert house.peers.rooms_of(anna.session) == ("kitchen",)
    assert len(house.peers.sessions()) == 1


def test_who_was_kicked_is_not_lost_besides(house: House) -> None:
    anna = house.enter("anna")
    house.heard()
    session = anna.session
    house.peers.kick(session)
    assert anna.line.disconnected
    assert anna.told() == [("ended", "kicked", "the server has ended the session", "ask whoever runs it")]
    house.attendance.lost(anna.line)
    assert house.heard() == ["peer_left"]
    assert anna.answer("enter")["error"]["code"] == "closed"


def test_an_id_that_somebody_holds_is_not_given_away() -> None:
    with open_house(session_key=KEY) as house:
        anna = house.enter("anna")
        stolen = Tokens([KEY.encode()]).issue("anna", anna.session.life, 500)
        assert house.connect("thief").hello(token=stolen)["peerId"] == "thief"


def test_old_tokens_name_no_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_AGE_S", -1)
    with open_house(session_key=KEY) as house:
        anna = house.enter("anna")
        anna.lose_socket()
        assert anna.come_back("anna's second")["resumed"], "a session that is here knows its own"
        anna.leave()
        assert anna.come_back("anna's third")["peerId"] == "anna's third"


def test_keys_can_be_rotated() -> None:
    old, both = Tokens([b"old"]), Tokens([b"new", b"old"])
    assert both.read(old.issue("anna", "life", 3)) == Claim("anna", "life", 3, fresh=True)
    assert Tokens([b"new"]).read(both.issue("anna", "life", 3)) == Claim("anna", "life", 3, fresh=True)
    assert old.read(both.issue("anna", "life", 3)) is None


# what was missed


def test_notifications_are_numbered_and_what_was_missed_is_repeated(house: House) -> None:
    anna = house.enter("anna")
    house.enter("ben")
    assert seqs(anna) == [1]
    anna.lose_socket()
    for name in ("carl", "dora"):
        house.enter(name)
    greeting = anna.come_back("anna's second")
    assert (greeting["seq"], "snapshot" in greeting and greeting["snapshot"]) == (3, None)
    assert anna.told() == [("peerConnection", "carl"), ("peerConnection", "dora")]
    anna.hello(token=greeting["token"], lastSeq=2)
    assert seqs(anna) == [3], "asked again on the same connection it answers again"


@pytest.mark.parametrize("last_seq", [0, 1_000_000])
def test_a_snapshot_stands_for_what_cannot_be_repeated(house: House, last_seq: int) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    ben.ask("connectToPeer", peerId="anna")
    producer, consumed = anna.produce("slides", paused=True), ben.produce("camera", broadcast=True)
    consumer = anna.consume(consumed)
    anna.ask("openData", label="chat")
    anna.ask("heartbeat", lastSeq=2)  # those are not kept any longer
    anna.lose_socket()
    greeting = anna.come_back("anna's second", lastSeq=last_seq)
    print(greeting["snapshot"])
    assert greeting["snapshot"] == {
        "peers": [{"peerId": "ben"}],
        "offers": [{"producerId": consumed, "peerId": "ben", "label": "camera", "broadcast": True, "kind": "video",
                    "metadata": {}, "paused": False, "carrier": "sfu"}],
        "rooms": [],
        "producers": [{"producerId": producer, "label": "slides", "paused": True, "sfu": True}],
        "consumers": [{"consumerId": consumer, "producerId": consumed, "held": "", "carrier": "sfu"}],
        "transports": [
            {"transportId": anna.transport(direction), "direction": direction, "state": "new"}
            for direction in ("send", "recv")
        ],
        "links": [],
        "linkConsumers": [],
        "dataConsumers": [],
        "dataProducers": [],
        "dataLabels": ["chat"],
    }
    assert anna.told() == []
    assert anna.ask("getSnapshot") == {"snapshot": greeting["snapshot"], "seq": greeting["seq"]}


def test_a_journal_keeps_the_latest() -> None:
    journal = Journal(kept=3)
    assert journal.since(0) == []
    for number in range(5):
        journal.append("event", {"number": number})
    assert [told.payload for told in journal.since(3) or []] == [{"number": 3, "seq": 4}, {"number": 4, "seq": 5}]
    assert journal.since(5) == []
    assert journal.since(1) is None
    assert journal.since(6) is None
    journal.confirm(4)
    assert journal.since(3) is None
    assert len(journal.since(4) or []) == 1
    journal.confirm(100)
    assert journal.since(5) == []
    assert KEPT_NOTIFICATIONS == 1024


def test_a_journal_keeps_so_many_bytes() -> None:
    journal = Journal(kept_bytes=1000)
    for number in range(1, 31):
        journal.append("event", {"text": "x" * 89})  # 100 bytes
        assert len(journal.since(max(0, number - 10)) or []) == min(number, 10)
    assert journal.since(19) is None
    journal.confirm(25)
    for _ in range(5):
        journal.append("event", {"text": "x" * 89})
    assert len(journal.since(25) or []) == 10


# what was asked twice


def test_the_same_request_again_gets_the_same_answer(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    request = {"direction": "send", "requestId": "1"}
    first = anna.answer("createWebRtcTransport", request)
    anna.lose_socket()
    anna.come_back("anna's second")
    assert anna.answer("createWebRtcTransport", request) == first
    assert len(anna.session.transports) == 1
    refused = anna.answer("createWebRtcTransport", {"direction": "send", "requestId": "2"})
    assert refused["error"]["code"] == "already_exists"
    anna.ask("closeTransport", transportId=first["data"]["id"])
    assert anna.answer("createWebRtcTransport", {"direction": "send", "requestId": "2"}) == refused
    assert ben.answer("createWebRtcTransport", request)["data"]["id"] != first["data"]["id"], "ids are each peer's own"


def test_what_only_reads_is_answered_anew(house: House) -> None:
    anna = house.enter("anna")
    assert anna.ask("getSnapshot", requestId="1")["snapshot"]["rooms"] == []
    anna.ask("joinRoom", roomId="kitchen")
    assert anna.ask("getSnapshot", requestId="1")["snapshot"]["rooms"] == ["kitchen"]


def test_a_closing_that_is_asked_twice_is_no_error(house: House) -> None:
    anna = house.enter("anna")
    request = {"producerId": anna.produce("camera"), "requestId": "close"}
    assert anna.answer("closeProducer", request) == anna.answer("closeProducer", request) == {"ok": True, "data": {}}


@pytest.mark.parametrize("request_id", ["", "x" * 65, 7, {}])
def test_request_ids_that_are_none(house: House, request_id: object) -> None:
    with pytest.raises(RefusedError, match=r"bad_request.*requestId"):
        house.enter("anna").ask("getStats", requestId=request_id)


def test_answers_are_kept_for_a_while() -> None:
    answers = Answers(kept=2)
    for number in range(3):
        answers.remember(str(number), {"number": number})
        answers.remember(None, {})
    assert answers.find("0") is None
    assert answers.find("2") == {"number": 2}
    assert answers.find(None) is None
    assert KEPT_ANSWERS == 256

"""What takes the place of what: tracks under one label, transports of one direction."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import rtp
from support.house import DTLS, House, open_house
from support.notices import available, unavailable
from support.signalling import RefusedError


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


# a label in use


def test_the_same_label_again_takes_the_place_of_the_track(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    first = anna.produce("camera", broadcast=True)
    ben.consume(first)
    ben.told()
    second = anna.produce("camera", broadcast=True)
    assert ben.told() == [unavailable(anna, "camera", "replaced"), available(anna, "camera", broadcast=True)]
    assert list(ben.session.offers) == [second]
    assert list(anna.session.publications) == [second]


def test_a_track_moves_to_another_transport_and_nobody_notices(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True)
    consumer = ben.consume(producer)
    ben.told()
    old = anna.transport("send")
    new = anna.ask("createWebRtcTransport", direction="send", replaces=old)["id"]
    assert anna.produce("camera", broadcast=True, transportId=new, producerId=producer) == producer
    assert ben.told() == []
    assert ben.flows(consumer)
    assert anna.transport("send") == new


def test_what_cannot_move_is_replaced(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True)
    ben.told()
    new = anna.ask("createWebRtcTransport", direction="send", replaces=anna.transport("send"))["id"]
    vp9 = rtp.video_parameters(house.codec("video/VP9"), house.next_ssrc(), mid="9")
    moved = anna.produce("camera", broadcast=True, transportId=new, producerId=producer, rtpParameters=vp9)
    assert moved != producer
    assert ben.told() == [unavailable(anna, "camera", "replaced"), available(anna, "camera", broadcast=True)]


def test_what_a_move_says_anew_is_passed_on(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera")
    ben.ask("connectToPeer", peerId="anna", label="camera")
    ben.told()
    new = anna.ask("createWebRtcTransport", direction="send", replaces=anna.transport("send"))["id"]
    anna.produce("camera", transportId=new, producerId=producer, paused=True, metadata={"on": "air"})
    assert ben.told() == [("producerMetadata", "anna", "camera", "{'on': 'air'}"), ("producerPaused", "anna", "camera")]
    assert house.peers.router.producers[producer].paused


def test_metadata(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True, metadata={"title": "Slides"})
    assert dict(ben.notifications)["producerAvailable"]["metadata"] == {"title": "Slides"}
    ben.told()
    anna.ask("setMetadata", producerId=producer, metadata={"title": "More"})
    assert ben.told() == [("producerMetadata", "anna", "camera", "{'title': 'More'}")]
    answer = ben.ask("consume", transportId=ben.transport("recv"), producerId=producer)
    assert answer["metadata"] == {"title": "More"}
    with pytest.raises(RefusedError, match=r"bad_request.*4096"):
        anna.ask("setMetadata", producerId=producer, metadata={"title": "x" * 4096})


# transports


def test_a_failed_transport_is_kept_for_the_grace_period(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    ben.consume(anna.produce("camera", broadcast=True))
    ben.told()
    house.heard()
    transport = house.peers.router.transports[anna.transport("send")]
    house.engine.link_of(transport).become("failed", "ice_consent_expired")
    assert anna.told()[-1] == ("transportStateChange", "failed", "ice_consent_expired")
    house.clock.pass_time(19.9)
    assert ben.told() == [], "it may be mended"
    house.clock.pass_time(0.2)
    assert anna.told() == [("transportStateChange", "closed", "not_replaced")]
    assert ben.told() == [unavailable(anna, "camera", "closed")]
    assert house.heard() == ["transport_state", "consumer_removed", "producer_removed", "transport_state"]
    anna.produce("camera")  # over another transport


def test_a_transport_that_ice_has_mended_stays(house: House) -> None:
    anna = house.enter("anna")
    transport_id = anna.transport("send")
    link = house.engine.link_of(house.peers.router.transports[transport_id])
    link.become("failed", "ice_consent_expired")
    house.clock.pass_time(10)
    anna.ask("restartIce", transportId=transport_id)
    link.become("connected")
    house.clock.pass_time(100)
    assert anna.transport("send") == transport_id


def test_a_transport_that_has_ended_goes_when_all_has_moved(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producers = {label: anna.produce(label, broadcast=True) for label in ("camera", "screen")}
    old = anna.transport("send")
    house.engine.link_of(house.peers.router.transports[old]).become("closed", "dtls_closed")
    new = anna.ask("createWebRtcTransport", direction="send", replaces=old)["id"]
    ben.told()
    for label, producer in producers.items():
        assert set(anna.session.transports) == {old, new}
        anna.produce(label, broadcast=True, transportId=new, producerId=producer)
    assert set(anna.session.transports) == {new}
    assert ben.told() == []


def test_a_viewer_whose_transport_failed_consumes_over_another(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True)
    ben.consume(producer)
    ben.told()
    old = ben.transport("recv")
    house.engine.link_of(house.peers.router.transports[old]).become("closed", "dtls_closed")
    assert ben.told() == [("transportStateChange", "closed", "dtls_closed")]
    new = ben.ask("createWebRtcTransport", direction="recv", replaces=old)["id"]
    assert ben.flows(ben.consume(producer)), "it is offered still"
    assert set(ben.session.transports) == {new}


def test_a_second_transport_of_a_direction_has_to_name_the_first(house: House) -> None:
    anna = house.enter("anna")
    send, recv = anna.transport("send"), anna.transport("recv")
    for replaces in (None, recv, "nothing"):
        with pytest.raises(RefusedError, match="already_exists"):
            anna.ask("createWebRtcTransport", direction="send", replaces=replaces)
    anna.ask("closeTransport", transportId=send)
    assert anna.ask("createWebRtcTransport", direction="send", replaces=send)["id"], "it has gone meanwhile"


def test_states_of_a_transport_are_told_to_its_peer_and_to_the_application(house: House) -> None:
    anna = house.enter("anna")
    transport_id = anna.transport("send")
    anna.ask("connectWebRtcTransport", transportId=transport_id, dtlsParameters=DTLS)
    link = house.engine.link_of(house.peers.router.transports[transport_id])
    link.become("connected")
    link.become("disconnected", "ice_consent_overdue")
    anna.ask("closeTransport", transportId=transport_id)
    assert anna.told() == [
        ("transportStateChange", "connecting", ""),
        ("transportStateChange", "connected", ""),
        ("transportStateChange", "disconnected", "ice_consent_overdue"),
    ]
    states = [(info.state, info.reason, info.direction) for name, info in house.events if name == "transport_state"]
    assert states == [
        ("connecting", "", "send"), ("connected", "", "send"),
        ("disconnected", "ice_consent_overdue", "send"), ("closed", "closed", "send"),
    ]

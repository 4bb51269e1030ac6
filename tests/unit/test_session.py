"""What a peer is told, in which order, and what it gets: rooms, wishes, offers, pauses."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.house import DTLS, House, HousePeer, open_house
from support.signalling import RefusedError


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


def available(publisher: HousePeer, label: str, *, broadcast: bool = False) -> tuple[str, ...]:
    return ("producerAvailable", publisher.id, label, str(broadcast), "video")


def unavailable(publisher: HousePeer, label: str, reason: str) -> tuple[str, ...]:
    return ("producerUnavailable", publisher.id, label, reason)


# sight


def test_others_see_a_peer_from_its_first_request_on(house: House) -> None:
    early = house.enter("early")
    silent = house.connect("silent")
    assert early.told() == []
    assert house.peers.infos().keys() == {"early"}
    silent.ask("getStats")
    assert early.told() == [("peerConnection", "silent")]
    assert silent.told() == [("peerConnection", "early")]
    assert house.heard() == ["peer_joined", "peer_joined"]


def test_one_who_leaves_without_a_word_was_never_there(house: House) -> None:
    early, silent = house.enter("early"), house.connect("silent")
    silent.leave()
    assert early.told() == []
    assert house.heard() == ["peer_joined"]


def test_rooms_part_and_join(house: House) -> None:
    anna, ben, carl = (house.enter(name) for name in ("anna", "ben", "carl"))
    for peer in (anna, ben, carl):
        peer.told()
    assert anna.ask("joinRoom", roomId="kitchen") == {"peerIds": []}
    assert anna.told() == [("peerDisconnection", "ben"), ("peerDisconnection", "carl")]
    assert ben.ask("joinRoom", roomId="kitchen") == {"peerIds": ["anna"]}
    assert anna.told() == [("peerConnection", "ben")]
    assert ben.told() == [("peerDisconnection", "anna"), ("peerDisconnection", "carl"), ("peerConnection", "anna")]
    ben.ask("leaveRoom", roomId="kitchen")
    assert anna.told() == [("peerDisconnection", "ben")]
    assert ben.told() == [("peerDisconnection", "anna"), ("peerConnection", "carl")]


def test_a_peer_is_told_of_before_its_tracks_and_until_after_them(house: House) -> None:
    anna = house.enter("anna")
    anna.produce("camera", broadcast=True)
    ben = house.enter("ben")
    assert ben.told() == [("peerConnection", "anna"), available(anna, "camera", broadcast=True)]
    anna.leave()
    assert ben.told() == [unavailable(anna, "camera", "peer_left"), ("peerDisconnection", "anna")]


def test_leaving_a_room_takes_tracks_along(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    for peer in (anna, ben):
        peer.ask("joinRoom", roomId="kitchen")
    producer = anna.produce("camera", broadcast=True)
    consumer = ben.consume(producer)
    ben.told()
    ben.ask("leaveRoom", roomId="kitchen")
    assert ben.told() == [unavailable(anna, "camera", "room_left"), ("peerDisconnection", "anna")]
    with pytest.raises(RefusedError, match="not_found"):
        ben.ask("resumeConsumer", consumerId=consumer)
    assert house.peers.router.producers[producer].stats()["consumers"] == 0


# offers


def test_nothing_is_offered_before_the_capabilities_are_told(house: House) -> None:
    anna, ben = house.enter("anna"), house.connect("ben")
    producer = anna.produce("camera", broadcast=True)
    ben.ask("hello")
    ben.ask("connectToPeer", peerId="anna")
    assert ben.told() == [("peerConnection", "anna")]
    transport = ben.transport("recv")
    with pytest.raises(RefusedError, match="not_found"):
        ben.ask("consume", transportId=transport, producerId=producer)
    ben.ask("setRtpCapabilities", rtpCapabilities=house.capabilities)
    assert ben.told() == [available(anna, "camera", broadcast=True)]
    ben.ask("setRtpCapabilities", rtpCapabilities=house.capabilities)
    assert ben.told() == [], "offered once"


def test_a_track_that_is_not_broadcast_waits_for_the_wish(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    anna.produce("camera")
    ben.told()
    ben.ask("connectToPeer", peerId="anna")
    assert ben.told() == [available(anna, "camera")]
    ben.ask("connectToPeer", peerId="anna")
    assert ben.told() == [], "offered once"
    anna.produce("screen")
    assert ben.told() == [available(anna, "screen")], "what comes later too"
    ben.ask("disconnectFromPeer", peerId="anna")
    assert ben.told() == [unavailable(anna, "camera", "disconnected"), unavailable(anna, "screen", "disconnected")]


def test_the_wish_comes_before_the_track(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    ben.ask("connectToPeer", peerId="anna")
    ben.told()
    anna.produce("camera")
    assert ben.told() == [available(anna, "camera")]


def test_broadcast_stays_offered_when_the_wish_is_taken_back(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    anna.produce("camera", broadcast=True)
    anna.produce("screen")
    ben.ask("connectToPeer", peerId="anna")
    ben.told()
    ben.ask("disconnectFromPeer", peerId="anna")
    assert ben.told() == [unavailable(anna, "screen", "disconnected")]


def test_a_publisher_is_not_offered_its_own_track(house: House) -> None:
    anna = house.enter("anna")
    producer = anna.produce("camera", broadcast=True)
    assert anna.told() == []
    transport = anna.transport("recv")
    with pytest.raises(RefusedError, match="not_found"):
        anna.ask("consume", transportId=transport, producerId=producer)


def test_wishes_outlast_leaving_sight(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    anna.produce("camera")
    ben.ask("connectToPeer", peerId="anna")
    ben.ask("pausePeer", peerId="anna")
    anna.ask("joinRoom", roomId="kitchen")
    ben.told()
    anna.ask("leaveRoom", roomId="kitchen")
    assert ben.told() == [("peerConnection", "anna"), available(anna, "camera")]
    (producer,) = ben.session.offers
    assert not ben.flows(ben.consume(producer))


def test_wishes_can_be_taken_back_out_of_sight(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    anna.produce("camera")
    ben.ask("connectToPeer", peerId="anna")
    ben.ask("pausePeer", peerId="anna")
    anna.ask("joinRoom", roomId="kitchen")
    ben.ask("disconnectFromPeer", peerId="anna")
    ben.ask("resumePeer", peerId="anna")
    for request in ("disconnectFromPeer", "resumePeer", "connectToPeer", "pausePeer"):
        with pytest.raises(RefusedError, match="not_found"):
            ben.ask(request, peerId="anna")
    ben.told()
    anna.ask("leaveRoom", roomId="kitchen")
    assert ben.told() == [("peerConnection", "anna")]


def test_wishes_end_with_either_peer(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    ben.ask("connectToPeer", peerId="anna")
    ben.ask("pausePeer", peerId="anna")
    anna.leave()
    anna = house.enter("anna")
    anna.produce("camera")
    assert available(anna, "camera") not in ben.told()
    assert not ben.session.wanted_peers
    assert not ben.session.paused_peers


# consuming and pausing


def test_a_consumer_flows_when_its_client_is_ready(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    consumer = ben.consume(anna.produce("camera", broadcast=True), ready=False)
    assert not ben.flows(consumer)
    ben.ask("resumeConsumer", consumerId=consumer)
    assert ben.flows(consumer)


def test_what_consume_answers(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True, paused=True)
    answer = ben.ask("consume", transportId=ben.transport("recv"), producerId=producer)
    rtp_parameters = answer.pop("rtpParameters")
    assert answer.pop("consumerId")
    assert answer == {
        "producerId": producer, "peerId": "anna", "label": "camera", "broadcast": True, "kind": "video",
        "type": "simple", "producerPaused": True,
    }
    assert rtp_parameters["codecs"][0]["mimeType"] == "video/VP8"
    assert "None" not in str(rtp_parameters)


def test_one_consumer_of_a_producer_at_a_time(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True)
    first = ben.consume(producer)
    second = ben.consume(producer)
    assert second != first
    with pytest.raises(RefusedError, match="not_found"):
        ben.ask("resumeConsumer", consumerId=first)
    ben.ask("closeTransport", transportId=ben.transport("recv"))
    ben.consume(producer)


def test_pause_peer_holds_broadcast_tracks_and_those_to_come(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    camera = ben.consume(anna.produce("camera", broadcast=True))
    ben.ask("pausePeer", peerId="anna")
    assert not ben.flows(camera)
    screen = ben.consume(anna.produce("screen", broadcast=True))
    assert not ben.flows(screen)
    ben.ask("resumePeer", peerId="anna")
    assert ben.flows(camera)
    assert ben.flows(screen)


def test_resume_peer_does_not_wake_a_consumer_that_is_not_ready(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    consumer = ben.consume(anna.produce("camera", broadcast=True), ready=False)
    ben.ask("pausePeer", peerId="anna")
    ben.ask("resumePeer", peerId="anna")
    assert not ben.flows(consumer)


def test_pause_peer_outlasts_remove_and_add(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    first = anna.produce("camera", broadcast=True)
    ben.consume(first)
    ben.ask("pausePeer", peerId="anna")
    anna.ask("closeProducer", producerId=first)
    assert not ben.flows(ben.consume(anna.produce("camera", broadcast=True)))


def test_pause_peer_holds_one_peer_for_one_viewer(house: House) -> None:
    anna, ben, carl = (house.enter(name) for name in ("anna", "ben", "carl"))
    camera, other = anna.produce("camera", broadcast=True), carl.produce("camera", broadcast=True)
    held, of_carl, of_viewer = ben.consume(camera), ben.consume(other), carl.consume(camera)
    ben.ask("pausePeer", peerId="anna")
    assert [ben.flows(held), ben.flows(of_carl), carl.flows(of_viewer)] == [False, True, True]


def test_viewers_are_told_when_the_publisher_holds_a_track(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True)
    ben.told()
    for _ in range(2):  # the second time nothing changes, and nothing is told
        anna.ask("pauseProducer", producerId=producer)
    assert ben.told() == [("producerPaused", "anna", "camera")]
    for _ in range(2):
        anna.ask("resumeProducer", producerId=producer)
    assert ben.told() == [("producerResumed", "anna", "camera")]
    assert anna.told() == [("peerConnection", "ben")]


def test_a_client_without_the_codec(house: House) -> None:
    anna, ben = house.enter("anna"), house.connect("ben")
    audio_only = [codec for codec in house.capabilities["codecs"] if codec["kind"] == "audio"]
    ben.ask("setRtpCapabilities", rtpCapabilities=house.capabilities | {"codecs": audio_only})
    producer = anna.produce("camera", broadcast=True)
    with pytest.raises(RefusedError, match="cannot_consume"):
        ben.consume(producer)


# ends


def test_closing_a_producer(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True)
    ben.consume(producer)
    ben.told()
    house.heard()
    anna.ask("closeProducer", producerId=producer)
    assert ben.told() == [unavailable(anna, "camera", "closed")]
    assert house.heard() == ["consumer_removed", "producer_removed"]
    assert not ben.session.subscriptions
    with pytest.raises(RefusedError, match="not_found"):
        anna.ask("closeProducer", producerId=producer)
    anna.produce("camera")  # its label is free again


def test_a_failed_transport_takes_its_tracks_along(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    ben.consume(anna.produce("camera", broadcast=True))
    ben.told()
    house.heard()
    transport = house.peers.router.transports[anna.transport("send")]
    house.engine.link_of(transport).become("failed", "ice_consent_expired")
    assert anna.told()[-1] == ("transportStateChange", "failed", "ice_consent_expired")
    assert ben.told() == [unavailable(anna, "camera", "closed")]
    assert house.heard() == ["transport_state", "consumer_removed", "producer_removed"]
    anna.produce("camera")  # over another transport


def test_a_viewer_whose_transport_failed_can_consume_again(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producer = anna.produce("camera", broadcast=True)
    ben.consume(producer)
    ben.told()
    transport = house.peers.router.transports[ben.transport("recv")]
    house.engine.link_of(transport).become("closed", "dtls_closed")
    assert ben.told() == [("transportStateChange", "closed", "dtls_closed")]
    assert ben.flows(ben.consume(producer)), "it is offered still"


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


def test_who_leaves_leaves_nothing_behind(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    ben.consume(anna.produce("camera", broadcast=True))
    anna.consume(ben.produce("camera", broadcast=True))
    house.heard()
    anna.leave()
    anna.leave()
    assert house.heard() == [
        "consumer_removed", "consumer_removed", "producer_removed", "transport_state", "transport_state", "peer_left",
    ]
    assert house.peers.infos().keys() == {"ben"}
    assert len(house.peers.router.transports) == 2
    assert anna.answer("hello")["error"]["code"] == "closed"


def test_a_second_connection_with_the_same_id_replaces_the_first(house: House) -> None:
    ben = house.enter("ben")
    first = house.enter("anna")
    first.produce("camera", broadcast=True)
    ben.told()
    house.enter("anna")
    assert ben.told() == [unavailable(first, "camera", "peer_left"), ("peerDisconnection", "anna"),
                          ("peerConnection", "anna")]
    assert first.answer("hello")["error"]["code"] == "closed"


def test_what_the_application_sees(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    for peer in (anna, ben):
        peer.ask("joinRoom", roomId="kitchen")
    producer = anna.produce("camera", broadcast=True)
    consumer = ben.consume(producer)
    infos = house.peers.infos()
    print(infos)
    assert infos["anna"].rooms == ("kitchen",)
    assert [(one.id, one.label, one.broadcast, one.paused) for one in infos["anna"].producers] == [
        (producer, "camera", True, False)
    ]
    assert [(one.id, one.publisher_id, one.peer_id, one.paused) for one in infos["ben"].consumers] == [
        (consumer, "anna", "ben", False)
    ]
    assert [(one.direction, one.state) for one in infos["ben"].transports] == [("recv", "new")]


# limits


def test_limits() -> None:
    with open_house(max_producers_per_peer=2, max_consumers_per_peer=1, max_rooms_per_peer=2) as house:
        anna, ben = house.enter("anna"), house.enter("ben")
        producers = [anna.produce(label, broadcast=True) for label in ("camera", "screen")]
        with pytest.raises(RefusedError, match="limit_reached"):
            anna.produce("slides")
        ben.consume(producers[0])
        with pytest.raises(RefusedError, match="limit_reached"):
            ben.consume(producers[1])
        for room in ("kitchen", "garden", "garden"):
            anna.ask("joinRoom", roomId=room)
        with pytest.raises(RefusedError, match="limit_reached"):
            anna.ask("joinRoom", roomId="attic")


def test_a_limit_of_one_transport() -> None:
    with open_house(max_transports_per_peer=1) as house:
        anna = house.enter("anna")
        anna.transport("send")
        with pytest.raises(RefusedError, match="limit_reached"):
            anna.transport("recv")

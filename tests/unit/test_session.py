"""What a peer is told, in which order, and what it gets: rooms, offers, consumers."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.house import House, open_house
from support.notices import available, gone, unavailable
from support.signalling import RefusedError


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


# sight


def test_others_see_a_peer_when_it_has_entered(house: House) -> None:
    early = house.enter("early")
    late = house.connect("late")
    late.hello()
    for request, payload in [
        ("setRtpCapabilities", {"rtpCapabilities": house.capabilities}),
        ("heartbeat", {"lastSeq": 0}),
        ("getStats", {}),
        ("getSnapshot", {}),
    ]:
        late.ask(request, **payload)
    assert early.told() == []
    assert house.peers.infos().keys() == {"early"}
    late.ask("enter")
    assert early.told() == [("peerConnection", "late")]
    assert late.told() == [("peerConnection", "early")]
    assert house.heard() == ["peer_joined", "peer_joined"]


@pytest.mark.parametrize("request_name", ["connectToPeer", "pausePeer"])
def test_any_other_request_enters_too(house: House, request_name: str) -> None:
    early, late = house.enter("early"), house.connect("late")
    late.ask(request_name, peerId="early")
    assert early.told() == [("peerConnection", "late")]


def test_nobody_flashes_by_in_the_lobby(house: House) -> None:
    lobbyist, guest, late = house.enter("lobbyist"), house.enter("guest"), house.connect("late")
    lobbyist.produce("camera", broadcast=True)
    guest.ask("joinRoom", roomId="kitchen")
    lobbyist.told()
    late.hello()
    late.ask("setRtpCapabilities", rtpCapabilities=house.capabilities)
    assert late.ask("joinRoom", roomId="kitchen") == {"peerIds": ["guest"]}
    late.ask("enter")
    assert late.told() == [("peerConnection", "guest")]
    assert lobbyist.told() == []
    assert house.peers.infos()["late"].rooms == ("kitchen",)


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
    assert anna.told() == [gone("ben"), gone("carl")]
    assert ben.ask("joinRoom", roomId="kitchen") == {"peerIds": ["anna"]}
    assert anna.told() == [("peerConnection", "ben")]
    assert ben.told() == [gone("anna"), gone("carl"), ("peerConnection", "anna")]
    ben.ask("leaveRoom", roomId="kitchen")
    assert anna.told() == [gone("ben")]
    assert ben.told() == [gone("anna"), ("peerConnection", "carl")]


def test_a_peer_is_told_of_before_its_tracks_and_until_after_them(house: House) -> None:
    anna = house.enter("anna")
    anna.produce("camera", broadcast=True)
    ben = house.enter("ben")
    assert ben.told() == [("peerConnection", "anna"), available(anna, "camera", broadcast=True)]
    anna.leave()
    assert ben.told() == [unavailable(anna, "camera", "peer_left"), gone("anna", "peer_left")]


def test_leaving_a_room_takes_tracks_along(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    for peer in (anna, ben):
        peer.ask("joinRoom", roomId="kitchen")
    producer = anna.produce("camera", broadcast=True)
    consumer = ben.consume(producer)
    ben.told()
    ben.ask("leaveRoom", roomId="kitchen")
    assert ben.told() == [unavailable(anna, "camera", "room_left"), gone("anna")]
    with pytest.raises(RefusedError, match="not_found"):
        ben.ask("resumeConsumer", consumerId=consumer)
    assert house.peers.router.producers[producer].stats()["consumers"] == 0


# offers


def test_nothing_is_offered_before_the_capabilities_are_told(house: House) -> None:
    anna, ben = house.enter("anna"), house.connect("ben")
    producer = anna.produce("camera", broadcast=True)
    ben.ask("hello")
    assert ben.ask("connectToPeer", peerId="anna") == {"peerId": "anna", "tracks": []}
    assert ben.told() == [("peerConnection", "anna")]
    transport = ben.transport("recv")
    with pytest.raises(RefusedError, match="not_found"):
        ben.ask("consume", transportId=transport, producerId=producer)
    ben.ask("setRtpCapabilities", rtpCapabilities=house.capabilities)
    assert ben.told() == [available(anna, "camera", broadcast=True)]
    ben.ask("setRtpCapabilities", rtpCapabilities=house.capabilities)
    assert ben.told() == [], "offered once"


def test_messages_wait_for_whoever_announces_its_channels_with_a_new_session(house: House) -> None:
    anna, ben = house.enter("anna", wantsData=True), house.enter("ben")
    assert [peer.session.data.outlet(reliable=True).wanted for peer in (anna, ben)] == [True, False]
    assert not anna.session.data.outlet(reliable=False).wanted
    ben.lose_socket()
    ben.come_back("ben's next", wantsData=True)
    assert not ben.session.data.outlet(reliable=True).wanted, "its channels are what they were"


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
        "type": "simple", "producerPaused": True, "metadata": {},
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


def test_who_leaves_leaves_nothing_behind(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    ben.consume(anna.produce("camera", broadcast=True))
    anna.consume(ben.produce("camera", broadcast=True))
    house.heard()
    anna.leave()
    anna.leave()
    house.clock.pass_time(100)
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
    assert ben.told() == [unavailable(first, "camera", "peer_left"), gone("anna", "peer_left"),
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
    with open_house(
        max_producers_per_peer=2, max_consumers_per_peer=1, max_rooms_per_peer=2, max_wishes_per_peer=2
    ) as house:
        anna, ben = house.enter("anna"), house.enter("ben")
        producers = [anna.produce(label, broadcast=True) for label in ("camera", "screen")]
        with pytest.raises(RefusedError, match="too_many_producers"):
            anna.produce("slides")
        ben.consume(producers[0])
        with pytest.raises(RefusedError, match="too_many_consumers"):
            ben.consume(producers[1])
        for room in ("kitchen", "garden", "garden"):
            anna.ask("joinRoom", roomId=room)
        with pytest.raises(RefusedError, match="too_many_rooms"):
            anna.ask("joinRoom", roomId="attic")
        ben.ask("connectToPeer", peerId="anna")
        ben.ask("pausePeer", peerId="nobody", label="camera")
        ben.ask("connectToPeer", peerId="anna")
        for request in ("connectToPeer", "pausePeer"):
            with pytest.raises(RefusedError, match="too_many_wishes"):
                ben.ask(request, peerId="carl")
        ben.ask("resumePeer", peerId="nobody", label="camera")
        ben.ask("pausePeer", peerId="carl")


def test_limits_of_rooms() -> None:
    with open_house(max_peers_per_room=2, max_producers_per_room=2, max_joins_per_second=3) as house:
        anna, ben, carl = (house.enter(name) for name in ("anna", "ben", "carl"))
        for peer in (anna, ben):
            peer.ask("joinRoom", roomId="kitchen")
            peer.produce("camera")
        with pytest.raises(RefusedError, match="room_full"):
            carl.ask("joinRoom", roomId="kitchen")
        with pytest.raises(RefusedError, match="too_many_room_producers"):
            ben.produce("screen")
        ben.produce("camera")  # in the place of the other
        for room in ("garden", "attic", "cellar"):
            carl.ask("joinRoom", roomId=room)
        carl.ask("joinRoom", roomId="attic")  # where it is
        with pytest.raises(RefusedError, match="too_many_joins"):
            carl.ask("joinRoom", roomId="balcony")
        house.clock.pass_time(1)
        carl.ask("joinRoom", roomId="balcony")


def test_a_limit_of_one_transport() -> None:
    with open_house(max_transports_per_peer=1) as house:
        anna = house.enter("anna")
        anna.transport("send")
        with pytest.raises(RefusedError, match="too_many_transports"):
            anna.transport("recv")

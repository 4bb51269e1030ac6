"""What peers want of others, said before or after those are there."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.house import House, open_house
from support.notices import available

from simplesfu.control.layers import LayerLimit


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


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
    ben.told()
    anna.ask("leaveRoom", roomId="kitchen")
    assert ben.told() == [("peerConnection", "anna")]
    assert len(ben.session.wishes) == 0


def test_wishes_outlast_their_peer(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    ben.ask("connectToPeer", peerId="anna")
    ben.ask("pausePeer", peerId="anna", label="camera")
    anna.leave()
    anna = house.enter("anna")
    anna.produce("camera")
    assert available(anna, "camera") in ben.told()
    assert not ben.flows(ben.consume(next(iter(ben.session.offers))))


def test_a_wish_may_come_before_its_peer_the_track_and_the_transport(house: House) -> None:
    """The pause too, so that not one packet flows that is not wanted."""
    ben = house.enter("ben")
    for request in ("connectToPeer", "pausePeer"):
        ben.ask(request, peerId="anna", label="camera")
    anna = house.enter("anna")
    anna.produce("microphone")
    producer = anna.produce("camera")
    assert ben.told() == [("peerConnection", "anna"), available(anna, "camera")]
    assert not ben.flows(ben.consume(producer))
    ben.ask("resumePeer", peerId="anna", label="camera")
    (consumer,) = ben.session.subscriptions
    assert ben.flows(consumer)


def test_a_wish_about_one_track_and_one_about_all_stand_beside_each_other(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    producers = {label: anna.produce(label) for label in ("camera", "screen")}
    ben.ask("connectToPeer", peerId="anna", label="camera")
    assert {one.label for one in ben.session.offers.values()} == {"camera"}
    ben.ask("connectToPeer", peerId="anna")
    ben.ask("disconnectFromPeer", peerId="anna", label="camera")
    assert len(ben.session.offers) == 2, "the peer is wanted still"
    consumers = {label: ben.consume(producer) for label, producer in producers.items()}

    def flowing() -> set[str]:
        return {label for label, consumer in consumers.items() if ben.flows(consumer)}

    ben.ask("pausePeer", peerId="anna", label="camera")
    assert flowing() == {"screen"}
    ben.ask("pausePeer", peerId="anna")
    assert flowing() == set()
    ben.ask("resumePeer", peerId="anna")
    assert flowing() == {"screen"}, "each is taken back as it was said"
    ben.ask("resumePeer", peerId="anna", label="camera")
    assert flowing() == {"camera", "screen"}


def test_what_connecting_answers(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    camera = anna.produce("camera", paused=True)
    slides = anna.produce("slides", broadcast=True)
    assert ben.ask("connectToPeer", peerId="anna", label="camera") == {
        "peerId": "anna",
        "tracks": [{"producerId": camera, "label": "camera", "kind": "video", "paused": True}],
    }
    tracks = ben.ask("connectToPeer", peerId="anna")["tracks"]
    assert {track["producerId"] for track in tracks} == {camera, slides}
    assert ben.ask("connectToPeer", peerId="nobody") == {"peerId": "nobody", "tracks": []}


def test_layers(house: House) -> None:
    """Of several limits the tighter ones count, whenever they were said."""
    anna, ben = house.enter("anna"), house.enter("ben")
    ben.ask("setPreferredLayers", peerId="anna", spatialLayer=1, maxFrameRate=15)
    producer = anna.produce("camera", broadcast=True)
    consumer = ben.session.subscriptions[ben.consume(producer)]
    assert consumer.limit == LayerLimit(spatial_layer=1, max_frame_rate=15)
    ben.ask("setPreferredLayers", peerId="anna", label="camera", spatialLayer=2, temporalLayer=0)
    assert consumer.limit == LayerLimit(spatial_layer=1, temporal_layer=0, max_frame_rate=15)
    ben.ask("setPreferredLayers", peerId="anna")
    assert consumer.limit == LayerLimit(spatial_layer=2, temporal_layer=0)


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


def test_a_wish_said_by_another_id_of_the_peer_is_the_same_wish(house: House) -> None:
    anna, ben = house.enter("anna"), house.enter("ben")
    consumer = ben.session.subscriptions[ben.consume(anna.produce("camera", broadcast=True))]
    ben.ask("setPreferredLayers", peerId="anna", maxFrameRate=10)
    anna.lose_socket()
    anna.come_back("anna's second")
    ben.ask("setPreferredLayers", peerId="anna's second", maxFrameRate=20)
    assert consumer.limit == LayerLimit(max_frame_rate=20)
    assert len(ben.session.wishes) == 1

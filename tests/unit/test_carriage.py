"""Tracks that go by the router, over direct links, or from the one to the other."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.house import House, HousePeer, open_house
from support.links import OFFERS, SETTLE_S, called, carriage, carriers, meet

from simplesfu.signaling.sessions.carriage import IDLE_S
from simplesfu.signaling.sessions.carriers import SWITCH_S


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


# tracks on links


def test_a_track_on_a_link(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera = anna.publish("camera", metadata={"title": "Me"})
    (offer,) = ben.hears(*OFFERS)
    assert (offer["producerId"], offer["carrier"], offer["metadata"]) == (camera, "mesh", {"title": "Me"})
    anna.notifications.clear()
    consumer = ben.consume_directly(camera, ready=False)
    due = {"event": "linkConsumer", "consumerId": consumer, "producerId": camera, "peerId": "b", "paused": True}
    assert anna.hears("linkConsumer") == [due]
    ben.ask("resumeConsumer", consumerId=consumer)
    assert anna.hears("linkConsumer") == [due | {"paused": False}]
    assert anna.ask("getSnapshot")["snapshot"]["linkConsumers"] == [
        {name: value for name, value in due.items() if name != "event"} | {"paused": False}
    ]
    assert ben.ask("getSnapshot")["snapshot"]["consumers"] == [
        {"consumerId": consumer, "producerId": camera, "held": "", "carrier": "mesh"}
    ]
    ben.ask("closeConsumer", consumerId=consumer)
    closed = {"event": "linkConsumerClosed", "consumerId": consumer, "producerId": camera, "peerId": "b"}
    assert anna.hears("linkConsumerClosed") == [closed]
    assert ben.refused_code("closeConsumer", consumerId=consumer) == "not_found"


def test_what_holds_a_track_arrives_at_its_publisher(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera = anna.publish("camera")
    ben.ask("pausePeer", peerId="a")
    ben.consume_directly(camera)
    assert states(anna) == [True]
    ben.ask("resumePeer", peerId="a")
    assert states(anna) == [False]
    house.peers.mute(house.peers.find("a"), "camera")
    assert states(anna) == [True]
    assert [one["reason"] for one in ben.hears("consumerHeld")] == ["server"]
    house.peers.mute(house.peers.find("a"), "camera", False)
    assert states(anna) == [False]
    anna.ask("pauseProducer", producerId=camera)
    assert states(anna) == [True]
    anna.ask("resumeProducer", producerId=camera)
    anna.notifications.clear()
    ben.ask("setPreferredLayers", peerId="a", spatialLayer=1, temporalLayer=0, maxFrameRate=10)
    (due,) = anna.hears("linkConsumer")
    assert (due["spatialLayer"], due["maxFrameRate"], due["paused"]) == (1, 10, False)
    ben.ask("setPreferredLayers", peerId="a", spatialLayer=1, temporalLayer=1, maxFrameRate=10)
    assert states(anna) == [], "nothing has changed for a browser"


def states(publisher: HousePeer) -> list[bool]:
    return [one["paused"] for one in publisher.hears("linkConsumer")]


def test_a_track_that_ends_takes_its_consumers_along(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera = anna.publish("camera")
    ben.consume_directly(camera)
    for peer in (anna, ben):
        peer.notifications.clear()
    anna.ask("closeProducer", producerId=camera)
    assert [one["peerId"] for one in anna.hears("linkConsumerClosed")] == ["b"]
    assert [one["reason"] for one in ben.hears("producerUnavailable")] == ["closed"]
    assert house.peers.infos()["b"].consumers == ()


def test_leaving_sight_or_for_good_ends_what_links_carry(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera = anna.publish("camera")
    ben.consume_directly(camera)
    anna.notifications.clear()
    ben.ask("joinRoom", roomId="elsewhere")
    ben.ask("leaveRoom", roomId="hall")
    assert [event for event, _ in anna.notifications] == ["linkConsumerClosed", "peerDisconnection"]
    ben.ask("joinRoom", roomId="hall")
    ben.consume_directly(camera)
    ben.notifications.clear()
    house.peers.kick(house.peers.find("a"))
    assert [one["reason"] for one in ben.hears(*OFFERS)] == ["kicked"]
    assert carriers(ben) == {}


def test_the_same_label_again(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    first = anna.publish("camera")
    ben.notifications.clear()
    assert anna.publish("camera", producerId=first, metadata={"title": "Me"}) == first
    assert [event for event, _ in ben.notifications] == ["producerMetadata"]
    second = anna.publish("camera", producerId=first, kind="audio")
    assert second != first
    assert [(one["event"], one["producerId"]) for one in ben.hears(*OFFERS)] == [
        ("producerUnavailable", first), ("producerAvailable", second)
    ]  # fmt: skip


def test_limits_count_what_links_carry() -> None:
    with open_house(max_producers_per_peer=2, max_consumers_per_peer=1, max_producers_per_room=3) as house:
        anna, ben = meet(house, "mesh", "mesh")
        tracks = [anna.publish("camera"), anna.publish("screen")]
        assert anna.refused_code("publish", kind="audio", label="mic", broadcast=True) == "too_many_producers"
        ben.publish("camera")
        assert ben.refused_code("publish", kind="audio", label="mic", broadcast=True) == "too_many_room_producers"
        ben.consume_directly(tracks[0])
        assert ben.refused_code("consume", producerId=tracks[1]) == "too_many_consumers"


def test_statistics_and_infos_tell_the_carrier(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera = anna.publish("camera")
    consumer = ben.consume_directly(camera)
    (stats,) = anna.ask("getStats")["producers"]
    assert (stats["id"], stats["label"], stats["linked"], stats["encodings"]) == (camera, "camera", 1, [])
    (stats,) = ben.ask("getStats")["consumers"]
    assert (stats["id"], stats["carrier"], stats["paused"]) == (consumer, "mesh", False)
    infos = house.peers.infos()
    assert infos["b"].consumers[0].carrier == "mesh"
    assert not infos["a"].producers[0].routed
    assert infos["a"].linked_with == ("b",)


def test_explanations_of_links(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera = anna.publish("camera")

    def code() -> str:
        explanation = ben.ask("explain", peerId="a", label="camera")["explanation"]
        print(explanation)
        return str(explanation["code"])

    assert code() == "link_connecting"
    ben.ask("reportLink", peerId="a", state="connected")
    assert code() == "consumer_missing"
    ben.consume_directly(camera)
    assert code() == "ok"
    anna.lose_socket()
    assert code() == "ok", "it sends all the while"
    ben.ask("pausePeer", peerId="a")
    assert code() == "paused_by_you"


# what the router is needed for


def test_a_publisher_is_told_when_the_router_is_needed_and_when_not_any_longer(house: House) -> None:
    anna, _ = meet(house, "auto", "auto")
    camera = anna.publish("camera")
    assert carriage(anna) == []
    carl = house.enter("c", room="hall", topology="auto")
    assert carriage(anna) == [(camera, True)]
    assert carl.hears(*OFFERS) == [], "there is nothing yet"
    assert anna.produce("camera", broadcast=True, producerId=camera) == camera
    (offer,) = carl.hears(*OFFERS)
    assert (offer["producerId"], offer["carrier"]) == (camera, "sfu")
    carl.leave()
    house.clock.pass_time(SETTLE_S)
    assert carriers(anna) == {"b": "mesh"}
    house.clock.pass_time(IDLE_S)
    assert carriage(anna) == [(camera, False)]
    assert anna.publish("camera", producerId=camera) == camera
    assert house.peers.router.producers == {}
    assert carriage(anna) == []


def test_nobody_is_told_of_need_that_does_not_last(house: House) -> None:
    anna, ben, _ = meet(house, "auto", "auto", "auto")
    camera = anna.publish("camera", broadcast=False)
    ben.ask("connectToPeer", peerId="a")
    assert carriage(anna) == [(camera, True)]
    for _ in range(3):
        ben.ask("disconnectFromPeer", peerId="a")
        house.clock.pass_time(IDLE_S - 0.5)
        ben.ask("connectToPeer", peerId="a")
        house.clock.pass_time(IDLE_S)
    assert carriage(anna) == []
    ben.ask("disconnectFromPeer", peerId="a")
    house.clock.pass_time(IDLE_S)
    assert carriage(anna) == [(camera, False)]


def test_who_wishes_sfu_from_now_on_is_told_to_produce(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera, unwatched = anna.publish("camera"), anna.publish("screen", broadcast=False)
    anna.ask("setTopology", topology="sfu")
    assert carriage(anna) == [(camera, True), (unwatched, True)]
    ben.hears(*OFFERS)
    anna.produce("camera", broadcast=True, producerId=camera)
    assert [one["carrier"] for one in ben.hears(*OFFERS)] == ["sfu"]
    late = anna.publish("slides")
    assert carriage(anna) == [(late, True)], "what was on its way is taken, and asked for at once"
    anna.ask("setTopology", topology="mesh")
    house.clock.pass_time(SETTLE_S)
    assert [one["carrier"] for one in ben.hears(*OFFERS)] == ["mesh", "mesh"]
    house.clock.pass_time(IDLE_S)
    assert (camera, False) in carriage(anna)


def test_who_wishes_sfu_always_produces_and_is_told_nothing(house: House) -> None:
    anna, ben = meet(house, "sfu", "auto")
    anna.produce("camera", broadcast=True)
    ben.leave()
    house.clock.pass_time(60)
    assert carriage(anna) == []


def test_a_producer_that_nobody_needs_from_the_start(house: House) -> None:
    anna, ben = meet(house, "mesh", "mesh")
    camera = anna.produce("camera", broadcast=True)
    assert [one["carrier"] for one in ben.hears(*OFFERS)] == ["mesh"]
    house.clock.pass_time(IDLE_S)
    assert carriage(anna) == [(camera, False)]


def test_a_dead_transport_takes_only_the_routers_part(house: House) -> None:
    anna, ben, carl = meet(house, "mesh", "mesh", "sfu")
    camera = anna.produce("camera", broadcast=True)
    link = ben.consume_directly(camera)
    carl.consume(camera)
    for peer in (anna, ben, carl):
        peer.notifications.clear()
    anna.ask("closeTransport", transportId=anna.transport("send"))
    assert [one["reason"] for one in carl.hears(*OFFERS)] == ["closed"]
    assert ben.hears(*OFFERS) == []
    assert ben.flows(link)
    assert anna.produce("camera", broadcast=True, producerId=camera) == camera
    assert [one["carrier"] for one in carl.hears(*OFFERS)] == ["sfu"]


def test_a_dead_transport_of_one_without_links_takes_the_track(house: House) -> None:
    anna, ben = meet(house, "sfu", "mesh")
    camera = anna.produce("camera", broadcast=True)
    ben.notifications.clear()
    anna.ask("closeTransport", transportId=anna.transport("send"))
    assert [one["producerId"] for one in ben.hears("producerUnavailable")] == [camera]
    assert anna.session.publications == {}


# from one carrier to the other


def test_what_is_offered_is_offered_again_with_the_new_carrier(house: House) -> None:
    anna, ben, carl, camera, older = called(house)
    assert ben.hears(*OFFERS) == []
    assert ben.flows(older), "until there is something else"
    anna.produce("camera", broadcast=True, producerId=camera)
    assert [(one["event"], one["carrier"]) for one in ben.hears(*OFFERS)] == [("producerAvailable", "sfu")]
    newer = ben.consume(camera)
    assert ben.flows(older)
    assert ben.flows(newer)
    anna.notifications.clear()
    ben.ask("closeConsumer", consumerId=older)
    assert [one["consumerId"] for one in anna.hears("linkConsumerClosed")] == [older]
    carl.leave()
    house.clock.pass_time(SETTLE_S)
    assert [(one["event"], one["carrier"]) for one in ben.hears(*OFFERS)] == [("producerAvailable", "mesh")]
    house.clock.pass_time(IDLE_S + 1)
    assert carriage(anna) == [], "somebody has it from the router still"
    last = ben.consume_directly(camera)
    ben.ask("closeConsumer", consumerId=newer)
    house.clock.pass_time(IDLE_S)
    assert carriage(anna) == [(camera, False)]
    anna.publish("camera", producerId=camera)
    assert ben.hears(*OFFERS) == []
    assert ben.flows(last)
    house.clock.pass_time(60)
    assert ben.flows(last)


def test_an_explanation_is_about_the_consumer_that_is_ready(house: House) -> None:
    anna, ben, _, camera, _ = called(house)

    def code() -> str:
        return str(ben.ask("explain", peerId="a", label="camera")["explanation"]["code"])

    ben.ask("reportLink", peerId="a", state="connected")
    assert code() == "link_connecting", "what is said of a link that carries nothing is not heard"
    anna.produce("camera", broadcast=True, producerId=camera)
    newer = ben.consume(camera, ready=False)
    assert code() == "link_connecting"
    ben.ask("resumeConsumer", consumerId=newer)
    assert code() == "publisher_transport"


def test_the_older_consumer_does_not_stay_for_ever(house: House) -> None:
    anna, ben, _, camera, older = called(house)
    anna.produce("camera", broadcast=True, producerId=camera)
    newer = ben.consume(camera)
    house.clock.pass_time(SWITCH_S)
    assert list(ben.session.subscriptions) == [newer]
    assert [one["consumerId"] for one in anna.hears("linkConsumerClosed")] == [older]


def test_what_the_router_never_gets_is_withdrawn(house: House) -> None:
    anna, ben, _, camera, _ = called(house)
    house.clock.pass_time(SWITCH_S)
    assert [(one["event"], one["producerId"]) for one in ben.hears(*OFFERS)] == [("producerUnavailable", camera)]
    assert ben.session.subscriptions == {}
    anna.produce("camera", broadcast=True, producerId=camera)
    assert [(one["event"], one["carrier"]) for one in ben.hears(*OFFERS)] == [("producerAvailable", "sfu")]


def test_wishes_hold_through_a_change_of_carrier(house: House) -> None:
    anna, ben, _, camera, _ = called(house)
    ben.ask("pausePeer", peerId="a")
    anna.produce("camera", broadcast=True, producerId=camera)
    assert not ben.flows(ben.consume(camera))


def test_consuming_by_what_does_not_carry_it_is_refused(house: House) -> None:
    anna, _, carl, camera, _ = called(house)
    transport = carl.transport("recv")
    assert carl.refused_code("consume", transportId=transport, producerId=camera) == "not_found"
    anna.produce("camera", broadcast=True, producerId=camera)
    assert carl.refused_code("consume", producerId=camera) == "bad_request"

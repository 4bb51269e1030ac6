"""Random lives of a few peers: after every step the server, a plain model and what each client was told agree.

The server is the real one down to the plane, but for sockets, which are the test's, and time, which passes when the
test says so. So every run is the same, and what hypothesis finds it can make small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.listener import Listener
from support.plain_model import Call, Person, Track
from support.stage import GRACE_PERIOD_S, Line, Stage

T = TypeVar("T")

EVERYBODY = ["ann", "ben", "cat"]
WHO = st.sampled_from(EVERYBODY)
ROOM = st.sampled_from(["red", "blue"])
LABEL = st.sampled_from(["cam", "mic"])
ANY_LABEL = st.sampled_from([None, "cam", "mic"])
NAME = st.integers(0, 12).map(lambda number: f"socket{number}")
"""Every socket's id is some peer's name, sooner or later."""
WISH = st.sampled_from(["connectToPeer", "disconnectFromPeer", "pausePeer", "resumePeer"])
RIGHT = st.one_of(st.tuples(st.just("join"), ROOM), st.tuples(st.sampled_from(["produce", "consume"]), LABEL))
INDEX = st.integers(0, 5)
ON = st.booleans()
USUALLY = st.sampled_from([True, True, True, False])
TIMES = st.sampled_from([1, 1, 2, 3])
"""How often a request is sent, with the same id."""


def pick(choices: list[T], which: int) -> T:
    return choices[which % len(choices)]


@dataclass
class Seat:
    """One client: its present socket, or its last one, who it is to the model, and what it believes itself."""

    line: Line
    person: Person
    token: str
    listener: Listener = field(default_factory=Listener)


class Sessions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.call = Call()
        self.stage = Stage(self.call.may, lambda label: label not in self.call.withheld)
        self.seats: dict[str, Seat] = {}
        self.old_tokens: dict[str, str] = {}
        """Of those who have left, or were too long away."""
        self.requests = 0
        self.eager = False
        """Clients consume whatever they are offered, at once."""

    def teardown(self) -> None:
        self.stage.close()

    # how clients speak

    def ask(self, seat: Seat, request: str, payload: dict[str, Any] | None = None, times: int = 1) -> dict[str, Any]:
        self.requests += 1
        asked = {**(payload or {}), "requestId": str(self.requests)}
        answers = self.stage.ask(seat.line, request, asked, times)
        assert all(answer == answers[0] for answer in answers)
        self.hear(seat)
        return answers[0]

    def hear(self, seat: Seat) -> None:
        for event, payload in seat.line.take():
            seat.listener.hear(event, payload)

    def greet(self, token: str | None, last_seq: int) -> tuple[Line, dict[str, Any]]:
        """A new socket, and what hello answers."""
        line = self.stage.open_line()
        answer = self.stage.ask(line, "hello", {"token": token, "lastSeq": last_seq})[0]
        return line, answer["data"]

    def present(self, who: str) -> Seat | None:
        seat = self.seats.get(who)
        return seat if seat is not None and seat.person.online else None

    # coming and going

    @initialize(entering=st.lists(st.sampled_from([None, "red"]), min_size=3, max_size=3), eager=USUALLY)
    def some_are_here(self, entering: list[str | None], eager: bool) -> None:
        self.eager = eager
        for who, room in zip(EVERYBODY, entering, strict=True):
            self.arrive(who, True, room, 1)
            self.enter(who, 1)

    @rule(who=WHO, able=USUALLY, room=st.sampled_from([None, "red", "red", "blue"]), times=TIMES)
    def arrive(self, who: str, able: bool, room: str | None, times: int) -> None:
        """Somebody new, or somebody whose session is over but who has a token of it: then the id is the old one."""
        if who in self.seats:
            return
        line, hello = self.greet(self.old_tokens.get(who), 0)
        assert not hello["resumed"]
        if who not in self.old_tokens:
            assert hello["peerId"] == line.sid
        person = Person(list(dict.fromkeys([hello["peerId"], line.sid])))
        self.seats[who] = Seat(line, person, hello["token"])
        self.call.people.append(person)
        if able:
            self.tell_capabilities(who, times)
        if room is not None:
            self.join(who, room, times)

    @rule(who=WHO, times=TIMES)
    def tell_capabilities(self, who: str, times: int) -> None:
        seat = self.present(who)
        if seat is not None:
            self.ask(seat, "setRtpCapabilities", {"rtpCapabilities": self.stage.capabilities}, times)
            seat.person.capable = True

    @rule(who=WHO, times=TIMES)
    def enter(self, who: str, times: int) -> None:
        seat = self.present(who)
        if seat is not None:
            seat.person.enter()
            self.ask(seat, "enter", times=times)

    @rule(who=WHO)
    def lose_socket(self, who: str) -> None:
        seat = self.present(who)
        if seat is not None:
            self.stage.lose(seat.line)
            seat.person.online = False

    @rule(who=WHO, repeat_all=ON)
    def come_back(self, who: str, repeat_all: bool) -> None:
        """Over another socket, while the old one has gone or, as far as the server knows, is still there."""
        seat = self.seats.get(who)
        if seat is None:
            return
        old = seat.line
        seat.line, hello = self.greet(seat.token, 0 if repeat_all else seat.listener.last_seq)
        seat.token = hello["token"]
        assert hello["resumed"]
        assert hello["peerId"] == seat.person.id
        assert old.ended, "the old socket is fenced"
        seat.person.names.append(seat.line.sid)
        seat.person.online = True
        if hello.get("snapshot"):
            seat.listener.believe(hello["snapshot"], hello["seq"])

    @rule()
    def grace_is_over(self) -> None:
        self.stage.pass_time(GRACE_PERIOD_S + 1)
        for who, seat in list(self.seats.items()):
            if not seat.person.online:
                self.is_gone(who)

    @rule(who=WHO)
    def leave(self, who: str) -> None:
        seat = self.present(who)
        if seat is not None:
            self.stage.leave(seat.line)
            self.is_gone(who)

    def is_gone(self, who: str) -> None:
        seat = self.seats.pop(who)
        self.call.people.remove(seat.person)
        self.old_tokens[who] = seat.token

    # rooms

    @rule(who=WHO, room=ROOM, times=TIMES)
    def join(self, who: str, room: str, times: int) -> None:
        seat = self.present(who)
        if seat is None:
            return
        person = seat.person
        answer = self.ask(seat, "joinRoom", {"roomId": room}, times)
        if room in person.rooms or (self.call.may("join", room) and room not in self.call.locked):
            person.enter()
            if room not in person.rooms:
                person.rooms.append(room)
                person.exiled = False
            others = {one.id for one in self.call.members(room)} - {person.id}
            assert set(answer["data"]["peerIds"]) == others
        else:
            wanted = "not_allowed" if not self.call.may("join", room) else "room_locked"
            assert answer["error"]["code"] == wanted
        seat.listener.rooms = list(person.rooms)

    @rule(who=WHO, room=ROOM, times=TIMES)
    def leave_room(self, who: str, room: str, times: int) -> None:
        seat = self.present(who)
        if seat is None:
            return
        answer = self.ask(seat, "leaveRoom", {"roomId": room}, times)
        seat.person.entered = True
        assert answer["ok"] == (room in seat.person.rooms)
        if answer["ok"]:
            seat.person.rooms.remove(room)
            seat.person.placed.discard(room)
        seat.listener.rooms = list(seat.person.rooms)

    # tracks

    @rule(who=WHO, label=LABEL, kind=st.sampled_from(["video", "audio"]), broadcast=ON, times=TIMES)
    def add_track(self, who: str, label: str, kind: str, broadcast: bool, times: int) -> None:
        """Or replace it."""
        seat = self.present(who)
        if seat is None:
            return
        person = seat.person
        transport = self.transport(seat, "send")
        request = self.stage.production(transport, label, kind, broadcast)
        answer = self.ask(seat, "produce", request, times)
        assert answer["ok"] == self.call.may("produce", label), answer
        if answer["ok"]:
            silenced = label in person.tracks and person.tracks[label].silenced
            person.tracks[label] = Track(answer["data"]["producerId"], person, label, kind, broadcast, False, silenced)

    @precondition(lambda self: self.tracks())
    @rule(which=INDEX, times=TIMES)
    def remove_track(self, which: int, times: int) -> None:
        seat, track = pick(self.tracks(), which)
        assert self.ask(seat, "closeProducer", {"producerId": track.producer_id}, times)["ok"]
        del track.owner.tracks[track.label]

    @precondition(lambda self: self.tracks())
    @rule(which=INDEX, on=ON, times=TIMES)
    def mute(self, which: int, on: bool, times: int) -> None:
        seat, track = pick(self.tracks(), which)
        verb = "pauseProducer" if on else "resumeProducer"
        assert self.ask(seat, verb, {"producerId": track.producer_id}, times)["ok"]
        track.muted = on

    @precondition(lambda self: self.tracks())
    @rule(which=INDEX, page=st.integers(0, 1))
    def describe(self, which: int, page: int) -> None:
        seat, track = pick(self.tracks(), which)
        answer = self.ask(seat, "setMetadata", {"producerId": track.producer_id, "metadata": {"page": page}})
        assert answer["ok"] == self.call.may("produce", track.label)
        if answer["ok"]:
            track.metadata = {"page": page}

    @rule(who=WHO)
    def rebuild_transports(self, who: str) -> None:
        """Of both directions: producers move, consumers are made anew, nobody else notices."""
        seat = self.present(who)
        if seat is None:
            return
        person = seat.person
        old = {direction: self.transport(seat, direction) for direction in ("send", "recv")}
        for direction, transport_id in old.items():
            payload = {"direction": direction, "replaces": transport_id}
            assert self.ask(seat, "createWebRtcTransport", payload)["ok"]
        for track in person.tracks.values():
            request = self.stage.production(self.transport(seat, "send"), track.label, track.kind, track.broadcast)
            more = {"producerId": track.producer_id, "metadata": track.metadata, "paused": track.muted}
            answer = self.ask(seat, "produce", request | more)
            assert answer["data"] == {"producerId": track.producer_id}
        for producer_id in sorted(person.consumed):
            self.consume_one(seat, producer_id)
        for transport_id in old.values():
            assert self.ask(seat, "closeTransport", {"transportId": transport_id})["ok"]

    def tracks(self, *, online: bool = True) -> list[tuple[Seat, Track]]:
        """Of all who are here, or only of those who could say something."""
        seats = [seat for seat in self.seats.values() if seat.person.online or not online]
        return [(seat, track) for seat in seats for track in seat.person.tracks.values()]

    def transport(self, seat: Seat, direction: str) -> str:
        """The id of the one in use; made when there is none."""
        known = self.stage.transport(seat.person.id, direction)
        if known is None:
            seat.person.enter()
            known = self.ask(seat, "createWebRtcTransport", {"direction": direction})["data"]["id"]
        return known

    # wishes

    @rule(who=WHO, wish=WISH, name=NAME, label=ANY_LABEL, times=TIMES)
    def wish(self, who: str, wish: str, name: str, label: str | None, times: int) -> None:
        """About somebody who is here, was here, is to come, or never comes."""
        seat = self.present(who)
        if seat is None:
            return
        viewer = seat.person
        viewer.enter()
        payload = {"peerId": name} | ({"label": label} if label else {})
        answer = self.ask(seat, wish, payload, times)
        assert answer["ok"]
        names = self.call.names_of(name)
        wishes = viewer.wanted if wish in ("connectToPeer", "disconnectFromPeer") else viewer.paused
        wishes -= {(each, label) for each in names}
        if wish in ("connectToPeer", "pausePeer"):
            wishes.add((names[0], label))
        if wish == "connectToPeer":
            offered = [one for one in self.call.offers(viewer).values() if name in one.owner.names]
            assert answer["data"]["peerId"] == (names[0] if names[0] in self.call.sight(viewer) else name)
            told = {one["producerId"]: one["paused"] for one in answer["data"]["tracks"]}
            assert told == {one.producer_id: one.muted for one in offered if label in (None, one.label)}

    @rule(who=WHO, name=NAME, label=ANY_LABEL, layer=st.sampled_from([None, 0, 1]), times=TIMES)
    def prefer_layers(self, who: str, name: str, label: str | None, layer: int | None, times: int) -> None:
        """None takes the wish back."""
        seat = self.present(who)
        if seat is None:
            return
        seat.person.enter()
        payload = {"peerId": name} | ({"label": label} if label else {})
        payload |= {} if layer is None else {"spatialLayer": layer}
        assert self.ask(seat, "setPreferredLayers", payload, times)["ok"]
        names = self.call.names_of(name)
        for each in names:
            seat.person.layers.pop((each, label), None)
        if layer is not None:
            seat.person.layers[names[0], label] = layer

    @rule(who=WHO)
    def consume(self, who: str) -> None:
        """All that is offered, as clients do."""
        seat = self.present(who)
        if seat is not None:
            for producer_id in sorted(self.call.offers(seat.person)):
                self.consume_one(seat, producer_id)

    def consume_one(self, seat: Seat, producer_id: str) -> None:
        track = self.call.offers(seat.person)[producer_id]
        seat.listener.held.pop(producer_id, None)  # that was told of the consumer before
        payload = {"transportId": self.transport(seat, "recv"), "producerId": producer_id}
        consumer = self.ask(seat, "consume", payload)
        assert consumer["ok"] == self.call.may("consume", track.label), consumer
        if consumer["ok"]:
            assert self.ask(seat, "resumeConsumer", {"consumerId": consumer["data"]["consumerId"]})["ok"]
            seat.person.consumed.add(producer_id)
        else:
            seat.person.denied.add(track)

    # what the application does

    @precondition(lambda self: self.seats)
    @rule(who=WHO)
    def kick(self, who: str) -> None:
        seat = self.seats.get(who)
        if seat is None:
            return
        self.stage.kick(seat.person.id)
        if seat.person.online:
            self.hear(seat)
            assert seat.listener.ended is not None
        assert seat.line.ended
        self.is_gone(who)

    @precondition(lambda self: self.tracks(online=False))
    @rule(which=INDEX, on=ON)
    def silence(self, which: int, on: bool) -> None:
        _, track = pick(self.tracks(online=False), which)
        self.stage.mute(track.owner.id, track.label, on)
        track.silenced = on

    @rule(room=ROOM, on=ON)
    def lock(self, room: str, on: bool) -> None:
        self.stage.lock_room(room, on)
        (self.call.locked.add if on else self.call.locked.discard)(room)

    @rule(who=WHO, room=ROOM)
    def place(self, who: str, room: str) -> None:
        """Into a room, locked or not, whatever the rights are; as soon as it enters if it has not yet."""
        if who in self.seats:
            person = self.seats[who].person
            self.stage.place(person.id, room)
            if room not in person.rooms:
                person.placed.add(room)
            if person.entered and room not in person.rooms:
                person.rooms.append(room)
                person.exiled = False

    @rule(who=WHO, room=ROOM)
    def displace(self, who: str, room: str) -> None:
        if who in self.seats:
            person = self.seats[who].person
            assert self.stage.displace(person.id, room) == (room in person.rooms or room in person.placed)
            person.lose_room(room)

    @precondition(lambda self: self.tracks(online=False))
    @rule(which=INDEX)
    def close_track(self, which: int) -> None:
        _, track = pick(self.tracks(online=False), which)
        self.stage.close_track(track.owner.id, track.label)
        del track.owner.tracks[track.label]

    @rule(label=LABEL, on=ON)
    def change_policy(self, label: str, on: bool) -> None:
        (self.call.withheld.discard if on else self.call.withheld.add)(label)
        self.stage.reevaluate()

    @rule(room=ROOM)
    def close_room(self, room: str) -> None:
        self.stage.close_room(room)
        for person in self.call.members(room):
            person.lose_room(room)

    @rule(what=RIGHT, on=ON)
    def change_rights(self, what: tuple[str, str], on: bool) -> None:
        (self.call.forbidden.discard if on else self.call.forbidden.add)(what)
        self.stage.reauthorize()
        self.call.apply_rights()

    # what must be true

    @invariant()
    def all_agree(self) -> None:
        self.call.forget_what_ended()
        for who, seat in self.seats.items():
            if self.eager and not seat.person.consumed >= self.call.offers(seat.person).keys():
                self.consume(who)
        self.stage.settle()
        infos = self.stage.infos()
        assert infos.keys() == {person.id for person in self.call.people if person.entered}
        for seat in self.seats.values():
            if seat.person.entered:
                self.server_agrees(seat.person, infos[seat.person.id])
            if seat.person.online:
                self.hear(seat)
                self.client_agrees(seat.person, seat.listener)

    def server_agrees(self, person: Person, info: Any) -> None:
        assert info.aliases == tuple(person.names[1:])
        assert info.connected == person.online
        assert info.rooms == tuple(person.rooms)
        tracks = {
            one.label: (one.id, one.kind, one.broadcast, one.paused, one.muted, one.metadata) for one in info.producers
        }
        assert tracks == {
            one.label: (one.producer_id, one.kind, one.broadcast, one.muted, one.silenced, one.metadata)
            for one in person.tracks.values()
        }
        assert {one.producer_id for one in info.consumers} == person.consumed
        assert self.stage.flowing(person.id) == self.call.flowing(person)
        offers = self.call.offers(person)
        assert self.stage.layer_limits(person.id) == {
            producer_id: person.layer_limit(offers[producer_id]) for producer_id in person.consumed
        }

    def client_agrees(self, person: Person, listener: Listener) -> None:
        assert listener.sight == self.call.sight(person)
        assert {
            one["producerId"]: (
                one["peerId"], one["label"], one["kind"], one["broadcast"], one["paused"], one["metadata"]
            )
            for one in listener.offers.values()
        } == {
            one.producer_id: (one.owner.id, one.label, one.kind, one.broadcast, one.muted, one.metadata)
            for one in self.call.offers(person).values()
        }
        assert listener.rooms == person.rooms
        held = {producer_id: self.call.held(track) for producer_id, track in self.call.offers(person).items()}
        assert listener.held == {one: why for one, why in held.items() if why and one in person.consumed}


QUICK = settings(
    max_examples=150,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=1000, stateful_step_count=80)


def test_random_lives() -> None:
    run_state_machine_as_test(Sessions, settings=QUICK)


@pytest.mark.slow
def test_many_random_lives() -> None:
    run_state_machine_as_test(Sessions, settings=LONG)

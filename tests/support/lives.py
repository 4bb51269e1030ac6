"""Random lives of a few peers on a stage, beside a plain model of what they are to come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeVar

from simplesfu.signaling.sessions.carriage import IDLE_S
from simplesfu.signaling.sessions.carriers import SWITCH_S

from .agreement import client_agrees, count, server_agrees
from .listener import Listener
from .plain_model import Call, Person, Track
from .stage import GRACE_PERIOD_S, Line, Stage

T = TypeVar("T")

UNTIL_SETTLED_S = SWITCH_S + IDLE_S
"""Then every pair has its carrier, and whatever was there for the one before has gone."""


def pick(choices: list[T], which: int) -> T | None:
    return choices[which % len(choices)] if choices else None


@dataclass
class Seat:
    """One client: its present socket, or its last one, who it is to the model, and what it believes itself."""

    line: Line
    person: Person
    token: str
    used_tokens: list[str] = field(default_factory=list)
    """Since then a request has come from somebody with a newer one."""
    listener: Listener = field(default_factory=Listener)


class Lives:
    """Clients and an application that do things, and the model that says what comes of each. Everything that is done
    is a method here; all_agree() compares.

    `eager`: clients consume whatever they are offered, at once. `seen`: how much of what there was to compare.
    """

    def __init__(self, *, eager: bool) -> None:
        self.call = Call()
        self.stage = Stage(self.call.may, lambda label: label not in self.call.withheld)
        self.seats: dict[str, Seat] = {}
        self.old_tokens: dict[str, str] = {}
        """Of those who have left, or were too long away."""
        self.requests = 0
        self.eager = eager
        self.seen: Counter[str] = Counter()

    def end(self) -> None:
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

    def greet(self, token: str | None, last_seq: int, **more: Any) -> tuple[Line, dict[str, Any]]:
        """A new socket, and what hello answers."""
        line = self.stage.open_line()
        answer = self.stage.ask(line, "hello", {"token": token, "lastSeq": last_seq, **more})[0]
        return line, answer["data"]

    def present(self, who: str) -> Seat | None:
        seat = self.seats.get(who)
        return seat if seat is not None and seat.person.online else None

    # coming and going

    def arrive(self, who: str, able: bool, room: str | None, topology: str, times: int) -> None:
        """Somebody new, or somebody whose session is over but who has a token of it: then the id is the old one."""
        if who in self.seats:
            return
        line, hello = self.greet(self.old_tokens.get(who), 0, topology=topology)
        assert not hello["resumed"]
        assert hello["topology"] == topology
        if who not in self.old_tokens:
            assert hello["peerId"] == line.sid
        person = Person(list(dict.fromkeys([hello["peerId"], line.sid])), topology)
        self.seats[who] = Seat(line, person, hello["token"])
        self.call.people.append(person)
        if able:
            self.tell_capabilities(who, times)
        if room is not None:
            self.join(who, room, times)

    def tell_capabilities(self, who: str, times: int) -> None:
        seat = self.present(who)
        if seat is not None:
            self.ask(seat, "setRtpCapabilities", {"rtpCapabilities": self.stage.capabilities}, times)
            seat.person.capable = True

    def change_topology(self, who: str, topology: str, times: int) -> None:
        seat = self.present(who)
        if seat is not None:
            seat.person.enter()
            assert self.ask(seat, "setTopology", {"topology": topology}, times)["data"] == {"topology": topology}
            seat.person.topology = topology

    def say_hello_again(self, who: str, topology: str) -> None:
        """As after a reconnection, with another topology."""
        seat = self.present(who)
        if seat is not None:
            answer = self.ask(seat, "hello", {"topology": topology, "lastSeq": seat.listener.last_seq})
            assert answer["data"]["topology"] == topology
            seat.person.topology = topology
            used, seat.token = seat.token, answer["data"]["token"]
            self.ask(seat, "getStats")  # which shows that it holds the newer token
            seat.used_tokens.append(used)

    def enter(self, who: str, times: int) -> None:
        seat = self.present(who)
        if seat is not None:
            seat.person.enter()
            self.ask(seat, "enter", times=times)

    def lose_socket(self, who: str) -> None:
        seat = self.present(who)
        if seat is not None:
            self.stage.lose(seat.line)
            seat.person.online = False

    def come_back(self, who: str, repeat_all: bool) -> None:
        """Over another socket, while the old one has gone or, as far as the server knows, is still there."""
        seat = self.seats.get(who)
        if seat is None:
            return
        old, used = seat.line, seat.token
        seat.line, hello = self.greet(used, 0 if repeat_all else seat.listener.last_seq)
        seat.token = hello["token"]
        assert hello["resumed"]
        assert hello["peerId"] == seat.person.id
        assert old.ended, "the old socket is fenced"
        seat.person.names.append(seat.line.sid)
        seat.person.online = True
        if hello.get("snapshot"):
            seat.listener.believe(hello["snapshot"], hello["seq"])
        self.ask(seat, "getStats")  # which shows that it holds the newer token
        seat.used_tokens.append(used)

    def come_with_an_old_token(self, who: str) -> None:
        """One that somebody has seen on its way: whoever brings it is a stranger, and nothing happens to its owner."""
        seat = self.seats.get(who)
        if seat is not None and seat.used_tokens:
            thief, hello = self.greet(seat.used_tokens[-1], 0)
            assert not hello["resumed"]
            assert hello["peerId"] == thief.sid
            assert thief.take() == []
            self.stage.leave(thief)

    def grace_is_over(self) -> None:
        self.stage.pass_time(GRACE_PERIOD_S + 1)
        for who, seat in list(self.seats.items()):
            if not seat.person.online:
                self.is_gone(who)

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

    def leave_room(self, who: str, room: str, times: int) -> None:
        seat = self.present(who)
        if seat is None:
            return
        answer = self.ask(seat, "leaveRoom", {"roomId": room}, times)
        seat.person.enter()
        assert answer["ok"] == (room in seat.person.rooms)
        if answer["ok"]:
            seat.person.rooms.remove(room)
            seat.person.placed.discard(room)
        seat.listener.rooms = list(seat.person.rooms)

    # tracks

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
            self.added(seat, Track(answer["data"]["producerId"], person, label, kind, broadcast))

    def add_track_to_links(self, who: str, label: str, kind: str, broadcast: bool, times: int) -> None:
        """For links alone, until the router needs it."""
        seat = self.present(who)
        if seat is None:
            return
        person = seat.person
        person.enter()
        request = {"kind": kind, "label": label, "broadcast": broadcast}
        answer = self.ask(seat, "publish", request, times)
        if not self.call.may("produce", label):
            assert answer["error"]["code"] == "not_allowed"
        else:
            self.added(seat, Track(answer["data"]["producerId"], person, label, kind, broadcast, routed=False))

    def added(self, seat: Seat, track: Track) -> None:
        seat.person.tracks[track.label] = track
        seat.listener.needed.setdefault(track.producer_id, track.routed)

    def bring_to_router(self, which: int, times: int) -> None:
        if (track := pick(self.tracks(online=True), which)) and not track.routed:
            seat = self.seat_of(track)
            request = self.stage.production(self.transport(seat, "send"), track.label, track.kind, track.broadcast)
            seat.listener.needed[track.producer_id] = track.routed = True
            self.says_again(track, "produce", request, times)

    def take_from_router(self, which: int, times: int) -> None:
        if track := pick(self.tracks(online=True), which):
            request = {"kind": track.kind, "label": track.label, "broadcast": track.broadcast}
            self.seat_of(track).listener.needed[track.producer_id] = track.routed = False
            for person in self.call.people:
                person.consumed.discard((track.producer_id, "sfu"))
            self.says_again(track, "publish", request, times)

    def says_again(self, track: Track, request: str, payload: dict[str, Any], times: int = 1) -> None:
        """What changes nothing of the track but what carries it."""
        more = {"producerId": track.producer_id, "metadata": track.metadata, "paused": track.muted}
        answer = self.ask(self.seat_of(track), request, payload | more, times)
        assert answer["data"] == {"producerId": track.producer_id}

    def add_track_badly(self, who: str, label: str) -> None:
        """In a codec that nobody has: what is there stays."""
        seat = self.present(who)
        if seat is not None:
            request = self.stage.production(self.transport(seat, "send"), label, "video", True)
            request["rtpParameters"]["codecs"][0]["mimeType"] = "video/THEORA"
            wanted = "unsupported" if self.call.may("produce", label) else "not_allowed"
            assert self.ask(seat, "produce", request)["error"]["code"] == wanted

    def remove_track(self, which: int, times: int) -> None:
        if track := pick(self.tracks(online=True), which):
            assert self.ask_about(track, "closeProducer", times=times)["ok"]
            del track.owner.tracks[track.label]

    def mute(self, which: int, on: bool, times: int) -> None:
        if track := pick(self.tracks(online=True), which):
            assert self.ask_about(track, "pauseProducer" if on else "resumeProducer", times=times)["ok"]
            track.muted = on

    def describe(self, which: int, page: int) -> None:
        if track := pick(self.tracks(online=True), which):
            answer = self.ask_about(track, "setMetadata", metadata={"page": page})
            assert answer["ok"] == self.call.may("produce", track.label)
            if answer["ok"]:
                track.metadata = {"page": page}

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
            if track.routed:
                request = self.stage.production(self.transport(seat, "send"), track.label, track.kind, track.broadcast)
                self.says_again(track, "produce", request)
        for producer_id, carrier in sorted(person.consumed):
            if carrier == "sfu":
                self.consume_one(seat, producer_id)
        for transport_id in old.values():
            assert self.ask(seat, "closeTransport", {"transportId": transport_id})["ok"]

    def tracks(self, *, online: bool) -> list[Track]:
        """Of all who are here, or only of those who could say something."""
        people = [seat.person for seat in self.seats.values() if seat.person.online or not online]
        return [track for person in people for track in person.tracks.values()]

    def ask_about(self, track: Track, request: str, times: int = 1, **payload: Any) -> dict[str, Any]:
        return self.ask(self.seat_of(track), request, {"producerId": track.producer_id, **payload}, times)

    def seat_of(self, track: Track) -> Seat:
        return next(seat for seat in self.seats.values() if seat.person is track.owner)

    def transport(self, seat: Seat, direction: str) -> str:
        """The id of the one in use; made when there is none."""
        known = self.stage.transport(seat.person.id, direction)
        if known is None:
            seat.person.enter()
            known = self.ask(seat, "createWebRtcTransport", {"direction": direction})["data"]["id"]
        return known

    # wishes

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

    def consume(self, who: str) -> None:
        """All that is offered, as clients do."""
        seat = self.present(who)
        if seat is not None:
            for producer_id in sorted(self.call.offers(seat.person)):
                self.consume_one(seat, producer_id)

    def consume_one(self, seat: Seat, producer_id: str) -> None:
        track = self.call.offers(seat.person)[producer_id]
        carrier = self.call.carrier(seat.person, track.owner)
        seat.listener.held.pop(producer_id, None)  # that was told of the consumer before
        payload = {"producerId": producer_id}
        payload |= {"transportId": self.transport(seat, "recv")} if carrier == "sfu" else {}
        consumer = self.ask(seat, "consume", payload)
        assert consumer["ok"] == self.call.may("consume", track.label), consumer
        if consumer["ok"]:
            assert self.ask(seat, "resumeConsumer", {"consumerId": consumer["data"]["consumerId"]})["ok"]
            seat.person.consumed.add((producer_id, carrier))
        else:
            seat.person.denied.add(track)

    # what the application does

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

    def silence(self, who: str, label: str | None, on: bool) -> None:
        """A peer's track, or all that it sends; to let all of it through again takes back all that was said."""
        if who in self.seats:
            person = self.seats[who].person
            self.stage.mute(person.id, label, on)
            if on:
                person.silenced.add(label)
            elif label is None:
                person.silenced.clear()
            else:
                person.silenced.discard(label)

    def close_track(self, which: int) -> None:
        if track := pick(self.tracks(online=False), which):
            self.stage.close_track(track.owner.id, track.label)
            track.owner.lose_track(track.label)

    def place(self, who: str, room: str) -> None:
        """Into a room, locked or not, whatever the rights are; as soon as it enters if it has not yet."""
        if who in self.seats:
            person = self.seats[who].person
            self.stage.place(person.id, room)
            person.placed.add(room)
            if person.entered and room not in person.rooms:
                person.rooms.append(room)
                person.exiled = False

    def displace(self, who: str, room: str) -> None:
        if who in self.seats:
            person = self.seats[who].person
            assert self.stage.displace(person.id, room) == (room in person.rooms or room in person.placed)
            person.lose_room(room)

    def lock(self, room: str, on: bool) -> None:
        self.stage.lock_room(room, on)
        (self.call.locked.add if on else self.call.locked.discard)(room)

    def change_policy(self, label: str, on: bool) -> None:
        (self.call.withheld.discard if on else self.call.withheld.add)(label)
        self.stage.reevaluate()

    def close_room(self, room: str) -> None:
        self.stage.close_room(room)
        for person in self.call.members(room):
            person.lose_room(room)

    def change_rights(self, what: tuple[str, str], on: bool) -> None:
        (self.call.forbidden.discard if on else self.call.forbidden.add)(what)
        self.stage.reauthorize()
        self.call.apply_rights()

    # what must be true

    def all_agree(self) -> None:
        self.stage.pass_time(UNTIL_SETTLED_S)
        self.call.forget_what_ended()
        for who, seat in self.seats.items():
            if self.eager and not seat.person.consumed >= self.call.consumable(seat.person):
                self.consume(who)
        self.stage.settle()
        self.stage.pass_time(IDLE_S)
        for seat in self.seats.values():
            count(self.call, seat.person, self.seen)
        infos = self.stage.infos()
        assert infos.keys() == {person.id for person in self.call.people if person.entered}
        for seat in self.seats.values():
            if seat.person.entered:
                server_agrees(self.call, self.stage, seat.person, infos[seat.person.id])
            if seat.person.online:
                self.hear(seat)
                client_agrees(self.call, self.stage, seat.person, seat.listener)

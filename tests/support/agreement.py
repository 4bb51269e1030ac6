"""Whether the server, a client that was told, and the plain model of a call agree."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .listener import Listener
from .plain_model import Call, Person
from .stage import Stage


def count(call: Call, person: Person, seen: Counter[str]) -> None:
    offers = call.offers(person).values()
    producers = {producer_id for producer_id, _ in person.consumed}
    consumed = [track for track in offers if track.producer_id in producers]
    seen["direct"] += sum(carrier == "mesh" for _, carrier in person.consumed)
    seen["offers"] += len(offers)
    seen["flowing"] += len(call.flowing(person))
    seen["held"] += sum(bool(call.held(track)) for track in consumed)
    seen["paused"] += sum(person.says_of(person.paused, track) for track in consumed)
    seen["limited"] += sum(person.layer_limit(track) is not None for track in consumed)
    seen["denied"] += len(person.denied)
    seen["offline"] += not person.online
    seen["aliases"] += len(person.names) - 1
    seen["exiled"] += person.exiled


def server_agrees(call: Call, stage: Stage, person: Person, info: Any) -> None:
    assert info.aliases == tuple(person.names[1:])
    assert info.connected == person.online
    assert info.rooms == tuple(person.rooms)
    tracks = {
        one.label: (one.id, one.kind, one.broadcast, one.routed, one.paused, one.muted, one.metadata)
        for one in info.producers
    }
    assert tracks == {
        one.label: (one.producer_id, one.kind, one.broadcast, one.routed, one.muted, one.silenced, one.metadata)
        for one in person.tracks.values()
    }
    assert {(one.producer_id, one.carrier) for one in info.consumers} == person.consumed
    sight = [one for one in call.people if call.sees(person, one)]
    assert set(info.linked_with) == {one.id for one in sight if call.carrier(person, one) == "mesh"}
    assert stage.flowing(person.id) == call.flowing(person)
    offers = call.offers(person)
    assert stage.layer_limits(person.id) == {
        producer_id: person.layer_limit(offers[producer_id]) for producer_id, _ in person.consumed
    }


def client_agrees(call: Call, stage: Stage, person: Person, listener: Listener) -> None:
    assert listener.sight == call.sight(person)
    assert listener.offers.keys() == stage.offers(person.id)
    denied = {track.producer_id for track in person.denied}
    assert {
        one["producerId"]: (
            one["peerId"], one["label"], one["kind"], one["broadcast"], one["paused"], one["metadata"],
            one["carrier"],
        )
        for one in listener.offers.values()
        if one["producerId"] not in denied
    } == {
        one.producer_id: (
            one.owner.id, one.label, one.kind, one.broadcast, one.muted, one.metadata,
            call.carrier(person, one.owner),
        )
        for one in call.offers(person).values()
    }  # fmt: skip
    assert listener.rooms == person.rooms
    assert listener.taken_off == person.taken_off
    held = {producer_id: call.held(track) for producer_id, track in call.offers(person).items()}
    consumed = {producer_id for producer_id, _ in person.consumed}
    assert listener.held == {one: why for one, why in held.items() if why and one in consumed}
    mine = {track.producer_id: call.needs_router(track) for track in person.tracks.values()}
    assert {producer_id: listener.needed[producer_id] for producer_id in mine} == mine
    assert {
        (due["producerId"], due["peerId"], due["paused"], due.get("spatialLayer"))
        for due in listener.on_links.values()
    } == call.on_links(person)

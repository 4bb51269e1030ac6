"""The limits of peers and rooms: one more than is allowed is refused with a code of its own, until there is place."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest
from support.in_process import media_app
from support.signalling import RefusedError
from support.wire_peer import WirePeer

Deed: TypeAlias = Callable[[WirePeer], Awaitable[Any]]


def join(room: str) -> Deed:
    return lambda peer: peer.ask("joinRoom", roomId=room)


def publish(label: str) -> Deed:
    return lambda peer: peer.produce(label)


def wish(request: str, peer_id: str) -> Deed:
    return lambda peer: peer.ask(request, peerId=peer_id)


def make_transport(direction: str) -> Deed:
    return lambda peer: peer.describe(direction)


SEND = make_transport("send")

LIMITS: list[tuple[str, dict[str, int], list[Deed], Deed, Deed]] = [
    # code, options, what is allowed, what is one too many, what makes place for it
    ("too_many_transports", {"max_transports_per_peer": 1}, [SEND], make_transport("recv"),
     lambda peer: peer.ask("closeTransport", transportId=peer.transport_ids["send"])),
    ("too_many_producers", {"max_producers_per_peer": 2}, [SEND, publish("a"), publish("b")], publish("c"),
     lambda peer: close(peer, "a")),
    ("too_many_rooms", {"max_rooms_per_peer": 2}, [join("a"), join("b")], join("c"),
     lambda peer: peer.ask("leaveRoom", roomId="a")),
    ("too_many_wishes", {"max_wishes_per_peer": 2}, [wish("connectToPeer", "x"), wish("pausePeer", "x")],
     wish("pausePeer", "y"), wish("resumePeer", "x")),
    ("too_many_joins", {"max_joins_per_second": 2}, [join("a"), join("b")], join("c"),
     lambda _peer: asyncio.sleep(1)),
    ("too_many_room_producers", {"max_producers_per_room": 1}, [join("a"), SEND, publish("a")], publish("b"),
     lambda peer: close(peer, "a")),
]


async def close(peer: WirePeer, label: str) -> None:
    snapshot = (await peer.ask("getSnapshot"))["snapshot"]
    (producer_id,) = (one["producerId"] for one in snapshot["producers"] if one["label"] == label)
    await peer.ask("closeProducer", producerId=producer_id)


@pytest.mark.parametrize(
    ("code", "options", "allowed", "too_many", "make_place"), LIMITS, ids=[row[0] for row in LIMITS]
)
async def test_one_too_many(
    code: str, options: dict[str, int], allowed: list[Deed], too_many: Deed, make_place: Deed
) -> None:
    async with media_app(**options) as app, WirePeer(app.url) as peer:
        for deed in allowed:
            await deed(peer)
        for _ in range(2):
            with pytest.raises(RefusedError) as refused:
                await too_many(peer)
            print(refused.value)
            assert refused.value.code == code
            assert refused.value.hint
        await make_place(peer)
        await too_many(peer)


async def test_to_join_where_one_is_costs_nothing() -> None:
    async with media_app(max_joins_per_second=1, max_rooms_per_peer=1) as app, WirePeer(app.url) as peer:
        for _ in range(5):
            await peer.ask("joinRoom", roomId="hall")


async def test_too_many_consumers() -> None:
    async with media_app(max_consumers_per_peer=1) as app, WirePeer(app.url) as alice, WirePeer(app.url) as bob:
        await alice.describe("send")
        await bob.describe("recv")
        for label in ("a", "b"):
            await alice.produce(label)
        first = await bob.see("a", alice)
        with pytest.raises(RefusedError) as refused:
            await bob.see("b", alice)
        assert refused.value.code == "too_many_consumers"
        await bob.consume(first["producerId"])
        await alice.ask("closeProducer", producerId=first["producerId"])
        await bob.told("producerUnavailable", producerId=first["producerId"])
        await bob.see("b", alice)


async def test_a_full_room() -> None:
    async with media_app(max_peers_per_room=1) as app, WirePeer(app.url) as alice, WirePeer(app.url) as bob:
        await alice.ask("joinRoom", roomId="hall")
        assert (await bob.refused("joinRoom", roomId="hall"))["code"] == "room_full"
        await alice.ask("leaveRoom", roomId="hall")
        await bob.ask("joinRoom", roomId="hall")


async def test_who_brings_tracks_needs_place_for_them() -> None:
    async with media_app(max_producers_per_room=2) as app, WirePeer(app.url) as alice, WirePeer(app.url) as bob:
        for peer in (alice, bob):
            await peer.describe("send")
        for label in ("a", "b"):
            await alice.produce(label)
        await alice.ask("joinRoom", roomId="hall")
        await bob.produce("c")
        assert (await bob.refused("joinRoom", roomId="hall"))["code"] == "too_many_room_producers"
        await close(alice, "a")
        await bob.ask("joinRoom", roomId="hall")

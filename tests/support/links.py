"""Calls in a house of which some go over direct links, and what of that the peers are told."""
from __future__ import annotations

from .house import House, HousePeer

OFFERS = ("producerAvailable", "producerUnavailable")
SETTLE_S = 5.0


def meet(house: House, *wishes: str) -> list[HousePeer]:
    """One after the other, in one room: a, b, c, …"""
    return [house.enter(name, room="hall", topology=wish) for name, wish in zip("abcdef", wishes, strict=False)]


def called(house: House) -> tuple[HousePeer, HousePeer, HousePeer, str, str]:
    """Two over a link, and a third who has just come; the camera of the first, and the second's consumer of it."""
    anna, ben = meet(house, "auto", "auto")
    camera = anna.publish("camera")
    consumer = ben.consume_directly(camera)
    for peer in (anna, ben):
        peer.notifications.clear()
    carl = house.enter("c", room="hall", topology="auto")
    return anna, ben, carl, camera, consumer


def carriers(peer: HousePeer) -> dict[str, str]:
    """Of those whom it sees, by its snapshot."""
    return {link["peerId"]: link["carrier"] for link in peer.ask("getSnapshot")["snapshot"]["links"]}


def changes(peer: HousePeer) -> list[tuple[str, str, str]]:
    """Peer, carrier, reason, as it was told."""
    return [(one["peerId"], one["carrier"], one["reason"]) for one in peer.hears("carrierChange")]


def carriage(peer: HousePeer) -> list[tuple[str, bool]]:
    """Of its tracks: whether the router is needed."""
    return [(one["producerId"], one["sfu"]) for one in peer.hears("carriageChange")]

"""What a peer of the tests' house is told, as HousePeer.told() gives it."""

from __future__ import annotations

from .house import HousePeer


def available(
    publisher: HousePeer, label: str, *, broadcast: bool = False, paused: bool = False
) -> tuple[str, ...]:
    return ("producerAvailable", publisher.id, label, str(broadcast), "video", "{}", str(paused))


def gone(peer_id: str, reason: str = "room_left") -> tuple[str, ...]:
    return ("peerDisconnection", peer_id, reason)


def unavailable(publisher: HousePeer, label: str, reason: str) -> tuple[str, ...]:
    return ("producerUnavailable", publisher.id, label, reason)

"""What the application may know: snapshots, true at the moment when they were taken."""
from __future__ import annotations

from dataclasses import dataclass

from simplesfu.signaling.messages import Direction
from simplesfu.types import MediaKind


@dataclass(frozen=True, kw_only=True)
class TransportInfo:
    """`direction` as the peer sees it; `state`: new, connecting, connected, disconnected, failed or closed."""

    id: str
    peer_id: str
    direction: Direction
    state: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ProducerInfo:
    """A track that a peer sends. `type`: simple, simulcast or svc."""

    id: str
    peer_id: str
    label: str
    broadcast: bool
    kind: MediaKind
    type: str
    paused: bool


@dataclass(frozen=True, kw_only=True)
class ConsumerInfo:
    """A track that `peer_id` receives from `publisher_id`. `paused`: held by its receiver, or not ready yet."""

    id: str
    peer_id: str
    publisher_id: str
    producer_id: str
    label: str
    kind: MediaKind
    paused: bool


@dataclass(frozen=True, kw_only=True)
class PeerInfo:
    """`id` is the application socket's id; `rooms` is empty in the lobby."""

    id: str
    rooms: tuple[str, ...]
    transports: tuple[TransportInfo, ...]
    producers: tuple[ProducerInfo, ...]
    consumers: tuple[ConsumerInfo, ...]

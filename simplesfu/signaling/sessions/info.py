"""What the application may know: snapshots, true at the moment when they were taken."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
    """A track that a peer sends. `type`: simple, simulcast or svc. `paused` by the peer, `muted` by the server."""

    id: str
    peer_id: str
    label: str
    broadcast: bool
    kind: MediaKind
    type: str
    paused: bool
    muted: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


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
class DataInfo:
    """A message that a peer sent: `to` another ("" is everybody in its sight). `data` is what it gave to send()."""

    peer_id: str
    to: str
    label: str
    data: str | bytes
    reliable: bool


@dataclass(frozen=True, kw_only=True)
class PeerInfo:
    """`id` is the id of its first application socket, `sid` that of the present one (of the last one while it is not
    `connected`), `aliases` those that it has had since. `rooms` is empty in the lobby."""

    id: str
    sid: str = ""
    aliases: tuple[str, ...] = ()
    connected: bool = True
    rooms: tuple[str, ...]
    transports: tuple[TransportInfo, ...]
    producers: tuple[ProducerInfo, ...]
    consumers: tuple[ConsumerInfo, ...]

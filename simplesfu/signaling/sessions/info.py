"""What the application may know: snapshots, true at the moment when they were taken."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from simplesfu.signaling.messages import Carrier, CarrierReason, Direction, Topology
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
    """A track that a peer sends. `type`: simple, simulcast or svc. `paused` by the peer, `muted` by the server.
    `routed`: it comes to the server, which nobody needs while direct links carry it to all."""

    id: str
    peer_id: str
    label: str
    broadcast: bool
    kind: MediaKind
    type: str
    paused: bool
    muted: bool = False
    routed: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ConsumerInfo:
    """A track that `peer_id` receives from `publisher_id`. `paused`: held by its receiver, or not ready yet. `carrier`:
    "sfu" is this server, "mesh" a direct link of the two."""

    id: str
    peer_id: str
    publisher_id: str
    producer_id: str
    label: str
    kind: MediaKind
    paused: bool
    carrier: Carrier = "sfu"


@dataclass(frozen=True, kw_only=True)
class CarrierInfo:
    """What carries the media of two peers from now on. `reason`: docs/protocol.md has them."""

    peer_ids: tuple[str, str]
    carrier: Carrier
    reason: CarrierReason


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
    `connected`), `aliases` those that it has had since. `rooms` is empty in the lobby. `topology` is what it was
    granted; direct links carry its media to and from the peers in `linked_with`."""

    id: str
    sid: str = ""
    aliases: tuple[str, ...] = ()
    connected: bool = True
    rooms: tuple[str, ...]
    transports: tuple[TransportInfo, ...]
    producers: tuple[ProducerInfo, ...]
    consumers: tuple[ConsumerInfo, ...]
    topology: Topology = "sfu"
    linked_with: tuple[str, ...] = ()


EventName: TypeAlias = Literal[
    "peer_joined", "peer_left", "peer_lost", "peer_resumed", "producer_added", "producer_removed", "consumer_added",
    "consumer_removed", "transport_state", "carrier_change", "data",
]
EventInfo: TypeAlias = PeerInfo | ProducerInfo | ConsumerInfo | TransportInfo | CarrierInfo | DataInfo
Report: TypeAlias = Callable[[EventName, EventInfo], None]
"""How the application hears of what happens."""

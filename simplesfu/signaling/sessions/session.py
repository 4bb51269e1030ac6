"""What the server knows of one peer, for as long as it is here: it outlives the sockets that carry it."""
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakSet

import msgspec

from simplesfu.control.consumer import Consumer
from simplesfu.control.ids import new_id
from simplesfu.control.layers import LayerLimit
from simplesfu.control.producer import Producer
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import NotFound
from simplesfu.signaling.admission import TokenBucket
from simplesfu.signaling.data.desk import DataDesk
from simplesfu.signaling.messages import (
    ConsumerHeld,
    Direction,
    HeldReason,
    Metadata,
    Notification,
    ProducerAvailable,
    UnavailableReason,
)
from simplesfu.signaling.sessions.clock import Timer
from simplesfu.signaling.sessions.decision import FORWARD, Decision
from simplesfu.signaling.sessions.info import ConsumerInfo, PeerInfo, ProducerInfo, TransportInfo
from simplesfu.signaling.sessions.probes import Probes
from simplesfu.signaling.sessions.replay import Answers, Journal, Told
from simplesfu.signaling.sessions.wishes import Wishes
from simplesfu.types import RtpCapabilities

T = TypeVar("T")

MAX_ALIASES: Final = 64
"""Of one peer: the ids of its latest sockets."""


class Connection(Protocol):
    """One client's media namespace, while it lasts; none of this waits."""

    over: bool
    """It carries nothing any longer."""
    heard_us: int
    """When the client has said something last."""

    @property
    def application_sid(self) -> str:
        """The client's socket in the application's own namespace."""

    def tell(self, event: str, payload: dict[str, Any]) -> None: ...

    def disconnect(self) -> None:
        """After what has been told."""


@dataclass(eq=False, kw_only=True)
class PeerTransport:
    """A transport and which way its peer uses it."""

    transport: WebRtcTransport
    direction: Direction
    peer_id: str
    replaced: bool = False
    """Another one of its direction takes over what is on it."""
    grace: Timer | None = None
    """Runs while its link has ended; what is on it may be moved, or ICE restarted, until then."""

    @property
    def empty(self) -> bool:
        return not self.transport.producers and not self.transport.consumers

    def stop_grace(self) -> None:
        if self.grace is not None:
            self.grace.cancel()
            self.grace = None

    def info(self, state: str | None = None, reason: str = "") -> TransportInfo:
        return TransportInfo(
            id=self.transport.id,
            peer_id=self.peer_id,
            direction=self.direction,
            state=state or self.transport.state,
            reason=reason,
        )


@dataclass(eq=False, kw_only=True)
class Publication:
    """A producer with its name, and the peers to whom it has been offered."""

    producer: Producer
    publisher: PeerSession
    label: str
    broadcast: bool
    metadata: Metadata
    paused: bool = False
    """By its publisher."""
    ends_as: UnavailableReason = "closed"
    """What viewers are told when it ends."""
    viewers: dict[str, PeerSession] = field(default_factory=dict)

    @property
    def muted(self) -> bool:
        """By the server."""
        return not self.publisher.muted_labels.isdisjoint((self.label, None))

    def settle(self) -> None:
        """Carry out what the publisher's and the server's holding come to."""
        if self.paused or self.muted:
            self.producer.pause()
        else:
            self.producer.resume()

    def notify_viewers(self, notification: Notification) -> None:
        for viewer in self.viewers.values():
            viewer.notify(notification)

    def offer(self) -> ProducerAvailable:
        return ProducerAvailable(
            producer_id=self.producer.id,
            peer_id=self.publisher.id,
            label=self.label,
            broadcast=self.broadcast,
            kind=self.producer.kind,
            metadata=self.metadata,
            paused=self.paused,
            carrier="sfu",
        )

    def info(self) -> ProducerInfo:
        return ProducerInfo(
            id=self.producer.id,
            peer_id=self.publisher.id,
            label=self.label,
            broadcast=self.broadcast,
            kind=self.producer.kind,
            type=self.producer.type,
            paused=self.paused,
            muted=self.muted,
            metadata=self.metadata,
        )


@dataclass(eq=False, kw_only=True)
class Subscription:
    """A consumer. It flows when its client has said that it is ready, and neither the viewer's wishes nor the
    application's policy nor the server hold it."""

    consumer: Consumer
    publication: Publication
    viewer: PeerSession
    ready: bool = False
    decision: Decision | None = FORWARD
    """The policy's. None: it has not been made yet, and nothing flows."""
    told_held: HeldReason = ""
    """What the viewer has been told of it last."""

    @property
    def paused(self) -> bool:
        """By the viewer."""
        return self.viewer.wishes.pauses(self.publication.publisher.names, self.publication.label)

    @property
    def limit(self) -> LayerLimit:
        """What the viewer prefers and the policy allows."""
        preferred = self.viewer.wishes.limit(self.publication.publisher.names, self.publication.label)
        return preferred if self.decision is None else preferred.tighter(self.decision.limit)

    @property
    def held(self) -> HeldReason:
        """By others than viewer and publisher."""
        if self.publication.muted:
            return "server"
        return "policy" if self.decision is not None and not self.decision.forward else ""

    def settle(self) -> None:
        """Carry out what it all comes to. The publisher's and the server's holding are the producer's affair."""
        self.consumer.limit(self.limit)
        if self.ready and not self.paused and self.decision is not None and self.decision.forward:
            self.consumer.resume()
        else:
            self.consumer.pause()
        if self.told_held != self.held:
            self.told_held = self.held
            self.viewer.notify(ConsumerHeld(producer_id=self.publication.producer.id, reason=self.held))

    def info(self) -> ConsumerInfo:
        return ConsumerInfo(
            id=self.consumer.id,
            peer_id=self.viewer.id,
            publisher_id=self.publication.publisher.id,
            producer_id=self.publication.producer.id,
            label=self.publication.label,
            kind=self.consumer.kind,
            paused=self.consumer.paused,
        )


class PeerSession:
    """One peer's transports, tracks and wishes. Lives on the engine's loop; Peers keeps it in order, and Attendance
    gives it its connections."""

    def __init__(self, peer_id: str, *, application_sid: str, max_wishes: int, joins: TokenBucket) -> None:
        self.id = peer_id
        self.application_sid = application_sid
        """Of the application's socket that carries it, or carried it last."""
        self.aliases: dict[str, None] = {}
        """Ids of its other sockets, the latest at the end; a dictionary keeps their order."""
        self.entered = False
        """Whether others see it."""
        self.uses_lobby = True
        """Whether it is in the lobby while it is in no room; else nobody sees it then."""
        self.closed = False

        self.connection: Connection | None = None
        self.resumed = False
        """Whether the connection came back to it, instead of opening it."""
        self.grace: Timer | None = None
        """Runs while it has no connection."""
        self.life = new_id()
        """Another session may have the same peer's id later."""
        self.begun_with = ""
        """The life of the session whose id it was given."""
        self.token = ""
        """Given out last, with the generation; those from the oldest generation on are good: an answer may be lost."""
        self.generation = 0
        self.oldest_generation = 0

        self.journal = Journal()
        self.answers = Answers()
        self.turn = asyncio.Lock()
        """Its requests are carried out one after the other."""
        self.joins = joins

        self.rtp_capabilities: RtpCapabilities | None = None
        self.transports: dict[str, PeerTransport] = {}
        self.probes = Probes()
        self.publications: dict[str, Publication] = {}
        self.offers: dict[str, Publication] = {}
        """By producer id: what may be consumed. Nothing else exists for this peer."""
        self.subscriptions: dict[str, Subscription] = {}
        """By consumer id."""
        self.wishes = Wishes(max_wishes)
        self.data = DataDesk()
        self.placed_rooms: set[str] = set()
        """Rooms where the server has put it."""
        self.muted_labels: set[str | None] = set()
        """What the server forwards to nobody; None is all. By label: to add a track again is no way around it."""
        self.denied: WeakSet[Publication] = WeakSet()
        """What the application does not let it have."""

    def stop_grace(self) -> None:
        if self.grace is not None:
            self.grace.cancel()
            self.grace = None

    @property
    def names(self) -> tuple[str, ...]:
        """All ids by which others may know it, its own first."""
        return (self.id, *self.aliases)

    def notify(self, notification: Notification) -> None:
        """Without a connection it is kept for the next."""
        if self.closed:
            return
        self._pass_on(self.journal.append(notification.event, msgspec.to_builtins(notification)))

    def repeat(self, missed: list[Told]) -> None:
        for told in missed:
            self._pass_on(told)

    def _pass_on(self, told: Told) -> None:
        if self.connection is not None:
            self.connection.tell(told.event, told.payload)

    def transport(self, transport_id: str) -> PeerTransport:
        """Raises NotFound, and so do the next two; another peer's object looks like one that never was."""
        return _find(self.transports, "transport", transport_id)

    def publication(self, producer_id: str) -> Publication:
        return _find(self.publications, "producer", producer_id)

    def subscription(self, consumer_id: str) -> Subscription:
        return _find(self.subscriptions, "consumer", consumer_id)

    def offer(self, producer_id: str) -> Publication:
        """Raises NotFound for whatever has not been offered to this peer."""
        return _find(self.offers, "producer", producer_id)

    def transport_to(self, direction: Direction) -> PeerTransport | None:
        """The one in use."""
        mine = (entry for entry in self.transports.values() if entry.direction == direction and not entry.replaced)
        return next(mine, None)

    def publication_of(self, label: str) -> Publication | None:
        return next((one for one in self.publications.values() if one.label == label), None)

    def subscription_of(self, publication: Publication) -> Subscription | None:
        return next((one for one in self.subscriptions.values() if one.publication is publication), None)

    def info(self, rooms: tuple[str, ...]) -> PeerInfo:
        return PeerInfo(
            id=self.id,
            sid=self.application_sid,
            aliases=tuple(self.aliases),
            connected=self.connection is not None,
            rooms=rooms,
            transports=tuple(transport.info() for transport in self.transports.values()),
            producers=tuple(publication.info() for publication in self.publications.values()),
            consumers=tuple(subscription.info() for subscription in self.subscriptions.values()),
        )


def _find(things: Mapping[str, T], kind: str, thing_id: str) -> T:
    thing = things.get(thing_id)
    if thing is None:
        raise NotFound(f"no {kind} {thing_id!r}", "it has ended, or was never there for this peer")
    return thing

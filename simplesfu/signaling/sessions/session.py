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
from simplesfu.control.ortc import ProducerType
from simplesfu.control.producer import Producer
from simplesfu.control.signal import Signal
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import BadRequest, NotFound
from simplesfu.signaling.admission import TokenBucket
from simplesfu.signaling.data.desk import DataDesk
from simplesfu.signaling.messages import (
    Carrier,
    ConsumerHeld,
    Direction,
    HeldReason,
    Metadata,
    Notification,
    ProducerAvailable,
    Topology,
    UnavailableReason,
)
from simplesfu.signaling.sessions.clock import Timer
from simplesfu.signaling.sessions.decision import FORWARD, Decision
from simplesfu.signaling.sessions.info import ConsumerInfo, PeerInfo, ProducerInfo, TransportInfo
from simplesfu.signaling.sessions.link import Link
from simplesfu.signaling.sessions.link_flows import LinkConsumer, LinkProducer
from simplesfu.signaling.sessions.probes import Probes
from simplesfu.signaling.sessions.replay import Answers, Journal, Told
from simplesfu.signaling.sessions.wishes import Wishes
from simplesfu.types import MediaKind, RtpCapabilities

T = TypeVar("T")

MAX_ALIASES: Final = 64
"""Of one peer: the ids of its latest sockets."""

SIGNALS_PER_S: Final = 200
SIGNALS_BURST: Final = 1000
"""To the browsers of others; each KiB counts as one more. A candidate has 0.2 KiB, the description of 16 tracks 30: who
joins a mesh of twelve says 300 at once."""


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
    """A track with its name and its rights, whatever carries it, and the peers to whom it has been offered.

    on_close(): it has ended, and with it all that carried it.
    """

    id: str
    """On the wire: the producer's."""
    kind: MediaKind
    publisher: PeerSession
    routed: Producer | None = None
    """What the router has of it."""
    linked: LinkProducer = field(init=False)
    """What direct links carry of it."""
    label: str
    broadcast: bool
    metadata: Metadata
    paused: bool = False
    """By its publisher."""
    ends_as: UnavailableReason = "closed"
    """What viewers are told when it ends."""
    viewers: dict[str, PeerSession] = field(default_factory=dict)
    carriers: dict[str, Carrier] = field(default_factory=dict)
    """By viewer: how it has been offered."""
    routed_for: set[str] = field(default_factory=set)
    """Viewers who are to have it by the router, whether it is there or not yet."""
    told_sfu: bool = field(init=False)
    """What the publisher has been told of whether anybody needs it by the router; at first what it has done itself."""
    idle: Timer | None = None
    """Runs while nobody does, and it has not been told so."""
    closed: bool = False
    on_close: Signal[[]] = field(default_factory=Signal)

    def __post_init__(self) -> None:
        self.linked = LinkProducer(self.id, self.kind, self.publisher.notify)
        self.told_sfu = self.routed is not None

    @property
    def type(self) -> ProducerType:
        return self.linked.type if self.routed is None else self.routed.type

    @property
    def needs_router(self) -> bool:
        return bool(self.routed_for) or (self.routed is not None and self.routed.consumed)

    @property
    def muted(self) -> bool:
        """By the server."""
        return not self.publisher.muted_labels.isdisjoint((self.label, None))

    def settle(self) -> None:
        """Carry out what the publisher's and the server's holding come to."""
        for producer in (self.linked, self.routed):
            if producer is None:
                continue
            if self.paused or self.muted:
                producer.pause()
            else:
                producer.resume()

    def stop_idling(self) -> None:
        if self.idle is not None:
            self.idle.cancel()
            self.idle = None

    def close(self) -> None:
        """A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self.stop_idling()
        if self.routed is not None:
            self.routed.close()
        self.linked.close()
        self.on_close.emit()

    def stats(self) -> dict[str, object]:
        return {**(self.linked if self.routed is None else self.routed).stats(), "linked": len(self.linked.consumers)}

    def notify_viewers(self, notification: Notification) -> None:
        for viewer in self.viewers.values():
            viewer.notify(notification)

    def offer_to(self, viewer: PeerSession) -> ProducerAvailable:
        return ProducerAvailable(
            producer_id=self.id,
            peer_id=self.publisher.id,
            label=self.label,
            broadcast=self.broadcast,
            kind=self.kind,
            metadata=self.metadata,
            paused=self.paused,
            carrier=self.carriers[viewer.id],
        )

    def info(self) -> ProducerInfo:
        return ProducerInfo(
            id=self.id,
            peer_id=self.publisher.id,
            label=self.label,
            broadcast=self.broadcast,
            kind=self.kind,
            type=self.type,
            paused=self.paused,
            muted=self.muted,
            routed=self.routed is not None,
            metadata=self.metadata,
        )


@dataclass(eq=False, kw_only=True)
class Subscription:
    """A consumer. It flows when its client has said that it is ready, and neither the viewer's wishes nor the
    application's policy nor the server hold it."""

    consumer: Consumer | LinkConsumer
    publication: Publication
    viewer: PeerSession
    ready: bool = False
    decision: Decision | None = FORWARD
    """The policy's. None: it has not been made yet, and nothing flows."""
    told_held: HeldReason = ""
    """What the viewer has been told of it last."""

    @property
    def carrier(self) -> Carrier:
        return "mesh" if isinstance(self.consumer, LinkConsumer) else "sfu"

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
            self.viewer.notify(ConsumerHeld(producer_id=self.publication.id, reason=self.held))

    def info(self) -> ConsumerInfo:
        return ConsumerInfo(
            id=self.consumer.id,
            peer_id=self.viewer.id,
            publisher_id=self.publication.publisher.id,
            producer_id=self.publication.id,
            label=self.publication.label,
            kind=self.consumer.kind,
            paused=self.consumer.paused,
            carrier=self.carrier,
        )


class PeerSession:
    """One peer's transports, tracks and wishes. Lives on the engine's loop; Peers keeps it in order, and Attendance
    gives it its connections."""

    def __init__(
        self, peer_id: str, *, application_sid: str, max_wishes: int, joins: TokenBucket, signals: TokenBucket
    ) -> None:
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
        self.signals = signals

        self.topology: Topology = "sfu"
        """What it wishes, as far as it was granted."""
        self.links: dict[str, Link] = {}
        """By the other's id: of pairs that have, had or are to have a direct link."""
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

    def transport(self, transport_id: str, direction: Direction | None = None) -> PeerTransport:
        """Raises NotFound, and so do the next two; another peer's object looks like one that never was. And BadRequest,
        when it is not of that direction."""
        entry = _find(self.transports, "transport", transport_id)
        if direction not in (None, entry.direction):
            raise BadRequest(f"transportId: that transport's direction is {entry.direction}, not {direction}",
                             f"create one with the direction {direction}")
        return entry

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

    @property
    def sends(self) -> bool:
        """To the server."""
        return any(publication.routed is not None for publication in self.publications.values())

    def publication_of(self, label: str) -> Publication | None:
        return next((one for one in self.publications.values() if one.label == label), None)

    def subscriptions_of(self, publication: Publication) -> list[Subscription]:
        """One at most by each carrier."""
        return [one for one in self.subscriptions.values() if one.publication is publication]

    def subscription_of(self, publication: Publication, carrier: Carrier) -> Subscription | None:
        return next((one for one in self.subscriptions_of(publication) if one.carrier == carrier), None)

    def carrier_to(self, other: PeerSession) -> Carrier:
        """Of the media between the two."""
        link = self.links.get(other.id)
        return "sfu" if link is None else link.carrier

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
            topology=self.topology,
            linked_with=tuple(peer_id for peer_id, link in self.links.items() if link.carrier == "mesh"),
        )


def _find(things: Mapping[str, T], kind: str, thing_id: str) -> T:
    thing = things.get(thing_id)
    if thing is None:
        raise NotFound(f"no {kind} {thing_id!r}", "it has ended, or was never there for this peer")
    return thing

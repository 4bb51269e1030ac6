"""What the server knows of one peer while its connection lasts."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from simplesfu.control.consumer import Consumer
from simplesfu.control.producer import Producer
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import NotFound
from simplesfu.signaling.info import ConsumerInfo, PeerInfo, ProducerInfo, TransportInfo
from simplesfu.signaling.messages import Direction, Notification, ProducerPaused, ProducerResumed
from simplesfu.types import RtpCapabilities

T = TypeVar("T")


@dataclass(eq=False, kw_only=True)
class PeerTransport:
    """A transport and which way its peer uses it."""

    transport: WebRtcTransport
    direction: Direction
    peer_id: str

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
    viewers: dict[str, PeerSession] = field(default_factory=dict)

    def notify_viewers(self, change: type[ProducerPaused] | type[ProducerResumed]) -> None:
        told = change(producer_id=self.producer.id, peer_id=self.publisher.id, label=self.label)
        for viewer in self.viewers.values():
            viewer.notify(told)

    def info(self) -> ProducerInfo:
        return ProducerInfo(
            id=self.producer.id,
            peer_id=self.publisher.id,
            label=self.label,
            broadcast=self.broadcast,
            kind=self.producer.kind,
            type=self.producer.type,
            paused=self.producer.paused,
        )


@dataclass(eq=False, kw_only=True)
class Subscription:
    """A consumer. It flows when its client has said that it is ready and the viewer does not hold the publisher."""

    consumer: Consumer
    publication: Publication
    viewer: PeerSession
    ready: bool = False

    def settle(self) -> None:
        """Carry out what the two wishes come to."""
        if self.ready and self.publication.publisher.id not in self.viewer.paused_peers:
            self.consumer.resume()
        else:
            self.consumer.pause()

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
    """One peer's transports, tracks and wishes. Lives on the engine's loop; Peers keeps it in order.

    `tell(event, payload)` sends a notification; it never waits.
    """

    def __init__(self, peer_id: str, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self.id = peer_id
        self.entered = False
        """Whether it has said anything yet: from then on others see it."""
        self.closed = False
        self.rtp_capabilities: RtpCapabilities | None = None
        self.transports: dict[str, PeerTransport] = {}
        self.publications: dict[str, Publication] = {}
        self.offers: dict[str, Publication] = {}
        """By producer id: what may be consumed. Nothing else exists for this peer."""
        self.subscriptions: dict[str, Subscription] = {}
        """By consumer id."""
        self.wanted_peers: set[str] = set()
        """connectToPeer was said of these; it holds whether they are in sight or not, while both are connected."""
        self.paused_peers: set[str] = set()
        """Likewise pausePeer."""
        self._tell = tell

    def notify(self, notification: Notification) -> None:
        if not self.closed:
            self._tell(notification.event, msgspec.to_builtins(notification))

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
        return next((transport for transport in self.transports.values() if transport.direction == direction), None)

    def subscription_of(self, publication: Publication) -> Subscription | None:
        return next((one for one in self.subscriptions.values() if one.publication is publication), None)

    def info(self, rooms: tuple[str, ...]) -> PeerInfo:
        return PeerInfo(
            id=self.id,
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

"""What peers have at the router: transports, tracks that they send, tracks that they receive, and how each ends."""
from __future__ import annotations

from functools import partial
from typing import Protocol

from simplesfu.control.producer import Producer
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.engine.link import LinkState
from simplesfu.signaling.messages import Direction, TransportStateChange
from simplesfu.signaling.sessions.bitrate import RoomBitrates
from simplesfu.signaling.sessions.carriage import Carriage
from simplesfu.signaling.sessions.clock import Clock
from simplesfu.signaling.sessions.info import Report
from simplesfu.signaling.sessions.offers import Offers
from simplesfu.signaling.sessions.session import PeerSession, PeerTransport, Publication, Subscription


class Policy(Protocol):
    """Decides what of a track a viewer gets: sets Subscription.decision, and calls settle() when it changes."""

    def subscribed(self, subscription: Subscription) -> None: ...

    def ended(self, subscription: Subscription) -> None: ...


class Holdings:
    """`grace_period_s`: how long a transport whose link has ended waits to be replaced, or for ICE to restart."""

    def __init__(
        self,
        offers: Offers,
        carriage: Carriage,
        bitrates: RoomBitrates,
        report: Report,
        clock: Clock,
        *,
        grace_period_s: float,
        policy: Policy | None,
    ) -> None:
        self._offers = offers
        self._carriage = carriage
        self._bitrates = bitrates
        self._report = report
        self._clock = clock
        self._grace_period_s = grace_period_s
        self._policy = policy

    def adopt_transport(self, session: PeerSession, transport: WebRtcTransport, direction: Direction) -> None:
        entry = PeerTransport(transport=transport, direction=direction, peer_id=session.id)
        session.transports[transport.id] = entry
        transport.on_state.connect(partial(self._transport_changed, session, entry))
        transport.on_close.connect(partial(self._transport_closed, session, entry))
        self._bitrates.share_of(session)

    def publish(self, publication: Publication) -> None:
        """Offer a new one to those whom it concerns."""
        publisher = publication.publisher
        publisher.publications[publication.id] = publication
        publication.on_close.connect(partial(self._publication_ended, publication))
        if publication.routed is not None:
            self._watch(publication, publication.routed)
        publication.settle()
        self._bitrates.share_of(publisher)
        self._report("producer_added", publication.info())
        self._offers.refresh_publisher(publisher, "closed")
        self._carriage.review(publication)

    def route(self, publication: Publication, producer: Producer) -> None:
        """The router has it too from now on."""
        publication.routed = producer
        publication.told_sfu = True
        self._watch(publication, producer)
        publication.settle()
        self._routed_changed(publication)

    def unroute(self, publication: Publication) -> None:
        """Only links carry it from now on."""
        producer, publication.routed = publication.routed, None
        publication.told_sfu = False
        if producer is not None:
            producer.close()
        self._routed_changed(publication)

    def subscribe(self, subscription: Subscription) -> None:
        consumer = subscription.consumer
        subscription.viewer.subscriptions[consumer.id] = subscription
        consumer.on_close.connect(partial(self._subscription_ended, subscription))
        self._report("consumer_added", subscription.info())
        if self._policy is not None:
            subscription.decision = None
            self._policy.subscribed(subscription)
        subscription.settle()

    def sweep(self, session: PeerSession) -> None:
        """Close the transports that nobody needs any longer."""
        for entry in list(session.transports.values()):
            if entry.replaced and entry.transport.ended and entry.empty:
                entry.transport.close()

    def _transport_changed(self, session: PeerSession, entry: PeerTransport, state: LinkState, reason: str) -> None:
        session.notify(TransportStateChange(transport_id=entry.transport.id, state=state, reason=reason))
        self._report("transport_state", entry.info(state, reason))
        if not entry.transport.ended:
            entry.stop_grace()
        elif entry.grace is None:
            entry.grace = self._clock.call_later(self._grace_period_s, partial(self._give_up, session, entry))

    def _give_up(self, session: PeerSession, entry: PeerTransport) -> None:
        session.notify(TransportStateChange(transport_id=entry.transport.id, state="closed", reason="not_replaced"))
        entry.transport.close()

    def _transport_closed(self, session: PeerSession, entry: PeerTransport, reason: str) -> None:
        entry.stop_grace()
        del session.transports[entry.transport.id]
        self._report("transport_state", entry.info("closed", reason))

    def _watch(self, publication: Publication, producer: Producer) -> None:
        producer.on_close.connect(partial(self._producer_ended, publication, producer))

    def _producer_ended(self, publication: Publication, producer: Producer, _reason: str) -> None:
        """Of itself, as its transport did: links go on carrying what its publisher may send over them."""
        if publication.closed or publication.routed is not producer:
            return
        publication.routed = None
        if publication.publisher.closed or publication.publisher.topology == "sfu":
            publication.close()
        else:
            self._routed_changed(publication)

    def _routed_changed(self, publication: Publication) -> None:
        self._bitrates.share_of(publication.publisher)
        self._offers.refresh_publisher(publication.publisher, "closed")
        self._carriage.review(publication)

    def _publication_ended(self, publication: Publication) -> None:
        del publication.publisher.publications[publication.id]
        for viewer in list(publication.viewers.values()):
            self._offers.withdraw(viewer, publication, publication.ends_as)
        self._bitrates.share_of(publication.publisher)
        self._report("producer_removed", publication.info())

    def _subscription_ended(self, subscription: Subscription, _reason: str) -> None:
        del subscription.viewer.subscriptions[subscription.consumer.id]
        if self._policy is not None:
            self._policy.ended(subscription)
        self._report("consumer_removed", subscription.info())
        self._carriage.review(subscription.publication)

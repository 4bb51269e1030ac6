"""Who is here, who sees whom, and who is offered which track. Everything happens on the engine's loop.

A track is offered to a viewer while all of this is true; `_refresh` compares it with what has been offered so far,
whatever has changed:

    both are connected, the viewer sees the publisher, and has told its RTP capabilities
    the track is broadcast, or the viewer wants the publisher's tracks (connectToPeer)
"""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from simplesfu.config import MediaConfig
from simplesfu.control.consumer import Consumer
from simplesfu.control.producer import Producer
from simplesfu.control.router import Router
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.engine.link import LinkState
from simplesfu.errors import LimitReached, NotFound
from simplesfu.signaling.info import ConsumerInfo, PeerInfo, ProducerInfo, TransportInfo
from simplesfu.signaling.messages import (
    Direction,
    PeerConnection,
    PeerDisconnection,
    ProducerAvailable,
    ProducerUnavailable,
    TransportStateChange,
    UnavailableReason,
)
from simplesfu.signaling.rooms import Rooms, SightChange
from simplesfu.signaling.session import PeerSession, PeerTransport, Publication, Subscription
from simplesfu.types import RtpCapabilities

EventName: TypeAlias = Literal[
    "peer_joined", "peer_left", "producer_added", "producer_removed", "consumer_added", "consumer_removed",
    "transport_state",
]
EventInfo: TypeAlias = PeerInfo | ProducerInfo | ConsumerInfo | TransportInfo

_ENDED: Final = ("failed", "closed")


class Peers:
    """All peers of one server. `report(event, info)` is how the application hears of them."""

    def __init__(self, router: Router, config: MediaConfig, report: Callable[[EventName, EventInfo], None]) -> None:
        self.router = router
        self.config = config
        self._report = report
        self._sessions: dict[str, PeerSession] = {}
        self._rooms = Rooms()

    # coming and going

    def open(self, peer_id: str, tell: Callable[[str, dict[str, Any]], None]) -> PeerSession:
        """A session for a peer that has connected. Others see it from enter() on, as it may not be able to listen yet.
        One that has the same id already is closed."""
        if peer_id in self._sessions:
            self.close(self._sessions[peer_id])
        session = self._sessions[peer_id] = PeerSession(peer_id, tell)
        return session

    def enter(self, session: PeerSession) -> None:
        """Into the lobby. A second call does nothing."""
        if session.entered or session.closed:
            return
        session.entered = True
        self._report("peer_joined", session.info(()))
        self._change_sight(session, self._rooms.add(session.id), "room_left")

    def close(self, session: PeerSession) -> None:
        """Take its tracks from others, end what it has, forget all wishes about it. A second call does nothing."""
        if session.closed:
            return
        info = session.info(self._rooms.rooms_of(session.id))
        session.closed = True
        del self._sessions[session.id]
        self._change_sight(session, self._rooms.remove(session.id), "peer_left")
        for other in self._sessions.values():
            other.wanted_peers.discard(session.id)
            other.paused_peers.discard(session.id)
        for entry in list(session.transports.values()):
            entry.transport.close()
        if session.entered:
            self._report("peer_left", info)

    def close_all(self) -> None:
        for session in list(self._sessions.values()):
            self.close(session)

    # what the application may see

    def infos(self) -> dict[str, PeerInfo]:
        return {
            session.id: session.info(self._rooms.rooms_of(session.id))
            for session in self._sessions.values()
            if session.entered
        }

    # rooms

    def join_room(self, session: PeerSession, room: str) -> list[str]:
        """The others who are there. Raises LimitReached."""
        joined = self._rooms.rooms_of(session.id)
        if room not in joined and len(joined) >= self.config.max_rooms_per_peer:
            raise LimitReached(f"a peer is in {len(joined)} rooms at most", "leave another one first")
        self._change_sight(session, self._rooms.join(session.id, room), "room_left")
        return [peer_id for peer_id in self._rooms.members(room) if peer_id != session.id]

    def leave_room(self, session: PeerSession, room: str) -> None:
        """Raises NotFound."""
        self._change_sight(session, self._rooms.leave(session.id, room), "room_left")

    # wishes

    def want(self, session: PeerSession, peer_id: str) -> None:
        """Offer the peer's tracks to the session, those to come too. Raises NotFound."""
        publisher = self._find_in_sight(session, peer_id)
        session.wanted_peers.add(peer_id)
        self._refresh(session, publisher, "disconnected")

    def unwant(self, session: PeerSession, peer_id: str) -> None:
        """Take back want(); what is broadcast stays offered. Raises NotFound."""
        publisher = self._find_known(session, peer_id, session.wanted_peers)
        session.wanted_peers.discard(peer_id)
        self._refresh(session, publisher, "disconnected")

    def pause(self, session: PeerSession, peer_id: str) -> None:
        """Hold all that comes from the peer, tracks to come too. Raises NotFound."""
        self._find_in_sight(session, peer_id)
        session.paused_peers.add(peer_id)
        self._settle(session, peer_id)

    def resume(self, session: PeerSession, peer_id: str) -> None:
        """Take back pause(). Raises NotFound."""
        self._find_known(session, peer_id, session.paused_peers)
        session.paused_peers.discard(peer_id)
        self._settle(session, peer_id)

    def set_rtp_capabilities(self, session: PeerSession, capabilities: RtpCapabilities) -> None:
        """From now on the session can be offered something."""
        session.rtp_capabilities = capabilities
        for peer_id in self._rooms.in_sight(session.id):
            self._refresh(session, self._sessions[peer_id], "disconnected")

    # media

    def adopt_transport(self, session: PeerSession, transport: WebRtcTransport, direction: Direction) -> None:
        entry = PeerTransport(transport=transport, direction=direction, peer_id=session.id)
        session.transports[transport.id] = entry
        transport.on_state.connect(partial(self._transport_changed, session, entry))
        transport.on_close.connect(partial(self._transport_ended, session, entry))

    def publish(self, session: PeerSession, producer: Producer, label: str, broadcast: bool) -> None:
        """Offer a new producer to those whom it concerns."""
        publication = Publication(producer=producer, publisher=session, label=label, broadcast=broadcast)
        session.publications[producer.id] = publication
        producer.on_close.connect(partial(self._publication_ended, publication))
        self._report("producer_added", publication.info())
        for peer_id in self._rooms.in_sight(session.id):
            self._refresh(self._sessions[peer_id], session, "closed")

    def subscribe(self, session: PeerSession, consumer: Consumer, publication: Publication) -> None:
        subscription = Subscription(consumer=consumer, publication=publication, viewer=session)
        session.subscriptions[consumer.id] = subscription
        consumer.on_close.connect(partial(self._subscription_ended, subscription))
        self._report("consumer_added", subscription.info())

    def _transport_changed(self, session: PeerSession, entry: PeerTransport, state: LinkState, reason: str) -> None:
        session.notify(TransportStateChange(transport_id=entry.transport.id, state=state, reason=reason))
        self._report("transport_state", entry.info(state, reason))
        if state in _ENDED:
            del session.transports[entry.transport.id]

    def _transport_ended(self, session: PeerSession, entry: PeerTransport, reason: str) -> None:
        """Closed from this side, unless _transport_changed has told it already."""
        if session.transports.pop(entry.transport.id, None) is not None:
            self._report("transport_state", entry.info("closed", reason))

    def _publication_ended(self, publication: Publication, _reason: str) -> None:
        del publication.publisher.publications[publication.producer.id]
        for viewer in list(publication.viewers.values()):
            self._withdraw(viewer, publication, "closed")
        self._report("producer_removed", publication.info())

    def _subscription_ended(self, subscription: Subscription, _reason: str) -> None:
        del subscription.viewer.subscriptions[subscription.consumer.id]
        self._report("consumer_removed", subscription.info())

    # sight and offers

    def _find_in_sight(self, session: PeerSession, peer_id: str) -> PeerSession:
        if not self._rooms.sees(session.id, peer_id):
            raise NotFound(f"no peer {peer_id!r}", "it has left, or shares no room with you")
        return self._sessions[peer_id]

    def _find_known(self, session: PeerSession, peer_id: str, wishes: set[str]) -> PeerSession:
        """A wish can be taken back while its peer is out of sight."""
        return self._sessions[peer_id] if peer_id in wishes else self._find_in_sight(session, peer_id)

    def _change_sight(self, session: PeerSession, change: SightChange, reason: UnavailableReason) -> None:
        """A peer is told of before its tracks, and until after them."""
        for peer_id in change.vanished:
            other = self._sessions[peer_id]
            for viewer, publisher in ((session, other), (other, session)):
                self._refresh(viewer, publisher, reason)
                viewer.notify(PeerDisconnection(peer_id=publisher.id))
        for peer_id in change.appeared:
            other = self._sessions[peer_id]
            for viewer, publisher in ((session, other), (other, session)):
                viewer.notify(PeerConnection(peer_id=publisher.id))
                self._refresh(viewer, publisher, reason)

    def _refresh(self, viewer: PeerSession, publisher: PeerSession, reason: UnavailableReason) -> None:
        """Bring the viewer's offers in line; `reason` is told for those that end."""
        able = viewer.rtp_capabilities is not None and self._rooms.sees(viewer.id, publisher.id)
        for publication in list(publisher.publications.values()):
            due = able and (publication.broadcast or publisher.id in viewer.wanted_peers)
            offered = publication.producer.id in viewer.offers
            if due and not offered:
                self._offer(viewer, publication)
            elif offered and not due:
                self._withdraw(viewer, publication, reason)

    def _offer(self, viewer: PeerSession, publication: Publication) -> None:
        viewer.offers[publication.producer.id] = publication
        publication.viewers[viewer.id] = viewer
        viewer.notify(
            ProducerAvailable(
                producer_id=publication.producer.id,
                peer_id=publication.publisher.id,
                label=publication.label,
                broadcast=publication.broadcast,
                kind=publication.producer.kind,
            )
        )

    def _withdraw(self, viewer: PeerSession, publication: Publication, reason: UnavailableReason) -> None:
        del viewer.offers[publication.producer.id]
        del publication.viewers[viewer.id]
        subscription = viewer.subscription_of(publication)
        if subscription is not None:
            subscription.consumer.close()
        viewer.notify(
            ProducerUnavailable(
                producer_id=publication.producer.id,
                peer_id=publication.publisher.id,
                label=publication.label,
                reason=reason,
            )
        )

    def _settle(self, viewer: PeerSession, publisher_id: str) -> None:
        for subscription in viewer.subscriptions.values():
            if subscription.publication.publisher.id == publisher_id:
                subscription.settle()

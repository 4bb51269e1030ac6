"""Who is offered which track.

A track is offered to a viewer while all of this is true; refresh() compares it with what has been offered so far,
whatever has changed:

    the viewer sees the publisher, and has told its RTP capabilities
    the track is broadcast, or the viewer wants it (connectToPeer)
    the application has not denied it to the viewer
"""
from __future__ import annotations

from collections.abc import Mapping

from simplesfu.signaling.messages import (
    DisconnectionReason,
    PeerConnection,
    PeerDisconnection,
    ProducerUnavailable,
    UnavailableReason,
)
from simplesfu.signaling.sessions.rooms import Rooms, SightChange
from simplesfu.signaling.sessions.session import PeerSession, Publication


class Offers:
    def __init__(self, sessions: Mapping[str, PeerSession], rooms: Rooms) -> None:
        self._sessions = sessions
        self._rooms = rooms

    def change_sight(self, session: PeerSession, change: SightChange, reason: DisconnectionReason) -> None:
        """A peer is told of before its tracks, and until after them. `reason`: why those vanish who vanish."""
        for peer_id in change.vanished:
            other = self._sessions[peer_id]
            for viewer, publisher in ((session, other), (other, session)):
                self.refresh(viewer, publisher, reason)
                viewer.notify(PeerDisconnection(peer_id=publisher.id, reason=reason))
        for peer_id in change.appeared:
            other = self._sessions[peer_id]
            for viewer, publisher in ((session, other), (other, session)):
                viewer.notify(PeerConnection(peer_id=publisher.id))
                self.refresh(viewer, publisher, reason)

    def refresh(self, viewer: PeerSession, publisher: PeerSession, reason: UnavailableReason) -> None:
        """Bring the viewer's offers in line; `reason` is told for those that end."""
        able = viewer.rtp_capabilities is not None and self._rooms.sees(viewer.id, publisher.id)
        for publication in list(publisher.publications.values()):
            wanted = publication.broadcast or viewer.wishes.wants(publisher.names, publication.label)
            denied = publication in viewer.denied
            due = able and wanted and not denied
            offered = publication.producer.id in viewer.offers
            if due and not offered:
                viewer.offers[publication.producer.id] = publication
                publication.viewers[viewer.id] = viewer
                viewer.notify(publication.offer())
            elif offered and not due:
                self.withdraw(viewer, publication, "not_allowed" if denied else reason)

    def refresh_viewer(self, viewer: PeerSession, reason: UnavailableReason) -> None:
        """Of all whom it sees."""
        for peer_id in self._rooms.in_sight(viewer.id):
            self.refresh(viewer, self._sessions[peer_id], reason)

    def refresh_publisher(self, publisher: PeerSession, reason: UnavailableReason) -> None:
        """To all who see it."""
        for peer_id in self._rooms.in_sight(publisher.id):
            self.refresh(self._sessions[peer_id], publisher, reason)

    def withdraw(self, viewer: PeerSession, publication: Publication, reason: UnavailableReason) -> None:
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

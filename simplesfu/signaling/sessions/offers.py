"""Who is offered which track.

A track is offered to a viewer while all of this is true; refresh() compares it with what has been offered so far,
whatever has changed:

    the viewer sees the publisher, and has told its RTP capabilities
    the track is broadcast, or the viewer wants it (connectToPeer)
    the application has not denied it to the viewer
    what carries the media of the two has it: the router, or their link, or for a while the one that did so before
"""
from __future__ import annotations

from collections.abc import Mapping

from simplesfu.signaling.messages import (
    Carrier,
    DisconnectionReason,
    PeerConnection,
    PeerDisconnection,
    ProducerUnavailable,
    UnavailableReason,
)
from simplesfu.signaling.sessions.carriage import Carriage
from simplesfu.signaling.sessions.carriers import Carriers
from simplesfu.signaling.sessions.rooms import Rooms, SightChange
from simplesfu.signaling.sessions.session import PeerSession, Publication


class Offers:
    def __init__(
        self, sessions: Mapping[str, PeerSession], rooms: Rooms, carriers: Carriers, carriage: Carriage
    ) -> None:
        self._sessions = sessions
        self._rooms = rooms
        self._carriers = carriers
        self._carriage = carriage
        carriers.on_switch.connect(self._switch)
        carriers.on_switched.connect(self._end_older)

    def change_sight(self, session: PeerSession, change: SightChange, reason: DisconnectionReason) -> None:
        """A peer is told of before its tracks, and until after them. `reason`: why those vanish who vanish."""
        for peer_id in change.vanished:
            other = self._sessions[peer_id]
            self.refresh(session, other, reason)
            self.refresh(other, session, reason)
            session.notify(PeerDisconnection(peer_id=other.id, reason=reason))
            other.notify(PeerDisconnection(peer_id=session.id, reason=reason))
            self._carriers.part(session, other)
        for peer_id in change.appeared:
            other = self._sessions[peer_id]
            session.notify(PeerConnection(peer_id=other.id))
            other.notify(PeerConnection(peer_id=session.id))
            self._carriers.meet(session, other)
            self.refresh(session, other, reason)
            self.refresh(other, session, reason)
        self._carriers.sight_changed(session, change)

    def refresh(self, viewer: PeerSession, publisher: PeerSession, reason: UnavailableReason) -> None:
        """Bring the viewer's offers in line; `reason` is told for those that end."""
        able = viewer.rtp_capabilities is not None and self._rooms.sees(viewer.id, publisher.id)
        for publication in list(publisher.publications.values()):
            wanted = publication.broadcast or viewer.wishes.wants(publisher.names, publication.label)
            denied = publication in viewer.denied
            due = able and wanted and not denied
            carrier = self._carrier(viewer, publication) if due else None
            self._set_routed_for(viewer, publication, due and viewer.carrier_to(publisher) == "sfu")
            offered = publication.carriers.get(viewer.id)
            if carrier is None and offered is not None:
                self.withdraw(viewer, publication, "not_allowed" if denied else reason)
            elif carrier is not None and carrier != offered:
                viewer.offers[publication.id] = publication
                publication.viewers[viewer.id] = viewer
                publication.carriers[viewer.id] = carrier
                viewer.notify(publication.offer_to(viewer))

    def refresh_viewer(self, viewer: PeerSession, reason: UnavailableReason) -> None:
        """Of all whom it sees."""
        for peer_id in self._rooms.in_sight(viewer.id):
            self.refresh(viewer, self._sessions[peer_id], reason)

    def refresh_publisher(self, publisher: PeerSession, reason: UnavailableReason) -> None:
        """To all who see it."""
        for peer_id in self._rooms.in_sight(publisher.id):
            self.refresh(self._sessions[peer_id], publisher, reason)

    def refused(self, viewer: PeerSession, publication: Publication) -> None:
        """The application does not let it have the track. The refusal is the first that it hears of that, so the offer
        stays until something changes."""
        viewer.denied.add(publication)
        self._set_routed_for(viewer, publication, False)

    def withdraw(self, viewer: PeerSession, publication: Publication, reason: UnavailableReason) -> None:
        del viewer.offers[publication.id]
        del publication.viewers[viewer.id]
        del publication.carriers[viewer.id]
        for subscription in viewer.subscriptions_of(publication):
            subscription.consumer.close()
        viewer.notify(
            ProducerUnavailable(
                producer_id=publication.id,
                peer_id=publication.publisher.id,
                label=publication.label,
                reason=reason,
            )
        )

    def _carrier(self, viewer: PeerSession, publication: Publication) -> Carrier | None:
        """How a track is to be offered, if anything has it."""
        link = viewer.links.get(publication.publisher.id)
        carrier = viewer.carrier_to(publication.publisher)
        if carrier == "mesh" or publication.routed is not None:
            return carrier
        return publication.carriers.get(viewer.id) if link is not None and link.switching is not None else None

    def _set_routed_for(self, viewer: PeerSession, publication: Publication, due: bool) -> None:
        if due:
            publication.routed_for.add(viewer.id)
        else:
            publication.routed_for.discard(viewer.id)
        self._carriage.review(publication)

    def _switch(self, one: PeerSession, other: PeerSession) -> None:
        self.refresh(one, other, "closed")
        self.refresh(other, one, "closed")

    def _end_older(self, one: PeerSession, other: PeerSession) -> None:
        """What the two have of each other by another carrier than theirs, and what was offered so still."""
        for viewer, publisher in ((one, other), (other, one)):
            for subscription in list(viewer.subscriptions.values()):
                older = subscription.carrier != viewer.carrier_to(publisher)
                if older and subscription.publication.publisher is publisher:
                    subscription.consumer.close()
            self.refresh(viewer, publisher, "closed")

"""Everything at once, for a client that has missed more than can be repeated, or wants to compare."""
from __future__ import annotations

from simplesfu.signaling import messages as m
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession


def snapshot_of(peers: Peers, session: PeerSession) -> m.Snapshot:
    return m.Snapshot(
        peers=[m.PeerEntry(peer_id=peer_id) for peer_id in peers.rooms.in_sight(session.id)],
        offers=[publication.offer_to(session) for publication in session.offers.values()],
        rooms=list(peers.rooms_of(session)),
        producers=[
            m.ProducerEntry(producer_id=one.id, label=one.label, paused=one.paused, sfu=one.told_sfu)
            for one in session.publications.values()
        ],
        consumers=[
            m.ConsumerEntry(
                consumer_id=one.consumer.id, producer_id=one.publication.id, held=one.told_held, carrier=one.carrier
            )
            for one in session.subscriptions.values()
        ],
        transports=[
            m.TransportEntry(transport_id=entry.transport.id, direction=entry.direction, state=entry.transport.state)
            for entry in session.transports.values()
            if not entry.replaced
        ],
        links=[m.LinkEntry(peer_id=peer_id, carrier=link.carrier) for peer_id, link in session.links.items()],
        link_consumers=[
            consumer.due() for one in session.publications.values() for consumer in one.linked.consumers.values()
        ],
        data_consumers=session.data.consumer_ids,
        data_producers=[
            producer_id for entry in session.transports.values() for producer_id in entry.transport.data.producers
        ],
        data_labels=sorted(session.data.labels),
    )

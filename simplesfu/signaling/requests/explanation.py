"""Why a track does not arrive, from what the server has at hand."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simplesfu.signaling.messages import Message, TrackTarget
from simplesfu.signaling.rights.explain import Explanation, TrackFacts, TransportFacts, explain
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession, PeerTransport, Publication, Subscription


class ExplainAnswer(Message):
    explanation: Explanation


def explain_track(peers: Peers, session: PeerSession, payload: TrackTarget) -> ExplainAnswer:
    return ExplainAnswer(explanation=explain(gather(peers, session, payload.peer_id, payload.label)))


def gather(peers: Peers, viewer: PeerSession, publisher_id: str, label: str) -> TrackFacts:
    """What is known of a track on its way to a viewer; of a publisher out of its sight, nothing."""
    publisher = peers.in_sight(viewer, publisher_id)
    if publisher is None:
        return TrackFacts(in_sight=False)
    attached = publisher.connection is not None
    publication = publisher.publication_of(label)
    if publication is None:
        return TrackFacts(in_sight=True, publisher_attached=attached)
    link, subscription = viewer.links.get(publisher.id), _foremost(viewer, publication)
    carrier = viewer.carrier_to(publisher) if subscription is None else subscription.carrier
    encodings = _encodings(publication)
    sending = _sending(subscription)
    return TrackFacts(
        in_sight=True,
        publisher_attached=attached,
        published=True,
        kind=publication.kind,
        carrier=carrier,
        direct_state="connecting" if link is None else link.state,
        direct_reason="" if link is None else link.reason,
        publisher_paused=publication.paused,
        server_muted=publication.muted,
        send_transport=_transport(publisher.transports.values(), publication.id),
        last_packet_age_ms=_youngest(encodings, "last_packet_age_ms"),
        last_keyframe_age_ms=_youngest(encodings, "last_keyframe_age_ms"),
        wanted=publication.broadcast or viewer.wishes.wants(publisher.names, label),
        denied=publication in viewer.denied,
        viewer_ready=viewer.rtp_capabilities is not None,
        viewer_paused=viewer.wishes.pauses(publisher.names, label),
        subscribed=subscription is not None,
        decided=subscription is None or subscription.decision is not None,
        forward=subscription is None or (subscription.decision is not None and subscription.decision.forward),
        recv_transport=_transport(viewer.transports.values(), subscription.consumer.id) if subscription else None,
        resumed=subscription is not None and subscription.ready,
        waiting_for_keyframe=bool(sending.get("waiting_for_keyframe")),
        last_sent_age_ms=sending.get("last_sent_age_ms"),
    )


def _foremost(viewer: PeerSession, publication: Publication) -> Subscription | None:
    """While the carrier changes there may be two: the one that is ready, and of two such the newer one."""
    carrier = viewer.carrier_to(publication.publisher)
    subscriptions = viewer.subscriptions_of(publication)
    return max(subscriptions, key=lambda one: (one.ready, one.carrier == carrier), default=None)


def _encodings(publication: Publication) -> list[dict[str, Any]]:
    encodings: Any = publication.stats()["encodings"]
    return list(encodings)


def _sending(subscription: Subscription | None) -> dict[str, Any]:
    return {} if subscription is None else subscription.consumer.stats()


def _youngest(streams: Iterable[dict[str, Any]], age: str) -> int | None:
    return min((stream[age] for stream in streams if stream.get(age) is not None), default=None)


def _transport(entries: Iterable[PeerTransport], held_id: str) -> TransportFacts | None:
    """The one that carries that producer or consumer."""
    for entry in entries:
        transport = entry.transport
        if held_id in transport.producers or held_id in transport.consumers:
            age_ms: Any = transport.stats().get("last_received_age_ms")
            return TransportFacts(state=transport.state, last_received_age_ms=age_ms)
    return None

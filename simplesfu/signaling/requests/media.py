"""Publishing tracks and receiving them."""
from __future__ import annotations

from typing import Final

import msgspec

from simplesfu.control.consumer import Consumer
from simplesfu.control.ids import new_id
from simplesfu.control.producer import Producer
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import AlreadyExists, BadRequest, CannotMove, NotFound, TooManyConsumers, TooManyProducers
from simplesfu.signaling.messages import (
    Consume,
    ConsumeAnswer,
    ConsumerTarget,
    Metadata,
    Nothing,
    Produce,
    ProduceAnswer,
    ProducerMetadata,
    ProducerPaused,
    ProducerResumed,
    ProducerTarget,
    Publish,
    SetMetadata,
)
from simplesfu.signaling.sessions.link_flows import LinkConsumer
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession, Publication, Subscription

MAX_METADATA_BYTES: Final = 4096


def produce(peers: Peers, session: PeerSession, payload: Produce) -> ProduceAnswer:
    """A label in use: its producer moves here when it is named and can, else this one takes its place. One that links
    alone have carried comes to the router too."""
    _check_metadata(payload.metadata)
    transport = session.transport(payload.transport_id, "send").transport
    present = session.publication_of(payload.label)
    if present is not None and _goes_on(present, payload) and _bring(peers, present, transport, payload):
        _update(peers, present, payload)
        peers.holdings.sweep(session)
        return ProduceAnswer(producer_id=present.id)
    if present is None:
        _check_room(peers, session)
    producer = _produce(transport, payload, present)
    _publish(peers, session, payload, producer.id, producer)
    peers.holdings.sweep(session)
    return ProduceAnswer(producer_id=producer.id)


def publish(peers: Peers, session: PeerSession, payload: Publish) -> ProduceAnswer:
    """A label in use: the router gives its producer up when that is named, else this one takes its place."""
    _check_metadata(payload.metadata)
    if not peers.config.allow_mesh:
        raise BadRequest("the server lets no track go by links", "produce it")
    present = session.publication_of(payload.label)
    if present is not None and _goes_on(present, payload):
        peers.holdings.unroute(present)
        _update(peers, present, payload)
        peers.holdings.sweep(session)
        return ProduceAnswer(producer_id=present.id)
    if present is None:
        _check_room(peers, session)
    else:
        _end_as_replaced(present)
    publication = _publish(peers, session, payload, new_id(), None)
    return ProduceAnswer(producer_id=publication.id)


def _goes_on(present: Publication, payload: Produce | Publish) -> bool:
    return present.id == payload.producer_id and present.kind == payload.kind


def _check_room(peers: Peers, session: PeerSession) -> None:
    """For one more track. Raises TooManyProducers, TooManyRoomProducers."""
    limit = peers.config.max_producers_per_peer
    if len(session.publications) >= limit:
        raise TooManyProducers(f"a peer has {limit} producers at most", "close one that is not needed")
    peers.limits.check_track(session)


def _publish(
    peers: Peers, session: PeerSession, payload: Produce | Publish, producer_id: str, producer: Producer | None
) -> Publication:
    publication = Publication(
        id=producer_id,
        kind=payload.kind,
        routed=producer,
        publisher=session,
        label=payload.label,
        broadcast=payload.broadcast,
        metadata=payload.metadata,
        paused=payload.paused,
    )
    peers.holdings.publish(publication)
    return publication


def _produce(transport: WebRtcTransport, payload: Produce, present: Publication | None) -> Producer:
    """The present track goes when the other is there, so that what is refused costs nothing; before, when the other
    needs its SSRC or its MID."""
    try:
        producer = transport.produce(payload.kind, payload.rtp_parameters, paused=payload.paused)
    except AlreadyExists:
        if present is None:
            raise
        _end_as_replaced(present)
        return transport.produce(payload.kind, payload.rtp_parameters, paused=payload.paused)
    if present is not None:
        _end_as_replaced(present)
    return producer


def _end_as_replaced(publication: Publication) -> None:
    publication.ends_as = "replaced"
    publication.close()


def set_metadata(_: Peers, session: PeerSession, payload: SetMetadata) -> Nothing:
    _check_metadata(payload.metadata)
    _set_metadata(session.publication(payload.producer_id), payload.metadata)
    return Nothing()


def pause_producer(_: Peers, session: PeerSession, payload: ProducerTarget) -> Nothing:
    _set_paused(session.publication(payload.producer_id), True)
    return Nothing()


def resume_producer(_: Peers, session: PeerSession, payload: ProducerTarget) -> Nothing:
    _set_paused(session.publication(payload.producer_id), False)
    return Nothing()


def close_producer(_: Peers, session: PeerSession, payload: ProducerTarget) -> Nothing:
    session.publication(payload.producer_id).close()
    return Nothing()


def consume(peers: Peers, session: PeerSession, payload: Consume) -> ConsumeAnswer:
    """Over the direct link, unless a transport is named."""
    transport = None if payload.transport_id is None else session.transport(payload.transport_id, "recv").transport
    publication = session.offer(payload.producer_id)
    previous = session.subscription_of(publication, "mesh" if transport is None else "sfu")
    if previous is not None:
        # The client asks again: over a new transport, or because the offer was withdrawn and renewed meanwhile.
        previous.consumer.close()
    limit = peers.config.max_consumers_per_peer
    if len(session.subscriptions) >= limit:
        raise TooManyConsumers(f"a peer has {limit} consumers at most", "disconnectFromPeer ends those of a peer")
    if session.rtp_capabilities is None:  # nothing is offered before they are told
        raise NotFound("the RTP capabilities are not known", "say setRtpCapabilities first")
    consumer: Consumer | LinkConsumer
    if transport is None:
        consumer = _consume_over_link(session, publication)
    else:
        consumer = transport.consume(_at_router(publication), session.rtp_capabilities)
    peers.holdings.subscribe(Subscription(consumer=consumer, publication=publication, viewer=session))
    peers.holdings.sweep(session)
    return ConsumeAnswer(
        consumer_id=consumer.id,
        producer_id=publication.id,
        peer_id=publication.publisher.id,
        label=publication.label,
        broadcast=publication.broadcast,
        metadata=publication.metadata,
        kind=consumer.kind,
        type=consumer.type,
        rtp_parameters=consumer.rtp_parameters,
        producer_paused=publication.paused,
    )


def _at_router(publication: Publication) -> Producer:
    if publication.routed is None:
        raise NotFound("the router does not have that track", "its carrier is mesh: consume it without transportId")
    return publication.routed


def _consume_over_link(session: PeerSession, publication: Publication) -> LinkConsumer:
    if "mesh" not in (session.carrier_to(publication.publisher), publication.carriers[session.id]):
        raise BadRequest("transportId: it is missing, and there is no direct link", "name the receiving transport")
    return publication.linked.consume(session.id)


def close_consumer(_: Peers, session: PeerSession, payload: ConsumerTarget) -> Nothing:
    session.subscription(payload.consumer_id).consumer.close()
    return Nothing()


def resume_consumer(_: Peers, session: PeerSession, payload: ConsumerTarget) -> Nothing:
    subscription = session.subscription(payload.consumer_id)
    subscription.ready = True
    subscription.settle()
    return Nothing()


def _bring(peers: Peers, publication: Publication, transport: WebRtcTransport, payload: Produce) -> bool:
    """To that transport, if it can be."""
    if publication.routed is None:
        producer = transport.produce(
            payload.kind, payload.rtp_parameters, paused=payload.paused, producer_id=publication.id
        )
        peers.holdings.route(publication, producer)
        return True
    try:
        transport.take_over(publication.routed, payload.rtp_parameters)
    except CannotMove:
        return False
    return True


def _update(peers: Peers, publication: Publication, payload: Produce | Publish) -> None:
    """What else is said anew of a track."""
    if publication.broadcast != payload.broadcast:
        publication.broadcast = payload.broadcast
        peers.offers.refresh_publisher(publication.publisher, "closed")
    if publication.metadata != payload.metadata:
        _set_metadata(publication, payload.metadata)
    _set_paused(publication, payload.paused)


def _set_metadata(publication: Publication, metadata: Metadata) -> None:
    publication.metadata = metadata
    publication.notify_viewers(
        ProducerMetadata(
            producer_id=publication.id,
            peer_id=publication.publisher.id,
            label=publication.label,
            metadata=metadata,
        )
    )


def _set_paused(publication: Publication, paused: bool) -> None:
    if publication.paused == paused:
        return
    publication.paused = paused
    publication.settle()
    told = ProducerPaused if paused else ProducerResumed
    publication.notify_viewers(
        told(producer_id=publication.id, peer_id=publication.publisher.id, label=publication.label)
    )


def _check_metadata(metadata: Metadata) -> None:
    size_bytes = len(msgspec.json.encode(metadata))
    if size_bytes > MAX_METADATA_BYTES:
        raise BadRequest(f"metadata: it has {size_bytes} bytes as JSON", f"{MAX_METADATA_BYTES} are allowed")

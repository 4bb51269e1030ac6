"""Publishing tracks and receiving them."""
from __future__ import annotations

from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import AlreadyExists, BadRequest, LimitReached, NotFound
from simplesfu.signaling.messages import (
    Consume,
    ConsumeAnswer,
    ConsumerTarget,
    Direction,
    Nothing,
    Produce,
    ProduceAnswer,
    ProducerPaused,
    ProducerResumed,
    ProducerTarget,
)
from simplesfu.signaling.peers import Peers
from simplesfu.signaling.session import PeerSession


def produce(peers: Peers, session: PeerSession, payload: Produce) -> ProduceAnswer:
    transport = _transport_to("send", session, payload.transport_id)
    if any(publication.label == payload.label for publication in session.publications.values()):
        raise AlreadyExists(f"there is a track with the label {payload.label!r} already",
                            "close its producer first, or choose another label")
    limit = peers.config.max_producers_per_peer
    if len(session.publications) >= limit:
        raise LimitReached(f"a peer has {limit} producers at most", "close one that is not needed")
    producer = transport.produce(payload.kind, payload.rtp_parameters, paused=payload.paused)
    peers.publish(session, producer, payload.label, payload.broadcast)
    return ProduceAnswer(producer_id=producer.id)


def pause_producer(_: Peers, session: PeerSession, payload: ProducerTarget) -> Nothing:
    publication = session.publication(payload.producer_id)
    if not publication.producer.paused:
        publication.producer.pause()
        publication.notify_viewers(ProducerPaused)
    return Nothing()


def resume_producer(_: Peers, session: PeerSession, payload: ProducerTarget) -> Nothing:
    publication = session.publication(payload.producer_id)
    if publication.producer.paused:
        publication.producer.resume()
        publication.notify_viewers(ProducerResumed)
    return Nothing()


def close_producer(_: Peers, session: PeerSession, payload: ProducerTarget) -> Nothing:
    session.publication(payload.producer_id).producer.close()
    return Nothing()


def consume(peers: Peers, session: PeerSession, payload: Consume) -> ConsumeAnswer:
    transport = _transport_to("recv", session, payload.transport_id)
    publication = session.offer(payload.producer_id)
    previous = session.subscription_of(publication)
    if previous is not None:
        # The client asks again because the offer was withdrawn and renewed while its first request was on its way.
        previous.consumer.close()
    limit = peers.config.max_consumers_per_peer
    if len(session.subscriptions) >= limit:
        raise LimitReached(f"a peer has {limit} consumers at most", "disconnectFromPeer ends those of a peer")
    if session.rtp_capabilities is None:  # nothing is offered before they are told
        raise NotFound("the RTP capabilities are not known", "say setRtpCapabilities first")
    producer = publication.producer
    consumer = transport.consume(producer, session.rtp_capabilities)
    peers.subscribe(session, consumer, publication)
    return ConsumeAnswer(
        consumer_id=consumer.id,
        producer_id=producer.id,
        peer_id=publication.publisher.id,
        label=publication.label,
        broadcast=publication.broadcast,
        kind=consumer.kind,
        type=consumer.type,
        rtp_parameters=consumer.rtp_parameters,
        producer_paused=consumer.producer_paused,
    )


def resume_consumer(_: Peers, session: PeerSession, payload: ConsumerTarget) -> Nothing:
    subscription = session.subscription(payload.consumer_id)
    subscription.ready = True
    subscription.settle()
    return Nothing()


def _transport_to(direction: Direction, session: PeerSession, transport_id: str) -> WebRtcTransport:
    entry = session.transport(transport_id)
    if entry.direction != direction:
        raise BadRequest(f"transportId: that transport's direction is {entry.direction}, not {direction}",
                         f"create one with the direction {direction}")
    return entry.transport

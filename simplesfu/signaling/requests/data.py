"""Setting up the data channels, and asking which messages may be sent."""
from __future__ import annotations

from simplesfu.errors import BadRequest
from simplesfu.signaling.data.messages import (
    ConsumeData,
    ConsumeDataAnswer,
    OpenData,
    ProduceData,
    ProduceDataAnswer,
)
from simplesfu.signaling.messages import Direction, Nothing
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession, PeerTransport

PROTOCOL = "simplesfu"


def produce_data(peers: Peers, session: PeerSession, payload: ProduceData) -> ProduceDataAnswer:
    transport = _transport_to("send", session, payload.transport_id).transport
    producer = transport.data.produce(payload.sctp_stream_parameters, payload.label, payload.protocol)
    peers.data.adopt_producer(session, producer)
    return ProduceDataAnswer(
        data_producer_id=producer.id, received=session.data.inbox.received if producer.reliable else None
    )


def consume_data(peers: Peers, session: PeerSession, payload: ConsumeData) -> ConsumeDataAnswer:
    transport = _transport_to("recv", session, payload.transport_id).transport
    label = "reliable" if payload.reliable else "lossy"
    consumer = transport.data.consume(reliable=payload.reliable, label=label, protocol=PROTOCOL)
    peers.data.adopt_consumer(session, consumer)
    return ConsumeDataAnswer(
        data_consumer_id=consumer.id,
        data_producer_id=consumer.data_producer_id,
        sctp_stream_parameters=consumer.sctp_stream_parameters,
        label=consumer.label,
        protocol=consumer.protocol,
    )


def open_data(peers: Peers, session: PeerSession, payload: OpenData) -> Nothing:
    """Its right has been checked before (protocol.py)."""
    peers.data.open_label(session, payload.label)
    return Nothing()


def _transport_to(direction: Direction, session: PeerSession, transport_id: str) -> PeerTransport:
    entry = session.transport(transport_id)
    if entry.direction != direction:
        raise BadRequest(f"transportId: that transport's direction is {entry.direction}, not {direction}",
                         f"create one with the direction {direction}")
    return entry

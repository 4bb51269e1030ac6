"""Setting up the data channels, and asking which messages may be sent."""
from __future__ import annotations

from simplesfu.signaling.data.messages import (
    ConsumeData,
    ConsumeDataAnswer,
    OpenData,
    ProduceData,
    ProduceDataAnswer,
)
from simplesfu.signaling.messages import Nothing
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession

PROTOCOL = "simplesfu"


def produce_data(peers: Peers, session: PeerSession, payload: ProduceData) -> ProduceDataAnswer:
    transport = session.transport(payload.transport_id, "send").transport
    producer = transport.data.produce(payload.sctp_stream_parameters, payload.label, payload.protocol)
    peers.data.adopt_producer(session, producer)
    return ProduceDataAnswer(
        data_producer_id=producer.id, received=session.data.inbox.received if producer.reliable else None
    )


def consume_data(peers: Peers, session: PeerSession, payload: ConsumeData) -> ConsumeDataAnswer:
    transport = session.transport(payload.transport_id, "recv").transport
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



"""The data side of a WebRtcTransport: one SCTP association and what is sent and received over it."""
from __future__ import annotations

from typing import Final

from simplesfu.control.data_consumer import DataConsumer
from simplesfu.control.data_producer import DataProducer
from simplesfu.engine.aiortc_bridge import SctpTransport
from simplesfu.engine.sctp import MAX_MESSAGE_BYTES, MAX_STREAMS, SCTP_PORT
from simplesfu.engine.tasks import TaskSet
from simplesfu.errors import AlreadyExists, BadParameters, Closed, LimitReached
from simplesfu.types import SctpParameters, SctpStreamParameters

MAX_DATA_PRODUCERS: Final = 8
MAX_DATA_CONSUMERS: Final = 8
LOSSY_RETRANSMITS: Final = 1
"""Once more where the loss shows at once; never so often that what follows would be late."""


class DataTransport:
    """Channels are negotiated: the client chooses the streams that it sends on, the server those to the client."""

    parameters: Final = SctpParameters(
        port=SCTP_PORT, OS=MAX_STREAMS, MIS=MAX_STREAMS, max_message_size=MAX_MESSAGE_BYTES
    )

    def __init__(self, sctp: SctpTransport, tasks: TaskSet) -> None:
        self.producers: dict[str, DataProducer] = {}
        self.consumers: dict[str, DataConsumer] = {}
        self.closed = False
        self._sctp = sctp
        self._tasks = tasks
        self._by_stream: dict[int, DataProducer] = {}
        sctp.observer = self

    def produce(self, parameters: SctpStreamParameters, label: str, protocol: str) -> DataProducer:
        """Raises BadParameters, AlreadyExists (the stream has a producer), LimitReached, Closed."""
        self._check_open()
        _check_stream(parameters)
        if parameters.stream_id in self._by_stream:
            raise AlreadyExists(f"stream {parameters.stream_id} has a data producer already", "take another streamId")
        if len(self.producers) >= MAX_DATA_PRODUCERS:
            raise LimitReached(f"a transport has at most {MAX_DATA_PRODUCERS} data producers", "send more over one")
        producer = DataProducer(self._sctp, self._tasks, parameters, label, protocol)

        def forget(_reason: str) -> None:
            del self.producers[producer.id]
            del self._by_stream[parameters.stream_id]

        self.producers[producer.id] = self._by_stream[parameters.stream_id] = producer
        producer.on_close.connect(forget)
        return producer

    def consume(
        self, *, reliable: bool, label: str, protocol: str, limit: int = MAX_DATA_CONSUMERS
    ) -> DataConsumer:
        """Raises LimitReached, Closed."""
        self._check_open()
        stream_id = self._sctp.streams.free_id()
        if stream_id is None or len(self.consumers) >= limit:
            raise LimitReached(f"a transport has at most {limit} data consumers", "close its transport")
        parameters = (
            SctpStreamParameters(stream_id=stream_id, ordered=True)
            if reliable
            else SctpStreamParameters(stream_id=stream_id, ordered=False, max_retransmits=LOSSY_RETRANSMITS)
        )
        consumer = DataConsumer(self._sctp, parameters, label, protocol)
        self.consumers[consumer.id] = consumer
        consumer.on_close.connect(lambda _reason: self.consumers.pop(consumer.id))
        return consumer

    def close(self, reason: str = "transport_closed") -> None:
        """The transport has closed, or its DTLS has ended. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        for producer in list(self.producers.values()):
            producer.close(reason)
        for consumer in list(self.consumers.values()):
            consumer.close(reason)

    def stats(self) -> dict[str, list[dict[str, object]]]:
        return {
            "data_producers": [producer.stats() for producer in self.producers.values()],
            "data_consumers": [consumer.stats() for consumer in self.consumers.values()],
        }

    # what the association tells

    async def sctp_message(self, stream_id: int, message: bytes) -> None:
        producer = self._by_stream.get(stream_id)
        if producer is not None:
            await producer.receive(message)

    def sctp_closed(self) -> None:
        self.close("sctp_closed")

    def _check_open(self) -> None:
        if self.closed:
            raise Closed("the transport's data has ended", "create another transport")


def _check_stream(parameters: SctpStreamParameters) -> None:
    if not 0 <= parameters.stream_id < MAX_STREAMS:
        raise BadParameters(f"sctpStreamParameters.streamId is {parameters.stream_id}", f"0 to {MAX_STREAMS - 1}")
    limits = (parameters.max_packet_life_time, parameters.max_retransmits)
    if None not in limits:
        raise BadParameters("sctpStreamParameters have two limits", "maxPacketLifeTime or maxRetransmits")
    if parameters.ordered and limits != (None, None):
        raise BadParameters("sctpStreamParameters are ordered and limited", "what may be lost has no order")

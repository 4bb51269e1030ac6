"""Messages of the original's clients: one lossy channel from each, and one to each for every peer that it hears.

What it sends goes out under the label ""; what others send under that one, to it or to everybody, comes to it. Its
channels carry a message as it is; ours carry parts with a header (signaling/data/parts.py).
"""
from __future__ import annotations

from itertools import count
from typing import Final

from simplesfu.control.data_consumer import DataConsumer
from simplesfu.control.data_producer import DataProducer
from simplesfu.engine.sctp import TextMessage
from simplesfu.signaling.data.desk import DataDesk, Outlet
from simplesfu.signaling.data.parts import Assembly, BadPartError, DataPart, split
from simplesfu.signaling.sessions.data_routing import DataRouting
from simplesfu.signaling.sessions.session import PeerSession

LABEL: Final = ""


class LegacyDesk(DataDesk):
    """A desk whose only way out are the channels of the original, one for each sender."""

    def __init__(self) -> None:
        super().__init__()
        self._outlet = LegacyOutlet()

    def outlet(self, *, reliable: bool) -> LegacyOutlet:  # noqa: ARG002  (both kinds leave by the same way)
        return self._outlet


class LegacyOutlet(Outlet):
    def __init__(self) -> None:
        super().__init__(holds_bytes=0)
        self._consumers: dict[str, DataConsumer] = {}
        """By the peer whose messages it carries."""
        self._assemblies: dict[str, Assembly] = {}

    def carries(self, peer_id: str) -> bool:
        return peer_id in self._consumers

    def carry(self, peer_id: str, consumer: DataConsumer) -> None:
        """What that peer says leaves by this consumer, until it closes."""
        self._consumers[peer_id] = consumer
        self._assemblies[peer_id] = Assembly()

        def forget(_reason: str) -> None:
            if self._consumers.get(peer_id) is consumer:
                del self._consumers[peer_id], self._assemblies[peer_id]

        consumer.on_close.connect(forget)

    def drop(self, peer_id: str) -> bool:
        """The peer is out of sight. Whether there was anything to close."""
        consumer = self._consumers.get(peer_id)
        if consumer is not None:
            consumer.close()
        return consumer is not None

    def give_up(self) -> None:
        for consumer in list(self._consumers.values()):
            consumer.close()

    async def send(self, message: bytes) -> bool:
        """Never anything to wait for: the channel is lossy, and drops what a slow client does not take."""
        part = DataPart.decode(message)
        consumer = self._consumers.get(part.peer_id)
        if consumer is None or part.label != LABEL:
            return True
        try:
            whole = self._assemblies[part.peer_id].add(part)
        except BadPartError:
            return True
        if whole is not None:
            await consumer.send(TextMessage(whole.encode()) if isinstance(whole, str) else whole)
        return True


def listen(routing: DataRouting, session: PeerSession, producer: DataProducer) -> None:
    """Take what the client sends over its channel, text and bytes."""
    numbers = count()

    async def receive(message: bytes) -> None:
        routing.counts["received"] += 1
        try:
            data = message.decode() if isinstance(message, TextMessage) else bytes(message)
        except UnicodeDecodeError:
            routing.counts["malformed"] += 1
            return
        for part in split(data, peer_id="", label=LABEL, message=next(numbers)):
            await routing.route(session, part, reliable=False)

    producer.accept_text()
    producer.on_message = receive

"""Who gets which message: by sight, and by what the application has allowed. Everything happens on the engine's loop.

A reliable message waits for place in the buffers of those whom it is for, and the sender's next ones wait behind it: in
this server while its receive window lasts, then at the sender. Who makes no place within its patience has its data
closed, and less patience from then on; so the others wait no longer than that for somebody slow, or dead. Other
messages wait for nobody.
"""
from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Final, Protocol, get_args

from simplesfu.control.data_consumer import DataConsumer
from simplesfu.control.data_producer import DataProducer
from simplesfu.errors import LimitReached
from simplesfu.signaling.data.desk import PARTS_PER_S
from simplesfu.signaling.data.messages import DataClosed, DataConsumerClosed, DataEndReason, DataProducerClosed
from simplesfu.signaling.data.parts import BadPartError, DataPart
from simplesfu.signaling.sessions.session import PeerSession

MAX_LABELS: Final = 1024

logger = logging.getLogger(__name__)


class Hear(Protocol):
    """How the application hears of what its peers send."""

    async def __call__(self, sender: PeerSession, part: DataPart, *, reliable: bool) -> None: ...


class DataRouting:
    """`everybody(session)` are those in its sight; `somebody(session, peer_id)` is one of them, by any id of it.

    `counts` are for stats(); `hear`, when there is one, is for the application.
    """

    def __init__(
        self,
        everybody: Callable[[PeerSession], Iterable[PeerSession]],
        somebody: Callable[[PeerSession, str], PeerSession | None],
        clock: Callable[[], int],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.hear: Hear | None = None
        self._everybody = everybody
        self._somebody = somebody
        self._clock = clock

    # what peers set up

    def open_label(self, session: PeerSession, label: str) -> None:
        """Let through what it sends under this label. Raises LimitReached."""
        if label not in session.data.labels and len(session.data.labels) >= MAX_LABELS:
            raise LimitReached(f"a peer has {MAX_LABELS} data labels at most", "put what varies into the message")
        session.data.labels.add(label)

    def close_label(self, session: PeerSession, label: str) -> None:
        """The application does not allow it any longer. What is under way is dropped."""
        session.data.labels.discard(label)
        session.notify(DataClosed(label=label))

    def adopt_producer(self, session: PeerSession, producer: DataProducer) -> None:
        handle = partial(self.route, session, reliable=producer.reliable)

        async def receive(message: bytes) -> None:
            self.counts["received"] += 1
            try:
                part = DataPart.decode(message)
            except BadPartError:
                self.counts["malformed"] += 1
                return
            if producer.reliable:
                session.data.inbox.put(producer, message, part, handle)
            else:
                await handle(part)

        def ended(reason: str) -> None:
            if (told := _as_told(reason)) is not None:
                session.notify(DataProducerClosed(data_producer_id=producer.id, reason=told))

        producer.on_message = receive
        producer.on_close.connect(ended)

    def adopt_consumer(self, session: PeerSession, consumer: DataConsumer) -> None:
        """Messages for the peer leave by this one, and no longer by the one before."""
        outlet = session.data.outlet(reliable=consumer.reliable)

        def ended(reason: str) -> None:
            replaced = outlet.consumer is not consumer
            outlet.lost(consumer)
            if not replaced and (told := _as_told(reason)) is not None:
                session.notify(DataConsumerClosed(data_consumer_id=consumer.id, reason=told))

        outlet.lead_to(consumer)
        consumer.on_close.connect(ended)

    # messages

    async def route(self, sender: PeerSession, part: DataPart, *, reliable: bool) -> None:
        """A part has come from a peer."""
        if sender.closed:
            return
        if part.label not in sender.data.labels:
            self.counts["label_not_open"] += 1
            return
        if not await self._admit(sender, reliable=reliable):
            self.counts["too_many"] += 1
            return
        if part.peer_id:
            addressee = self._somebody(sender, part.peer_id)
            recipients = [] if addressee is None else [addressee]
            self.counts["not_found"] += addressee is None
        else:
            recipients = list(self._everybody(sender))
        await self.deliver(replace(part, peer_id=sender.id), recipients, reliable=reliable)
        if self.hear is not None:
            await self.hear(sender, part, reliable=reliable)

    async def deliver(self, part: DataPart, recipients: Iterable[PeerSession], *, reliable: bool) -> None:
        """`part` says from whom it is. Returns when it is on its way to all who take it."""
        message = part.encode()
        slow = []
        for recipient in recipients:
            self.counts["sent"] += 1
            if not await recipient.data.outlet(reliable=reliable).send(message):
                slow.append(recipient)
        if not reliable:
            self.counts["lossy_dropped"] += len(slow)
            return
        began = asyncio.get_running_loop().time()
        for recipient in slow:
            await self._deliver_late(recipient, message, began)

    async def _deliver_late(self, recipient: PeerSession, message: bytes, began_s: float) -> None:
        outlet = recipient.data.outlet(reliable=True)
        try:
            async with asyncio.timeout_at(began_s + recipient.data.patience_s):
                await outlet.send_in_time(message)
        except TimeoutError:
            self.counts["too_slow"] += 1
            logger.info("peer %s takes its data too slowly, and gets none for now", recipient.id)
            recipient.data.patience_s /= 2
            outlet.give_up()

    async def _admit(self, sender: PeerSession, *, reliable: bool) -> bool:
        """Within the sender's rate; what is reliable waits for that."""
        while not sender.data.tokens.has_token(self._clock()):
            if not reliable:
                return False
            await asyncio.sleep(1 / PARTS_PER_S)
        sender.data.tokens.take()
        return True


def _as_told(reason: str) -> DataEndReason | None:
    """None: the client knows by itself, as the transport went with it."""
    return next((told for told in get_args(DataEndReason) if told == reason), None)

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
from typing import TYPE_CHECKING, Final

from simplesfu.control.data_consumer import DataConsumer
from simplesfu.control.data_producer import DataProducer
from simplesfu.errors import LimitReached
from simplesfu.signaling.admission import TokenBucket
from simplesfu.signaling.data_messages import DataClosed, DataConsumerClosed, DataEndReason, DataProducerClosed
from simplesfu.signaling.data_parts import BadPartError, DataPart

if TYPE_CHECKING:
    from simplesfu.signaling.session import PeerSession

PATIENCE_S: Final = 10.0
PARTS_PER_S: Final = 1000
PARTS_AT_ONCE: Final = 2000
MAX_LABELS: Final = 1024

logger = logging.getLogger(__name__)


class DataDesk:
    """One peer's side of it: what it may send, and where what is for it goes."""

    def __init__(self) -> None:
        self.labels: set[str] = set()
        """Opened with openData."""
        self.tokens = TokenBucket(PARTS_PER_S, PARTS_AT_ONCE, 0)
        self.patience_s = PATIENCE_S
        self._outlets = {True: Outlet(), False: Outlet()}

    def outlet(self, *, reliable: bool) -> Outlet:
        return self._outlets[reliable]


class Outlet:
    """Where messages of one kind leave for a peer. It is wanted from the first data consumer on, and goes on being so
    while there is none: a transport that is rebuilt brings the next one."""

    def __init__(self) -> None:
        self.wanted = False
        self.consumer: DataConsumer | None = None
        self._arrived = asyncio.Event()

    def lead_to(self, consumer: DataConsumer) -> None:
        self.wanted = True
        previous, self.consumer = self.consumer, consumer
        if previous is not None:
            previous.close()
        self._arrived.set()

    def lost(self, consumer: DataConsumer) -> None:
        if self.consumer is consumer:
            self.consumer = None
            self._arrived.clear()

    def give_up(self) -> None:
        """Nobody waits for it any longer."""
        self.wanted = False
        if self.consumer is not None:
            self.consumer.close("too_slow")

    async def send(self, message: bytes) -> bool:
        """Never waits. True when there is nothing to wait for, since it went, or nobody wants it."""
        if self.consumer is not None:
            return await self.consumer.send(message)
        return not self.wanted

    async def send_in_time(self, message: bytes) -> None:
        """Wait until it goes."""
        while not await self.send(message):
            if self.consumer is not None:
                await self.consumer.room()
            else:
                await self._arrived.wait()


class DataRouting:
    """`everybody(session)` are those in its sight; `somebody(session, peer_id)` is one of them, by any id of it.

    `counts` are kept for stats(). `hear(session, part, reliable)` is how the application hears what it listens to.
    """

    def __init__(
        self,
        everybody: Callable[[PeerSession], Iterable[PeerSession]],
        somebody: Callable[[PeerSession, str], PeerSession | None],
        clock: Callable[[], int],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.hear: Callable[[PeerSession, DataPart], None] | None = None
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
        async def route(message: bytes) -> None:
            await self.route(session, message, reliable=producer.reliable)

        def ended(reason: str) -> None:
            if (told := _as_told(reason)) is not None:
                session.notify(DataProducerClosed(data_producer_id=producer.id, reason=told))

        producer.on_message = route
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

    async def route(self, sender: PeerSession, message: bytes, *, reliable: bool) -> None:
        """A part has come from a peer."""
        self.counts["received"] += 1
        try:
            part = DataPart.decode(message)
        except BadPartError:
            self.counts["malformed"] += 1
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
        if self.hear is not None:
            self.hear(sender, part)
        await self.deliver(replace(part, peer_id=sender.id), recipients, reliable=reliable)

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
    return reason if reason in ("too_slow", "sctp_closed", "closed") else None  # type: ignore[return-value]

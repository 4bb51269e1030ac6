"""Who gets which message: by sight, and by what the application has allowed. Everything happens on the engine's loop.

A reliable message waits for place in the buffers of those whom it is for, and the sender's next ones wait behind it: in
this server while its receive window lasts, then at the sender. Who makes no place within its patience has its data
closed, and less patience from then on; so the others wait no longer than that for somebody slow, or dead. Other
messages wait for nobody.
"""
from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from simplesfu.control.data_consumer import DataConsumer
from simplesfu.control.data_producer import DataProducer
from simplesfu.errors import LimitReached
from simplesfu.signaling.admission import TokenBucket
from simplesfu.signaling.data_messages import (
    DataClosed,
    DataConsumerClosed,
    DataEndReason,
    DataProducerClosed,
    PartNumber,
)
from simplesfu.signaling.data_parts import MESSAGE_NUMBERS, BadPartError, DataPart

if TYPE_CHECKING:
    from simplesfu.signaling.session import PeerSession

PATIENCE_S: Final = 10.0
PARTS_PER_S: Final = 1000
PARTS_AT_ONCE: Final = 2000
MAX_LABELS: Final = 1024

PartHandler: TypeAlias = Callable[[DataPart], Awaitable[None]]


class Hear(Protocol):
    """How the application hears of what its peers send."""

    async def __call__(self, sender: PeerSession, part: DataPart, *, reliable: bool) -> None: ...


logger = logging.getLogger(__name__)


class DataDesk:
    """One peer's side of it: what it may send, what it has sent, and where what is for it leaves."""

    def __init__(self) -> None:
        self.labels: set[str] = set()
        """Opened with openData."""
        self.tokens = TokenBucket(PARTS_PER_S, PARTS_AT_ONCE, 0)
        self.patience_s = PATIENCE_S
        self.inbox = Inbox()
        self._outlets = {True: Outlet(), False: Outlet()}

    def outlet(self, *, reliable: bool) -> Outlet:
        return self._outlets[reliable]

    def close(self) -> None:
        """The peer has left."""
        for outlet in self._outlets.values():
            outlet.give_up()


class Inbox:
    """Reliable parts of one peer that wait for their receivers, whatever transport has brought them."""

    def __init__(self) -> None:
        self.received: PartNumber | None = None
        """The last there was."""
        self._waiting: deque[tuple[DataProducer, bytes, DataPart]] = deque()
        self._works = False

    def put(self, producer: DataProducer, message: bytes, part: DataPart, handle: PartHandler) -> None:
        """`handle` it when all before it have been. What came over another transport already is dropped."""
        if self.received is not None and not _follows(part, self.received):
            return
        self.received = PartNumber(message=part.message, index=part.index)
        producer.hold(message)
        self._waiting.append((producer, message, part))
        if not self._works:
            self._works = True
            producer.tasks.spawn(self._work(handle), "reliable data of a peer")

    async def _work(self, handle: PartHandler) -> None:
        try:
            while self._waiting:
                producer, message, part = self._waiting.popleft()
                try:
                    await handle(part)
                except Exception:  # a bug; the parts behind this one are not to blame
                    logger.exception("a part of a message was not handled")
                finally:
                    await producer.release(message)
                await asyncio.sleep(0)  # others' packets come between
        finally:
            self._works = False


class Outlet:
    """Where messages of one kind leave for a peer. It is wanted from the first data consumer on, and goes on being so
    while there is none: a transport that is rebuilt brings the next one, which begins with what the last one has left.
    """

    def __init__(self) -> None:
        self.wanted = False
        self.consumer: DataConsumer | None = None
        self._undelivered: list[bytes] = []
        self._arrived = asyncio.Event()

    def lead_to(self, consumer: DataConsumer) -> None:
        previous, self.consumer = self.consumer, consumer
        if previous is not None:
            previous.close()
            self._undelivered = previous.undelivered
        consumer.begin_with(self._undelivered)
        self._undelivered = []
        self.wanted = True
        self._arrived.set()

    def lost(self, consumer: DataConsumer) -> None:
        """The consumer has closed."""
        if self.consumer is consumer:
            self.consumer = None
            self._undelivered = consumer.undelivered
            self._arrived.clear()

    def give_up(self) -> None:
        """Nobody waits for it any longer."""
        if self.consumer is not None:
            self.consumer.close("too_slow")
        self.wanted = False
        self._undelivered = []
        self._arrived.set()  # those who wait find that there is nothing to wait for

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
    return reason if reason in ("too_slow", "sctp_closed", "closed") else None  # type: ignore[return-value]


def _follows(part: DataPart, last: PartNumber) -> bool:
    """Whether it comes after that one; numbers of messages go in a circle."""
    ahead = (part.message - last.message) % MESSAGE_NUMBERS
    return part.index > last.index if ahead == 0 else ahead < MESSAGE_NUMBERS // 2

"""One peer's side of its data: what it may send, what it has sent, and where what is for it leaves."""
from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from simplesfu.control.data_consumer import DataConsumer
from simplesfu.control.data_producer import DataProducer
from simplesfu.signaling.admission import TokenBucket
from simplesfu.signaling.data.messages import PartNumber
from simplesfu.signaling.data.parts import MESSAGE_NUMBERS, DataPart

HELD_BYTES: Final = 256 * 1024
"""For a peer whose channel is about to come; beyond that, senders wait."""
PATIENCE_S: Final = 10.0
PARTS_PER_S: Final = 1000
PARTS_AT_ONCE: Final = 2000

PartHandler: TypeAlias = Callable[[DataPart], Awaitable[None]]

logger = logging.getLogger(__name__)


class DataDesk:
    def __init__(self) -> None:
        self.labels: set[str] = set()
        """Opened with openData."""
        self.tokens = TokenBucket(PARTS_PER_S, PARTS_AT_ONCE, 0)
        self.patience_s = PATIENCE_S
        self.inbox = Inbox()
        self._outlets = {True: Outlet(HELD_BYTES), False: Outlet(0)}

    def expect_consumers(self) -> None:
        """The peer has said that it will open its channels: reliable messages wait for that."""
        self.outlet(reliable=True).expect()

    def outlet(self, *, reliable: bool) -> Outlet:
        return self._outlets[reliable]

    @property
    def consumer_ids(self) -> list[str]:
        """Of those that messages for this peer leave by."""
        return [outlet.consumer.id for outlet in self._outlets.values() if outlet.consumer is not None]

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
    """Where messages of one kind leave for a peer. It is wanted from the first data consumer on, or since that was
    announced, and goes on being so while there is none: a transport that is rebuilt brings the next one. That begins
    with what the last one has left, and what has come since, up to `holds_bytes`.
    """

    def __init__(self, holds_bytes: int) -> None:
        self.wanted = False
        self.consumer: DataConsumer | None = None
        self._holds_bytes = holds_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._arrived = asyncio.Event()

    def expect(self) -> None:
        """The first data consumer is about to come."""
        self.wanted = True
        self._arrived.clear()

    def lead_to(self, consumer: DataConsumer) -> None:
        previous, self.consumer = self.consumer, consumer
        if previous is not None:
            previous.close()
            self._hold(previous.undelivered)
        consumer.begin_with(self._held)
        self._hold([])
        self.wanted = True
        self._arrived.set()

    def lost(self, consumer: DataConsumer) -> None:
        """The consumer has closed."""
        if self.consumer is consumer:
            self.consumer = None
            self._hold(consumer.undelivered)
            self._arrived.clear()

    def give_up(self) -> None:
        """Nobody waits for it any longer."""
        if self.consumer is not None:
            self.consumer.close("too_slow")
        self.wanted = False
        self._hold([])
        self._arrived.set()  # those who wait find that there is nothing to wait for

    async def send(self, message: bytes) -> bool:
        """Never waits. True when there is nothing to wait for: it went, or is held, or nobody wants it."""
        if self.consumer is not None:
            return await self.consumer.send(message)
        if not self.wanted:
            return True
        if self._held_bytes >= self._holds_bytes:
            return False
        self._held.append(message)
        self._held_bytes += len(message)
        return True

    async def send_in_time(self, message: bytes) -> None:
        """Wait until it goes."""
        while not await self.send(message):
            if self.consumer is not None:
                await self.consumer.room()
            else:
                await self._arrived.wait()

    def _hold(self, messages: list[bytes]) -> None:
        self._held = messages
        self._held_bytes = sum(map(len, messages))


def _follows(part: DataPart, last: PartNumber) -> bool:
    """Whether it comes after that one; numbers of messages go in a circle."""
    ahead = (part.message - last.message) % MESSAGE_NUMBERS
    return part.index > last.index if ahead == 0 else ahead < MESSAGE_NUMBERS // 2

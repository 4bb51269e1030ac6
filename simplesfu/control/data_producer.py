"""What a client sends over one data channel."""
from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from simplesfu.control.ids import new_id
from simplesfu.control.signal import Signal
from simplesfu.engine.aiortc_bridge import SctpTransport
from simplesfu.engine.tasks import TaskSet
from simplesfu.types import SctpStreamParameters

MessageHandler: TypeAlias = Callable[[bytes], Awaitable[None]]

logger = logging.getLogger(__name__)


class DataProducer:
    """Made by DataTransport.produce. `on_message` is awaited with one message after the other.

    While it waits, reliable messages wait too: they count in the receive window, which stops the client in the end.
    Others are not kept: `on_message` should return at once for those.
    on_close(reason): "closed", "transport_closed", or "sctp_closed" (the client has ended the association).
    """

    def __init__(
        self, sctp: SctpTransport, tasks: TaskSet, parameters: SctpStreamParameters, label: str, protocol: str
    ) -> None:
        self.id = new_id()
        self.label = label
        self.protocol = protocol
        self.sctp_stream_parameters = parameters
        self.reliable = parameters.max_packet_life_time is None and parameters.max_retransmits is None
        self.closed = False
        self.on_message: MessageHandler | None = None
        self.on_close: Signal[[str]] = Signal()
        self._sctp = sctp
        self._tasks = tasks
        self._waiting: deque[bytes] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._messages = 0
        self._bytes = 0
        sctp.receivable.add(parameters.stream_id)

    async def receive(self, message: bytes) -> None:
        """The association has brought a message."""
        self._messages += 1
        self._bytes += len(message)
        if not self.reliable:
            await self._hand_on(message)
            return
        self._sctp.hold(message)
        self._waiting.append(message)
        if self._pump is None:
            self._pump = self._tasks.spawn(self._run_pump(), f"messages of data producer {self.id}")

    def close(self, reason: str = "closed") -> None:
        """What waits is dropped. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self._sctp.receivable.discard(self.sctp_stream_parameters.stream_id)
        if self._pump is not None:
            self._pump.cancel()
        self.on_close.emit(reason)

    def stats(self) -> dict[str, object]:
        return {
            "id": self.id,
            "label": self.label,
            "messages_received": self._messages,
            "bytes_received": self._bytes,
            "messages_waiting": len(self._waiting),
        }

    async def _run_pump(self) -> None:
        try:
            while self._waiting:
                message = self._waiting.popleft()
                try:
                    await self._hand_on(message)
                finally:
                    await self._sctp.release(message)
                await asyncio.sleep(0)  # others' packets come between
        finally:
            self._pump = None
            while self._waiting:
                await self._sctp.release(self._waiting.popleft())

    async def _hand_on(self, message: bytes) -> None:
        if self.on_message is None:
            return
        try:
            await self.on_message(message)
        except Exception:  # a bug; the messages behind this one are not to blame
            logger.exception("a message of data producer %s was not handled", self.id)

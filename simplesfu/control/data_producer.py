"""What a client sends over one data channel."""
from __future__ import annotations

import logging
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
    """Made by DataTransport.produce. `on_message` is awaited within the work on a packet and must not wait for others:
    who cannot finish with a message says hold(), and release() later. What is held narrows the receive window, which
    stops the client in the end.

    on_close(reason): "closed", "transport_closed", "dtls_closed", or "sctp_closed" (the client ended the association).
    """

    def __init__(
        self, sctp: SctpTransport, tasks: TaskSet, parameters: SctpStreamParameters, label: str, protocol: str
    ) -> None:
        self.id = new_id()
        self.label = label
        self.protocol = protocol
        self.sctp_stream_parameters = parameters
        self.reliable = parameters.max_packet_life_time is None and parameters.max_retransmits is None
        self.tasks = tasks
        """For work on its messages that goes on behind `on_message`."""
        self.closed = False
        self.on_message: MessageHandler | None = None
        self.on_close: Signal[[str]] = Signal()
        self._sctp = sctp
        self._held = 0
        self._messages = 0
        self._bytes = 0
        sctp.receivable.add(parameters.stream_id)

    def accept_text(self) -> None:
        """Text comes in too, as TextMessage; else it is dropped."""
        self._sctp.texts.add(self.sctp_stream_parameters.stream_id)

    async def receive(self, message: bytes) -> None:
        """The association has brought a message."""
        self._messages += 1
        self._bytes += len(message)
        if self.on_message is None:
            return
        try:
            await self.on_message(message)
        except Exception:  # a bug; the messages behind this one are not to blame
            logger.exception("a message of data producer %s was not handled", self.id)

    def hold(self, message: bytes) -> None:
        self._held += 1
        self._sctp.hold(message)

    async def release(self, message: bytes) -> None:
        """What hold() took, once; after the end too."""
        self._held -= 1
        await self._sctp.release(message)

    def close(self, reason: str = "closed") -> None:
        """A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self._sctp.receivable.discard(self.sctp_stream_parameters.stream_id)
        self._sctp.texts.discard(self.sctp_stream_parameters.stream_id)
        self.on_close.emit(reason)

    def stats(self) -> dict[str, object]:
        return {
            "id": self.id,
            "label": self.label,
            "messages_received": self._messages,
            "bytes_received": self._bytes,
            "messages_held": self._held,
        }

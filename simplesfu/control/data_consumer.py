"""What goes to one client over one data channel."""
from __future__ import annotations

import asyncio
from typing import Final

from simplesfu.control.ids import new_id
from simplesfu.control.signal import Signal
from simplesfu.engine.aiortc_bridge import SctpTransport
from simplesfu.engine.sctp import OutgoingStream
from simplesfu.types import SctpStreamParameters

RELIABLE_BUFFER_BYTES: Final = 512 * 1024
"""Beyond what is under way: a client that takes its messages more slowly than they come fills it."""
LOSSY_BUFFER_BYTES: Final = 64 * 1024


class DataConsumer:
    """Made by DataTransport.consume.

    on_close(reason): "closed", "too_slow", "transport_closed", "dtls_closed", or "sctp_closed" (the client ended the
    association).
    """

    def __init__(self, sctp: SctpTransport, parameters: SctpStreamParameters, label: str, protocol: str) -> None:
        self.id = new_id()
        self.data_producer_id = new_id()
        """Clients want the name of a source; it is the server itself."""
        self.label = label
        self.protocol = protocol
        self.sctp_stream_parameters = parameters
        self.reliable = parameters.max_retransmits is None
        self.closed = False
        self.on_close: Signal[[str]] = Signal()
        self._sctp = sctp
        self._limit_bytes = RELIABLE_BUFFER_BYTES if self.reliable else LOSSY_BUFFER_BYTES
        self._room = asyncio.Event()
        self._room.set()
        self._sent = 0
        self._sent_bytes = 0
        self._dropped = 0
        self._stream = OutgoingStream(
            parameters.stream_id, ordered=bool(parameters.ordered), max_retransmits=parameters.max_retransmits
        )
        self._stream.on_room = self._room_made
        sctp.streams.add(self._stream)

    @property
    def buffered_bytes(self) -> int:
        return self._stream.buffered_bytes

    @property
    def undelivered(self) -> list[bytes]:
        """Reliable messages that the client has not acknowledged, in their order; after the end too."""
        return self._stream.undelivered if self.reliable else []

    def begin_with(self, messages: list[bytes]) -> None:
        """What another one has left undelivered goes first."""
        for message in messages:
            self._stream.put(message)
        if self._stream.buffered_bytes >= self._limit_bytes:
            self._room.clear()

    async def send(self, message: bytes) -> bool:
        """Never waits. False when there was no room, and the message has been dropped: room() tells when there is."""
        if self.closed or self._stream.buffered_bytes >= self._limit_bytes:
            self._dropped += 1
            return False
        self._stream.put(message)
        self._sent += 1
        self._sent_bytes += len(message)
        await self._sctp.flush()
        if self._stream.buffered_bytes >= self._limit_bytes:
            self._room.clear()
        return True

    async def room(self) -> None:
        """Wait until a message may be sent; at the end, too."""
        await self._room.wait()

    def close(self, reason: str = "closed") -> None:
        """A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self._sctp.streams.remove(self._stream)
        self._room.set()
        self.on_close.emit(reason)

    def stats(self) -> dict[str, object]:
        return {
            "id": self.id,
            "label": self.label,
            "messages_sent": self._sent,
            "bytes_sent": self._sent_bytes,
            "messages_dropped": self._dropped,
            "bytes_buffered": self.buffered_bytes,
        }

    def _room_made(self) -> None:
        if self._stream.buffered_bytes <= self._limit_bytes // 2:
            self._room.set()

"""SCTP as data channels use it (RFC 8831, RFC 9260): its bounds, and what of a client's packets may reach the parser.

A client's packets come out of DTLS, so nobody forges them; a hostile client can still write whatever it likes into
them. aiortc's parser raises, loops or allocates on some of it: `fault_of` keeps that away from it.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from struct import iter_unpack, unpack_from
from typing import Final, Protocol

SCTP_PORT: Final = 5000
MAX_STREAMS: Final = 1024
"""Of one direction; what browsers have too."""
MAX_MESSAGE_BYTES: Final = 64 * 1024
"""Of one SCTP message. What applications send may be larger: it travels in parts (docs/protocol.md)."""
RECV_WINDOW_BYTES: Final = 256 * 1024
"""What a client may have under way to us: the plane's ring must hold it. What waits for slow receivers counts, too."""
MAX_SEND_WINDOW_BYTES: Final = 512 * 1024
"""What is kept until a client has acknowledged it, however much the network seems to take. aiortc looks through all of
it for each packet that it sends."""
MESSAGE_OVERHEAD_BYTES: Final = 128
"""Charged to the window for each message that waits: small ones cost memory too."""
MAX_HELD_CHUNKS: Final = 1024
"""Fragments of unfinished messages, and numbers received out of order."""
MAX_TSNS_AHEAD: Final = 8192

_TSNS: Final = 1 << 32
_HEADER: Final = 12
_CHUNK_HEADER: Final = 4
_DATA, _INIT, _INIT_ACK, _SACK, _HEARTBEAT, _HEARTBEAT_ACK, _ABORT, _SHUTDOWN = range(8)
_ERROR, _RECONFIG, _FORWARD_TSN = 9, 130, 192
_RESET_OUTGOING, _RECONFIG_RESPONSE, _ADD_OUTGOING = 13, 16, 17


class TextMessage(bytes):
    """A message of a text, in UTF-8: it travels, and has come, as one (RFC 8831 §6.6)."""


class SctpObserver(Protocol):
    """Whom an association tells; all on the engine's loop."""

    async def sctp_message(self, stream_id: int, message: bytes) -> None:
        """A message has come: binary, or a TextMessage where those are accepted. Who keeps it says
        SctpTransport.hold(), and release() when it is done with it."""

    def sctp_closed(self) -> None:
        """The client has ended the association, or broken its rules. Once."""


class OutgoingStream:
    """Messages on their way into one stream, first in first out. `on_room()` is called when some have gone."""

    def __init__(self, stream_id: int, *, ordered: bool, max_retransmits: int | None) -> None:
        self.stream_id = stream_id
        self.ordered = ordered
        self.max_retransmits = max_retransmits
        self.buffered_bytes = 0
        self.on_room: Callable[[], object] = lambda: None
        self._messages: deque[bytes] = deque()
        self._under_way: deque[tuple[int, bytes]] = deque()

    @property
    def undelivered(self) -> list[bytes]:
        """What the peer has not acknowledged, in order; of an unordered stream only what has not been sent."""
        return [message for _, message in self._under_way] + list(self._messages)

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: bytes) -> None:
        """Whoever calls it looks at `buffered_bytes` before."""
        self._messages.append(message)
        self.buffered_bytes += len(message) + MESSAGE_OVERHEAD_BYTES

    def take(self) -> bytes:
        message = self._messages.popleft()
        self.buffered_bytes -= len(message) + MESSAGE_OVERHEAD_BYTES
        self.on_room()
        return message

    def sent(self, message: bytes, last_tsn: int) -> None:
        """What take() gave has gone, and ended with this chunk."""
        if self.ordered:
            self._under_way.append((last_tsn, message))

    def acknowledged(self, tsn: int) -> None:
        """The peer has all up to here."""
        while self._under_way and (tsn - self._under_way[0][0]) % _TSNS < _TSNS // 2:
            self._under_way.popleft()


class OutgoingStreams:
    """All of an association. Each that has messages gets its turn: a long queue in one does not hold up the others."""

    def __init__(self) -> None:
        self._by_id: dict[int, OutgoingStream] = {}
        self._next_id = 0

    def add(self, stream: OutgoingStream) -> None:
        self._by_id[stream.stream_id] = stream

    def remove(self, stream: OutgoingStream) -> None:
        self._by_id.pop(stream.stream_id, None)

    def acknowledged(self, tsn: int) -> None:
        for stream in self._by_id.values():
            stream.acknowledged(tsn)

    def free_id(self) -> int | None:
        """In turn: a client may hold one that was given back for as long as its transport is there."""
        for ahead in range(MAX_STREAMS):
            number = (self._next_id + ahead) % MAX_STREAMS
            if number not in self._by_id:
                self._next_id = number + 1
                return number
        return None

    def next(self) -> OutgoingStream | None:
        """One that has something to send; it is last in turn after that."""
        for stream_id, stream in self._by_id.items():
            if len(stream):
                self._by_id[stream_id] = self._by_id.pop(stream_id)
                return stream
        return None


def fault_of(packet: bytes) -> str | None:
    """What keeps a packet from being parsed, as a counter's name; None when nothing does."""
    if len(packet) < _HEADER + _CHUNK_HEADER:
        return "sctp_malformed"
    types = []
    position = _HEADER
    while position <= len(packet) - _CHUNK_HEADER:
        kind, _flags, length = unpack_from("!BBH", packet, position)
        if length < _CHUNK_HEADER or position + length > len(packet):
            return "sctp_malformed"
        check = _CHECKS.get(kind)
        if check is not None and not check(packet[position + _CHUNK_HEADER : position + length]):
            return "sctp_malformed"
        types.append(kind)
        position += length + -length % 4
    if _INIT_ACK in types:
        return "sctp_unexpected"  # we never ask
    if _INIT in types and len(types) > 1:  # RFC 9260 §6.10
        return "sctp_malformed"
    return None


def _is_data(body: bytes) -> bool:
    return len(body) > 12  # without user data a chunk would cost the window nothing (RFC 9260 §3.3.1)


def _is_init(body: bytes) -> bool:
    if len(body) < 16:
        return False
    tag, _window, outbound, inbound, _tsn = unpack_from("!LLHHL", body)
    return bool(tag and outbound and inbound) and _has_params(body[16:])


def _is_sack(body: bytes) -> bool:
    if len(body) < 12:
        return False
    gaps, duplicates = unpack_from("!HH", body, 8)
    if len(body) != 12 + 4 * (gaps + duplicates):
        return False
    last = 0
    for start, end in iter_unpack("!HH", body[12 : 12 + 4 * gaps]):
        if not last < start <= end:
            return False
        last = end
    return True


def _is_shutdown(body: bytes) -> bool:
    return len(body) == 4


def _is_forward_tsn(body: bytes) -> bool:
    return len(body) >= 4 and len(body) % 4 == 0


def _has_params(body: bytes) -> bool:
    return all(value is not None for _, value in _params(body))


def _is_reconfig(body: bytes) -> bool:
    return all(_is_reconfig_param(kind, value) for kind, value in _params(body))


def _is_reconfig_param(kind: int, value: bytes | None) -> bool:
    if value is None:
        return False
    if kind == _RESET_OUTGOING:
        return len(value) >= 12 and len(value) % 2 == 0
    if kind == _RECONFIG_RESPONSE:
        return len(value) in (8, 16)
    return kind != _ADD_OUTGOING or len(value) == 8


def _params(body: bytes) -> Iterator[tuple[int, bytes | None]]:
    """The parameters (RFC 9260 §3.2.1); None instead of the value of one that is not well-formed, and then no more.

    A length of zero is what aiortc would never get past."""
    position = 0
    while position <= len(body) - 4:
        kind, length = unpack_from("!HH", body, position)
        if length < 4 or position + length > len(body):
            yield kind, None
            return
        yield kind, body[position + 4 : position + length]
        position += length + -length % 4


_CHECKS: Final[dict[int, Callable[[bytes], bool]]] = {
    _DATA: _is_data,
    _INIT: _is_init,
    _SACK: _is_sack,
    _HEARTBEAT: _has_params,
    _HEARTBEAT_ACK: _has_params,
    _ABORT: _has_params,
    _SHUTDOWN: _is_shutdown,
    _ERROR: _has_params,
    _RECONFIG: _is_reconfig,
    _FORWARD_TSN: _is_forward_tsn,
}

"""What travels over the data channels: the parts of messages, each with the names it is routed by.

     0  u8   0 binary, 1 text in UTF-8
     1  u8   0
     2  u16  bytes of the peer's id      towards the server: to whom, none for everybody in sight; from it: from whom
     4  u16  bytes of the label
     6  u32  number of the message: one for each that its sender sends
    10  u16  index of the part
    12  u16  how many parts there are
    14       the peer's id, the label, and then the part of the message

Numbers are big-endian. All parts of a message but the last are equally long. The server passes parts on as they come:
it keeps no message, and a long one does not hold up the short ones of others.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

MAX_DATA_BYTES: Final = 256 * 1024
PART_BYTES: Final = 16 * 1024
"""What we cut messages into; a few round trips' worth of what one channel holds up another."""
MAX_PARTS: Final = 256
MAX_NAME_CHARACTERS: Final = 128

MESSAGE_NUMBERS: Final = 1 << 32

_HEADER: Final = Struct("!BBHHLHH")


class BadPartError(ValueError):
    """Not a part as it is described above."""


@dataclass(frozen=True, kw_only=True)
class DataPart:
    text: bool
    peer_id: str
    label: str
    message: int
    index: int
    count: int
    body: bytes

    def encode(self) -> bytes:
        peer_id, label = self.peer_id.encode(), self.label.encode()
        return b"".join((
            _HEADER.pack(self.text, 0, len(peer_id), len(label), self.message, self.index, self.count),
            peer_id,
            label,
            self.body,
        ))

    @classmethod
    def decode(cls, data: bytes) -> DataPart:
        """Raises BadPartError."""
        if len(data) < _HEADER.size:
            raise BadPartError("shorter than its header")
        kind, zero, peer_id_bytes, label_bytes, message, index, count = _HEADER.unpack_from(data)
        label_at = _HEADER.size + peer_id_bytes
        body_at = label_at + label_bytes
        if kind > 1 or zero or body_at > len(data):
            raise BadPartError("no header of a part")
        body = data[body_at:]
        if not index < count <= MAX_PARTS or (count > 1 and not body) or len(body) * (count - 1) > MAX_DATA_BYTES:
            raise BadPartError("no part of a message of this length")
        return cls(
            text=bool(kind),
            peer_id=_name(data[_HEADER.size : label_at]),
            label=_name(data[label_at:body_at]),
            message=message,
            index=index,
            count=count,
            body=body,
        )


def split(data: str | bytes, *, peer_id: str, label: str, message: int) -> Iterator[DataPart]:
    """A message in parts. Raises ValueError when it is longer than 256 KiB."""
    raw = data.encode() if isinstance(data, str) else bytes(data)
    if len(raw) > MAX_DATA_BYTES:
        raise ValueError(f"{len(raw)} bytes are more than {MAX_DATA_BYTES}")
    count = max(1, -(-len(raw) // PART_BYTES))
    for index in range(count):
        yield DataPart(
            text=isinstance(data, str),
            peer_id=peer_id,
            label=label,
            message=message % MESSAGE_NUMBERS,
            index=index,
            count=count,
            body=raw[index * PART_BYTES : (index + 1) * PART_BYTES],
        )


class Assembly:
    """Puts one sender's messages together. Of unfinished ones it keeps the latest few, since the others have lost parts
    or their sender; which is all that can happen to them."""

    MAX_UNFINISHED: Final = 4

    def __init__(self) -> None:
        self._unfinished: dict[int, dict[int, DataPart]] = {}

    def add(self, part: DataPart) -> str | bytes | None:
        """The message, when this was the last part of it that was missing. Raises BadPartError (text that is none)."""
        if part.count == 1:
            return _whole([part])
        parts = self._unfinished.setdefault(part.message, {})
        parts[part.index] = part
        if len(parts) == part.count:
            del self._unfinished[part.message]
            return _whole([parts[index] for index in sorted(parts)])
        if len(self._unfinished) > self.MAX_UNFINISHED:
            del self._unfinished[next(iter(self._unfinished))]
        return None


def _whole(parts: list[DataPart]) -> str | bytes:
    raw = b"".join(part.body for part in parts)
    if len(raw) > MAX_DATA_BYTES:
        raise BadPartError("longer than a message may be")
    try:
        return raw.decode() if parts[0].text else raw
    except UnicodeDecodeError as error:
        raise BadPartError("the text is not UTF-8") from error


def _name(raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise BadPartError("a name is not UTF-8") from error
    if len(name) > MAX_NAME_CHARACTERS:
        raise BadPartError("a name is too long")
    return name

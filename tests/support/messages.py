"""Messages that can be told apart and checked: the same in Python and in the test page (page/data.js)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

UNIT = "ż🦆a"  # two, four and one bytes of UTF-8
PREFIX = 8


def message(number: int, size: int, *, text: bool) -> str | bytes:
    """`size` bytes that depend on the number; of text, bytes of its UTF-8. At least 8."""
    if text:
        length = size - PREFIX
        return f"{number:0{PREFIX}}" + UNIT * (length // 7) + "a" * (length % 7)
    pattern = bytes((index * 7 + (index >> 8) + number * 13) & 255 for index in range(min(size, 1 << 16)))
    return (pattern * (size // len(pattern) + 1))[:size]


@dataclass(frozen=True)
class Seen:
    """A message that came: its size in bytes and a checksum stand for it."""

    sender: str
    label: str
    text: bool
    size: int
    crc: int

    @classmethod
    def of(cls, sender: str, data: str | bytes, label: str) -> Seen:
        raw = data.encode() if isinstance(data, str) else data
        return cls(sender, label, isinstance(data, str), len(raw), zlib.crc32(raw))

    @classmethod
    def from_page(cls, seen: dict[str, Any]) -> Seen:
        return cls(seen["from"], seen["label"], seen["text"], seen["size"], seen["crc"])


def expected(sender: str, numbers: range, size: int, *, text: bool, label: str) -> list[Seen]:
    return [Seen.of(sender, message(number, size, text=text), label) for number in numbers]

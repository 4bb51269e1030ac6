"""What a peer has been told and asked, kept for a while, so that a lost socket loses nothing of it."""
from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

KEPT_NOTIFICATIONS: Final = 1024
KEPT_BYTES: Final = 1024 * 1024
KEPT_ANSWERS: Final = 256

Answer: TypeAlias = dict[str, Any]
"""{"ok": True, "data": …} or {"ok": False, "error": {"code", "message", "hint"}}"""


class Told(NamedTuple):
    event: str
    payload: dict[str, Any]


class Journal:
    """The last notifications of a session, numbered 1, 2, …: so many, and so many bytes as JSON."""

    def __init__(self, kept: int = KEPT_NOTIFICATIONS, kept_bytes: int = KEPT_BYTES) -> None:
        self.seq = 0
        """Of the newest one; 0 before the first."""
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._entries: deque[tuple[Told, int]] = deque()
        """With the size in bytes of each."""
        self._bytes = 0

    def append(self, event: str, payload: dict[str, Any]) -> Told:
        self.seq += 1
        told = Told(event, payload | {"seq": self.seq})
        size_bytes = len(msgspec.json.encode(payload))
        self._entries.append((told, size_bytes))
        self._bytes += size_bytes
        while len(self._entries) > self._kept or self._bytes > self._kept_bytes:
            self._forget()
        return told

    def since(self, seq: int) -> list[Told] | None:
        """What came after that one. None: some of it is not kept any longer, or it never was."""
        missed = self.seq - seq
        if not 0 <= missed <= len(self._entries):
            return None
        return [told for told, _ in list(self._entries)[len(self._entries) - missed :]]

    def confirm(self, seq: int) -> None:
        """The client has everything up to that one."""
        for _ in range(len(self._entries) - max(0, self.seq - seq)):
            self._forget()

    def _forget(self) -> None:
        _, size_bytes = self._entries.popleft()
        self._bytes -= size_bytes


class Answers:
    """The answers to the last requests that carried an id: the same id gets the same answer."""

    def __init__(self, kept: int = KEPT_ANSWERS) -> None:
        self._kept = kept
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def find(self, request_id: str | None) -> Answer | None:
        return self._answers.get(request_id) if request_id is not None else None

    def remember(self, request_id: str | None, answer: Answer) -> None:
        if request_id is None:
            return
        self._answers[request_id] = answer
        if len(self._answers) > self._kept:
            self._answers.popitem(last=False)

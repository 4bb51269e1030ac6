"""The application's own messages: what it hears of those of its peers, and what it sends itself."""
from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from simplesfu.errors import BadRequest, LimitReached
from simplesfu.signaling.data.desk import PATIENCE_S
from simplesfu.signaling.data.parts import MAX_DATA_BYTES, MAX_NAME_CHARACTERS, Assembly, BadPartError, DataPart, split
from simplesfu.signaling.sessions.data_routing import DataRouting
from simplesfu.signaling.sessions.info import DataInfo
from simplesfu.signaling.sessions.session import PeerSession

MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
"""In each of the two directions."""
OVERHEAD_BYTES: Final = 2048
"""Charged for each message that the application is to hear: so there are never more than its events may be."""
SERVER: Final = ""
"""Whom peers see such messages come from."""


class DataListeners(Protocol):
    """What AppEvents has for this."""

    def is_awaited(self, event: str) -> bool: ...

    def report_data(self, info: DataInfo, done: Callable[[], object]) -> None:
        """`done` is called on the application's side when its handlers are through."""


class AppData:
    """On the engine's loop."""

    def __init__(self, routing: DataRouting, listeners: DataListeners) -> None:
        self._routing = routing
        self._listeners = listeners
        self._numbers = {True: count(), False: count()}
        self._turn = asyncio.Lock()
        self._sending_bytes = 0
        self._assemblies: WeakKeyDictionary[PeerSession, dict[bool, Assembly]] = WeakKeyDictionary()
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        routing.hear = self.hear

    async def send(
        self, data: str | bytes, recipients: Callable[[], Iterable[PeerSession]], label: str, *, reliable: bool
    ) -> None:
        """Returns when it is on its way to all. Raises BadRequest, LimitReached, and what `recipients` raises."""
        size = len(data.encode() if isinstance(data, str) else data)
        if size > MAX_DATA_BYTES:
            raise BadRequest(f"the message has {size} bytes, and {MAX_DATA_BYTES} are allowed", "send it in pieces")
        if len(label) > MAX_NAME_CHARACTERS:
            raise BadRequest(f"the label has {len(label)} characters", f"{MAX_NAME_CHARACTERS} are allowed")
        if self._sending_bytes + size > MAX_WAITING_BYTES:
            raise LimitReached("too much data waits to be sent", "wait for the result of send() before you send more")
        self._sending_bytes += size
        try:
            async with self._turn:  # the parts of a message are not mixed with those of another
                chosen = list(recipients())
                number = next(self._numbers[reliable])
                for part in split(data, peer_id=SERVER, label=label, message=number):
                    await self._routing.deliver(part, chosen, reliable=reliable)
        finally:
            self._sending_bytes -= size

    async def hear(self, sender: PeerSession, part: DataPart, *, reliable: bool) -> None:
        """A part has come from a peer. What is reliable waits for a slow application, and the sender with it, as for a
        slow peer; the application loses it in the end, too."""
        if not self._listeners.is_awaited("data"):
            return
        assembly = self._assemblies.setdefault(sender, {}).setdefault(reliable, Assembly())
        try:
            data = assembly.add(part)
        except BadPartError:
            self._routing.counts["malformed"] += 1
            return
        if data is None:
            return
        size = len(data) + OVERHEAD_BYTES
        if not await self._has_room(size, reliable=reliable):
            self._routing.counts["application_too_slow"] += 1
            return
        self._waiting_bytes += size
        info = DataInfo(peer_id=sender.id, to=part.peer_id, label=part.label, data=data, reliable=reliable)
        loop = asyncio.get_running_loop()
        self._listeners.report_data(info, partial(_call_soon, loop, self._heard, size))

    async def _has_room(self, size: int, *, reliable: bool) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_S if reliable else 0):
                while self._waiting_bytes + size > MAX_WAITING_BYTES:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            return False
        return True

    def _heard(self, size: int) -> None:
        self._waiting_bytes -= size
        self._room.set()


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[int], object], size: int) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, size)

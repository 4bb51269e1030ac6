"""Rooms in which the server wants peers whose clients are not there yet."""
from __future__ import annotations

from typing import Final

MAX_SOCKETS: Final = 100_000
"""An application that names sockets which never come must not fill the memory; the oldest are forgotten first."""


class Placements:
    """By the id of the application's socket."""

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, None]] = {}

    def add(self, sid: str, room: str) -> None:
        self._rooms.setdefault(sid, {})[room] = None
        if len(self._rooms) > MAX_SOCKETS:
            del self._rooms[next(iter(self._rooms))]

    def remove(self, sid: str, room: str) -> bool:
        """Whether it was there."""
        rooms = self._rooms.get(sid, {})
        if room not in rooms:
            return False
        del rooms[room]
        if not rooms:
            del self._rooms[sid]
        return True

    def take(self, sid: str) -> list[str]:
        """In the order of placing. They are forgotten."""
        return list(self._rooms.pop(sid, {}))

    def forget(self, sid: str) -> None:
        self._rooms.pop(sid, None)

"""Who shares a room with whom, and which rooms let nobody in. Ids only: no socket, no track."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from simplesfu.control.signal import Signal
from simplesfu.errors import NotFound

Room: TypeAlias = str | None
"""None is the lobby: the room of those who are in no other."""


class SightChange(NamedTuple):
    """What a move does to the sight of one peer. Sight is mutual, so the others' changes are the mirror image."""

    appeared: tuple[str, ...]
    vanished: tuple[str, ...]


class Rooms:
    """Membership, and the sight that follows from it: two peers see each other while they share a room."""

    def __init__(self) -> None:
        # Dictionaries without values are sets that keep the order of arrival: what peers are told is reproducible.
        self._members: dict[Room, dict[str, None]] = {}
        self._rooms: dict[str, dict[Room, None]] = {}
        self._locked: set[str] = set()
        self.on_change: Signal[[Room]] = Signal()
        """Somebody has come to that room, or has left it."""

    def add(self, peer_id: str, rooms: Sequence[str] = ()) -> SightChange:
        """Put a new peer into these rooms, or into the lobby."""
        self._rooms[peer_id] = {}
        for room in rooms or (None,):
            self._enter(peer_id, room)
        return SightChange(tuple(self.in_sight(peer_id)), ())

    def remove(self, peer_id: str) -> SightChange:
        """Take a peer out of every room. An unknown one is ignored."""
        vanished = tuple(self.in_sight(peer_id))
        for room in tuple(self._rooms.get(peer_id, ())):
            self._exit(peer_id, room)
        self._rooms.pop(peer_id, None)
        return SightChange((), vanished)

    def join(self, peer_id: str, room: str) -> SightChange:
        """The first room takes the peer out of the lobby. Joining again changes nothing."""
        before = self.in_sight(peer_id)
        self._enter(peer_id, room)
        if None in self._rooms[peer_id]:
            self._exit(peer_id, None)
        return self._change(before, self.in_sight(peer_id))

    def leave(self, peer_id: str, room: Room, *, to_lobby: bool = True) -> SightChange:
        """Leaving the last room leads back to the lobby, or out of everybody's sight. Raises NotFound when the peer is
        not in the room."""
        if room not in self._rooms.get(peer_id, ()):
            raise NotFound(f"not in the room {room!r}", "join it first; leaving it twice is not possible")
        before = self.in_sight(peer_id)
        self._exit(peer_id, room)
        if to_lobby and not self._rooms[peer_id]:
            self._enter(peer_id, None)
        return self._change(before, self.in_sight(peer_id))

    def lock(self, room: str, locked: bool) -> None:
        if locked:
            self._locked.add(room)
        else:
            self._locked.discard(room)

    def is_locked(self, room: str) -> bool:
        return room in self._locked

    def rooms_of(self, peer_id: str) -> tuple[str, ...]:
        """In the order of joining; empty in the lobby."""
        return tuple(room for room in self._rooms.get(peer_id, ()) if room is not None)

    def all_of(self, peer_id: str) -> tuple[Room, ...]:
        """With the lobby."""
        return tuple(self._rooms.get(peer_id, ()))

    def members(self, room: Room) -> tuple[str, ...]:
        return tuple(self._members.get(room, ()))

    def in_sight(self, peer_id: str) -> dict[str, None]:
        """The others that the peer sees, in order of arrival."""
        seen = {other: None for room in self._rooms.get(peer_id, ()) for other in self._members[room]}
        seen.pop(peer_id, None)
        return seen

    def only_one_in_sight(self, peer_id: str) -> str | None:
        """The other, when the peer sees exactly one."""
        found: str | None = None
        for room in self._rooms.get(peer_id, ()):
            for other in self._members[room]:
                if other in (peer_id, found):
                    continue
                if found is not None:
                    return None
                found = other
        return found

    def sees(self, peer_id: str, other_id: str) -> bool:
        """Nobody sees themselves."""
        if peer_id == other_id:
            return False
        return any(other_id in self._members[room] for room in self._rooms.get(peer_id, ()))

    def _enter(self, peer_id: str, room: Room) -> None:
        self._members.setdefault(room, {})[peer_id] = None
        self._rooms[peer_id][room] = None
        self.on_change.emit(room)

    def _exit(self, peer_id: str, room: Room) -> None:
        del self._rooms[peer_id][room]
        members = self._members[room]
        del members[peer_id]
        if not members:
            del self._members[room]
        self.on_change.emit(room)

    @staticmethod
    def _change(before: Iterable[str], after: Iterable[str]) -> SightChange:
        before, after = dict.fromkeys(before), dict.fromkeys(after)
        return SightChange(
            appeared=tuple(peer_id for peer_id in after if peer_id not in before),
            vanished=tuple(peer_id for peer_id in before if peer_id not in after),
        )

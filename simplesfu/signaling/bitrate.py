"""A room's bitrate, shared evenly among those who send into it."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from simplesfu.signaling.rooms import Room, Rooms
from simplesfu.signaling.session import PeerSession


class RoomBitrates:
    """Who sends into several rooms gets the smallest of its shares, as each of them gets all that it sends.

    `max_room_bps` 0: rooms have no limit, and nobody is told anything. `max_peer_bps` 0: peers have none.
    """

    def __init__(
        self, rooms: Rooms, sessions: Mapping[str, PeerSession], *, max_room_bps: int, max_peer_bps: int
    ) -> None:
        self._rooms = rooms
        self._sessions = sessions
        self._max_room_bps = max_room_bps
        self._max_peer_bps = max_peer_bps

    def share(self, rooms: Iterable[Room]) -> None:
        """Somebody has come to these rooms, has left them, or sends there for the first or no longer."""
        if not self._max_room_bps:
            return
        for peer_id in {peer_id: None for room in rooms for peer_id in self._rooms.members(room)}:
            session = self._sessions[peer_id]
            for entry in session.transports.values():
                if entry.direction == "send" and not entry.transport.closed:
                    entry.transport.limit_incoming(self._limit_of(peer_id))

    def _limit_of(self, peer_id: str) -> int:
        shares = [self._max_room_bps // max(1, self._senders_in(room)) for room in self._rooms.all_of(peer_id)]
        return min([*shares, self._max_peer_bps or self._max_room_bps])

    def _senders_in(self, room: Room) -> int:
        return sum(1 for peer_id in self._rooms.members(room) if self._sessions[peer_id].publications)

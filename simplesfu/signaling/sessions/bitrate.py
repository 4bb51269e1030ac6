"""A room's bitrate, shared evenly among those who send into it."""
from __future__ import annotations

from collections.abc import Mapping

from simplesfu.config import MediaConfig
from simplesfu.signaling.sessions.rooms import Room, Rooms
from simplesfu.signaling.sessions.session import PeerSession


class RoomBitrates:
    """Who sends into several rooms gets the smallest of its shares, as each of them gets all that it sends. Without
    max_room_bitrate_bps nobody is told anything: a transport has its own limit from the start."""

    def __init__(self, rooms: Rooms, sessions: Mapping[str, PeerSession], config: MediaConfig) -> None:
        self._rooms = rooms
        self._sessions = sessions
        self._max_room_bps = config.max_room_bitrate_bps
        self._max_peer_bps = config.max_incoming_bitrate_bps or config.max_room_bitrate_bps
        if self._max_room_bps:
            rooms.on_change.connect(self._share)

    def share_of(self, session: PeerSession) -> None:
        """It begins to send, or ends, or does so over another transport."""
        if self._max_room_bps:
            for room in self._rooms.all_of(session.id):
                self._share(room)

    def limit_of(self, session: PeerSession) -> int:
        """What a peer may send; 0: as much as it likes."""
        rooms = self._rooms.all_of(session.id) if self._max_room_bps else ()
        return min([self._max_peer_bps, *(self._share_in(room) for room in rooms)])

    def _share(self, room: Room) -> None:
        for session in self._members(room):
            limit_bps = self.limit_of(session)
            for entry in session.transports.values():
                if entry.direction == "send" and not entry.transport.closed:
                    entry.transport.limit_incoming(limit_bps)

    def _share_in(self, room: Room) -> int:
        senders = sum(1 for session in self._members(room) if session.sends)
        return self._max_room_bps // max(1, senders)

    def _members(self, room: Room) -> list[PeerSession]:
        """Who is on its way out may be in a room still, and is here no longer."""
        return [self._sessions[peer_id] for peer_id in self._rooms.members(room) if peer_id in self._sessions]

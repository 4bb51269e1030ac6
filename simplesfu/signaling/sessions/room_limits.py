"""Who may come into a room, and how much may be sent there."""
from __future__ import annotations

from collections.abc import Mapping

from simplesfu.config import MediaConfig
from simplesfu.errors import RoomFull, TooManyRoomProducers, TooManyRooms
from simplesfu.signaling.sessions.rooms import Rooms
from simplesfu.signaling.sessions.session import PeerSession


class RoomLimits:
    def __init__(self, rooms: Rooms, sessions: Mapping[str, PeerSession], config: MediaConfig) -> None:
        self._rooms = rooms
        self._sessions = sessions
        self._config = config

    def check_peer(self, session: PeerSession, room: str) -> None:
        """Before it comes in. Raises TooManyRooms, RoomFull, TooManyRoomProducers."""
        config = self._config
        if len(self._rooms.rooms_of(session.id)) >= config.max_rooms_per_peer:
            raise TooManyRooms(f"a peer is in {config.max_rooms_per_peer} rooms at most", "leave another one first")
        if len(self._rooms.members(room)) >= config.max_peers_per_room:
            raise RoomFull(f"{config.max_peers_per_room} peers are in the room {room!r}", "wait until somebody leaves")
        self._check_producers(room, len(session.publications))

    def check_track(self, session: PeerSession) -> None:
        """Before it sends another one into its rooms. Raises TooManyRoomProducers."""
        for room in self._rooms.rooms_of(session.id):
            self._check_producers(room, 1)

    def _check_producers(self, room: str, more: int) -> None:
        limit = self._config.max_producers_per_room
        there = sum(len(self._sessions[peer_id].publications) for peer_id in self._rooms.members(room))
        if more and there + more > limit:
            raise TooManyRoomProducers(f"{limit} tracks at most are sent in the room {room!r}",
                                       "wait until one is removed")

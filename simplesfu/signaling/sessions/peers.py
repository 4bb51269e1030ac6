"""Who is here, in which rooms, and what the server may do about it. Everything happens on the engine's loop.

    rooms      who shares a room, and so sees whom
    carriers   what carries the media of each pair
    offers     who is offered which track
    holdings   transports, tracks sent, tracks received
"""
from __future__ import annotations

from collections.abc import Sequence

from simplesfu.config import MediaConfig
from simplesfu.control.router import Router
from simplesfu.errors import (
    Kicked,
    NotFound,
    RoomLocked,
    SfuError,
    TooManyJoins,
)
from simplesfu.signaling.admission import TokenBucket
from simplesfu.signaling.messages import (
    DisconnectionReason,
    Ended,
    ProducerClosed,
    RoomJoined,
    RoomLeft,
    RoomLeftReason,
    Topology,
    UnavailableReason,
)
from simplesfu.signaling.sessions.bitrate import RoomBitrates
from simplesfu.signaling.sessions.carriage import Carriage
from simplesfu.signaling.sessions.carriers import Carriers
from simplesfu.signaling.sessions.clock import Clock, LoopClock
from simplesfu.signaling.sessions.data_routing import DataRouting
from simplesfu.signaling.sessions.holdings import Holdings, Policy
from simplesfu.signaling.sessions.info import PeerInfo, Report
from simplesfu.signaling.sessions.offers import Offers
from simplesfu.signaling.sessions.placements import Placements
from simplesfu.signaling.sessions.room_limits import RoomLimits
from simplesfu.signaling.sessions.rooms import Rooms
from simplesfu.signaling.sessions.session import (
    MAX_ALIASES,
    SIGNALS_BURST,
    SIGNALS_PER_S,
    PeerSession,
    Publication,
)


class Peers:
    """All peers of one server. `report(event, info)` is how the application hears of them."""

    def __init__(
        self,
        router: Router,
        config: MediaConfig,
        report: Report,
        *,
        policy: Policy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.router = router
        self.config = config
        self.report = report
        self.clock: Clock = clock or LoopClock()
        self.rooms = Rooms()
        self._sessions: dict[str, PeerSession] = {}
        self._aliases: dict[str, PeerSession] = {}
        self._placements = Placements()
        self.limits = RoomLimits(self.rooms, self._sessions, config)
        self.carriers = Carriers(self._sessions, self.rooms, report, self.clock, settle_s=config.mesh_settle_s)
        self._carriage = Carriage(self.clock)
        self.offers = Offers(self._sessions, self.rooms, self.carriers, self._carriage)
        self.data = DataRouting(self.all_in_sight, self.in_sight, self.clock.now_us)
        self.ice_servers = config.ice
        self.bitrates = RoomBitrates(self.rooms, self._sessions, config)
        self.holdings = Holdings(
            self.offers,
            self._carriage,
            self.bitrates,
            report,
            self.clock,
            grace_period_s=config.grace_period_s,
            policy=policy,
        )

    # coming and going

    def open(self, peer_id: str, sid: str) -> PeerSession:
        """A session for a peer whose application socket is `sid`. Nobody sees it before enter()."""
        now_us, max_joins = self.clock.now_us(), self.config.max_joins_per_second
        session = PeerSession(
            peer_id,
            application_sid=sid,
            max_wishes=self.config.max_wishes_per_peer,
            joins=TokenBucket(max_joins, max_joins, now_us),
            signals=TokenBucket(SIGNALS_PER_S, SIGNALS_BURST, now_us),
        )
        self._sessions[peer_id] = session
        self.take_socket(session, sid)
        return session

    def take_socket(self, session: PeerSession, sid: str) -> None:
        """Another socket of the application carries the session: its id names the peer too, from now on."""
        session.application_sid = sid
        if sid != session.id:
            session.aliases.pop(sid, None)
            session.aliases[sid] = None
            self._aliases[sid] = session
            while len(session.aliases) > MAX_ALIASES:
                self._forget_alias(session, next(iter(session.aliases)))
        placed = self._placements.take(sid)
        if not session.entered:
            session.placed_rooms.update(placed)
        else:
            for room in placed:
                self._place(session, room)
            for viewer in self.all_in_sight(session):  # who may have wished something of that socket
                self._carry_out_wishes(viewer, session)

    def set_topology(self, session: PeerSession, wish: Topology) -> None:
        """What it asks for; PeerSession.topology is what it is granted."""
        granted: Topology = wish if self.config.allow_mesh else "sfu"
        if granted != session.topology:
            session.topology = granted
            self.carriers.topology_changed(session)
            for publication in session.publications.values():
                self._carriage.review(publication)

    def enter(self, session: PeerSession) -> None:
        """Into the rooms where the server has placed it, or the lobby. A second call does nothing."""
        if not session.entered and not session.closed and (session.uses_lobby or session.placed_rooms):
            self._enter(session, ())

    def close(self, session: PeerSession, reason: DisconnectionReason = "peer_left") -> None:
        """Take its tracks from others, end what it has. A second call does nothing."""
        if session.closed:
            return
        info = session.info(self.rooms_of(session))
        session.stop_grace()
        session.closed = True
        del self._sessions[session.id]
        for alias in list(session.aliases):
            self._forget_alias(session, alias)
        self.offers.change_sight(session, self.rooms.remove(session.id), reason)
        for publication in session.publications.values():
            publication.ends_as = reason
        for entry in list(session.transports.values()):
            entry.transport.close()
        for publication in list(session.publications.values()):  # what links alone have carried
            publication.close()
        session.probes.close()
        session.data.close()
        if session.entered:
            self.report("peer_left", info)

    def close_all(self) -> None:
        for session in list(self._sessions.values()):
            self.close(session)

    def kick(self, session: PeerSession, error: SfuError | None = None) -> None:
        """End it, and tell its client why, so that it does not come back by itself."""
        error = error or Kicked("the server has ended the session", "ask whoever runs it")
        session.notify(Ended(**error.as_wire()))
        connection = session.connection
        self.close(session, "kicked")
        if connection is not None:
            connection.disconnect()

    # finding

    def find(self, name: str) -> PeerSession:
        """By any id that it has had. For the server's own use: peers find others in sight only. Raises NotFound."""
        session = self.get(name)
        if session is None:
            raise NotFound(f"no peer {name!r}", "it has left, or was never there")
        return session

    def get(self, name: str) -> PeerSession | None:
        return self._sessions.get(name) or self._aliases.get(name)

    def names_of(self, name: str) -> Sequence[str]:
        """All ids of the peer that has this one, or this one."""
        session = self.get(name)
        return session.names if session is not None else (name,)

    def in_sight(self, session: PeerSession, name: str) -> PeerSession | None:
        other = self.get(name)
        return other if other is not None and self.rooms.sees(session.id, other.id) else None

    def all_in_sight(self, session: PeerSession) -> list[PeerSession]:
        return [self._sessions[peer_id] for peer_id in self.rooms.in_sight(session.id)]

    def addressed(self, peer: str | None, room: str | None) -> list[PeerSession]:
        """A peer, or all who are in a room, or everybody. Raises NotFound for a peer that is not there."""
        if peer is not None:
            return [self.find(peer)]
        if room is not None:
            return [self._sessions[peer_id] for peer_id in self.rooms.members(room)]
        return [session for session in self._sessions.values() if session.entered]

    def sessions(self) -> list[PeerSession]:
        return list(self._sessions.values())

    def rooms_of(self, session: PeerSession) -> tuple[str, ...]:
        return self.rooms.rooms_of(session.id)

    def rooms_shared(self, session: PeerSession, other: PeerSession) -> tuple[str, ...]:
        others = self.rooms_of(other)
        return tuple(room for room in self.rooms_of(session) if room in others)

    def infos(self) -> dict[str, PeerInfo]:
        """What the application may see."""
        return {session.id: self._info(session) for session in self._sessions.values() if session.entered}

    def info(self, name: str) -> PeerInfo | None:
        """By any id that it has had."""
        session = self.get(name)
        return None if session is None or not session.entered else self._info(session)

    def _info(self, session: PeerSession) -> PeerInfo:
        return session.info(self.rooms_of(session))

    # rooms

    def join_room(self, session: PeerSession, room: str) -> list[str]:
        """The others who are there. Raises TooManyRooms, TooManyJoins, RoomFull, RoomLocked, TooManyRoomProducers."""
        if room not in self.rooms_of(session):
            if not session.joins.has_token(self.clock.now_us()):
                raise TooManyJoins(f"more than {self.config.max_joins_per_second} joins a second", "wait a second")
            if self.rooms.is_locked(room):
                raise RoomLocked(f"the room {room!r} is locked", "whoever runs it can unlock it")
            self.limits.check_peer(session, room)
            session.joins.take()
            self._join(session, room)
        return self._others_in(session, room)

    def leave_room(self, session: PeerSession, room: str) -> None:
        """Raises NotFound."""
        change = self.rooms.leave(session.id, room, to_lobby=session.uses_lobby)
        self.offers.change_sight(session, change, "room_left")
        session.placed_rooms.discard(room)

    def leave_lobby(self, session: PeerSession) -> None:
        """From now on it sees nobody, and nobody sees it, while it is in no room."""
        session.uses_lobby = False
        if session.entered and not self.rooms_of(session):
            self.offers.change_sight(session, self.rooms.leave(session.id, None, to_lobby=False), "room_left")

    def place(self, sid: str, room: str) -> None:
        """Put the peer with that id, or that socket of the application, into a room: at once, or when its client comes.
        Raises TooManyRooms, RoomFull, TooManyRoomProducers."""
        session = self.get(sid)
        if session is None:
            self._placements.add(sid, room)
        elif not session.entered:
            session.placed_rooms.add(room)
        else:
            if room not in self.rooms_of(session):
                self.limits.check_peer(session, room)
            self._place(session, room)

    def displace(self, sid: str, room: str, reason: RoomLeftReason = "removed") -> None:
        """Take the peer out of a room. Out of its last one it sees nobody until it joins another. Raises NotFound."""
        if self._placements.remove(sid, room):
            return
        session = self.find(sid)
        if not session.entered and room in session.placed_rooms:
            session.placed_rooms.discard(room)
            return
        change = self.rooms.leave(session.id, room, to_lobby=False)
        session.placed_rooms.discard(room)
        self.offers.change_sight(session, change, "not_allowed" if reason == "not_allowed" else "room_left")
        session.notify(RoomLeft(room_id=room, reason=reason))

    def close_room(self, room: str) -> None:
        """Take everybody out."""
        for peer_id in self.rooms.members(room):
            self.displace(peer_id, room, "closed")

    def lock_room(self, room: str, locked: bool = True) -> None:
        """Let nobody in but those whom the server places; who is there stays."""
        self.rooms.lock(room, locked)

    def application_socket_gone(self, sid: str) -> None:
        """Forget where it was to be placed."""
        self._placements.forget(sid)

    # tracks

    def wishes_changed(self, session: PeerSession, name: str) -> None:
        """Bring in line what the session is offered and gets of the peer with that id, if there is one."""
        publisher = self.get(name)
        if publisher is not None:
            self._carry_out_wishes(session, publisher)

    def deny(self, session: PeerSession, publication: Publication) -> None:
        """Do not offer it any longer."""
        session.denied.add(publication)
        self.offers.refresh(session, publication.publisher, "not_allowed")

    def allow(self, session: PeerSession, publication: Publication) -> None:
        """Take back deny(). What is offered still, as only consuming it was refused, is offered anew."""
        if publication in session.denied:
            self.offers.refresh(session, publication.publisher, "not_allowed")
            session.denied.discard(publication)
            self.offers.refresh(session, publication.publisher, "not_allowed")

    def mute(self, session: PeerSession, label: str | None, muted: bool = True) -> None:
        """Forward what the peer sends under that label, or all that it sends, to nobody, now and later. What was muted
        altogether is unmuted altogether."""
        if muted:
            session.muted_labels.add(label)
        elif label is None:
            session.muted_labels.clear()
        else:
            session.muted_labels.discard(label)
        for publication in session.publications.values():
            if label in (None, publication.label):
                publication.settle()
                for viewer in publication.viewers.values():
                    for subscription in viewer.subscriptions_of(publication):
                        subscription.settle()

    def publication(self, producer_id: str) -> Publication:
        """Of whomever: for the server's own use. Raises NotFound."""
        for session in self._sessions.values():
            if producer_id in session.publications:
                return session.publications[producer_id]
        raise NotFound(f"no producer {producer_id!r}", "it has ended, or was never there")

    def close_publication(self, publication: Publication, reason: UnavailableReason) -> None:
        """A second call does nothing."""
        if publication.closed:
            return
        publication.ends_as = reason
        publication.close()
        publication.publisher.notify(
            ProducerClosed(producer_id=publication.id, label=publication.label, reason=reason)
        )

    # ---

    def _enter(self, session: PeerSession, rooms: Sequence[str]) -> None:
        """At once where it is to be, so that nobody in the lobby sees it flash by."""
        placed = sorted(session.placed_rooms)
        session.entered = True
        rooms = list(dict.fromkeys([*placed, *rooms]))
        self.report("peer_joined", session.info(tuple(rooms)))
        for room in placed:
            self._tell_joined(session, room)
        self.offers.change_sight(session, self.rooms.add(session.id, rooms), "room_left")

    def _place(self, session: PeerSession, room: str) -> None:
        session.placed_rooms.add(room)
        if room not in self.rooms_of(session):
            self._tell_joined(session, room)
            self._join(session, room)

    def _join(self, session: PeerSession, room: str) -> None:
        if session.entered:
            self.offers.change_sight(session, self.rooms.join(session.id, room), "room_left")
        else:
            self._enter(session, [room])

    def _carry_out_wishes(self, viewer: PeerSession, publisher: PeerSession) -> None:
        self.offers.refresh(viewer, publisher, "disconnected")
        for subscription in viewer.subscriptions.values():
            if subscription.publication.publisher is publisher:
                subscription.settle()

    def _tell_joined(self, session: PeerSession, room: str) -> None:
        session.notify(RoomJoined(room_id=room, peer_ids=self._others_in(session, room)))

    def _others_in(self, session: PeerSession, room: str) -> list[str]:
        return [peer_id for peer_id in self.rooms.members(room) if peer_id != session.id]

    def _forget_alias(self, session: PeerSession, alias: str) -> None:
        session.aliases.pop(alias, None)
        if self._aliases.get(alias) is session:
            del self._aliases[alias]

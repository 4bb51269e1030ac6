"""What the application allows a peer: asked before a request is carried out, and again when the application says so."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from simplesfu.engine.tasks import TaskSet
from simplesfu.errors import NotAllowed
from simplesfu.signaling.application.calls import AppCalls, SessionData
from simplesfu.signaling.data.messages import OpenData
from simplesfu.signaling.messages import Consume, Produce, Publish, RoomTarget, SetMetadata
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession, Publication
from simplesfu.types import MediaKind

Action: TypeAlias = Literal["join", "produce", "consume", "data"]
MAX_ROUNDS: Final = 8
AT_ONCE: Final = 32
"""Rights that are asked about again at a time, so that requests get their turn too."""


@dataclass(frozen=True, kw_only=True)
class Right:
    """What a peer would like to do. What does not belong to the action is None or empty.

    join: `room`. produce: `label`, `kind`, `metadata`. consume: those of the track, and `publisher_id`. data: `label`.
    """

    action: Action
    room: str | None = None
    publisher_id: str | None = None
    label: str | None = None
    kind: MediaKind | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.action} {self.room if self.room is not None else self.label!r}"


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest(Right):
    """A right, and who would like to have it: the peer, its rooms, its socket in the application, and what the
    application keeps for that socket (`sio.save_session`, flask.session); the last that is known when it was lost."""

    peer_id: str
    rooms: tuple[str, ...]
    sid: str
    session: SessionData


AuthorizeFunction: TypeAlias = Callable[[AuthorizationRequest], Awaitable[bool | None] | bool | None]


class Held(NamedTuple):
    """A right that a peer uses, or was refused, and what follows from the application's next word on it."""

    right: Right
    allow: Callable[[], object]
    take_away: Callable[[], object]


# What requests need (protocol.py) --------------------------------------------------------------------------------


def join(peers: Peers, session: PeerSession, payload: RoomTarget) -> Right | None:
    """Nothing is asked about a room that the peer is in."""
    return None if payload.room_id in peers.rooms_of(session) else Right(action="join", room=payload.room_id)


def produce(_: Peers, __: PeerSession, payload: Produce | Publish) -> Right:
    return Right(action="produce", label=payload.label, kind=payload.kind, metadata=payload.metadata)


def set_metadata(_: Peers, session: PeerSession, payload: SetMetadata) -> Right:
    """What a track says of itself may have been what it was allowed for. Raises NotFound."""
    publication = session.publication(payload.producer_id)
    return Right(action="produce", label=publication.label, kind=publication.kind, metadata=payload.metadata)


def consume(_: Peers, session: PeerSession, payload: Consume) -> Right:
    """Raises NotFound, as consuming does, so that nobody is asked about what the peer cannot know of."""
    return _to_consume(session.offer(payload.producer_id))


def data(_: Peers, __: PeerSession, payload: OpenData) -> Right:
    return Right(action="data", label=payload.label)


def _to_produce(publication: Publication) -> Right:
    return Right(action="produce", label=publication.label, kind=publication.kind,
                 metadata=publication.metadata)


def _to_consume(publication: Publication) -> Right:
    return Right(action="consume", publisher_id=publication.publisher.id, label=publication.label,
                 kind=publication.kind, metadata=publication.metadata)


# -----------------------------------------------------------------------------------------------------------------


class Authority:
    """Asks the application's authorize. On the engine's loop."""

    def __init__(self, authorize: AuthorizeFunction, calls: AppCalls, peers: Peers) -> None:
        calls.check("authorize", authorize)
        self._authorize = authorize
        self._calls = calls
        self._peers = peers
        self._changes: WeakKeyDictionary[PeerSession, int] = WeakKeyDictionary()
        """How often the application has said that a peer's rights have changed."""
        self._known: WeakKeyDictionary[PeerSession, SessionData] = WeakKeyDictionary()
        """What the application kept for the peer's socket when it was there."""
        self._tasks = TaskSet()

    async def check(self, session: PeerSession, right: Right) -> None:
        """Raises NotAllowed, with the application's code, message and hint when it gives any.

        A yes is worth nothing when the rights have changed since the question: it is asked again.
        """
        for _ in range(MAX_ROUNDS):
            changes = self._changes.get(session, 0)
            try:
                await self._ask(session, right)
            except NotAllowed:
                self._note_refusal(session, right)
                raise
            if session.closed or self._is_current(session, changes):
                return
        raise NotAllowed("the rights keep on changing", "try again")

    async def reauthorize(self, sessions: Iterable[PeerSession]) -> int:
        """Ask again about all that the peers have, and take away what is refused as soon as it is. How much that is."""
        turns = asyncio.Semaphore(AT_ONCE)
        taken = 0

        async def ask(session: PeerSession, held: Held, changes: int) -> None:
            nonlocal taken
            async with turns:
                if not self._is_current(session, changes):
                    return
                try:
                    await self._ask(session, held.right)
                except NotAllowed:
                    follow, refused = held.take_away, 1
                else:
                    follow, refused = held.allow, 0
                if self._is_current(session, changes):
                    taken += refused
                    follow()

        async with asyncio.TaskGroup() as group:
            for session in list(sessions):
                changes = self._changes[session] = self._changes.get(session, 0) + 1
                for held in self._rights_of(session):
                    group.create_task(ask(session, held, changes))
        return taken

    def came_back(self, session: PeerSession) -> None:
        """Over another socket, which the application may know for somebody else's: then all is asked again."""
        if session in self._known:
            self._tasks.spawn(self._compare(session), "rights after a resume")

    async def _compare(self, session: PeerSession) -> None:
        """What cannot be compared is not the same."""
        known = self._known[session]
        try:
            same = await self._calls.call_for(session.application_sid, lambda kept: kept is None or kept == known)
        except Exception as error:
            self._calls.complain("the session of a peer that came back", error)
            same = False
        if not same:
            await self.reauthorize([session])

    def _is_current(self, session: PeerSession, changes: int) -> bool:
        """Not when the peer has left, nor when its rights have changed again, as that question is on its way then."""
        return not session.closed and self._changes.get(session, 0) == changes

    async def _ask(self, session: PeerSession, right: Right) -> None:
        rooms, sid = self._peers.rooms_of(session), session.application_sid

        def authorize(kept: SessionData | None) -> Awaitable[bool | None] | bool | None:
            if kept is not None:
                self._known[session] = kept
            known = self._known.get(session, {})
            return self._authorize(AuthorizationRequest(**asdict(right), peer_id=session.id, rooms=rooms, sid=sid,
                                                        session=known))

        try:
            allowed = await self._calls.call_for(sid, authorize)
            if allowed is not None and not isinstance(allowed, bool):
                raise TypeError(f"{type(allowed).__name__} is no answer: return True, False or None")
        except NotAllowed:
            raise
        except Exception as error:
            self._calls.complain("authorize", error)
            raise _undecided(error) from error
        if allowed is False:
            raise NotAllowed(f"not allowed: {right}", "the application decides")

    def _note_refusal(self, session: PeerSession, right: Right) -> None:
        for publication in session.offers.values():
            if right == _to_consume(publication):
                self._peers.offers.refused(session, publication)

    def _rights_of(self, session: PeerSession) -> Iterator[Held]:
        """Rooms that the server itself has put the peer into are not asked about."""
        peers = self._peers
        for room in peers.rooms_of(session):
            if room not in session.placed_rooms:
                yield Held(Right(action="join", room=room), _nothing, partial(self._expel, session, room))
        for publication in session.publications.values():
            yield Held(_to_produce(publication), _nothing,
                       partial(peers.close_publication, publication, "not_allowed"))
        for label in session.data.labels:
            yield Held(Right(action="data", label=label), _nothing, partial(peers.data.close_label, session, label))
        for publication in {*session.offers.values(), *session.denied}:
            yield Held(_to_consume(publication), partial(peers.allow, session, publication),
                       partial(peers.deny, session, publication))

    def _expel(self, session: PeerSession, room: str) -> None:
        """Unless it has left by itself meanwhile."""
        if room in self._peers.rooms_of(session):
            self._peers.displace(session.id, room, "not_allowed")


def _undecided(error: Exception) -> NotAllowed:
    if isinstance(error, TimeoutError):
        return NotAllowed("the application did not decide in time", "try again", code="authorization_timeout")
    return NotAllowed("the application could not decide", "the server's log says why")


def _nothing() -> None:
    """A right that stays has no consequences."""

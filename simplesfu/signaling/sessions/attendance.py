"""Which connection carries which session: greeting, coming back, losing the socket, leaving.

A token names a session and a generation. Each hello gives out the next generation. Whoever shows one that is good takes
the session over, and the connection that carried it until then is disconnected.
"""
from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Final

from simplesfu.errors import Closed, SfuError
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import Connection, PeerSession
from simplesfu.signaling.sessions.tokens import Claim, Tokens

MAX_KICKED: Final = 10_000
"""The latest are remembered."""


class Attendance:
    """On the engine's loop."""

    def __init__(self, peers: Peers) -> None:
        self.peers = peers
        self._tokens = Tokens(peers.config.session_keys)
        self._carried: dict[Connection, PeerSession] = {}
        self._kicked: OrderedDict[str, SfuError] = OrderedDict()
        """Why, by peer id: for clients that were not there to hear it."""

    @property
    def carried(self) -> list[tuple[Connection, PeerSession]]:
        return list(self._carried.items())

    def greet(self, connection: Connection, token: str | None) -> PeerSession:
        """The session of the token if it is here, else a new one, and the next token for it. A second hello of a
        connection changes no more than that. Raises Closed."""
        session = self._carried.get(connection)
        if session is None or not session.token:
            claim = self._tokens.read(token)
            session = self._come_back(connection, claim) or session or self._open(connection, claim)
        session.generation += 1
        session.token = self._tokens.issue(session.id, session.life, session.generation)
        return session

    def session_of(self, connection: Connection) -> PeerSession:
        """Who says no hello gets a new one. Raises Closed."""
        return self._carried.get(connection) or self._open(connection, None)

    def token_arrived(self, session: PeerSession) -> None:
        """The client goes on after its hello, and so it has the token: older ones are of no use any longer."""
        session.oldest_generation = session.generation

    def lost(self, connection: Connection) -> None:
        """Its socket is gone, and not on purpose: the session waits for another. Media is left alone."""
        session = self._release(connection)
        if session is None:
            return
        grace_period_s = self.peers.config.grace_period_s
        if session.entered:
            self.peers.report("peer_lost", session.info(self.peers.rooms_of(session)))
        if grace_period_s > 0:
            session.grace = self.peers.clock.call_later(
                grace_period_s, partial(self.peers.close, session, "peer_lost")
            )
        else:
            self.peers.close(session, "peer_lost")

    def left(self, connection: Connection) -> None:
        """On purpose, or the application has ended its socket: the session ends."""
        session = self._release(connection)
        if session is not None:
            self.peers.close(session)

    def kick(self, session: PeerSession, error: SfuError) -> None:
        """End it on purpose. A client that has no connection just now is told when it comes back for its session."""
        self._kicked[session.id] = error
        if len(self._kicked) > MAX_KICKED:
            self._kicked.popitem(last=False)
        self.peers.kick(session, error)

    def _release(self, connection: Connection) -> PeerSession | None:
        connection.over = True
        session = self._carried.pop(connection, None)
        if session is None or session.connection is not connection:
            return None
        session.connection = None
        return None if session.closed else session

    def _come_back(self, connection: Connection, claim: Claim | None) -> PeerSession | None:
        _check(connection)
        session = self.peers.get(claim.peer_id) if claim is not None else None
        if claim is None or session is None or session.life != claim.life:
            return None
        if not session.oldest_generation <= claim.generation <= session.generation:
            return None
        session.oldest_generation = claim.generation
        self._take_from_previous(session)
        self._end_others(connection, session)
        self.peers.take_socket(session, connection.application_sid)
        # After what that tells it: over this connection nothing may come before what was missed.
        self._attach(connection, session, resumed=True)
        if session.entered:
            self.peers.report("peer_resumed", session.info(self.peers.rooms_of(session)))
        return session

    def _take_from_previous(self, session: PeerSession) -> None:
        """The client may notice the loss of its socket first."""
        previous = session.connection
        if previous is None:
            return
        self._release(previous)
        if session.entered:
            self.peers.report("peer_lost", session.info(self.peers.rooms_of(session)))
        previous.disconnect()

    def _open(self, connection: Connection, claim: Claim | None) -> PeerSession:
        _check(connection)
        self._end_others(connection, None)
        peer_id, begun_with = connection.application_sid, ""
        if claim is not None and claim.fresh and self._is_free(claim):
            # After a restart of the server, or too late: what others remember of the peer is its id.
            peer_id, begun_with = claim.peer_id, claim.life
        session = self.peers.open(peer_id, connection.application_sid)
        session.begun_with = begun_with
        self._attach(connection, session, resumed=False)
        if claim is not None and (error := self._kicked.pop(claim.peer_id, None)) is not None:
            self.peers.clock.call_later(0, partial(self.peers.kick, session, error))  # when hello has been answered
        return session

    def _is_free(self, claim: Claim) -> bool:
        """A session that was begun with the same claim gives way while its client does not know of it, as the answer
        was lost: it must not be taken for the one that the claim names."""
        holder = self.peers.get(claim.peer_id)
        if holder is not None and holder.begun_with == claim.life and holder.oldest_generation == 0:
            self.peers.close(holder)
            return True
        return holder is None

    def _end_others(self, connection: Connection, session: PeerSession | None) -> None:
        """Nobody else can come for a session whose socket is this one's."""
        other = self.peers.get(connection.application_sid)
        if other is not None and other is not session:
            self.peers.close(other)

    def _attach(self, connection: Connection, session: PeerSession, *, resumed: bool) -> None:
        carried = self._carried.get(connection)
        if carried is not None:  # opened by a request that came before hello
            self.peers.close(carried)
        session.stop_grace()
        session.connection = connection
        session.resumed = resumed
        self._carried[connection] = session


def _check(connection: Connection) -> None:
    if connection.over:
        raise Closed("the connection has ended", "connect again")

"""The seam between the application's Socket.IO server and the engine's loop. Of its two kinds, one is for asyncio
(attach_async) and one for threads and greenlets (attach_threads).

    the application's side                                      the engine's loop
    request ── admission ── Engine.run ───────────────────────▶ Responder.respond
        ▲ answer ◀───────────────── future ────────────────────┘
    emit ◀── outbox of the connection (bounded, in order) ◀──── PeerSession.notify
    a socket's end ── lost, or left? ── Engine.run ───────────▶ Attendance

Neither side waits for the other without giving way, and nothing raises into python-socketio: a handler that raises
sends no acknowledgement, and its client would wait for ever.
"""
from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, ParamSpec, TypeVar

import socketio

from simplesfu.engine.engine import Engine, monotonic_us
from simplesfu.engine.futures import ThreadFuture
from simplesfu.errors import Closed, ConfigError, NoApplicationSocket, SfuError
from simplesfu.signaling.application.events import AppEvents
from simplesfu.signaling.attachment.connection import APPLICATION, MAX_WAITING_NOTIFICATIONS, SocketConnection
from simplesfu.signaling.attachment.heartbeat import Heartbeats
from simplesfu.signaling.attachment.instance_wrap import wrap_method
from simplesfu.signaling.attachment.legacy_connection import LEGACY_EVENT, LegacyConnection
from simplesfu.signaling.requests.protocol import NAMESPACE, Responder, cost_of, internal_error, refusal
from simplesfu.signaling.sessions.attendance import Attendance
from simplesfu.signaling.sessions.replay import Answer

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)


class Submitted(NamedTuple):
    """A request on its way. `release` is to be called when its answer has been passed on."""

    answer: Future[Answer]
    release: Callable[[], None]


class Attachment(ABC):
    """Registers with a Socket.IO server what media needs there, and undoes it."""

    def __init__(
        self, sio: Any, engine: Engine, attendance: Attendance, responder: Responder, events: AppEvents
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.loop: asyncio.AbstractEventLoop | None = None
        """The application's, if it has one: known from the first client on."""
        self._sio = sio
        self._engine = engine
        self._attendance = attendance
        self._responder = responder
        self._events = events
        self._heartbeats = Heartbeats(attendance, self._probe, self._gone_silent)
        self._by_sid: dict[str, SocketConnection] = {}
        self._by_application_sid: dict[str, SocketConnection] = {}
        self._handlers: dict[str, Callable[..., Any]] = {}
        self._undo: list[Callable[[], None]] = []
        self._speaks_legacy = False

    def attach(self) -> None:
        """Raises ConfigError when the server has media already."""
        if NAMESPACE in self._sio.handlers:
            raise ConfigError(f"something handles {NAMESPACE} on this Socket.IO server already",
                              "one MediaManager is enough; close() it before you make another")
        self._speaks_legacy = self._attendance.peers.config.legacy_signaling
        if self._speaks_legacy and LEGACY_EVENT in self._sio.handlers.get(APPLICATION, {}):
            raise ConfigError(f"something handles {LEGACY_EVENT} on this Socket.IO server already",
                              "remove that handler, or leave out legacy_signaling")
        # Functions and not a Namespace class: an application's catch-all for namespace="*" takes events from those.
        self._handlers = self._make_handlers()
        for name, handler in self._handlers.items():
            self._sio.on(name, handler, namespace=NAMESPACE)
        # When python-socketio ends a client's main namespace it leaves the client's others open.
        self._undo.append(wrap_method(self._sio.manager, "disconnect", self._follow))
        self._on_engine(self._heartbeats.start)

    def detach(self) -> None:
        """From any thread. Clients' media namespaces are disconnected as soon as the application's side gets to it."""
        self._on_engine(self._heartbeats.stop)
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        registered = self._sio.handlers.get(NAMESPACE, {})
        for name, handler in self._handlers.items():
            if registered.get(name) is handler:
                del registered[name]
        if not registered:
            self._sio.handlers.pop(NAMESPACE, None)
        for connection in list(self._by_sid.values()):
            self._left(connection)
            self._disconnect(connection)

    # for the engine's thread: these only schedule

    @abstractmethod
    def wake_events(self) -> None:
        """There are events for the application."""

    @abstractmethod
    def _wake(self, connection: SocketConnection) -> None:
        """Something is in the connection's outbox."""

    @abstractmethod
    def _probe(self, reply: Callable[[], None]) -> None:
        """Call it on the application's side."""

    @abstractmethod
    def _disconnect(self, connection: SocketConnection) -> None:
        """End the client's media namespace. On any thread."""

    def _overflow(self, connection: SocketConnection) -> None:
        """Notifications were lost, and so the client's picture is wrong: let it come again."""
        self.counts["notification_overflows"] += 1
        logger.warning("client %s is disconnected: more than %d notifications wait for it",
                       connection.application_sid, MAX_WAITING_NOTIFICATIONS)
        self._disconnect(connection)

    def _has_room(self, connection: SocketConnection) -> bool:
        """Whether its socket takes what it is sent: Engine.IO would keep it without a limit. If not, it has ended."""
        engine_socket = self._sio.eio.sockets.get(
            self._sio.manager.eio_sid_from_sid(connection.sid, connection.namespace)
        )
        if engine_socket is None or engine_socket.queue.qsize() < MAX_WAITING_NOTIFICATIONS:
            return True
        connection.outbox.clear()
        self._overflow(connection)
        return False

    def _gone_silent(self) -> None:
        self.counts["silent_connections"] += 1

    # for the two kinds

    @abstractmethod
    def _make_handlers(self) -> dict[str, Callable[..., Any]]: ...

    @abstractmethod
    def _follow(self, original: Callable[..., Any], sid: str, namespace: str = APPLICATION, **options: Any) -> Any:
        """Around the client manager's disconnect, which ends every namespace of every client, whatever the reason."""

    def _connect(self, sid: str) -> None:
        """A client's media namespace. Raises NoApplicationSocket, Closed."""
        connection = SocketConnection(
            sid,
            self._find_application_socket(sid),
            max_pending=self._attendance.peers.config.max_pending_requests_per_peer,
            wake=self._wake,
            overflow=self._overflow,
        )
        self._engine.run(_run(lambda: None))  # refuses when the engine has ended
        self._by_sid[sid] = self._by_application_sid[connection.application_sid] = connection
        try:  # it may have gone before _follow could find the connection
            self._find_application_socket(sid)
        except NoApplicationSocket:
            self._left(connection)
            raise

    def _disconnected(self, sid: str, reason: object) -> None:
        """The namespace has ended. python-socketio gives the same reasons to what has to be told apart here:

            the engine's socket ends  "server disconnect"  the application has cut it off: the session ends
                                      anything else        the network, or the client gives up on a dead connection
            it stays                  "server disconnect"  it was us: the client is to come again
                                      anything else        the client has left
        """
        by_server = reason == self._sio.reason.SERVER_DISCONNECT
        connection = self._by_sid.get(sid)
        if connection is None:
            return
        if by_server is self._engine_socket_ends(sid, NAMESPACE):
            self._left(connection)
        else:
            self._lost(connection)

    def _find_application_socket(self, sid: str) -> str:
        """The id of the client's socket in the main namespace. Raises NoApplicationSocket."""
        manager = self._sio.manager
        found: str | None = manager.sid_from_eio_sid(manager.eio_sid_from_sid(sid, NAMESPACE), APPLICATION)
        if found is None or not manager.is_connected(found, APPLICATION):
            raise NoApplicationSocket(f"the main namespace {APPLICATION!r} is not connected",
                                      "connect it first, on the same connection: a peer's id is that socket's id")
        return found

    def _application_socket_gone(self, sid: str, *, engine_socket_ends: bool) -> SocketConnection | None:
        """Its connection, if that is to end with it now. When the engine's socket ends, the media namespace is told
        after, or was before, with the reason; unless it was not quite connected yet."""
        self._on_engine(self._attendance.peers.application_socket_gone, sid)
        if (legacy := self._by_sid.get(sid)) is not None:
            self._left(legacy)
        connection = self._by_application_sid.get(sid)
        if connection is None:
            return None
        if not engine_socket_ends:
            self._left(connection)
        elif self._sio.manager.is_connected(connection.sid, NAMESPACE):
            return None
        else:
            self._lost(connection)
        return connection

    def _engine_socket_ends(self, sid: str, namespace: str) -> bool:
        engine_socket = self._sio.eio.sockets.get(self._sio.manager.eio_sid_from_sid(sid, namespace))
        return engine_socket is None or engine_socket.closing or engine_socket.closed

    def _lost(self, connection: SocketConnection) -> None:
        self._forget(connection)
        self._on_engine(self._attendance.lost, connection)

    def _left(self, connection: SocketConnection) -> None:
        self._forget(connection)
        self._on_engine(self._attendance.left, connection)

    def _forget(self, connection: SocketConnection) -> None:
        self._by_sid.pop(connection.sid, None)
        if self._by_application_sid.get(connection.application_sid) is connection:
            del self._by_application_sid[connection.application_sid]

    def _on_engine(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            self._engine.run(_run(function, *args, **kwargs)).add_done_callback(_log_failure)
        except Closed:
            logger.debug("the engine has ended, and all sessions with it")

    def _submit(
        self, sid: str | None, name: object, arguments: Sequence[object], patience_s: float = 0.0
    ) -> Submitted:
        """Requests of one peer are carried out in the order of these calls."""
        connection = self._by_sid.get(sid) if sid else None
        try:
            if connection is None:
                raise Closed("the connection has ended", "connect again")
            connection.heard_us = monotonic_us()
            connection.admission.admit(connection.heard_us, patience_s, cost_of(name))
        except SfuError as error:
            self.counts[error.code] += 1
            return _refused(error)
        try:
            answer = self._engine.run(connection.respond(self._responder, name, arguments))
        except Closed as error:
            connection.admission.release()
            return _refused(error)
        return Submitted(answer, connection.admission.release)

    def _legacy_sid(self, eio_sid: str, namespace: str | None, data: Sequence[object]) -> str | None:
        """The client's socket in the main namespace, when what has come is a request of the original's protocol."""
        if not self._speaks_legacy or (namespace or APPLICATION) != APPLICATION or data[:1] != [LEGACY_EVENT]:
            return None
        manager = self._sio.manager
        sid: str | None = manager.sid_from_eio_sid(eio_sid, APPLICATION)
        if sid is None or not manager.is_connected(sid, APPLICATION):
            return None
        if sid not in self._by_sid:
            connection = LegacyConnection(
                sid, self._attendance, self._responder, wake=self._wake, overflow=self._overflow
            )
            self._by_sid[sid] = connection
            if not manager.is_connected(sid, APPLICATION):  # it may have gone before anybody could find the connection
                self._left(connection)
        return sid

    def _end_legacy(self, connection: SocketConnection) -> None:
        """Of a legacy client only the session is ours to end. It stays known, so that it does not begin another."""
        self._on_engine(self._attendance.left, connection)

    def _refuse(self, error: Exception) -> socketio.exceptions.ConnectionRefusedError:
        """What the client gets as its connect_error."""
        self.counts["refused_connections"] += 1
        if not isinstance(error, SfuError):
            logger.error("a connection could not be accepted", exc_info=error)
            error = internal_error()
        return socketio.exceptions.ConnectionRefusedError(error.message, error.as_wire())


def engine_stopped() -> Closed:
    return Closed("the media server is closing", "connect again later")


async def _run(function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """What the engine's loop is given: there are only plain functions behind it, which nothing can interrupt."""
    function(*args, **kwargs)


def _refused(error: SfuError) -> Submitted:
    answer: ThreadFuture[Answer] = ThreadFuture()
    answer.set_result(refusal(error))
    return Submitted(answer, lambda: None)


def _log_failure(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()):
        logger.error("the end of a connection could not be carried out", exc_info=error)

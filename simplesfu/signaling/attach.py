"""The seam between the application's Socket.IO server and the engine's loop, for asyncio and for threads.

    the application's side                                      the engine's loop
    request ── admission ── Engine.run ───────────────────────▶ Responder.respond
        ▲ answer ◀───────────────── future ────────────────────┘
    emit ◀── outbox of the connection (bounded, in order) ◀──── PeerSession.notify

Neither side waits for the other without giving way, and nothing raises into python-socketio: a handler that raises
sends no acknowledgement, and its client would wait for ever.
"""
from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

import socketio  # type: ignore[import-untyped]

from simplesfu.engine.engine import Engine, monotonic_us
from simplesfu.engine.tasks import TaskSet
from simplesfu.errors import Closed, ConfigError, NoApplicationSocket, SfuError
from simplesfu.signaling.admission import Admission
from simplesfu.signaling.app_events import AppEvents
from simplesfu.signaling.instance_wrap import wrap_method
from simplesfu.signaling.mailbox import Mailbox
from simplesfu.signaling.peers import Peers
from simplesfu.signaling.protocol import NAMESPACE, REQUESTS, Answer, Responder, internal_error, refusal
from simplesfu.signaling.session import PeerSession
from simplesfu.signaling.worker import Worker

P = ParamSpec("P")
T = TypeVar("T")

APPLICATION: Final = "/"
MAX_WAITING_NOTIFICATIONS: Final = 4096
"""Of one peer. Who joins a room of a thousand tracks is told of all of them in one go."""
PATIENCE_S: Final = 1.0

logger = logging.getLogger(__name__)


class Connection:
    """One client's media namespace. `peer_id` is the id of its socket in the application's."""

    session: PeerSession

    def __init__(self, sid: str, peer_id: str, attachment: Attachment) -> None:
        self.sid = sid
        self.peer_id = peer_id
        self.admission = Admission(attachment.peers.config.max_pending_requests_per_peer, monotonic_us())
        self.outbox: Mailbox[tuple[str, dict[str, Any]]] = Mailbox(
            MAX_WAITING_NOTIFICATIONS, partial(attachment.wake, self), partial(attachment.kick, self)
        )

    def tell(self, event: str, payload: dict[str, Any]) -> None:
        self.outbox.put((event, payload))


class Submitted(NamedTuple):
    """A request on its way. `release` is to be called when its answer has been passed on."""

    answer: Future[Answer]
    release: Callable[[], None]


class Attachment(ABC):
    """Registers with a Socket.IO server what media needs there, and undoes it."""

    def __init__(self, sio: Any, engine: Engine, peers: Peers, responder: Responder, events: AppEvents) -> None:
        self.peers = peers
        self.counts: Counter[str] = Counter()
        self._sio = sio
        self._engine = engine
        self._responder = responder
        self._events = events
        self._by_sid: dict[str, Connection] = {}
        self._by_peer: dict[str, Connection] = {}
        self._handlers: dict[str, Callable[..., Any]] = {}
        self._undo: list[Callable[[], None]] = []

    def attach(self) -> None:
        """Raises ConfigError when the server has media already."""
        if NAMESPACE in self._sio.handlers:
            raise ConfigError(f"something handles {NAMESPACE} on this Socket.IO server already",
                              "one MediaManager is enough; close() it before you make another")
        # Functions and not a Namespace class: an application's catch-all for namespace="*" takes events from those.
        self._handlers = self._make_handlers()
        for name, handler in self._handlers.items():
            self._sio.on(name, handler, namespace=NAMESPACE)
        # When python-socketio ends a client's main namespace it leaves the client's others open.
        self._undo.append(wrap_method(self._sio.manager, "disconnect", self._follow))

    def detach(self) -> None:
        """From any thread. Clients' media namespaces are disconnected as soon as the application's side gets to it."""
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
            self._forget(connection)
            self._disconnect(connection)

    # for the engine's thread: these only schedule

    @abstractmethod
    def wake(self, connection: Connection) -> None:
        """Something is in the connection's outbox."""

    @abstractmethod
    def wake_events(self) -> None:
        """There are events for the application."""

    def kick(self, connection: Connection) -> None:
        """Notifications were lost, and so the client's picture is wrong: let it come again."""
        self.counts["notification_overflows"] += 1
        logger.warning("peer %s is disconnected: more than %d notifications wait for it",
                       connection.peer_id, MAX_WAITING_NOTIFICATIONS)
        self._disconnect(connection)

    # for the two implementations

    @abstractmethod
    def _make_handlers(self) -> dict[str, Callable[..., Any]]: ...

    @abstractmethod
    def _follow(self, original: Callable[..., Any], sid: str, namespace: str = APPLICATION, **options: Any) -> Any:
        """Around the client manager's disconnect, which ends every namespace of every client, whatever the reason."""

    @abstractmethod
    def _disconnect(self, connection: Connection) -> None:
        """Schedule the end of the client's media namespace. On any thread."""

    def _find_application_socket(self, sid: str) -> str:
        """The id of the client's socket in the main namespace. Raises NoApplicationSocket."""
        manager = self._sio.manager
        peer_id: str | None = manager.sid_from_eio_sid(manager.eio_sid_from_sid(sid, NAMESPACE), APPLICATION)
        if peer_id is None or not manager.is_connected(peer_id, APPLICATION):
            raise NoApplicationSocket(f"the main namespace {APPLICATION!r} is not connected",
                                      "connect it first, on the same connection: a peer's id is that socket's id")
        return peer_id

    def _open(self, connection: Connection) -> Future[PeerSession]:
        """Raises Closed."""
        return self._engine.run(_run(self.peers.open, connection.peer_id, connection.tell))

    def _adopt(self, connection: Connection, session: PeerSession) -> None:
        """Raises NoApplicationSocket when that one has gone while the session was opened."""
        connection.session = session
        self._by_sid[connection.sid] = self._by_peer[connection.peer_id] = connection
        try:
            self._find_application_socket(connection.sid)
        except NoApplicationSocket:
            self._forget(connection)
            raise

    def _forget(self, connection: Connection) -> None:
        """End the session. A second call does nothing."""
        self._by_sid.pop(connection.sid, None)
        if self._by_peer.get(connection.peer_id) is connection:
            del self._by_peer[connection.peer_id]
        try:
            self._engine.run(_run(self.peers.close, connection.session)).add_done_callback(_log_failure)
        except Closed:
            logger.debug("the engine has ended, and the session of peer %s with it", connection.peer_id)

    def _forget_sid(self, sid: str) -> None:
        connection = self._by_sid.get(sid)
        if connection is not None:
            self._forget(connection)

    def _submit(
        self, sid: str | None, name: object, arguments: Sequence[object], patience_s: float = 0.0
    ) -> Submitted:
        """Requests of one peer are carried out in the order of these calls."""
        connection = self._by_sid.get(sid) if sid else None
        try:
            if connection is None:
                raise Closed("the peer has left", "connect again")
            connection.admission.admit(monotonic_us(), patience_s)
        except SfuError as error:
            self.counts[error.code] += 1
            return _refused(error)
        try:
            answer = self._engine.run(_run(self._responder.respond, connection.session, name, arguments))
        except Closed as error:
            connection.admission.release()
            return _refused(error)
        return Submitted(answer, connection.admission.release)

    def _refuse(self, error: Exception) -> socketio.exceptions.ConnectionRefusedError:
        """What the client gets as its connect_error."""
        self.counts["refused_connections"] += 1
        if not isinstance(error, SfuError):
            logger.error("a connection could not be accepted", exc_info=error)
            error = internal_error()
        return socketio.exceptions.ConnectionRefusedError(error.message, error.as_wire())


class AsyncAttachment(Attachment):
    """For socketio.AsyncServer. The application's loop is the one that runs its connect handlers."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks = TaskSet()

    def wake(self, connection: Connection) -> None:
        self._spawn(partial(self._emit, connection), f"notifications to {connection.peer_id}")

    def wake_events(self) -> None:
        self._spawn(self._events.deliver_async, "events to the application")

    def _make_handlers(self) -> dict[str, Callable[..., Any]]:
        async def connect(sid: str, _environ: object, _auth: object = None) -> None:
            try:
                connection = Connection(sid, self._find_application_socket(sid), self)
                self._loop = asyncio.get_running_loop()
                self._adopt(connection, await _result(self._open(connection)))
            except Exception as error:
                raise self._refuse(error) from error

        async def disconnect(sid: str, _reason: object = None) -> None:
            self._forget_sid(sid)

        async def other(name: object, sid: str, *arguments: object) -> Answer:
            return await self._answer(name, sid, *arguments)

        def named(name: str) -> Callable[..., Any]:
            async def request(sid: str, *arguments: object) -> Answer:
                return await self._answer(name, sid, *arguments)

            return request

        return {name: named(name) for name in REQUESTS} | {"*": other, "connect": connect, "disconnect": disconnect}

    async def _answer(self, name: object, sid: str, *arguments: object) -> Answer:
        submitted = self._submit(sid, name, arguments)  # before anything is awaited: that keeps the order
        try:
            return await _result(submitted.answer)
        except Closed as error:
            return refusal(error)
        finally:
            submitted.release()

    async def _follow(
        self, original: Callable[..., Any], sid: str, namespace: str = APPLICATION, **options: Any
    ) -> object:
        result = await original(sid, namespace, **options)
        if namespace == APPLICATION and (connection := self._by_peer.get(sid)):
            self._forget(connection)
            await self._end_namespace(connection)
        return result

    def _disconnect(self, connection: Connection) -> None:
        self._spawn(partial(self._end_namespace, connection), f"disconnect of {connection.peer_id}")

    async def _emit(self, connection: Connection) -> None:
        try:
            while (item := connection.outbox.take()) is not None:
                event, payload = item
                await self._sio.emit(event, payload, to=connection.sid, namespace=NAMESPACE, ignore_queue=True)
        except Exception:
            logger.exception("peer %s is disconnected: it could not be notified", connection.peer_id)
            await self._end_namespace(connection)

    async def _end_namespace(self, connection: Connection) -> None:
        try:
            await self._sio.disconnect(connection.sid, namespace=NAMESPACE, ignore_queue=True)
        except Exception:
            logger.exception("peer %s could not be disconnected", connection.peer_id)

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(lambda: self._tasks.spawn(work(), name))
        except RuntimeError:
            logger.debug("%s: the application's event loop has ended", name)


class ThreadAttachment(Attachment):
    """For socketio.Server with async_mode="threading"."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # Two threads, so that a slow handler of the application does not hold up what clients are told.
        self._to_clients = Worker("simplesfu-notifications")
        self._to_application = Worker("simplesfu-events")

    def attach(self) -> None:
        super().attach()
        # python-socketio would give each request a thread of its own, and those would race with each other.
        self._undo.append(wrap_method(self._sio, "_handle_event", self._handle_event))
        self._to_clients.start()
        self._to_application.start()

    def detach(self) -> None:
        super().detach()
        self._to_clients.stop()
        self._to_application.stop()

    def wake(self, connection: Connection) -> None:
        self._to_clients.do(partial(self._emit, connection))

    def wake_events(self) -> None:
        self._to_application.do(self._events.deliver)

    def _make_handlers(self) -> dict[str, Callable[..., Any]]:
        def connect(sid: str, _environ: object, _auth: object = None) -> None:
            try:
                connection = Connection(sid, self._find_application_socket(sid), self)
                self._adopt(connection, self._open(connection).result())
            except CancelledError:
                raise self._refuse(_engine_stopped()) from None
            except Exception as error:
                raise self._refuse(error) from error

        def disconnect(sid: str, _reason: object = None) -> None:
            self._forget_sid(sid)

        return {"connect": connect, "disconnect": disconnect}

    def _handle_event(
        self, original: Callable[..., Any], eio_sid: str, namespace: str | None, ack_id: int | None, data: list[Any]
    ) -> None:
        if namespace != NAMESPACE:
            original(eio_sid, namespace, ack_id, data)
            return
        sid = self._sio.manager.sid_from_eio_sid(eio_sid, NAMESPACE)
        # This thread receives from one client only: what it sends faster than it is served may wait in its socket.
        submitted = self._submit(sid, data[0], data[1:], PATIENCE_S)
        acknowledge = partial(self._acknowledge, eio_sid, ack_id, submitted)
        if submitted.answer.done():
            acknowledge()  # a flood of refused requests holds up nobody but its sender
        else:
            submitted.answer.add_done_callback(lambda _: self._to_clients.do(acknowledge))

    def _acknowledge(self, eio_sid: str, ack_id: int | None, submitted: Submitted) -> None:
        try:
            answer = refusal(_engine_stopped()) if submitted.answer.cancelled() else submitted.answer.result()
            if ack_id is not None:
                ack = self._sio.packet_class(socketio.packet.ACK, namespace=NAMESPACE, id=ack_id, data=[answer])
                self._sio._send_packet(eio_sid, ack)
        finally:
            submitted.release()

    def _follow(self, original: Callable[..., Any], sid: str, namespace: str = APPLICATION, **options: Any) -> object:
        result = original(sid, namespace, **options)
        if namespace == APPLICATION and (connection := self._by_peer.get(sid)):
            self._forget(connection)
            self._end_namespace(connection)
        return result

    def _disconnect(self, connection: Connection) -> None:
        self._to_clients.do(partial(self._end_namespace, connection))

    def _emit(self, connection: Connection) -> None:
        try:
            while (item := connection.outbox.take()) is not None:
                event, payload = item
                self._sio.emit(event, payload, to=connection.sid, namespace=NAMESPACE, ignore_queue=True)
        except Exception:
            logger.exception("peer %s is disconnected: it could not be notified", connection.peer_id)
            self._end_namespace(connection)

    def _end_namespace(self, connection: Connection) -> None:
        try:
            self._sio.disconnect(connection.sid, namespace=NAMESPACE, ignore_queue=True)
        except Exception:
            logger.exception("peer %s could not be disconnected", connection.peer_id)


def _engine_stopped() -> Closed:
    return Closed("the media server is closing", "connect again later")


async def _run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the engine's loop is given: there are only plain functions behind it, which nothing can interrupt."""
    return function(*args, **kwargs)


async def _result(future: Future[T]) -> T:
    """Raises Closed when the engine stopped instead. To cancel the waiting does not cancel the work."""
    try:
        return await asyncio.shield(asyncio.wrap_future(future))
    except asyncio.CancelledError:
        if future.cancelled():
            raise _engine_stopped() from None
        raise


def _refused(error: SfuError) -> Submitted:
    answer: Future[Answer] = Future()
    answer.set_result(refusal(error))
    return Submitted(answer, lambda: None)


def _log_failure(future: Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()):
        logger.error("a session could not be closed", exc_info=error)

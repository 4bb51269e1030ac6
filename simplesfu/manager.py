"""MediaManager: media for a Socket.IO server. It puts the parts together and does nothing else."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack

import socketio  # type: ignore[import-untyped]

from simplesfu.config import MediaConfig, MediaOptions
from simplesfu.control.router import Router
from simplesfu.engine.engine import Engine
from simplesfu.errors import Closed, ConfigError
from simplesfu.signaling.app_events import AppEvents, Handler
from simplesfu.signaling.attach import Attachment
from simplesfu.signaling.attach_async import AsyncAttachment
from simplesfu.signaling.attach_threads import ThreadAttachment
from simplesfu.signaling.attendance import Attendance
from simplesfu.signaling.client_script import serve_client_script
from simplesfu.signaling.info import ConsumerInfo, PeerInfo, ProducerInfo
from simplesfu.signaling.peers import Peers
from simplesfu.signaling.protocol import Responder

T = TypeVar("T")

CALL_TIMEOUT_S: Final = 10.0

logger = logging.getLogger(__name__)


class MediaManager:
    """Media for every client of a Socket.IO server.

    sio: a socketio.AsyncServer, a socketio.Server with async_mode="threading", or Flask-SocketIO's SocketIO object.
    The other options are those of simplesfu.config.MediaConfig. No event loop need run yet. Raises ConfigError.

    Everything here may be called from any thread. Close it with close(), `await aclose()` or `async with`; a program
    that ends without doing so ends all the same.
    """

    def __init__(self, sio: Any, **options: Unpack[MediaOptions]) -> None:
        server = _find_server(sio)
        config = MediaConfig(**options)
        self._engine = Engine(config)
        self._router = Router(self._engine, config)
        is_async = isinstance(server, socketio.AsyncServer)
        self._events = AppEvents(lambda: self._attachment.wake_events(), coroutines=is_async)
        self._peers = Peers(self._router, config, self._events.report)
        attendance = Attendance(self._peers)
        self._responder = Responder(attendance)
        attach = AsyncAttachment if is_async else ThreadAttachment
        self._attachment: Attachment = attach(server, self._engine, attendance, self._responder, self._events)
        self._engine.start()
        try:
            self._attachment.attach()
        except BaseException:
            self._engine.close()
            raise
        self._stop_serving_script = serve_client_script(server)
        logger.info("clients send media to %s", ", ".join(f"{address}:{port}" for address, port in self.addresses))

    # events

    def on(self, event: str, handler: Handler | None = None) -> Any:
        """Call `handler(info)` at each event, in order, on the application's loop, or with threads on one of its own.

            peer_joined, peer_left              PeerInfo
            peer_lost, peer_resumed             PeerInfo: its socket is gone, and it has another
            producer_added, producer_removed    ProducerInfo
            consumer_added, consumer_removed    ConsumerInfo
            transport_state                     TransportInfo

        Without a handler it is a decorator. With an asyncio server the handler may be a coroutine function. What it
        raises is logged. Raises ConfigError for an event that does not exist or a handler that cannot be called.
        """
        if handler is None:
            return lambda decorated: self.on(event, decorated)
        self._events.on(event, handler)
        return handler

    def off(self, event: str, handler: Handler) -> None:
        """Undo on(). Raises ConfigError for an event that does not exist."""
        self._events.off(event, handler)

    # what there is

    @property
    def peers(self) -> Mapping[str, PeerInfo]:
        """By peer id, which is the application socket's id. A snapshot; empty after close()."""
        return self._read(self._peers.infos, {})

    @property
    def producers(self) -> Mapping[str, ProducerInfo]:
        """All tracks that are sent, by producer id."""
        return {producer.id: producer for peer in self.peers.values() for producer in peer.producers}

    @property
    def consumers(self) -> Mapping[str, ConsumerInfo]:
        """All tracks that are received, by consumer id."""
        return {consumer.id: consumer for peer in self.peers.values() for consumer in peer.consumers}

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where clients are told to send media: (address, UDP port)."""
        return [(candidate.address, candidate.port) for candidate in self._engine.candidates]

    def stats(self) -> dict[str, Any]:
        """Numbers, fit for JSON: `engine`, `plane` (docs/counters.md), `signaling`, `transports`. Raises Closed."""
        return self._engine.call(_run(self._collect_stats), CALL_TIMEOUT_S)

    def _collect_stats(self) -> dict[str, Any]:
        return {
            "engine": self._engine.stats(),
            "plane": self._engine.plane.stats(),
            "signaling": {
                **self._attachment.counts,
                "peers": len(self._peers.infos()),
                "internal_errors": self._responder.internal_errors,
            },
            "transports": [transport.stats() for transport in self._router.transports.values()],
        }

    def _read(self, function: Callable[[], T], after_close: T) -> T:
        try:
            return self._engine.call(_run(function), CALL_TIMEOUT_S)
        except Closed:
            return after_close

    # the end

    def close(self) -> None:
        """End all media, give back the port, leave the Socket.IO server as it was. A second call does nothing."""
        self._stop_serving_script()
        self._attachment.detach()
        self._read(self._end, None)
        self._engine.close()

    async def aclose(self) -> None:
        """close(), for an event loop, which goes on meanwhile."""
        await asyncio.to_thread(self.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _end(self) -> None:
        self._peers.close_all()
        self._router.close()


async def _run(function: Callable[[], T]) -> T:
    return function()


def _find_server(sio: Any) -> Any:
    if isinstance(sio, socketio.AsyncServer):
        return sio
    server = sio if isinstance(sio, socketio.Server) else getattr(sio, "server", None)
    if not isinstance(server, socketio.Server):
        raise ConfigError(f"MediaManager got a {type(sio).__module__}.{type(sio).__qualname__}", _hint(sio))
    if server.async_mode != "threading":
        raise ConfigError(
            f"the Socket.IO server's async_mode is {server.async_mode!r}, which is not supported",
            'write async_mode="threading"; left out, python-socketio takes eventlet or gevent when they are installed',
        )
    return server


def _hint(sio: Any) -> str:
    if isinstance(sio, socketio.ASGIApp | socketio.WSGIApp):
        return "pass the Socket.IO server itself, not the application around it"
    if hasattr(sio, "init_app"):
        return "call init_app(app) first: Flask-SocketIO has no server before"
    return "pass a socketio.AsyncServer, a socketio.Server or Flask-SocketIO's SocketIO"

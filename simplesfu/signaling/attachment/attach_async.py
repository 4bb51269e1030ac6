"""The seam to a socketio.AsyncServer."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import socketio

from simplesfu.engine.tasks import TaskSet
from simplesfu.errors import Closed
from simplesfu.signaling.attachment.attach import Attachment, Submitted, engine_stopped
from simplesfu.signaling.attachment.connection import APPLICATION, GOODBYE, SocketConnection
from simplesfu.signaling.attachment.instance_wrap import wrap_method
from simplesfu.signaling.requests.protocol import NAMESPACE, REQUESTS, refusal
from simplesfu.signaling.sessions.replay import Answer

T = TypeVar("T")

logger = logging.getLogger(__name__)


class AsyncAttachment(Attachment):
    """The application's loop is the one that runs its connect handlers."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._tasks = TaskSet()

    def wake_events(self) -> None:
        self._spawn(self._events.deliver_async, "events to the application")

    def _wake(self, connection: SocketConnection) -> None:
        self._spawn(partial(self._emit, connection), f"notifications to {connection.application_sid}")

    def attach(self) -> None:
        super().attach()
        if self._speaks_legacy:
            self._undo.append(wrap_method(self._sio, "_handle_event", self._handle_event))

    def _probe(self, reply: Callable[[], None]) -> None:
        self._call_soon(reply)

    def _make_handlers(self) -> dict[str, Callable[..., Any]]:
        async def connect(sid: str, _environ: object, _auth: object = None) -> None:
            self.loop = asyncio.get_running_loop()
            try:
                self._connect(sid)
            except Exception as error:
                raise self._refuse(error) from error

        async def disconnect(sid: str, reason: object = None) -> None:
            self._disconnected(sid, reason)

        async def other(name: object, sid: str, *arguments: object) -> Answer:
            return await self._answer(name, sid, *arguments)

        def named(name: str) -> Callable[..., Any]:
            async def request(sid: str, *arguments: object) -> Answer:
                return await self._answer(name, sid, *arguments)

            return request

        return {name: named(name) for name in REQUESTS} | {"*": other, "connect": connect, "disconnect": disconnect}

    async def _answer(self, name: object, sid: str, *arguments: object) -> Answer:
        return await self._answered(self._submit(sid, name, arguments))  # before anything is awaited: in this order

    async def _handle_event(
        self, original: Callable[..., Any], eio_sid: str, namespace: str | None, ack_id: int | None, data: list[Any]
    ) -> None:
        sid = self._legacy_sid(eio_sid, namespace, data)
        if sid is None:
            await original(eio_sid, namespace, ack_id, data)
            return
        self.loop = asyncio.get_running_loop()
        submitted = self._submit(sid, data[0], data[1:])
        self._tasks.spawn(self._acknowledge(eio_sid, ack_id, submitted), f"answer to {sid}")

    async def _acknowledge(self, eio_sid: str, ack_id: int | None, submitted: Submitted) -> None:
        answer = await self._answered(submitted)
        if ack_id is not None:
            ack = self._sio.packet_class(socketio.packet.ACK, namespace=APPLICATION, id=ack_id, data=[answer])
            await self._sio._send_packet(eio_sid, ack)

    async def _answered(self, submitted: Submitted) -> Answer:
        try:
            return await _result(submitted.answer)
        except Closed as error:
            return refusal(error)
        finally:
            submitted.release()

    async def _follow(
        self, original: Callable[..., Any], sid: str, namespace: str = APPLICATION, **options: Any
    ) -> object:
        ends = namespace == APPLICATION and self._engine_socket_ends(sid, namespace)
        result = await original(sid, namespace, **options)
        if namespace == APPLICATION:
            connection = self._application_socket_gone(sid, engine_socket_ends=ends)
            if connection is not None:
                await self._end_namespace(connection)
        return result

    def _disconnect(self, connection: SocketConnection) -> None:
        self._spawn(partial(self._end_namespace, connection), f"disconnect of {connection.application_sid}")

    async def _emit(self, connection: SocketConnection) -> None:
        try:
            while (told := connection.outbox.take()) is not None:
                if told is GOODBYE:
                    await self._end_namespace(connection)
                elif self._has_room(connection):
                    await self._sio.emit(
                        told.event, told.payload, to=connection.sid, namespace=connection.namespace, ignore_queue=True
                    )
        except Exception:
            logger.exception("client %s is disconnected: it could not be notified", connection.application_sid)
            await self._end_namespace(connection)

    async def _end_namespace(self, connection: SocketConnection) -> None:
        if connection.namespace == APPLICATION:
            self._end_legacy(connection)
            return
        try:
            await self._sio.disconnect(connection.sid, namespace=NAMESPACE, ignore_queue=True)
        except Exception:
            logger.exception("client %s could not be disconnected", connection.application_sid)

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        self._call_soon(lambda: self._tasks.spawn(work(), name))

    def _call_soon(self, function: Callable[[], object]) -> None:
        if self.loop is None:
            return
        try:
            self.loop.call_soon_threadsafe(function)
        except RuntimeError:
            logger.debug("the application's event loop has ended")


async def _result(future: Future[T]) -> T:
    """Raises Closed when the engine stopped instead. To cancel the waiting does not cancel the work."""
    try:
        return await asyncio.shield(asyncio.wrap_future(future))
    except asyncio.CancelledError:
        if future.cancelled():
            raise engine_stopped() from None
        raise

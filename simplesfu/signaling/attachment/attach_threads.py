"""The seam to a socketio.Server, whose clients are served by threads or by gevent's greenlets."""
from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import socketio

from simplesfu.signaling.application.worker import GreenletWorker, ThreadWorker, Worker
from simplesfu.signaling.attachment.attach import Attachment, Submitted, engine_stopped
from simplesfu.signaling.attachment.connection import APPLICATION, GOODBYE, SocketConnection
from simplesfu.signaling.attachment.instance_wrap import wrap_method
from simplesfu.signaling.requests.protocol import NAMESPACE, refusal

PATIENCE_S: Final = 1.0

logger = logging.getLogger(__name__)


class ThreadAttachment(Attachment):
    patience_s = PATIENCE_S
    """The thread that receives from a client serves nobody else: what comes faster than it is served may wait there."""

    def __init__(self, *args: Any, make_worker: Callable[[str], Worker] = ThreadWorker) -> None:
        super().__init__(*args)
        # Two of them, so that a slow handler of the application does not hold up what clients are told.
        self._to_clients = make_worker("simplesfu-notifications")
        self._to_application = make_worker("simplesfu-events")

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

    def wake_events(self) -> None:
        self._to_application.do(self._events.deliver)

    def _wake(self, connection: SocketConnection) -> None:
        self._to_clients.do(partial(self._emit, connection))

    def _probe(self, reply: Callable[[], None]) -> None:
        self._to_clients.do(reply)

    def _make_handlers(self) -> dict[str, Callable[..., Any]]:
        def connect(sid: str, _environ: object, _auth: object = None) -> None:
            try:
                self._connect(sid)
            except Exception as error:
                raise self._refuse(error) from error

        def disconnect(sid: str, reason: object = None) -> None:
            self._disconnected(sid, reason)

        return {"connect": connect, "disconnect": disconnect}

    def _handle_event(
        self, original: Callable[..., Any], eio_sid: str, namespace: str | None, ack_id: int | None, data: list[Any]
    ) -> None:
        if namespace == NAMESPACE:
            sid = self._sio.manager.sid_from_eio_sid(eio_sid, NAMESPACE)
        elif (sid := self._legacy_sid(eio_sid, namespace, data)) is None:
            original(eio_sid, namespace, ack_id, data)
            return
        submitted = self._submit(sid, data[0], data[1:], self.patience_s)
        acknowledge = partial(self._acknowledge, eio_sid, namespace, ack_id, submitted)
        if submitted.answer.done():
            acknowledge()  # a flood of refused requests holds up nobody but its sender
        else:
            submitted.answer.add_done_callback(lambda _: self._to_clients.do(acknowledge))

    def _acknowledge(self, eio_sid: str, namespace: str | None, ack_id: int | None, submitted: Submitted) -> None:
        try:
            answer = refusal(engine_stopped()) if submitted.answer.cancelled() else submitted.answer.result()
            if ack_id is not None:
                ack = self._sio.packet_class(socketio.packet.ACK, namespace=namespace, id=ack_id, data=[answer])
                self._sio._send_packet(eio_sid, ack)
        finally:
            submitted.release()

    def _follow(self, original: Callable[..., Any], sid: str, namespace: str = APPLICATION, **options: Any) -> object:
        ends = namespace == APPLICATION and self._engine_socket_ends(sid, namespace)
        result = original(sid, namespace, **options)
        if namespace == APPLICATION:
            connection = self._application_socket_gone(sid, engine_socket_ends=ends)
            if connection is not None:
                self._end_namespace(connection)
        return result

    def _disconnect(self, connection: SocketConnection) -> None:
        self._to_clients.do(partial(self._end_namespace, connection))

    def _emit(self, connection: SocketConnection) -> None:
        try:
            while (told := connection.outbox.take()) is not None:
                if told is GOODBYE:
                    self._end_namespace(connection)
                elif self._has_room(connection):
                    self._sio.emit(
                        told.event, told.payload, to=connection.sid, namespace=connection.namespace, ignore_queue=True
                    )
        except Exception:
            logger.exception("client %s is disconnected: it could not be notified", connection.application_sid)
            self._end_namespace(connection)

    def _end_namespace(self, connection: SocketConnection) -> None:
        if connection.namespace == APPLICATION:
            self._end_legacy(connection)
            return
        try:
            self._sio.disconnect(connection.sid, namespace=NAMESPACE, ignore_queue=True)
        except Exception:
            logger.exception("client %s could not be disconnected", connection.application_sid)


class GreenletAttachment(ThreadAttachment):
    """All clients are served by one thread, which must not wait."""

    patience_s = 0.0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, make_worker=GreenletWorker)

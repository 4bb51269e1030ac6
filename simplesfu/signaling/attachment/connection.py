"""One client's media namespace, between the application's side and the engine's."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from simplesfu.engine.engine import monotonic_us
from simplesfu.signaling.admission import Admission
from simplesfu.signaling.application.mailbox import Mailbox
from simplesfu.signaling.requests.protocol import NAMESPACE, Responder
from simplesfu.signaling.sessions.replay import Answer, Told

APPLICATION: Final = "/"
"""The application's own namespace."""

MAX_WAITING_NOTIFICATIONS: Final = 4096
"""Of one peer. Who joins a room of a thousand tracks is told of all of them in one go."""

GOODBYE: Final = Told("", {})
"""In an outbox: disconnect the client now."""


class SocketConnection:
    """`sid` is its id in its namespace, `application_sid` that of the same client's socket in the application's.

    `wake(connection)` is called when something is in the outbox, `overflow(connection)` when there is too much.
    """

    namespace: str = NAMESPACE

    def __init__(
        self,
        sid: str,
        application_sid: str,
        *,
        max_pending: int,
        wake: Callable[[SocketConnection], None],
        overflow: Callable[[SocketConnection], None],
    ) -> None:
        self.sid = sid
        self.application_sid = application_sid
        self.over = False
        self.heard_us = monotonic_us()
        """When the client has said something last. The application's side writes it, the engine's reads it."""
        self.admission = Admission(max_pending, self.heard_us)
        self.outbox: Mailbox[Told] = Mailbox(MAX_WAITING_NOTIFICATIONS, lambda: wake(self), lambda: overflow(self))

    async def respond(self, responder: Responder, name: object, arguments: Sequence[object]) -> Answer:
        """Carry out a request, on the engine's loop."""
        return await responder.respond(self, name, arguments)

    def tell(self, event: str, payload: dict[str, Any]) -> None:
        self.outbox.put(Told(event, payload))

    def disconnect(self) -> None:
        self.outbox.put(GOODBYE)

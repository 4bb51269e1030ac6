"""A client that speaks the original's protocol (signaling/legacy) on its socket in the application's own namespace."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from simplesfu.engine.engine import monotonic_us
from simplesfu.signaling.attachment.connection import APPLICATION, SocketConnection
from simplesfu.signaling.legacy.translator import Translator
from simplesfu.signaling.requests.protocol import Responder
from simplesfu.signaling.sessions.attendance import Attendance
from simplesfu.signaling.sessions.replay import Answer

LEGACY_EVENT: Final = "mediasoupSignaling"


class LegacyConnection(SocketConnection):
    """What the session tells goes to the translator, and what that has to say goes out."""

    namespace = APPLICATION

    def __init__(
        self,
        sid: str,
        attendance: Attendance,
        responder: Responder,
        *,
        wake: Callable[[SocketConnection], None],
        overflow: Callable[[SocketConnection], None],
    ) -> None:
        super().__init__(
            sid, sid, max_pending=attendance.peers.config.max_pending_requests_per_peer, wake=wake, overflow=overflow
        )
        self._translator = Translator(self, attendance, responder, push=self._push)

    async def respond(self, _responder: Responder, _name: object, arguments: Sequence[object]) -> Answer:
        return await self._translator.respond(arguments)

    def tell(self, event: str, payload: dict[str, Any]) -> None:
        self.heard_us = monotonic_us()  # it answers no heartbeats: Engine.IO's own ping ends its socket
        self._translator.told(event, payload)

    def _push(self, kind: str, data: object) -> None:
        super().tell(LEGACY_EVENT, {"type": kind, "data": data})

"""The wire protocol as any Socket.IO client can speak it (docs/protocol.md), without media."""

from __future__ import annotations

from typing import Any, Self

import socketio

from .waiting import until

NAMESPACE = "/simplesfu"


class RefusedError(Exception):
    """A request was answered with an error."""

    def __init__(self, *, code: str, message: str, hint: str) -> None:
        super().__init__(f"{code}: {message} ({hint})")
        self.code = code
        self.message = message
        self.hint = hint

    @property
    def wire(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "hint": self.hint}


class SignallingClient:
    """One peer's requests and notifications. Use as a context manager."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sio = socketio.AsyncClient(reconnection=False)
        self.notifications: list[tuple[str, dict[str, Any]]] = []
        self.sio.on("*", self._notified, namespace=NAMESPACE)
        self.peer_id = ""
        self.capabilities: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        await self.sio.connect(self.url, namespaces=["/", NAMESPACE], transports=["websocket"], wait_timeout=10)
        greeting = await self.ask("hello")
        self.peer_id, self.capabilities = greeting["peerId"], greeting["routerRtpCapabilities"]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.sio.disconnect()

    async def _notified(self, event: str, payload: dict[str, Any]) -> None:
        self.notifications.append((event, payload))

    async def answer(self, request: str, payload: object = None, timeout_s: float = 10.0) -> dict[str, Any]:
        """The whole answer, whatever it says."""
        given = {} if payload is None else payload
        answer: dict[str, Any] = await self.sio.call(request, given, namespace=NAMESPACE, timeout=timeout_s)
        return answer

    async def ask(self, request: str, **payload: Any) -> Any:
        """The data of the answer; raises RefusedError when it is an error."""
        answer = await self.answer(request, payload)
        if not answer["ok"]:
            raise RefusedError(**answer["error"])
        return answer["data"]

    async def told(self, event: str, **wanted: Any) -> dict[str, Any]:
        """Wait for a notification with these fields; its payload."""

        def find() -> dict[str, Any] | None:
            for name, payload in self.notifications:
                if name == event and wanted.items() <= payload.items():
                    return payload
            return None

        payload: dict[str, Any] = await until(find, f"{event} {wanted}")
        return payload

    def codec(self, mime_type: str) -> dict[str, Any]:
        """The router's capability for a codec."""
        codecs = self.capabilities["codecs"]
        codec: dict[str, Any] = next(c for c in codecs if c["mimeType"].lower() == mime_type.lower())
        return codec

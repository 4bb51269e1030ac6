"""The wire protocol as any Socket.IO client can speak it (docs/protocol.md), without media."""

from __future__ import annotations

import asyncio
from contextlib import suppress
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
    """One peer's requests and notifications, over one socket or several in turn. Use as a context manager."""

    def __init__(
        self,
        url: str,
        *,
        auth: dict[str, Any] | None = None,
        answers_heartbeats: bool = True,
        topology: str | None = None,
    ) -> None:
        """`auth`: what the application is told when the socket connects. `topology`: what is said in every hello."""
        self.url = url
        self.auth = auth
        self.topology = topology
        self.sio = self._new_socket()
        self.notifications: list[tuple[str, dict[str, Any]]] = []
        """Each once, though the server may repeat some after a resume."""
        self.repeated = 0
        self.last_seq = 0
        self.answers_heartbeats = answers_heartbeats
        self.heartbeats = 0
        self.disconnections: list[str] = []
        """Why each of its sockets ended."""
        self.peer_id = ""
        self.socket_ids: list[str] = []
        """Of the application's namespace: the first is the peer's id, the later ones are aliases."""
        self.greeting: dict[str, Any] = {}
        self.capabilities: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        await self.open_socket()
        await self.hello()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    # sockets

    def _new_socket(self) -> socketio.AsyncClient:
        sio = socketio.AsyncClient(reconnection=False)
        sio.on("*", self._notified, namespace=NAMESPACE)
        sio.on("heartbeat", self._heartbeat, namespace=NAMESPACE)
        sio.on("disconnect", self._disconnected, namespace=NAMESPACE)
        return sio

    async def open_socket(self) -> None:
        """A socket and its media namespace; silent so far."""
        await self.sio.connect(
            self.url, namespaces=["/", NAMESPACE], transports=["websocket"], wait_timeout=10, auth=self.auth
        )
        self.socket_ids.append(self.sio.get_sid("/"))

    async def hello(self, **payload: Any) -> dict[str, Any]:
        """Say hello; what it answers."""
        if self.topology is not None:
            payload = {"topology": self.topology} | payload
        self.greeting = await self.ask("hello", **payload)
        self.peer_id, self.capabilities = self.greeting["peerId"], self.greeting["routerRtpCapabilities"]
        return self.greeting

    async def leave(self) -> None:
        """Say goodbye, and wait until that is under way: disconnect() closes the socket before what it has to send."""
        if NAMESPACE in self.sio.namespaces:
            await self.sio._send_packet(self.sio.packet_class(socketio.packet.DISCONNECT, namespace=NAMESPACE))
            with suppress(TimeoutError):  # of a socket that died meanwhile
                await asyncio.wait_for(self.sio.eio.queue.join(), 1)
        await self.sio.disconnect()

    async def lose_socket(self) -> None:
        """Lose the connection as a network does: without a word of Socket.IO."""
        ending = len(self.disconnections)
        await self.sio.eio.ws.close()
        await until(lambda: len(self.disconnections) > ending, "the socket's end", every_s=0.01)

    async def come_back(self, **changes: Any) -> dict[str, Any]:
        """A new socket that asks for the session of the last one; what hello answers. `changes` to hello's payload."""
        self.sio = self._new_socket()
        await self.open_socket()
        return await self.hello(**({"token": self.greeting["token"], "lastSeq": self.last_seq} | changes))

    async def _notified(self, event: str, payload: dict[str, Any]) -> None:
        seq = payload.get("seq", self.last_seq + 1)
        if seq <= self.last_seq:
            self.repeated += 1
            return
        self.last_seq = seq
        self.notifications.append((event, payload))

    async def _heartbeat(self, _payload: dict[str, Any]) -> None:
        self.heartbeats += 1
        if self.answers_heartbeats:
            await self.sio.emit("heartbeat", {"lastSeq": self.last_seq}, namespace=NAMESPACE)

    async def _disconnected(self, reason: str) -> None:
        self.disconnections.append(reason)

    # requests and notifications

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

    async def refused(self, request: str, **payload: Any) -> dict[str, str]:
        """The error of the answer; fails when there is none."""
        answer = await self.answer(request, payload)
        assert not answer["ok"], (request, payload, answer)
        error: dict[str, str] = answer["error"]
        return error

    async def told(self, event: str, **wanted: Any) -> dict[str, Any]:
        """Wait for a notification with these fields; its payload."""

        def find() -> dict[str, Any] | None:
            for name, payload in self.notifications:
                if name == event and wanted.items() <= payload.items():
                    return payload
            return None

        payload: dict[str, Any] = await until(find, f"{event} {wanted}", every_s=0.02)
        return payload

    def heard(self, event: str, **wanted: Any) -> int:
        """How often such a notification has come so far."""
        return sum(name == event and wanted.items() <= payload.items() for name, payload in self.notifications)

    def codec(self, mime_type: str) -> dict[str, Any]:
        """The router's capability for a codec."""
        codecs = self.capabilities["codecs"]
        codec: dict[str, Any] = next(c for c in codecs if c["mimeType"].lower() == mime_type.lower())
        return codec


class Member(SignallingClient):
    """One that others see as soon as it is there."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self.ask("enter")
        return self

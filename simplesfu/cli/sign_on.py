"""Just enough of a Socket.IO client to be one of an application's: over a WebSocket, on the namespace of media."""
from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from simplesfu.signaling.requests.protocol import NAMESPACE

TIMEOUT_S: Final = 10.0


class SignOnError(Exception):
    """Why there is no signing on, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class SignedOn:
    """A client of the application, until the socket closes."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count()

    async def ask(self, request: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The data of the answer. Raises SignOnError, with the server's words when it refuses."""
        number = next(self._ids)
        await self.send(f"42{NAMESPACE},{number}{json.dumps([request, payload])}")
        answered = f"43{NAMESPACE},{number}["
        while not (packet := await self.receive()).startswith(answered):
            pass
        [answer] = json.loads(packet[len(answered) - 1:])
        if not answer["ok"]:
            raise SignOnError(answer["error"]["message"], answer["error"].get("hint", ""))
        data: dict[str, Any] = answer["data"]
        return data

    async def join(self, namespace: str, auth: str) -> None:
        """Raises SignOnError when the server does not let us in."""
        prefix = "" if namespace == "/" else f"{namespace},"
        await self.send(f"40{prefix}{auth}")
        while True:
            packet = await self.receive()
            if packet.startswith(f"44{prefix}"):
                refusal = json.loads(packet[2 + len(prefix):])
                hint = "does it have MediaManager(sio)?" if prefix else "what it wants to be told: --auth '{…}'"
                raise SignOnError(f"the server refuses {namespace}: {refusal.get('message')}", hint)
            if packet.startswith(f"40{prefix}"):
                return

    async def receive(self) -> str:
        """The next packet that is no ping. Raises SignOnError when nothing comes."""
        try:
            while True:
                packet = await asyncio.wait_for(self._socket.recv(decode=True), TIMEOUT_S)
                if packet != "2":
                    return str(packet)
                await self.send("3")
        except TimeoutError as error:
            raise SignOnError("the application does not answer", "is its event loop blocked?") from error
        except WebSocketException as error:
            raise _ended(error) from error

    async def send(self, packet: str) -> None:
        """Raises SignOnError when the connection has ended."""
        try:
            await self._socket.send(packet)
        except WebSocketException as error:
            raise _ended(error) from error


def _ended(error: WebSocketException) -> SignOnError:
    return SignOnError(f"the connection ended ({error})", "the application's log may say why")


@contextlib.asynccontextmanager
async def signed_on(url: str, path: str, auth: str) -> AsyncIterator[SignedOn]:
    """`auth`: JSON for the application's connect handler, or "". Raises SignOnError."""
    base = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(base.scheme)
    if scheme is None or not base.netloc:
        raise SignOnError(f"{url!r} is not the address of an application", "write http://host:port or https://host")
    address = urlunsplit((scheme, base.netloc, f"/{path.strip('/')}/", "EIO=4&transport=websocket", ""))
    async with contextlib.AsyncExitStack() as stack:
        try:
            socket = await stack.enter_async_context(connect(address, open_timeout=TIMEOUT_S, close_timeout=1))
        except (OSError, TimeoutError) as error:
            raise SignOnError(f"{base.netloc} cannot be reached: {error}",
                              "is the application running, and is that its address?") from error
        except WebSocketException as error:
            raise SignOnError(f"no WebSocket at {address}: {error}",
                              "a proxy in front must pass Upgrade on; --path when Socket.IO is elsewhere") from error
        client = SignedOn(socket)
        await client.receive()  # Engine.IO's own greeting
        await client.join("/", auth)
        await client.join(NAMESPACE, "")
        try:
            yield client
        finally:  # else the server would keep us for its grace period
            with contextlib.suppress(SignOnError):
                await client.send(f"41{NAMESPACE},")

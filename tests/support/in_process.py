"""Web servers inside the test's own process, so that it can look at the objects behind them."""
from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import socketio
import uvicorn
from werkzeug.serving import make_server

from simplesfu import MediaManager
from simplesfu.control.webrtc_transport import WebRtcTransport

from .waiting import until

T = TypeVar("T")


@asynccontextmanager
async def asgi(app: Any) -> AsyncIterator[str]:
    """uvicorn on the test's own event loop; gives its URL."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started, "uvicorn up", every_s=0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def wsgi(app: Any) -> AsyncIterator[str]:
    """werkzeug with a thread for each request; gives its URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, name="wsgi", kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class MediaApp:
    """An application with media. A client's session in it is the `auth` that the client connected with."""

    url: str
    sio: socketio.AsyncServer
    media: MediaManager

    async def on_engine(self, function: Callable[[], T]) -> T:
        """What it gives when it is called on the engine's loop, where all that is behind `media` lives."""

        async def call() -> T:
            return function()

        return await asyncio.wrap_future(self.media._engine.run(call()))

    async def transports(self) -> list[WebRtcTransport]:
        return await self.on_engine(lambda: list(self.media._router.transports.values()))


@asynccontextmanager
async def media_app(**options: Any) -> AsyncIterator[MediaApp]:
    """`options`: those of MediaManager."""
    sio = socketio.AsyncServer(async_mode="asgi")

    async def connect(sid: str, _environ: object, auth: dict[str, Any] | None) -> None:
        await sio.save_session(sid, auth or {})

    sio.on("connect", connect)
    options.setdefault("listen", ("127.0.0.1", 0))
    async with MediaManager(sio, **options) as media, asgi(socketio.ASGIApp(sio)) as url:
        yield MediaApp(url, sio, media)

"""Applications as the original's examples have them, on both kinds of server, and pages with the original's client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import socketio
from playwright.async_api import Browser, Page

from simplesfu import MediaManager

from .in_process import asgi, wsgi
from .waiting import until

HERE = Path(__file__).parent / "legacy"
MODULES = HERE / "node_modules"
BUNDLE = "dist/SimpleMediasoupPeer.js"
FILES = {
    **{f"/{page.name}": str(page) for page in (HERE / "page").iterdir()},
    **{f"/{name}.js": str(MODULES / f"original-{name}" / BUNDLE) for name in ("first", "second", "third")},
    "/socket.io.js": str(MODULES / "socket.io-client/dist/socket.io.js"),
}
Generation = Literal["first", "second", "third", "new"]

needs_the_original = pytest.mark.skipif(
    not MODULES.is_dir(), reason=f"the original's client is missing: npm --prefix {HERE} ci --ignore-scripts"
)


@asynccontextmanager
async def async_app(**options: Any) -> AsyncIterator[tuple[str, MediaManager]]:
    """Tells its clients of each other, as the original's examples do."""
    sio = socketio.AsyncServer(async_mode="asgi")
    clients: list[str] = []

    async def connect(sid: str, *_: object) -> None:
        await sio.emit("clients", list(clients), to=sid)
        await sio.emit("clientConnected", sid, skip_sid=sid)
        clients.append(sid)

    async def disconnect(sid: str, *_: object) -> None:
        clients.remove(sid)
        await sio.emit("clientDisconnected", sid)

    sio.on("connect", connect)
    sio.on("disconnect", disconnect)
    async with (
        MediaManager(sio, legacy_signaling=True, listen=("127.0.0.1", 0), **options) as media,
        asgi(socketio.ASGIApp(sio, static_files=FILES)) as url,
    ):
        yield url, media


@asynccontextmanager
async def thread_app(**options: Any) -> AsyncIterator[tuple[str, MediaManager]]:
    """The same on threads."""
    sio = socketio.Server(async_mode="threading")
    clients: list[str] = []

    def connect(sid: str, *_: object) -> None:
        sio.emit("clients", list(clients), to=sid)
        sio.emit("clientConnected", sid, skip_sid=sid)
        clients.append(sid)

    def disconnect(sid: str, *_: object) -> None:
        clients.remove(sid)
        sio.emit("clientDisconnected", sid)

    sio.on("connect", connect)
    sio.on("disconnect", disconnect)
    async with (
        MediaManager(sio, legacy_signaling=True, listen=("127.0.0.1", 0), **options) as media,
        wsgi(socketio.WSGIApp(sio, static_files=FILES)) as url,
    ):
        yield url, media


class LegacyPage:
    """A page of one generation, which paints one colour."""

    def __init__(self, page: Page, generation: Generation) -> None:
        self.page = page
        self.generation = generation
        self.id = ""
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)

    @classmethod
    async def open(cls, browser: Browser, url: str, generation: Generation, colour: str, **query: str) -> LegacyPage:
        self = cls(await (await browser.new_context()).new_page(), generation)
        words = "&".join(f"{name}={value}" for name, value in ({"colour": colour} | query).items())
        await self.page.goto(f"{url}/{generation}.html?{words}")
        await until(lambda: self.run("stage.ready?.()"), f"{generation} page ready", every_s=0.1)
        self.id = await self.run("stage.id()")
        return self

    async def run(self, script: str) -> Any:
        try:
            return await self.page.evaluate(script)
        except Exception as error:
            raise AssertionError(f"{self.generation}: {script}: {error}; {self.faults}") from error

    async def sees(self, other: LegacyPage, label: str, colour: str) -> None:
        """Wait until that colour comes, and moves."""
        name = f"{other.id}/{label}"
        before: list[int] = []

        async def moves() -> bool:
            picture = (await self.run("stage.seen()")).get(name)
            if picture is None or picture["colour"] != colour:
                return False
            before.append(picture["frames"])
            return before[-1] > before[0] + 5

        what = f"the {self.generation} client sees {colour} of the {other.generation} one's {label}"
        try:
            await until(moves, what, timeout_s=20)
        except AssertionError as error:
            raise AssertionError(f"{error}; sees {await self.run('stage.seen()')}; faults {self.faults}") from None
        print(what)

    async def frames(self, other: LegacyPage, label: str) -> int:
        picture = (await self.run("stage.seen()")).get(f"{other.id}/{label}")
        return picture["frames"] if picture else 0

    async def close(self) -> None:
        await self.page.context.close()

"""The browser's side comes from the application's own server, wherever Socket.IO is mounted."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import socketio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from fastapi import FastAPI
from flask import Flask
from flask_socketio import SocketIO
from support.in_process import asgi, wsgi

from simplesfu import client
from simplesfu.signaling.attachment import client_script
from simplesfu.signaling.attachment.client_script import serve_client_script

SCRIPT = b"globalThis.SimplePeer = class {};"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(client_script, "read_script", lambda: SCRIPT)
    return SCRIPT


def asgi_app(sio: Any) -> Any:
    return socketio.ASGIApp(sio)


def asgi_app_with_other_path(sio: Any) -> Any:
    return socketio.ASGIApp(sio, socketio_path="/realtime/io")


def asgi_app_around_fastapi(sio: Any) -> Any:
    return socketio.ASGIApp(sio, other_asgi_app=fastapi())


def asgi_app_in_fastapi(sio: Any) -> Any:
    app = fastapi()
    app.mount("/", socketio.ASGIApp(sio))
    return app


def asgi_app_below_a_path_of_fastapi(sio: Any) -> Any:
    app = fastapi()
    app.mount("/live", socketio.ASGIApp(sio, socketio_path=None))
    return app


def fastapi() -> FastAPI:
    app = FastAPI()
    app.get("/other")(lambda: "other")
    return app


def wsgi_app(sio: Any) -> Any:
    return socketio.WSGIApp(sio)


def wsgi_app_with_other_path(sio: Any) -> Any:
    return socketio.WSGIApp(sio, socketio_path="realtime")


MOUNTS = [
    (asgi_app, "/socket.io"),
    (asgi_app_with_other_path, "/realtime/io"),
    (asgi_app_around_fastapi, "/socket.io"),
    (asgi_app_in_fastapi, "/socket.io"),
    (asgi_app_below_a_path_of_fastapi, "/live"),
    (wsgi_app, "/socket.io"),
    (wsgi_app_with_other_path, "/realtime"),
]


@asynccontextmanager
async def mounted(mount: Any) -> Any:
    asynchronous = mount.__name__.startswith("asgi")
    sio = socketio.AsyncServer(async_mode="asgi") if asynchronous else socketio.Server(async_mode="threading")
    app = mount(sio)  # before the script is served: the order must not matter
    undo = serve_client_script(sio)
    async with (asgi if asynchronous else wsgi)(app) as url, httpx.AsyncClient(base_url=url) as browser:
        yield browser, undo


@pytest.mark.parametrize(("mount", "path"), MOUNTS, ids=lambda value: getattr(value, "__name__", ""))
async def test_wherever_socket_io_is_mounted(script: bytes, mount: Any, path: str) -> None:
    async with mounted(mount) as (browser, undo):
        answer = await browser.get(f"{path}/simple-peer.js?v=1")
        print(dict(answer.headers))
        assert (answer.status_code, answer.content) == (200, script)
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"

        handshake = await browser.get(f"{path}/", params={"EIO": "4", "transport": "polling"})
        assert handshake.text.startswith('0{"sid"'), "Socket.IO itself is reached as before"

        undo()
        assert (await browser.get(f"{path}/simple-peer.js")).status_code == 400, "Engine.IO knows no such thing"


@pytest.mark.parametrize("mount", [asgi_app, wsgi_app])
async def test_methods_and_caches(script: bytes, mount: Any) -> None:
    async with mounted(mount) as (browser, _):
        path = "/socket.io/simple-peer.js"
        etag = (await browser.get(path)).headers["etag"]
        for header in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = await browser.get(path, headers={"If-None-Match": header})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag), header
        for header in ('"other"', "nonsense", ""):
            assert (await browser.get(path, headers={"If-None-Match": header})).status_code == 200, header
        head = await browser.head(path)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(script)))
        posted = await browser.post(path)
        assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("mount", [asgi_app, wsgi_app])
async def test_a_script_that_was_not_built(monkeypatch: pytest.MonkeyPatch, mount: Any) -> None:
    monkeypatch.setattr(client, "SCRIPT_NAME", "never-built.js")
    async with mounted(mount) as (browser, _):
        answer = await browser.get("/socket.io/simple-peer.js")
    print(answer.text)
    assert answer.status_code == 503
    assert "pip install" in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_flask_socket_io(script: bytes) -> None:
    app = Flask(__name__)
    app.get("/")(lambda: "a page of Flask")
    serve_client_script(SocketIO(app, async_mode="threading").server)
    async with wsgi(app) as url, httpx.AsyncClient(base_url=url) as browser:
        assert (await browser.get("/socket.io/simple-peer.js")).content == script
        assert (await browser.get("/")).text == "a page of Flask"


@pytest.mark.parametrize("path", ["socket.io", "/realtime/io"])
async def test_aiohttp(script: bytes, path: str) -> None:
    sio = socketio.AsyncServer(async_mode="aiohttp")
    serve_client_script(sio)
    app = web.Application()
    sio.attach(app, socketio_path=path)  # asks the application for routes, and so after the script is served
    async with TestClient(TestServer(app)) as browser:
        where = f"/{path.strip('/')}/simple-peer.js"
        answer = await browser.get(where)
        assert (answer.status, await answer.read()) == (200, script)
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        again = await browser.get(where, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status, await again.read()) == (304, b"")
        handshake = await browser.get(f"/{path.strip('/')}/", params={"EIO": "4", "transport": "polling"})
        assert (await handshake.text()).startswith('0{"sid"'), "Socket.IO itself is reached as before"


async def test_the_script_that_was_built() -> None:
    try:
        built = client.read_script()
    except FileNotFoundError:
        pytest.skip("the browser's side is not built")
    async with mounted(asgi_app) as (browser, _):
        answer = await browser.get("/socket.io/simple-peer.js")
    print(f"{len(answer.content)} bytes")
    assert answer.content == built
    assert "SimplePeer" in answer.text


@pytest.fixture(autouse=True)
def quiet_engine_io(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """It logs each sort of bad request once, which is what these tests provoke."""
    with caplog.at_level("CRITICAL", "engineio.server"):
        yield

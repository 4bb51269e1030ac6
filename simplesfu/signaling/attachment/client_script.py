"""Serves the browser's side at <Socket.IO's path>/simple-peer.js, as Socket.IO for Node.js does with its client.

With ASGI and WSGI Engine.IO gets every request below its path, so its entry point is where the script can be handed
out, whatever the application is mounted on. With aiohttp it asks the application for a route when it is attached, and
so does the script. With sanic and tornado the application serves simplesfu.client.read_script() itself.
"""
from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeAlias

import socketio

from simplesfu.client import SCRIPT_NAME, read_script
from simplesfu.signaling.attachment.instance_wrap import wrap_method

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], object]

_NOT_BUILT: Final = (
    f"{SCRIPT_NAME} is not built.\n"
    "In a clone of the repository run `pip install -e .`, which needs Node.js 20; or install a wheel.\n"
)


class Response(NamedTuple):
    status: HTTPStatus
    headers: list[tuple[str, str]]
    body: bytes


def serve_client_script(sio: socketio.AsyncServer | socketio.Server) -> Callable[[], None]:
    """Wrap a method of `sio`; the returned function undoes it."""
    if sio.async_mode == "asgi":
        return wrap_method(sio, "handle_request", _handle_asgi)
    if sio.async_mode == "aiohttp":
        return wrap_method(sio, "attach", _attach_aiohttp)
    if not isinstance(sio, socketio.AsyncServer):
        return wrap_method(sio, "handle_request", _handle_wsgi)
    return lambda: None


async def _handle_asgi(original: Callable[..., Awaitable[object]], scope: Scope, receive: object, send: Send) -> object:
    if scope["type"] != "http" or not _is_script(scope["path"]):
        return await original(scope, receive, send)
    header = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    response = _respond(scope["method"], header.decode("latin-1"))
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status.value, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
    return None


def _attach_aiohttp(original: Callable[..., object], app: Any, socketio_path: str = "socket.io") -> None:
    from aiohttp import web

    async def handle(request: web.Request) -> web.Response:
        response = _respond(request.method, request.headers.get("If-None-Match", ""))
        return web.Response(status=response.status, headers=response.headers, body=response.body)

    app.router.add_get(f"/{socketio_path.strip('/')}/{SCRIPT_NAME}", handle)
    original(app, socketio_path)


def _handle_wsgi(
    original: Callable[..., Iterable[bytes]], environ: Mapping[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    if not _is_script(environ["PATH_INFO"]):
        return original(environ, start_response)
    response = _respond(environ["REQUEST_METHOD"], environ.get("HTTP_IF_NONE_MATCH", ""))
    start_response(f"{response.status.value} {response.status.phrase}", response.headers)
    return [response.body]


def _is_script(path: str) -> bool:
    return path.rstrip("/").rpartition("/")[2] == SCRIPT_NAME


def _respond(method: str, if_none_match: str) -> Response:
    if method not in ("GET", "HEAD"):
        return _text(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD\n", ("Allow", "GET, HEAD"))
    try:
        script = read_script()
    except FileNotFoundError:
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, _NOT_BUILT)
    etag = f'"{hashlib.sha256(script).hexdigest()[:32]}"'
    # Client and server must be of one version: browsers ask each time, and mostly hear that nothing has changed.
    headers = [("ETag", etag), ("Cache-Control", "no-cache")]
    if _matches(if_none_match, etag):
        return Response(HTTPStatus.NOT_MODIFIED, headers, b"")
    headers += [
        ("Content-Type", "text/javascript; charset=utf-8"),
        ("Content-Length", str(len(script))),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return Response(HTTPStatus.OK, headers, script if method == "GET" else b"")


def _matches(if_none_match: str, etag: str) -> bool:
    """RFC 9110 §13.1.2, with its weak comparison: a proxy that compresses makes the tag weak."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags


def _text(status: HTTPStatus, text: str, *headers: tuple[str, str]) -> Response:
    body = text.encode()
    about_body = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    return Response(status, [*about_body, ("Cache-Control", "no-store"), *headers], body)

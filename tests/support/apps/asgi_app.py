"""The test application on asyncio: Socket.IO, media, the test page, and ways to look inside and to misbehave."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import inside
import msgspec
import socketio
import uvicorn

from simplesfu import Decision, MediaManager, SubscriptionRequest

inside.log_everything()
sio = socketio.AsyncServer(async_mode="asgi")
decisions: dict[str, Decision] = {}
"""By viewer, of the subscription policy that the option "decides" asks for."""


def decide(request: SubscriptionRequest) -> Decision | None:
    return decisions.get(request.viewer_id)


def make_media(*, decides: bool = False, **options: Any) -> MediaManager:
    return MediaManager(sio, subscription_policy=decide if decides else None, **options)


media = make_media(**json.loads(os.environ.get("MEDIA_OPTIONS", "{}")))

heard = inside.note_events(media)


async def end_transport(transport_id: str, end: str) -> None:
    """What a client's broken DTLS ("fails") or a mistake of the server's ("closes") does. No public call does it."""
    transport = media._router.transports[transport_id]
    if end == "fails":
        transport._link._fail_dtls("dtls_handshake_failed", time.monotonic_ns() // 1000)
    else:
        transport.close()


async def other_requests(scope: dict[str, Any], _receive: object, send: Callable[..., Awaitable[None]]) -> None:
    path, query = scope["path"], parse_qs(scope["query_string"].decode())
    seconds = float(query.get("s", ["0"])[0])
    kind, status = "application/json", 200
    if path == "/_stats":
        body = json.dumps({"media": media.stats(), **inside.process_figures()}).encode()
    elif path == "/_peers":
        body = msgspec.json.encode(dict(media.peers))
    elif path == "/_heard":
        body = json.dumps(heard).encode()
    elif path == "/_end_transport":
        media._engine.call(end_transport(query["id"][0], query["end"][0]), 5)
        body = b"{}"
    elif path == "/_decide":
        viewer = query["viewer"][0]
        decisions[viewer] = Decision(**json.loads(query["decision"][0]))
        media.reevaluate(viewer=viewer)
        body = b"{}"
    elif path == "/_send":
        await asyncio.wrap_future(media.send(query["data"][0], label="from the application"))
        body = b"{}"
    elif path == "/_block":
        time.sleep(seconds)  # noqa: ASYNC251  (what an application should not do, and does)
        body = b"{}"
    elif path == "/_burn":
        body = json.dumps({"rounds": inside.burn(seconds)}).encode()
    elif (page := inside.PAGE / (path.removeprefix("/page/").lstrip("/") or "index.html")).is_file():
        kind, body = inside.PAGE_TYPES[page.suffix], page.read_bytes()
    else:
        status, body = 404, b"{}"
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind.encode())]})
    await send({"type": "http.response.body", "body": body})


app = socketio.ASGIApp(sio, other_requests)

if __name__ == "__main__":
    host, port = os.environ.get("HTTP_HOST", "127.0.0.1"), int(os.environ.get("HTTP_PORT", 0))
    uvicorn.run(app, host=host, port=port, log_level="info", access_log=False)

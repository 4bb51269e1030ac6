"""The kinds of Socket.IO servers, and what of ours fits each."""
from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import socketio

from simplesfu.errors import ConfigError
from simplesfu.signaling.application.calls import CALLS_IN_GREENLETS, AppCalls, AsyncCalls, ThreadCalls
from simplesfu.signaling.application.worker import GreenletWorker
from simplesfu.signaling.attachment.attach import Attachment
from simplesfu.signaling.attachment.attach_async import AsyncAttachment
from simplesfu.signaling.attachment.attach_threads import GreenletAttachment, ThreadAttachment
from simplesfu.unpatched import is_patched


def find_server(sio: Any) -> Any:
    """The server of what an application calls its Socket.IO. Raises ConfigError for what cannot be attached to."""
    if isinstance(sio, socketio.AsyncServer):
        return sio
    server = sio if isinstance(sio, socketio.Server) else getattr(sio, "server", None)
    if not isinstance(server, socketio.Server):
        raise ConfigError(f"MediaManager got a {type(sio).__module__}.{type(sio).__qualname__}", _hint(sio))
    if server.async_mode not in ("threading", "gevent"):
        raise ConfigError(
            f"the Socket.IO server's async_mode is {server.async_mode!r}, which is not supported",
            'write async_mode="threading" or "gevent"; left out, python-socketio takes eventlet when it is installed',
        )
    if "eventlet" in sys.modules and sys.modules["eventlet"].patcher.is_monkey_patched("thread"):
        raise ConfigError("eventlet has patched the threads of this program, which is not supported",
                          "take eventlet.monkey_patch() out; with gevent's monkey.patch_all() media works")
    return server


def find_kind(server: Any) -> type[Attachment]:
    if isinstance(server, socketio.AsyncServer):
        return AsyncAttachment
    return GreenletAttachment if _has_greenlets(server) else ThreadAttachment


def make_calls(server: Any, find_loop: Callable[[], asyncio.AbstractEventLoop | None]) -> AppCalls:
    if isinstance(server, socketio.AsyncServer):
        return AsyncCalls(server, find_loop)
    if _has_greenlets(server):
        return ThreadCalls(server, GreenletWorker, CALLS_IN_GREENLETS)
    return ThreadCalls(server)


def _has_greenlets(server: socketio.Server) -> bool:
    return server.async_mode == "gevent" or is_patched()


def _hint(sio: Any) -> str:
    if isinstance(sio, socketio.ASGIApp | socketio.WSGIApp):
        return "pass the Socket.IO server itself, not the application around it"
    if hasattr(sio, "init_app"):
        return "call init_app(app) first: Flask-SocketIO has no server before"
    return "pass a socketio.AsyncServer, a socketio.Server or Flask-SocketIO's SocketIO"

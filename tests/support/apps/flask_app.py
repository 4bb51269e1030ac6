"""The test application on Flask-SocketIO, with threads unless ASYNC_MODE says otherwise. The same page, the same ways
to look inside."""

from __future__ import annotations

import json
import logging
import os
import re
from typing import Any

import inside
import msgspec
from flask import Flask, jsonify, request, send_from_directory
from flask.typing import ResponseReturnValue
from flask_socketio import SocketIO

from simplesfu import AuthorizationRequest, MediaManager

inside.log_everything()


class TornUpgrade(logging.Filter):
    """When a WebSocket is torn while it is asked whether it works, engineio lets an OSError through, and the server
    writes all of its traceback into the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not re.search(r'_websocket_wsgi\.py", line \d+, in send\n.*\nOSError\s*$', record.getMessage())


logging.getLogger("werkzeug").addFilter(TornUpgrade())
app = Flask(__name__)
sio = SocketIO(app, async_mode=os.environ.get("ASYNC_MODE", "threading"))


def authorize(request: AuthorizationRequest) -> bool:
    asked_now.append(request)
    asked_at_once.append(len(asked_now))
    sio.sleep(0.1)  # as who asks a database
    asked_now.remove(request)
    return request.room not in closed_rooms


def make_media(*, authorizes: bool = False, **options: Any) -> MediaManager:
    return MediaManager(sio.server, authorize=authorize if authorizes else None, **options)


closed_rooms: set[str] = set()
asked_now: list[AuthorizationRequest] = []
asked_at_once: list[int] = []
media = make_media(**json.loads(os.environ.get("MEDIA_OPTIONS", "{}")))
heard = inside.note_events(media)


@app.get("/")
def page() -> ResponseReturnValue:
    return send_from_directory(inside.PAGE, "index.html")


@app.get("/page/<path:name>")
def page_part(name: str) -> ResponseReturnValue:
    return send_from_directory(inside.PAGE, name)


@app.get("/_stats")
def stats() -> ResponseReturnValue:
    return jsonify({"media": media.stats(), **inside.process_figures()})


@app.get("/_peers")
def peers() -> ResponseReturnValue:
    return msgspec.json.encode(dict(media.peers)), {"content-type": "application/json"}


@app.get("/_heard")
def events() -> ResponseReturnValue:
    return jsonify(heard)


@app.get("/_close_room/<room>")
def close_room(room: str) -> ResponseReturnValue:
    closed_rooms.add(room)
    return jsonify(media.reauthorize().result(5))


@app.get("/_asked_at_once")
def asked() -> ResponseReturnValue:
    """How many were being asked at each question."""
    return jsonify(asked_at_once)


@app.get("/_burn")
def burn() -> ResponseReturnValue:
    return jsonify({"rounds": inside.burn(float(request.args["s"]))})


if __name__ == "__main__":
    sio.run(app, host="127.0.0.1", port=int(os.environ.get("HTTP_PORT", 0)), allow_unsafe_werkzeug=True)

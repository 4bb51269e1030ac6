"""The server of a measured call: run as `python -m bench.topologies.server PORT`."""
from __future__ import annotations

import sys
from pathlib import Path

import socketio
import uvicorn

from simplesfu import MediaManager

PAGE = str(Path(__file__).with_name("page.html"))


def create_app() -> socketio.ASGIApp:
    sio = socketio.AsyncServer(async_mode="asgi")
    media = MediaManager(sio, listen=0)
    return socketio.ASGIApp(sio, static_files={"/": PAGE}, on_shutdown=media.aclose)


if __name__ == "__main__":
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", timeout_graceful_shutdown=1)

"""A conference with chat. The server's part is one line: names, colours and chat go from page to page as data."""
import argparse
from pathlib import Path

import socketio
import uvicorn

from simplesfu import MediaManager

HERE = Path(__file__).parent
FILES = {"/": str(HERE / "index.html"), "/static": str(HERE / "static")}


def create_app(udp=None, announce=None):
    sio = socketio.AsyncServer(async_mode="asgi")
    media = MediaManager(sio, listen=udp, announce=announce)
    return socketio.ASGIApp(sio, static_files=FILES, on_shutdown=media.aclose)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="localhost", help="where to serve the page; 0.0.0.0 is everywhere")
    parser.add_argument("--port", type=int, default=8000, help="the page's TCP port (default: %(default)s)")
    parser.add_argument("--udp", type=int, help="the media's UDP port (default: 10000, or the next free one)")
    parser.add_argument("--announce", action="append", metavar="HOST", help="the public address, when behind NAT")
    options = parser.parse_args()
    app = create_app(options.udp, options.announce)
    uvicorn.run(app, host=options.host, port=options.port, timeout_graceful_shutdown=3)

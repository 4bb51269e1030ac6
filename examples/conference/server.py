"""A conference with chat. Names, colours and messages go from page to page as data; the server keeps what was said."""
import argparse
from collections import deque
from pathlib import Path

import socketio
import uvicorn

from simplesfu import MediaManager

HERE = Path(__file__).parent
FILES = {"/": str(HERE / "index.html"), "/static": str(HERE / "static")}
KEPT_MESSAGES, LONGEST = 200, 8000


def create_app(udp=None, announce=None):
    sio = socketio.AsyncServer(async_mode="asgi")
    media = MediaManager(sio, listen=udp, announce=announce)
    said = {}  # room → its latest messages

    @media.on("data")
    def remember(message):
        sender = media.peer(message.peer_id)
        if message.label == "chat" and sender and len(message.data) <= LONGEST:
            for room in sender.rooms:
                said.setdefault(room, deque(maxlen=KEPT_MESSAGES)).append(message.data)

    @sio.event
    async def history(sid):
        """For those who come late: what was said in their rooms."""
        peer = media.peer(sid)
        return [message for room in peer.rooms for message in said.get(room, ())] if peer else []

    @media.on("peer_left")
    def forget(_peer):
        inhabited = {room for peer in media.peers.values() for room in peer.rooms}
        for room in said.keys() - inhabited:
            del said[room]

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

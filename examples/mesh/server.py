"""A mesh: browsers linked to each other. The server keeps the list of who is there, and carries what links cannot."""
import argparse
from collections import defaultdict
from pathlib import Path

import socketio
import uvicorn

from simplesfu import MediaManager

HERE = Path(__file__).parent
FILES = {"/": str(HERE / "index.html"), "/static": str(HERE / "static")}
LONGEST = 64
COLOURS = ("#0b9365", "#2f7fe0", "#bd6a0a", "#dc3d83", "#8a5cf0", "#0a8fa3", "#d64545", "#68890f")


def create_app(udp=None, announce=None):
    sio = socketio.AsyncServer(async_mode="asgi")
    media = MediaManager(sio, listen=udp, announce=announce, mesh_settle_s=2)
    rooms = defaultdict(dict)  # room → peer id → who that is

    @sio.event
    async def introduce(sid, who):
        """Into the list of the room that the peer is in; the answer is the whole list."""
        peer = media.peer(sid)
        if peer is None or not peer.rooms:
            return {}
        room, person = peer.rooms[0], {"name": str(who.get("name", ""))[:LONGEST]}
        known = rooms[room].get(peer.id, {})
        worn = [other["colour"] for other in rooms[room].values()]
        person["colour"] = known.get("colour") or min(COLOURS, key=worn.count)
        rooms[room][peer.id] = person
        await sio.enter_room(sid, room)
        await sio.emit("peer-joined", {"peerId": peer.id, **person}, room=room, skip_sid=sid)
        return rooms[room]

    @media.on("peer_left")
    async def forget(peer):
        for room in peer.rooms:
            rooms[room].pop(peer.id, None)
            if not rooms[room]:
                del rooms[room]
            await sio.emit("peer-left", {"peerId": peer.id}, room=room)

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

"""A video call at every address: http://localhost:8000/any-name is a room, and whoever opens it is in it."""
import argparse
from pathlib import Path

import socketio
import uvicorn

from simplesfu import MediaManager

HERE = Path(__file__).parent
STATIC = {f"/static/{file.name}": str(file) for file in (HERE / "static").iterdir()}


async def page(scope, _receive, send):
    """The same page for `/` and every `/<room>`: it reads the room's name from its own address."""
    if scope["type"] != "http":
        await send({"type": "websocket.close"})
    elif scope["path"].count("/") > 1:
        await answer(send, 404, b"Not found")
    else:
        await answer(send, 200, (HERE / "index.html").read_bytes())


async def answer(send, status, body):
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def create_app(udp=None, announce=None, grace_s=20):
    sio = socketio.AsyncServer(async_mode="asgi")
    media = MediaManager(sio, listen=udp, announce=announce, grace_period_s=grace_s)

    @sio.event
    async def introduce(sid, peer_id, name):
        """Whatever socket a peer has at the moment, the application can send to it what it likes: here a name."""
        own, other = media.peer(sid), media.peer(str(peer_id))
        if own and other:
            await sio.emit("introduction", {"peerId": own.id, "name": str(name)[:40]}, to=other.sid)

    return socketio.ASGIApp(sio, page, static_files=STATIC, on_shutdown=media.aclose)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="localhost", help="where to serve the page; 0.0.0.0 is everywhere")
    parser.add_argument("--port", type=int, default=8000, help="the page's TCP port (default: %(default)s)")
    parser.add_argument("--udp", type=int, help="the media's UDP port (default: 10000, or the next free one)")
    parser.add_argument("--announce", action="append", metavar="HOST", help="the public address, when behind NAT")
    parser.add_argument("--grace", type=float, default=20, metavar="S", help="how long a lost connection is waited for")
    options = parser.parse_args()
    app = create_app(options.udp, options.announce, options.grace)
    uvicorn.run(app, host=options.host, port=options.port, timeout_graceful_shutdown=3)

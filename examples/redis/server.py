"""One of several processes behind a proxy: chat reaches the clients of all, through Redis; a call stays in its process.

`start.py` runs Redis, the proxy and two of these.
"""
import argparse
import asyncio
from pathlib import Path
from urllib.parse import parse_qs

import redis.asyncio as redis
import socketio
import uvicorn

from simplesfu import MediaManager, NotAllowed

HERE = Path(__file__).parent
HELD_S = 15  # how long a room stays with a process that has died


def create_app(process, redis_url):
    manager = socketio.AsyncRedisManager(redis_url)  # emits reach the clients of every process
    sio = socketio.AsyncServer(async_mode="asgi", client_manager=manager)
    books = redis.from_url(redis_url, decode_responses=True)

    async def authorize(request):
        """Peers see each other within one process only, so a room belongs to the first that somebody enters it in."""
        if request.action != "join":
            return
        await books.set(f"room:{request.room}", process, nx=True, ex=HELD_S)
        owner = await books.get(f"room:{request.room}")
        if owner != process:
            raise NotAllowed(f"The room “{request.room}” is in process {owner}, and this is process {process}",
                             "open it by the proxy's address, which knows the way by ?room=", code="other_process")

    media = MediaManager(sio, authorize=authorize)

    async def hold_rooms():
        while True:
            await asyncio.sleep(HELD_S / 3)
            for room in {room for peer in media.peers.values() for room in peer.rooms}:
                await books.set(f"room:{room}", process, ex=HELD_S)

    @sio.event
    async def connect(sid, environ, _auth):
        [room] = parse_qs(environ["QUERY_STRING"]).get("room", ["lobby"])
        await sio.save_session(sid, {"room": room})

    @sio.event
    async def where(sid):
        return {"process": process, "room": (await sio.get_session(sid))["room"]}

    @sio.event
    async def chat(sid, text):
        room = (await sio.get_session(sid))["room"]
        await sio.emit("chat", {"text": str(text)[:500], "room": room, "process": process})

    async def start():
        sio.start_background_task(hold_rooms)

    return socketio.ASGIApp(
        sio, static_files={"/": str(HERE / "index.html")}, on_startup=start, on_shutdown=media.aclose
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--process", required=True, help="its name, which people are told")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--redis", default="redis://localhost:6379", help="(default: %(default)s)")
    options = parser.parse_args()
    app = create_app(options.process, options.redis)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", timeout_graceful_shutdown=3)

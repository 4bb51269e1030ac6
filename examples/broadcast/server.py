"""One speaks, many watch; whoever raises a hand may be let onto the stage. The server decides who may publish."""
import argparse
from dataclasses import dataclass, field
from pathlib import Path

import socketio
import uvicorn

from simplesfu import MediaManager, NotAllowed

HERE = Path(__file__).parent
FILES = {"/": str(HERE / "index.html"), "/static": str(HERE / "static")}
ROOM = "stage"


@dataclass
class Stage:
    """Ids of peers. The host is whoever came first, and after them whoever has been here longest."""

    audience: dict[str, str] = field(default_factory=dict)  # id → name, in order of arrival
    speakers: set[str] = field(default_factory=set)
    hands: list[str] = field(default_factory=list)

    @property
    def host(self):
        return next(iter(self.audience), None)

    def enter(self, peer_id, name):
        self.audience.setdefault(peer_id, name)

    def leave(self, peer_id):
        self.audience.pop(peer_id, None)
        self.speakers.discard(peer_id)
        self.lower(peer_id)

    def lower(self, peer_id):
        if peer_id in self.hands:
            self.hands.remove(peer_id)

    def may_speak(self, peer_id):
        return peer_id == self.host or peer_id in self.speakers

    def as_json(self):
        return {"host": self.host, "audience": self.audience, "speakers": sorted(self.speakers), "hands": self.hands}


def create_app(udp=None, announce=None):
    sio = socketio.AsyncServer(async_mode="asgi")
    stage = Stage()

    def authorize(request):
        """Asked before anybody joins, publishes or receives; and again when rights have changed (reauthorize)."""
        if request.action == "join":
            return request.room == ROOM
        if request.action == "produce" and not stage.may_speak(request.peer_id):
            raise NotAllowed("only who is on the stage may publish", "raise your hand", code="not_on_stage")
        return True

    media = MediaManager(sio, listen=udp, announce=announce, authorize=authorize)

    async def tell():
        await sio.emit("stage", stage.as_json())

    @sio.event
    async def enter(sid, name):
        peer = media.peer(sid)  # its id stays when its socket is lost and another takes its place
        if peer is not None:
            stage.enter(peer.id, str(name)[:40] or "Somebody")
            await tell()

    @media.on("peer_left")
    async def left(peer):
        stage.leave(peer.id)
        await tell()

    @sio.event
    async def raise_hand(sid, raised):
        peer = media.peer(sid)
        if peer is None or peer.id not in stage.audience:
            return
        stage.lower(peer.id)
        if raised and not stage.may_speak(peer.id):
            stage.hands.append(peer.id)
        await tell()

    @sio.event
    async def let_speak(sid, peer_id, allowed):
        """The host lets somebody onto the stage, or asks them off it: what they publish ends at once."""
        peer = media.peer(sid)
        if peer is None or peer.id != stage.host or peer_id not in stage.audience:
            return
        stage.lower(peer_id)
        if allowed:
            stage.speakers.add(peer_id)
        else:
            stage.speakers.discard(peer_id)
            media.reauthorize(peer_id)
        await tell()

    @sio.event
    async def step_down(sid):
        """A speaker goes back to the audience of their own accord."""
        peer = media.peer(sid)
        if peer is not None and peer.id in stage.speakers:
            stage.speakers.discard(peer.id)
            media.reauthorize(peer.id)
            await tell()

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

"""Calls for the members of a small company: a login, a cookie, and rooms to which it opens or does not."""
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import compare_digest, token_hex
from typing import Annotated

import socketio
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from socketio.exceptions import ConnectionRefusedError
from starlette.middleware.sessions import SessionMiddleware

from simplesfu import MediaManager, NotAllowed

HERE = Path(__file__).parent


@dataclass(frozen=True)
class User:
    name: str
    rooms: tuple[str, ...]
    speaks: bool = True


class Login(BaseModel):
    login: str
    password: str


USERS = {  # a real application asks its database, and keeps no password as it is
    "owner": ("engine", User("Owner", ("Lobby", "Workshop", "Board"))),
    "member": ("compiler", User("Member", ("Lobby", "Workshop"))),
    "guest": ("guest", User("Guest", ("Lobby",), speaks=False)),
}

sio = socketio.AsyncServer(async_mode="asgi")
names = {}  # peer id → name


def authorize(request):
    """Asked before a peer joins, publishes, receives or sends data; `request.session` is what connect() has saved."""
    user = request.session["user"]
    if request.action == "join" and request.room not in user.rooms:
        raise NotAllowed(f"{request.room} is not open to {user.name}", "log in as somebody else")
    if request.action == "produce" and not user.speaks:
        raise NotAllowed("Guests watch and listen", "log in as a member to be seen", code="guests_only_watch")


media = MediaManager(sio, authorize=authorize)


@asynccontextmanager
async def lifespan(_app):
    async with media:
        yield


app = FastAPI(title="Calls", lifespan=lifespan)
app.add_middleware(SessionMiddleware, secret_key=token_hex(), same_site="strict")
app.mount("/socket.io", socketio.ASGIApp(sio, socketio_path=None))
app.mount("/static", StaticFiles(directory=HERE / "static"))


def find_user(session) -> User | None:
    return USERS[session["login"]][1] if session.get("login") in USERS else None


def current_user(request: Request) -> User:
    user = find_user(request.session)
    if user is None:
        raise HTTPException(401, "log in first")
    return user


@app.get("/", include_in_schema=False)
def page():
    return FileResponse(HERE / "index.html")


@app.post("/login")
def log_in(request: Request, given: Login) -> User:
    password, user = USERS.get(given.login.lower(), ("", None))
    if user is None or not compare_digest(given.password.encode(), password.encode()):
        raise HTTPException(403, "There is nobody of that name with that password")
    request.session["login"] = given.login.lower()
    return user


@app.post("/logout")
def log_out(request: Request):
    request.session.clear()


@app.get("/me")
def me(request: Request) -> User | None:
    return find_user(request.session)


@app.get("/rooms")
def rooms(user: Annotated[User, Depends(current_user)]):
    """Who is in which room, and what they send: what `media.peers` knows, of the rooms that are the user's business."""
    found = {room: [] for room in user.rooms}
    for peer in media.peers.values():
        for room in found.keys() & set(peer.rooms):
            sends = sorted(producer.label for producer in peer.producers)
            found[room].append({"peerId": peer.id, "name": names.get(peer.id, "Somebody"), "sends": sends})
    return found


@sio.event
async def connect(sid, environ, _auth):
    """The cookie that the login has set comes with the socket, too."""
    user = find_user(environ["asgi.scope"]["session"])
    if user is None:
        raise ConnectionRefusedError("log in first")
    await sio.save_session(sid, {"user": user})


@media.on("peer_joined")
async def note_name(peer):
    with suppress(KeyError):  # its socket has gone again
        names[peer.id] = (await sio.get_session(peer.sid))["user"].name


@media.on("peer_left")
def forget_name(peer):
    names.pop(peer.id, None)

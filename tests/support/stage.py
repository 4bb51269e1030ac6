"""A whole server without sockets and without time: lines are lost, and time passes, when the test says so."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, TypeVar

import msgspec

from simplesfu.config import MediaConfig
from simplesfu.errors import NotFound
from simplesfu.signaling.application.calls import AsyncCalls
from simplesfu.signaling.requests.protocol import Responder
from simplesfu.signaling.rights.authorization import Authority, AuthorizationRequest
from simplesfu.signaling.rights.policy import SubscriptionPolicy
from simplesfu.signaling.sessions.attendance import Attendance
from simplesfu.signaling.sessions.decision import SubscriptionRequest
from simplesfu.signaling.sessions.info import PeerInfo
from simplesfu.signaling.sessions.peers import Peers

from . import rtp
from .fake_engine import scripted_router

T = TypeVar("T")

GRACE_PERIOD_S = 3600.0
CODECS = {"video": "video/VP8", "audio": "audio/opus"}


class HandClock:
    """Time that stands still until it is moved on."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._due: list[tuple[float, int, Alarm]] = []
        self._numbers = itertools.count()

    def now_us(self) -> int:
        return int(self._now_s * 1_000_000)

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Alarm:
        alarm = Alarm(callback)
        heapq.heappush(self._due, (self._now_s + delay_s, next(self._numbers), alarm))
        return alarm

    def pass_time(self, seconds: float) -> None:
        end_s = self._now_s + seconds
        while self._due and self._due[0][0] <= end_s:
            self._now_s, _, alarm = heapq.heappop(self._due)
            alarm.ring()
        self._now_s = end_s


class Alarm:
    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def ring(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Line:
    """One client's media namespace, as the server holds it, and as the client hears it."""

    def __init__(self, sid: str) -> None:
        self.application_sid = sid
        self.over = False
        self.ended = False
        self._inbox: list[tuple[str, dict[str, Any]]] = []

    @property
    def sid(self) -> str:
        return self.application_sid

    def tell(self, event: str, payload: dict[str, Any]) -> None:
        assert not self.ended, "told after its end"
        self._inbox.append((event, payload))

    def disconnect(self) -> None:
        self.ended = True

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        """What it was told since the last time."""
        taken, self._inbox = self._inbox, []
        return taken


class Stage:
    """`may(action, what)`: what the application allows at present; `forwards(label)`: what its policy forwards."""

    def __init__(self, may: Callable[[str, str], bool], forwards: Callable[[str], bool]) -> None:
        self._may = may
        self._forwards = forwards
        self._resources = ExitStack()
        self._loop = asyncio.new_event_loop()
        self._resources.callback(self._loop.close)
        config = MediaConfig(
            grace_period_s=GRACE_PERIOD_S, max_joins_per_second=1000, session_key="key" * 10, mesh_settle_s=0
        )
        router, self.engine = self._resources.enter_context(scripted_router(config))
        self.clock = HandClock()
        calls = AsyncCalls(self, lambda: self._loop)
        self.policy = SubscriptionPolicy(self._decide, calls, lambda *_: ())
        self.peers = Peers(router, config, lambda *_: None, clock=self.clock, policy=self.policy)
        self.attendance = Attendance(self.peers)
        self.authority = Authority(self._authorize, calls, self.peers)
        self.responder = Responder(self.attendance, authority=self.authority)
        self.capabilities: dict[str, Any] = msgspec.to_builtins(router.rtp_capabilities)
        self._sids = itertools.count()
        self._ssrcs = itertools.count(100_000)

    def close(self) -> None:
        """Fails when something is left."""
        with self._resources:
            self.call(self.peers.close_all)
            self.settle()
            router = self.peers.router
            assert not router.transports
            assert not router.producers
            assert self.responder.internal_errors == 0

    def settle(self) -> None:
        """Until the policy has decided about everything."""

        async def give_turns() -> None:
            for _ in range(8):
                await asyncio.sleep(0)

        self.run(give_turns())

    def run(self, awaitable: Awaitable[T]) -> T:
        return self._loop.run_until_complete(awaitable)

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """On the loop, where it may begin tasks."""

        async def call() -> T:
            return function(*arguments)

        return self.run(call())

    # clients

    def open_line(self) -> Line:
        return Line(f"socket{next(self._sids)}")

    def ask(self, line: Line, request: str, payload: dict[str, Any], times: int = 1) -> list[dict[str, Any]]:
        """The answers to the same request, sent so often at once."""

        async def all_at_once() -> list[dict[str, Any]]:
            return await asyncio.gather(*(self.responder.respond(line, request, [payload]) for _ in range(times)))

        return self.run(all_at_once())

    def lose(self, line: Line) -> None:
        line.ended = True
        self.call(self.peers.application_socket_gone, line.sid)
        self.call(self.attendance.lost, line)

    def leave(self, line: Line) -> None:
        line.ended = True
        self.call(self.peers.application_socket_gone, line.sid)
        self.call(self.attendance.left, line)

    def production(self, transport_id: str, label: str, kind: str, broadcast: bool) -> dict[str, Any]:
        """The payload of `produce`."""
        ssrc = next(self._ssrcs)
        codec = next(codec for codec in self.capabilities["codecs"] if codec["mimeType"] == CODECS[kind])
        parameters = rtp.video_parameters(codec, ssrc, mid=str(ssrc))
        if kind == "audio":
            parameters["codecs"][0]["channels"] = 2
        return {
            "transportId": transport_id,
            "kind": kind,
            "rtpParameters": parameters,
            "label": label,
            "broadcast": broadcast,
        }

    # the application

    async def get_session(self, _sid: str) -> dict[str, Any]:
        """As the application's Socket.IO server has it."""
        return {}

    async def _authorize(self, request: AuthorizationRequest) -> bool:
        await asyncio.sleep(0)
        return self._may(request.action, request.room or request.label or "")

    async def _decide(self, request: SubscriptionRequest) -> bool:
        return self._forwards(request.label)

    def reauthorize(self) -> None:
        self.run(self.authority.reauthorize(self.peers.sessions()))

    def pass_time(self, seconds: float) -> None:
        self.call(self.clock.pass_time, seconds)

    def kick(self, name: str) -> None:
        self.call(self.peers.kick, self.peers.find(name))

    def mute(self, name: str, label: str | None, on: bool) -> None:
        self.call(self.peers.mute, self.peers.find(name), label, on)

    def lock_room(self, room: str, on: bool) -> None:
        self.call(self.peers.lock_room, room, on)

    def place(self, name: str, room: str) -> None:
        self.call(self.peers.place, name, room)

    def displace(self, name: str, room: str) -> bool:
        """Whether it was there, or was to be."""
        try:
            self.call(self.peers.displace, name, room)
        except NotFound:
            return False
        return True

    def close_track(self, name: str, label: str) -> None:
        publication = self.peers.find(name).publication_of(label)
        assert publication is not None
        self.call(self.peers.close_publication, publication, "closed")

    def reevaluate(self) -> None:
        self.call(self.policy.reevaluate)

    def close_room(self, room: str) -> None:
        self.call(self.peers.close_room, room)

    # what there is

    def infos(self) -> dict[str, PeerInfo]:
        return self.peers.infos()

    def transport(self, name: str, direction: Any) -> str | None:
        entry = self.peers.find(name).transport_to(direction)
        return entry.transport.id if entry is not None else None

    def offers(self, name: str) -> set[str]:
        """The producers that it may consume."""
        return set(self.peers.find(name).offers)

    def flowing(self, name: str) -> set[str]:
        """The producers of which the plane would forward packets to the peer if they came, publishers willing."""
        session = self.peers.find(name)
        return {
            one.publication.id
            for one in session.subscriptions.values()
            if not one.consumer.paused and not one.publication.muted
        }

    def layer_limits(self, name: str) -> dict[str, int | None]:
        """The highest spatial layer that its consumers give it, by producer."""
        subscriptions = self.peers.find(name).subscriptions.values()
        return {one.publication.id: one.consumer.layer_limit.spatial_layer for one in subscriptions}

"""MediaManager: media for a Socket.IO server. It puts the parts together and does nothing else."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack

import socketio

from simplesfu.config import MediaConfig, MediaOptions
from simplesfu.control.router import Router
from simplesfu.engine.engine import Engine
from simplesfu.errors import BadRequest, Closed, ConfigError, Kicked
from simplesfu.signaling.application.data import AppData
from simplesfu.signaling.application.events import AppEvents, Handler
from simplesfu.signaling.attachment.client_script import serve_client_script
from simplesfu.signaling.attachment.servers import find_kind, find_server, make_calls
from simplesfu.signaling.messages import MAX_NAME_LENGTH
from simplesfu.signaling.requests.explanation import gather
from simplesfu.signaling.requests.protocol import Responder
from simplesfu.signaling.rights.authorization import Authority, AuthorizeFunction
from simplesfu.signaling.rights.explain import Explanation, explain
from simplesfu.signaling.rights.policy import PolicyFunction, SubscriptionPolicy
from simplesfu.signaling.sessions.attendance import Attendance
from simplesfu.signaling.sessions.bitrate_guard import BitrateGuard
from simplesfu.signaling.sessions.info import ConsumerInfo, PeerInfo, ProducerInfo
from simplesfu.signaling.sessions.peers import Peers

T = TypeVar("T")

CALL_TIMEOUT_S: Final = 10.0

logger = logging.getLogger(__name__)


class MediaManager:
    """Media for every client of a Socket.IO server.

    sio: a socketio.AsyncServer, a socketio.Server with async_mode="threading" or "gevent" (on the thread that serves),
        or Flask-SocketIO's SocketIO object.
    authorize: decides what a peer may do (AuthorizationRequest): True and None allow it, False refuses it, and so does
        NotAllowed, with words and a code of its own. Plain, or a coroutine function with an asyncio server.
    subscription_policy: decides what of each track each viewer gets (SubscriptionRequest): a Decision, or True, False
        or None as for authorize.
    The other options are those of simplesfu.config.MediaConfig. No event loop need run yet. Raises ConfigError.

    Everything here may be called from any thread, the application's event loop too, and waits for nobody but the
    engine, for microseconds. Where a peer is asked for, its id, an older one or its socket's id will do. Close it with
    close(), `await aclose()` or `async with`; a program that ends without doing so ends all the same.
    """

    def __init__(
        self,
        sio: Any,
        *,
        authorize: AuthorizeFunction | None = None,
        subscription_policy: PolicyFunction | None = None,
        **options: Unpack[MediaOptions],
    ) -> None:
        server = find_server(sio)
        config = MediaConfig(**options)
        self._engine = Engine(config)
        self._router = Router(self._engine, config)
        self._events = AppEvents(
            lambda: self._attachment.wake_events(), coroutines=isinstance(server, socketio.AsyncServer)
        )
        self._calls = make_calls(server, lambda: self._attachment.loop)
        self._policy = None if subscription_policy is None else SubscriptionPolicy(
            subscription_policy, self._calls, lambda viewer, publisher: self._peers.rooms_shared(viewer, publisher)
        )
        self._peers = Peers(self._router, config, self._events.report, policy=self._policy)
        self._authority = None if authorize is None else Authority(authorize, self._calls, self._peers)
        self._data = AppData(self._peers.data, self._events)
        self._attendance = Attendance(self._peers)
        self._responder = Responder(self._attendance, self._authority)
        self._attachment = find_kind(server)(
            server, self._engine, self._attendance, self._responder, self._events
        )
        self._engine.start()
        try:
            self._do(BitrateGuard(self._peers).start)
            self._attachment.attach()
        except BaseException:
            self._engine.close()
            raise
        self._stop_serving_script = serve_client_script(server)
        logger.info("clients send media to %s", ", ".join(f"{address}:{port}" for address, port in self.addresses))

    # events

    def on(self, event: str, handler: Handler | None = None) -> Any:
        """Call `handler(info)` at each event, in order, on the application's loop; with threads on one of its own, with
        gevent in a greenlet.

            peer_joined, peer_left              PeerInfo
            peer_lost, peer_resumed             PeerInfo: its socket is gone, and it has another
            producer_added, producer_removed    ProducerInfo
            consumer_added, consumer_removed    ConsumerInfo
            transport_state                     TransportInfo
            carrier_change                      CarrierInfo: what carries the media of two peers
            data                                DataInfo: a message of a peer's send()

        Without a handler it is a decorator. With an asyncio server the handler may be a coroutine function. What it
        raises is logged. Raises ConfigError for an event that does not exist or a handler that cannot be called.
        """
        if handler is None:
            return lambda decorated: self.on(event, decorated)
        self._events.on(event, handler)
        return handler

    def off(self, event: str, handler: Handler) -> None:
        """Undo on(). Raises ConfigError for an event that does not exist."""
        self._events.off(event, handler)

    # what there is

    @property
    def peers(self) -> Mapping[str, PeerInfo]:
        """By peer id, which is the application socket's id. A snapshot; empty after close()."""
        return self._read(self._peers.infos, {})

    def peer(self, peer: str) -> PeerInfo | None:
        """By its id, an older one of its ids, or its application socket's; None when it is not there."""
        return self._read(partial(self._peers.info, peer), None)

    @property
    def producers(self) -> Mapping[str, ProducerInfo]:
        """All tracks that are sent, by producer id."""
        return {producer.id: producer for peer in self.peers.values() for producer in peer.producers}

    @property
    def consumers(self) -> Mapping[str, ConsumerInfo]:
        """All tracks that are received, by consumer id."""
        return {consumer.id: consumer for peer in self.peers.values() for consumer in peer.consumers}

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where clients are told to send media: (address, UDP port)."""
        udp = (candidate for candidate in self._engine.candidates if candidate.protocol == "udp")
        return [(candidate.address, candidate.port) for candidate in udp]

    def stats(self) -> dict[str, Any]:
        """Numbers, fit for JSON: `engine`, `plane` (docs/counters.md), `signaling`, `transports`. Raises Closed."""
        return self._do(self._collect_stats)

    def _collect_stats(self) -> dict[str, Any]:
        return {
            "engine": self._engine.stats(),
            "plane": self._engine.plane.stats(),
            "signaling": {
                **self._attachment.counts,
                "peers": len(self._peers.infos()),
                "internal_errors": self._responder.internal_errors,
                "application_failures": dict(self._calls.failures),
            },
            "data": dict(self._peers.data.counts),
            "transports": [transport.stats() for transport in self._router.transports.values()],
        }

    def _read(self, function: Callable[[], T], after_close: T) -> T:
        try:
            return self._do(function)
        except Closed:
            return after_close

    # data

    def send(
        self,
        data: str | bytes,
        *,
        to: str | None = None,
        room: str | None = None,
        label: str = "",
        reliable: bool = True,
    ) -> Future[None]:
        """Send a message of up to 256 KiB, which clients get as "data" with `from` being "": to a peer, to all in a
        room, or to everybody.

        Returns at once. The future is done when the message is on its way to all who listen: wait for it with result()
        on a thread of your own, or `await asyncio.wrap_future(…)`, before you send much more. It raises BadRequest,
        LimitReached (16 MiB wait already), NotFound (no such peer). send() itself raises Closed.
        """
        recipients = partial(self._peers.addressed, to, room)
        return self._engine.run(self._data.send(data, recipients, label, reliable=reliable))

    # rooms and moderation

    def join(self, peer: str, room: str) -> None:
        """Put a peer into a room, whatever authorize says and though it be locked: at once, or as soon as the client of
        that socket comes. Raises BadRequest, TooManyRooms, RoomFull, TooManyRoomProducers, Closed."""
        self._do(partial(self._peers.place, peer, _name("room", room)))

    def leave(self, peer: str, room: str) -> None:
        """Take a peer out of a room; it is told. Out of its last one it sees nobody. Raises NotFound, Closed."""
        self._do(partial(self._peers.displace, peer, room))

    def kick(self, peer: str, reason: str = "") -> None:
        """End a peer's session and its media; its client does not come back by itself. Its Socket.IO connection is the
        application's, and stays. Raises NotFound, Closed."""
        error = Kicked("the server has ended the session", reason)
        self._do(lambda: self._attendance.kick(self._peers.find(peer), error))

    def mute(self, peer: str, label: str | None = None, muted: bool = True) -> None:
        """Forward a track, or all tracks of a peer, to nobody, those to come too: until it is taken back with
        `muted=False`, or the peer's session ends. Raises NotFound for a peer that is not there, Closed."""
        self._do(lambda: self._peers.mute(self._peers.find(peer), label, muted))

    def close_producer(self, producer_id: str) -> None:
        """End a track; its publisher may publish again, unless authorize says no. Raises NotFound, Closed."""
        self._do(lambda: self._peers.close_publication(self._peers.publication(producer_id), "closed"))

    def close_room(self, room: str) -> None:
        """Take everybody out of a room. Without anybody in it there is nothing to do. Raises Closed."""
        self._do(partial(self._peers.close_room, room))

    def lock_room(self, room: str, locked: bool = True) -> None:
        """Let nobody else in but whom join() puts there; `locked=False` undoes it. Raises BadRequest, Closed."""
        self._do(partial(self._peers.lock_room, _name("room", room), locked))

    # rights and policy

    def reauthorize(self, peer: str | None = None) -> Future[int]:
        """Ask authorize again for all that a peer, or everybody, has been allowed, and take away what is refused.

        Returns at once. The future has the number of rights taken away when all answers are in: wait for it with
        result() on a thread of your own, or `await asyncio.wrap_future(…)`. Raises NotFound, ConfigError, Closed.
        """
        if self._authority is None:
            raise ConfigError("there is no authorize to ask", "pass authorize=… to MediaManager")
        sessions = self._do(lambda: self._peers.sessions() if peer is None else [self._peers.find(peer)])
        return self._engine.run(self._authority.reauthorize(sessions))

    def reevaluate(self, viewer: str | None = None, publisher: str | None = None) -> None:
        """Ask subscription_policy again: about all tracks on their way, or those to the viewer, of the publisher, or
        between the two. Returns at once; the old decisions hold until the new ones are in. A peer that is not there has
        no tracks. Raises ConfigError, Closed."""
        policy = self._policy
        if policy is None:
            raise ConfigError("there is no subscription_policy to ask", "pass subscription_policy=… to MediaManager")
        self._do(lambda: policy.reevaluate(self._canonical(viewer), self._canonical(publisher)))

    def explain(self, viewer: str, publisher: str, label: str) -> Explanation:
        """The first broken link of a track on its way from publisher to viewer. Raises NotFound when there is no such
        viewer, Closed."""
        return self._do(lambda: explain(gather(self._peers, self._peers.find(viewer), publisher, label), "the viewer"))

    def _canonical(self, peer: str | None) -> str | None:
        return None if peer is None else self._peers.names_of(peer)[0]

    def _do(self, function: Callable[[], T]) -> T:
        """On the engine's loop. Raises what the function raises, Closed."""
        return self._engine.call(_run(function), CALL_TIMEOUT_S)

    # the end

    def close(self) -> None:
        """End all media, give back the port, leave the Socket.IO server as it was. A second call does nothing."""
        self._stop_serving_script()
        self._attachment.detach()
        self._read(self._end, None)
        self._engine.close()
        self._calls.close()

    async def aclose(self) -> None:
        """close(), for an event loop, which goes on meanwhile."""
        await asyncio.to_thread(self.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _end(self) -> None:
        self._peers.close_all()
        self._router.close()


async def _run(function: Callable[[], T]) -> T:
    return function()


def _name(what: str, given: object) -> str:
    """Raises BadRequest: what a client could not name, it could not leave either."""
    if not isinstance(given, str) or not 1 <= len(given) <= MAX_NAME_LENGTH:
        raise BadRequest(f"{what}={given!r} is not the name of a {what}", f"it has 1 to {MAX_NAME_LENGTH} characters")
    return given

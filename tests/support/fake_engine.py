"""An engine whose links do what a test says. Its plane is a real one, not running, which notes what it is told."""
from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from simplesfu.config import MediaConfig
from simplesfu.control.router import Router
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.engine.engine import StreamObserver
from simplesfu.engine.link import LinkObserver, LinkState
from simplesfu.engine.sctp import OutgoingStreams, SctpObserver
from simplesfu.engine.tasks import TaskSet
from simplesfu.errors import AlreadyConnected
from simplesfu.plane import Plane
from simplesfu.types import DtlsFingerprint, DtlsParameters, IceCandidate, IceParameters


class RecordingPlane:
    """Passes everything on to a real plane. `calls`: (method, first argument, the rest by name or place)."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self.calls: list[tuple[str, int, Any]] = []
        self.on_call: Callable[[str, int], None] | None = None

    def __getattr__(self, method: str) -> Callable[..., Any]:
        real = getattr(self._plane, method)

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = real(*args, **kwargs)
            if args:
                self.calls.append((method, args[0], kwargs or args[1:]))
                if self.on_call is not None:
                    self.on_call(method, args[0])
            return answer

        return call

    def last(self, method: str) -> Any:
        """The arguments of the last call of this method, after the first."""
        return next(rest for name, _, rest in reversed(self.calls) if name == method)

    def told(self, *methods: str) -> list[tuple[str, int, Any]]:
        """The calls of these methods since the last time they were asked for."""
        found = [call for call in self.calls if call[0] in methods]
        self.calls = [call for call in self.calls if call[0] not in methods]
        return found


class ScriptedSctp:
    """An association that takes what it is given while `takes` is set, and keeps it in `sent`."""

    def __init__(self) -> None:
        self.observer: SctpObserver | None = None
        self.streams = OutgoingStreams()
        self.receivable: set[int] = set()
        self.texts: set[int] = set()
        self.takes = True
        self.sent: list[tuple[int, bytes]] = []
        self.held_bytes = 0

    def hold(self, message: bytes) -> None:
        self.held_bytes += len(message)

    async def release(self, message: bytes) -> None:
        self.held_bytes -= len(message)

    async def flush(self) -> None:
        while self.takes and (stream := self.streams.next()) is not None:
            self.sent.append((stream.stream_id, stream.take()))


class ScriptedLink:
    def __init__(self, plane: RecordingPlane, observer: LinkObserver) -> None:
        self.sctp = ScriptedSctp()
        self.tasks = TaskSet()
        self.plane = plane
        self.observer = observer
        self.handle: int = plane.add_transport()
        self.state: LinkState = "new"
        self.closed = False
        self.ice_parameters = IceParameters(username_fragment="fragment", password="a password of the link")
        self.remote: DtlsParameters | None = None
        self.restarts = 0

    def connect(self, remote: DtlsParameters) -> None:
        if self.remote is not None:
            raise AlreadyConnected("the transport is connected already")
        self.remote = remote
        self.become("connecting")

    def restart_ice(self) -> IceParameters:
        self.restarts += 1
        self.ice_parameters = IceParameters(username_fragment=f"fragment{self.restarts}", password="another password")
        return self.ice_parameters

    def become(self, state: LinkState, reason: str = "") -> None:
        self.state = state
        self.observer.link_state_changed(state, reason)

    def close(self, reason: str = "closed") -> None:
        if not self.closed:
            self.closed = True
            self.plane.remove_transport(self.handle)
            self.become("closed", reason)


class ScriptedEngine:
    def __init__(self, plane: RecordingPlane) -> None:
        self.plane = plane
        self.links: list[ScriptedLink] = []
        self.stream_observers: dict[int, StreamObserver] = {}
        self.candidates = [IceCandidate(foundation="1", priority=1, address="127.0.0.1", ip="127.0.0.1", port=10000)]
        self.fingerprints = [DtlsFingerprint(algorithm="sha-256", value=":".join(["AB"] * 32))]

    def create_link(self, observer: LinkObserver) -> ScriptedLink:
        link = ScriptedLink(self.plane, observer)
        self.links.append(link)
        return link

    def start_stream(self, recv_stream: int) -> None:
        """Its first packet has come."""
        if recv_stream in self.stream_observers:
            self.stream_observers[recv_stream].stream_started(recv_stream)

    def stop_stream(self, recv_stream: int) -> None:
        """Nothing comes any longer."""
        if recv_stream in self.stream_observers:
            self.stream_observers[recv_stream].stream_stopped(recv_stream)

    def link_of(self, transport: WebRtcTransport) -> ScriptedLink:
        return next(link for link in self.links if link.observer is transport)


@contextmanager
def scripted_router(config: MediaConfig | None = None) -> Iterator[tuple[Router, ScriptedEngine]]:
    """A router that believes in its engine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.setblocking(False)
        plane = Plane([bound])
        engine = ScriptedEngine(RecordingPlane(plane))
        try:
            yield Router(engine, config or MediaConfig()), engine  # type: ignore[arg-type]
        finally:
            plane.close()

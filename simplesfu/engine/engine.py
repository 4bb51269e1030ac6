"""The engine: sockets, plane, links, and the thread that looks after them."""
from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from simplesfu.config import MediaConfig
from simplesfu.engine.aiortc_bridge import Certificate
from simplesfu.engine.candidates import find_candidates
from simplesfu.engine.dtls import local_fingerprints
from simplesfu.engine.link import Link, LinkObserver, LinkServices
from simplesfu.engine.listeners import Ports, max_connections, open_ports
from simplesfu.engine.loop_thread import LoopThread
from simplesfu.engine.names import follow_names, has_names
from simplesfu.engine.tasks import TaskSet
from simplesfu.errors import Closed
from simplesfu.plane.events import DtlsDatagram, StreamStarted, StreamStopped, StunRequest, TupleSelected
from simplesfu.plane.plane import Plane
from simplesfu.types import DtlsFingerprint, IceCandidate

if TYPE_CHECKING:
    from simplesfu.plane.plane import Event

Result = TypeVar("Result")

TICK_S: Final = 0.5
EVENT_READS: Final = 4
"""Reads of the plane in one turn of the loop: together they empty its ring of events."""

logger = logging.getLogger(__name__)


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class StreamObserver(Protocol):
    """Is told on the loop, by the plane's id of a recv stream."""

    def stream_started(self, recv_stream: int) -> None:
        """Packets come, for the first time or again."""

    def stream_stopped(self, recv_stream: int) -> None:
        """Nothing has come for more than a second."""


class Engine:
    """start() opens the sockets and the thread "simplesfu-engine"; close() leaves nothing of them.

    Links are made and used on its loop: run() and call() take a coroutine there from another thread.
    `clock` gives microseconds that never go back.
    """

    loop: asyncio.AbstractEventLoop
    plane: Plane
    candidates: list[IceCandidate]
    fingerprints: list[DtlsFingerprint]
    stream_observers: dict[int, StreamObserver]
    """Who is told of a recv stream."""

    def __init__(self, config: MediaConfig, *, clock: Callable[[], int] = monotonic_us) -> None:
        self.config = config
        self.stream_observers = {}
        self._clock = clock
        self._certificate = Certificate.generateCertificate()
        self.fingerprints = local_fingerprints(self._certificate)
        self._links: dict[int, Link] = {}
        self._tasks = TaskSet()
        self._rejects: Counter[str] = Counter()
        self._thread = LoopThread("simplesfu-engine", self._main, self._release)
        self._ports: Ports | None = None
        self._accepts_links = False

    def start(self) -> None:
        """Raises ConfigError when it cannot listen or find out its addresses as the configuration says."""
        if self._ports is not None:
            raise RuntimeError("an engine starts once")
        self._ports = ports = open_ports(self.config)
        try:
            self.candidates = self._find_candidates(ports)
            self.plane = Plane(
                ports.sockets,
                listeners=ports.listeners,
                max_connections=max_connections(),
                hold_us=self.config.hold_us,
            )
            self.plane.start()
            self.loop = self._thread.start()
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """Close the links, end the threads, give back the sockets. From any thread; a second call does nothing.

        It waits until that is done, except when the engine's own loop calls it.
        """
        self._thread.stop()

    async def aclose(self) -> None:
        """close(), for the application's event loop, which goes on meanwhile."""
        if self._thread.is_current():
            self.close()
        else:
            await asyncio.to_thread(self.close)

    def run(self, coro: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Run a coroutine on the engine's loop, from any thread. Raises Closed."""
        return self._thread.run(coro)

    def call(self, coro: Coroutine[Any, Any, Result], timeout_s: float | None = None) -> Result:
        """run() and wait for the result, from any thread but the engine's. Raises Closed, TimeoutError."""
        return self._thread.call(coro, timeout_s)

    def create_link(self, observer: LinkObserver) -> Link:
        """On the loop. Raises Closed."""
        if not self._accepts_links:
            raise Closed("the media engine has stopped")
        link = Link(
            LinkServices(
                plane=self.plane,
                certificate=self._certificate,
                tasks=self._tasks,
                rejects=self._rejects,
                clock=self._clock,
                consent_timeout_us=round(self.config.consent_timeout_s * 1e6),
                forget=self._forget,
            ),
            observer,
        )
        self._links[link.handle] = link
        return link

    def stats(self) -> dict[str, dict[str, int]]:
        """{"links": by state, "rejects": what came in and was not accepted, by reason}. From any thread."""
        return {
            "links": dict(Counter(link.state for link in list(self._links.values()))),
            "rejects": dict(self._rejects),
        }

    def _forget(self, handle: int) -> None:
        self._links.pop(handle, None)

    async def _main(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self.plane.fileno(), self._read_events)
        self._accepts_links = True
        self._tasks.spawn(self._tick(stop), "tick of the engine")
        if self._ports is not None and has_names(self.config.announced_hosts):
            find = partial(self._find_candidates, self._ports)
            self._tasks.spawn(follow_names(find, self._set_candidates, self.candidates), "announced names")
        try:
            await stop.wait()
        finally:
            self._accepts_links = False
            for link in list(self._links.values()):
                link.close("engine_closed")
            loop.remove_reader(self.plane.fileno())
            await self._tasks.close()

    def _find_candidates(self, ports: Ports) -> list[IceCandidate]:
        return find_candidates(ports.sockets, self.config.announced_hosts, listeners=ports.listeners)

    def _set_candidates(self, candidates: list[IceCandidate]) -> None:
        """For the links to come; a client whose link the change has broken makes another."""
        self.candidates = candidates

    async def _tick(self, stop: asyncio.Event) -> None:
        """The one timer of all links."""
        while True:
            await asyncio.sleep(TICK_S)
            if not threading.main_thread().is_alive():
                logger.info("the program has ended: closing the media engine, which nobody closed")
                stop.set()
            # After a stall of this thread the clients' checks wait in the plane: hear them before judging a silence.
            self._read_events()
            self._check_links(self._clock())

    def _check_links(self, now_us: int) -> None:
        # Not in the timer itself: its loop variable would keep the last link alive after its end.
        for link in list(self._links.values()):
            link.check(now_us)

    def _read_events(self) -> None:
        for _ in range(EVENT_READS):
            events = self.plane.read_events()
            if not events:
                return
            for event in events:
                try:
                    self._route(event)
                except Exception:
                    self._count_fault(event)

    def _route(self, event: Event) -> None:
        if isinstance(event, StreamStarted | StreamStopped):
            observer = self.stream_observers.get(event.recv_stream)
            if observer is None:
                return
            if isinstance(event, StreamStarted):
                observer.stream_started(event.recv_stream)
            else:
                observer.stream_stopped(event.recv_stream)
            return
        link = self._links.get(event.transport)
        if link is None:  # it closed while the event was on its way
            self._rejects["link_closed"] += 1
        elif isinstance(event, StunRequest):
            link.receive_stun(event.address, event.data)
        elif isinstance(event, DtlsDatagram):
            link.receive_dtls(event.data)
        elif isinstance(event, TupleSelected):
            link.tuple_selected(event.address)

    def _count_fault(self, event: Event) -> None:
        """A bug. One event must not stop the others, and a stream of them must not fill the log."""
        self._rejects["internal_error"] += 1
        if self._rejects["internal_error"].bit_count() == 1:
            logger.exception("%s was not handled", type(event).__name__)

    def _release(self) -> None:
        if hasattr(self, "plane"):
            self.plane.close()
        if self._ports is not None:
            self._ports.close()

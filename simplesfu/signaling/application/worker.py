"""What must not hold up others, for servers that have no event loop of asyncio's: on threads, or in greenlets."""
from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from simplesfu.unpatched import make_lock

logger = logging.getLogger(__name__)

Job: TypeAlias = Callable[[], None]


class Worker(Protocol):
    """Does one thing after the other, or several at once.

    `do` may be called on any thread and never waits. It is for work whose amount is bounded elsewhere: one job for each
    mailbox or open request.
    """

    def start(self) -> None: ...

    def do(self, job: Job) -> None: ...

    def stop(self, *, wait: bool = True) -> None:
        """After the jobs that are there."""


class ThreadWorker:
    """Daemons: one may be in the application's code when the program ends, and must not keep it alive."""

    def __init__(self, name: str, at_once: int = 1) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True) for _ in range(at_once)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def do(self, job: Job) -> None:
        self._jobs.put(job)

    def stop(self, *, wait: bool = True) -> None:
        """Waits for the jobs unless told not to, except when a job calls it."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            if wait and thread.ident is not None and threading.current_thread() is not thread:
                thread.join()

    def _run(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """False at the end. A frame of its own: a job that is done must not stay alive while the next is awaited."""
        job = self._jobs.get()
        if job is None:
            return False
        _do(threading.current_thread().name, job)
        return True


class GreenletWorker:
    """For gevent: its greenlets live as long as there are jobs, in the hub of the thread that makes the worker.

    An async watcher is what a hub can be woken up with by other threads.
    """

    def __init__(self, name: str, at_once: int = 1) -> None:
        from gevent import get_hub

        self._name = name
        self._jobs: deque[Job] = deque()
        self._idle = at_once
        self._stopped = False
        self._closing = make_lock()  # a closed watcher must not be sent to
        self._watcher: Any = get_hub().loop.async_(ref=False)
        self._watcher.start(self._woken)

    def start(self) -> None:
        """There is nothing to start before there is a job."""

    def do(self, job: Job) -> None:
        self._jobs.append(job)
        self._wake()

    def stop(self, *, wait: bool = True) -> None:  # noqa: ARG002
        """Never waits: its hub is to go on meanwhile."""
        self._stopped = True
        self._wake()

    def _wake(self) -> None:
        with self._closing:
            if self._watcher.active:
                self._watcher.send()

    def _woken(self) -> None:
        """In the hub, which must not wait."""
        from gevent import spawn

        for _ in range(min(self._idle, len(self._jobs))):
            self._idle -= 1
            spawn(self._run)
        if self._stopped and not self._jobs:
            with self._closing:
                self._watcher.stop()
                self._watcher.close()

    def _run(self) -> None:
        try:
            while self._jobs:
                _do(self._name, self._jobs.popleft())
        finally:
            self._idle += 1
        if self._stopped:
            self._wake()


def _do(name: str, job: Job) -> None:
    try:
        job()
    except Exception:
        logger.exception("%s: a job failed", name)

"""Threads for what must not hold up others, for servers that have no event loop."""
from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Worker:
    """A thread that does one thing after the other, or several that share the work.

    `do` never waits. It is for work whose amount is bounded elsewhere: one job for each mailbox or open request.

    Daemons: one may be in the application's code when the program ends, and must not keep it alive.
    """

    def __init__(self, name: str, *, threads: int = 1) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True) for _ in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def do(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def stop(self, *, wait: bool = True) -> None:
        """After the jobs that are there. Waits for that unless told not to, except when a job calls it."""
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
        try:
            job()
        except Exception:
            logger.exception("%s: a job failed", threading.current_thread().name)
        return True

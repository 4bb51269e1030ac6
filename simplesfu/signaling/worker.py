"""A thread that does one thing after the other, for servers that have no event loop."""
from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Worker:
    """`do` never waits. It is for work whose amount is bounded elsewhere: one job for each mailbox or open request.

    A daemon: it may be in the application's code when the program ends, and must not keep it alive.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def do(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def stop(self) -> None:
        """After the jobs that are there. Waits for that, except when a job calls it."""
        self._jobs.put(None)
        if self._thread.ident is not None and threading.current_thread() is not self._thread:
            self._thread.join()

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
            logger.exception("%s: a job failed", self._thread.name)
        return True

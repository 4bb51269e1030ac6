"""Results on their way from thread to thread, where gevent may have made greenlets of some of them."""
from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, TypeVar

from simplesfu.unpatched import find_hub, is_patched, make_lock, original

Result = TypeVar("Result")


class ThreadFuture(Future[Result]):
    """Whoever waits for it in a greenlet lets the others of its hub go on, and that one wakes up by an async watcher: a
    lock of gevent's knows nothing of other threads, and calls it a deadlock when nothing else is to be done."""

    def __init__(self) -> None:
        super().__init__()
        if is_patched():
            # Nobody waits on it: see _wait. It is held for microseconds, by any thread.
            self._condition = threading.Condition(original("_thread", "RLock")())

    def result(self, timeout: float | None = None) -> Result:
        return super().result(self._wait(timeout))

    def exception(self, timeout: float | None = None) -> BaseException | None:
        return super().exception(self._wait(timeout))

    def wait_on_thread(self, timeout_s: float | None = None) -> None:
        """Returns when it is done, or the time is over. Holds up all greenlets of this thread, for what is quick."""
        done = make_lock()
        done.acquire()
        self.add_done_callback(lambda _: done.release())
        done.acquire(timeout=-1 if timeout_s is None else timeout_s)

    def _wait(self, timeout_s: float | None) -> float | None:
        """The time left for the standard way of waiting."""
        if self.done():
            return timeout_s
        hub = find_hub()
        if hub is not None and hub is not _current_greenlet():
            self._wait_in_greenlet(hub, timeout_s)
        elif is_patched():
            self.wait_on_thread(timeout_s)
        else:
            return timeout_s
        return 0

    def _wait_in_greenlet(self, hub: Any, timeout_s: float | None) -> None:
        from gevent.event import Event

        done = Event()
        watcher = hub.loop.async_()
        guard = make_lock()  # a watcher that is closed must not be sent to

        def wake(_: object) -> None:
            with guard:
                if watcher.active:
                    watcher.send()

        watcher.start(done.set)
        try:
            self.add_done_callback(wake)
            done.wait(timeout_s)
        finally:
            with guard:
                watcher.stop()
                watcher.close()


def _current_greenlet() -> object:
    from gevent import getcurrent

    current: object = getcurrent()
    return current

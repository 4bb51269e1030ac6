"""A thread with an event loop of its own."""
from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from simplesfu.engine.futures import ThreadFuture
from simplesfu.errors import Closed
from simplesfu.unpatched import make_lock, make_selector, make_thread

Result = TypeVar("Result")
Main: TypeAlias = Callable[[asyncio.Event], Coroutine[Any, Any, None]]

_STOPPED_HINT: Final = "it was closed, or its program is about to end"


class LoopThread:
    """Runs `main(stop)`, and what run() brings, until stop is set; then `cleanup()`, whatever happened before.

    The thread is no daemon, so that the interpreter does not tear it away in the middle of something; `main` has to
    watch the main thread, since nobody can call stop() once the interpreter waits for this one to end. Where gevent has
    patched threading the interpreter does not wait, and an exit handler stops it.
    """

    def __init__(self, name: str, main: Main, cleanup: Callable[[], None]) -> None:
        self._main = main
        self._cleanup = cleanup
        self._thread = make_thread(self._run, name)
        self._ready: ThreadFuture[asyncio.AbstractEventLoop] = ThreadFuture()
        self._stop: asyncio.Event | None = None
        self._lock = make_lock()
        self._accepting = False

    def start(self) -> asyncio.AbstractEventLoop:
        """Returns when the loop runs."""
        self._thread.start()
        atexit.register(self.stop)
        self._ready.wait_on_thread()
        return self._ready.result()

    def is_current(self) -> bool:
        return threading.get_native_id() == self._thread.native_id

    def run(self, coro: Coroutine[Any, Any, Result]) -> ThreadFuture[Result]:
        """Run a coroutine on the loop; from any thread. Raises Closed once stop() was called."""
        with self._lock:
            if not self._accepting:
                coro.close()
                raise Closed("the media engine does not run", _STOPPED_HINT)
            future: ThreadFuture[Result] = ThreadFuture()
            self._ready.result().call_soon_threadsafe(_begin, coro, future)
            return future

    def call(self, coro: Coroutine[Any, Any, Result], timeout_s: float | None = None) -> Result:
        """run(), and wait for the result; for other threads than the loop's own. Raises Closed, TimeoutError."""
        if self.is_current():
            coro.close()
            raise RuntimeError("the engine's thread would wait for itself: await the coroutine instead")
        future = self.run(coro)
        future.wait_on_thread(timeout_s)
        try:
            return future.result(0)
        except CancelledError as error:
            raise Closed("the media engine has stopped", _STOPPED_HINT) from error
        except TimeoutError:
            future.cancel()
            raise

    def stop(self) -> None:
        """From any thread, as often as one likes. Waits for the end, except on the thread itself."""
        with self._lock:
            if self._accepting and self._stop is not None:
                self._accepting = False
                self._ready.result().call_soon_threadsafe(self._stop.set)
        if not self.is_current() and self._thread.native_id is not None:
            self._thread.join()
            atexit.unregister(self.stop)

    def _run(self) -> None:
        try:
            # Whatever policy the application has set: a loop that has add_reader(), for the plane's events.
            with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(make_selector())) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)
        finally:
            self._cleanup()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        with self._lock:
            self._accepting = True
        self._ready.set_result(asyncio.get_running_loop())
        try:
            await self._main(self._stop)
        finally:
            with self._lock:
                self._accepting = False


def _begin(coro: Coroutine[Any, Any, Result], future: ThreadFuture[Result]) -> None:
    """On the loop. asyncio.run_coroutine_threadsafe() would make a future of its own kind."""
    task = asyncio.get_running_loop().create_task(coro)
    task.add_done_callback(partial(_hand_over, future))
    future.add_done_callback(partial(_cancel, task, asyncio.get_running_loop()))


def _hand_over(future: ThreadFuture[Result], task: asyncio.Task[Result]) -> None:
    if task.cancelled():
        future.cancel()
    error = None if task.cancelled() else task.exception()  # reading it marks it as seen
    if not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())


def _cancel(task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop, future: Future[Any]) -> None:
    if future.cancelled() and not loop.is_closed():
        loop.call_soon_threadsafe(task.cancel)

"""A thread with an event loop of its own."""
from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, Final, TypeAlias, TypeVar

from simplesfu.errors import Closed

Result = TypeVar("Result")
Main: TypeAlias = Callable[[asyncio.Event], Coroutine[Any, Any, None]]

_STOPPED_HINT: Final = "it was closed, or its program is about to end"


class LoopThread:
    """Runs `main(stop)`, and what run() brings, until stop is set; then `cleanup()`, whatever happened before.

    The thread is no daemon, so that the interpreter does not tear it away in the middle of something; `main` has to
    watch the main thread, since nobody can call stop() once the interpreter waits for this one to end.
    """

    def __init__(self, name: str, main: Main, cleanup: Callable[[], None]) -> None:
        self._main = main
        self._cleanup = cleanup
        self._thread = threading.Thread(target=self._run, name=name)
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._stop: asyncio.Event | None = None
        self._lock = threading.Lock()
        self._accepting = False

    def start(self) -> asyncio.AbstractEventLoop:
        """Returns when the loop runs."""
        self._thread.start()
        return self._ready.result()

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def run(self, coro: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Run a coroutine on the loop; from any thread. Raises Closed once stop() was called."""
        with self._lock:
            if not self._accepting:
                coro.close()
                raise Closed("the media engine does not run", _STOPPED_HINT)
            return asyncio.run_coroutine_threadsafe(coro, self._ready.result())

    def call(self, coro: Coroutine[Any, Any, Result], timeout_s: float | None = None) -> Result:
        """run(), and wait for the result; for other threads than the loop's own. Raises Closed, TimeoutError."""
        if self.is_current():
            coro.close()
            raise RuntimeError("the engine's thread would wait for itself: await the coroutine instead")
        future = self.run(coro)
        try:
            return future.result(timeout_s)
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
        if not self.is_current() and self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            # Whatever policy the application has set: a loop that has add_reader(), for the plane's events.
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
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

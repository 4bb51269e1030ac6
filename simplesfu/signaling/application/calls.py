"""The application's own functions: called on its side, awaited on the engine's loop."""
from __future__ import annotations

import asyncio
import inspect
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from simplesfu.engine.futures import ThreadFuture
from simplesfu.errors import Closed, ConfigError
from simplesfu.signaling.application.worker import ThreadWorker, Worker

T = TypeVar("T")
Answer: TypeAlias = Awaitable[T] | T
SessionData: TypeAlias = dict[str, Any]
"""What the application keeps with `sio.save_session`, or with flask.session."""

ANSWER_TIMEOUT_S: Final = 5.0
TURN_TIMEOUT_S: Final = 5.0
CALLS_ON_A_LOOP: Final = 256
CALLS_IN_GREENLETS: Final = 256
CALLS_IN_THREADS: Final = 4
"""At once; others wait for their turn."""

logger = logging.getLogger(__name__)


class AppCalls(ABC):
    """Calls are bounded, in number and in time: a function of the application that hangs holds up no engine."""

    def __init__(self, sio: Any, at_once: int) -> None:
        self.failures: Counter[str] = Counter()
        """By what was called: how often it raised, or did not answer in time."""
        self._sio = sio
        self._turns = asyncio.Semaphore(at_once)
        self._logged: set[tuple[str, type[Exception]]] = set()

    @abstractmethod
    def check(self, option: str, function: object) -> None:
        """Raises ConfigError for what cannot be called here."""

    @abstractmethod
    def close(self) -> None:
        """From any thread. Waits for no call."""

    async def call(self, function: Callable[..., Answer[T]], *arguments: object) -> T:
        """On the engine's loop. Raises what the function raises; TimeoutError when its turn does not come, or its
        answer; Closed when the application's loop has ended."""
        async with asyncio.timeout(TURN_TIMEOUT_S):
            await self._turns.acquire()
        # One that does not come back keeps its turn, so that no heap of abandoned calls can grow.
        release = partial(_call_soon, asyncio.get_running_loop(), self._turns.release)
        future = self._schedule(function, arguments, release)
        return await asyncio.wait_for(asyncio.wrap_future(future), ANSWER_TIMEOUT_S)

    async def call_for(self, sid: str, function: Callable[[SessionData | None], Answer[T]]) -> T:
        """call(), with what the application keeps for that socket of its own; None: the socket has gone."""
        return await self.call(self._with_session, sid, function)

    def complain(self, option: str, error: Exception) -> None:
        """The log gets each kind once, as clients can provoke it."""
        self.failures[option] += 1
        kind = (option, type(error))
        if kind in self._logged:
            return
        self._logged.add(kind)
        if isinstance(error, TimeoutError):
            logger.error("%s did not answer within %.0f s (further failures of the kind are only counted)",
                         option, ANSWER_TIMEOUT_S)
        else:
            logger.error("%s failed (further failures of the kind are only counted)", option, exc_info=error)

    @abstractmethod
    def _schedule(
        self, function: Callable[..., Answer[T]], arguments: tuple[object, ...], finished: Callable[[], None]
    ) -> Future[T]:
        """Calls `finished` when the function has ended, or is not going to be called any more."""

    @abstractmethod
    def _with_session(self, sid: str, function: Callable[[SessionData | None], Answer[T]]) -> Answer[T]: ...


class AsyncCalls(AppCalls):
    """For socketio.AsyncServer. `find_loop` gives the application's loop as soon as there is one. A call that takes
    too long is cancelled."""

    def __init__(self, sio: Any, find_loop: Callable[[], asyncio.AbstractEventLoop | None]) -> None:
        super().__init__(sio, CALLS_ON_A_LOOP)
        self._find_loop = find_loop

    def check(self, option: str, function: object) -> None:
        _check_callable(option, function)

    def close(self) -> None:
        """Nothing is kept: who waited for an answer ends with the engine's loop."""

    def _schedule(
        self, function: Callable[..., Answer[T]], arguments: tuple[object, ...], finished: Callable[[], None]
    ) -> Future[T]:
        loop = self._find_loop()
        coroutine = _awaited(function, arguments)
        try:
            if loop is None:
                raise RuntimeError("the application's loop is not known before the first client connects")
            future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError as error:
            coroutine.close()
            finished()
            raise Closed("the application cannot be asked", str(error)) from error
        future.add_done_callback(lambda _: finished())
        return future

    async def _with_session(self, sid: str, function: Callable[[SessionData | None], Answer[T]]) -> T:
        try:
            session = await self._sio.get_session(sid)
        except KeyError:  # of a socket that has gone
            session = None
        return await _awaited(function, (session,))


class ThreadCalls(AppCalls):
    """For socketio.Server: threads of our own, which begin at the first call, or greenlets. A call that takes too long
    goes on."""

    def __init__(
        self, sio: Any, make_worker: Callable[[str, int], Worker] = ThreadWorker, at_once: int = CALLS_IN_THREADS
    ) -> None:
        super().__init__(sio, at_once)
        self._worker = make_worker("simplesfu-calls", at_once)
        self._started = False

    def check(self, option: str, function: object) -> None:
        _check_callable(option, function)
        if inspect.iscoroutinefunction(function):
            raise ConfigError(f"{option} is a coroutine function, and there is no loop to run it",
                              "pass a plain function, or use a socketio.AsyncServer")

    def close(self) -> None:
        self._worker.stop(wait=False)

    def _schedule(
        self, function: Callable[..., Answer[T]], arguments: tuple[object, ...], finished: Callable[[], None]
    ) -> Future[T]:
        if not self._started:
            self._worker.start()
            self._started = True
        future: ThreadFuture[T] = ThreadFuture()
        self._worker.do(partial(_run, future, partial(function, *arguments), finished))
        return future

    def _with_session(self, sid: str, function: Callable[[SessionData | None], Answer[T]]) -> T:
        return _plain(function(self._find_session(sid)))

    def _find_session(self, sid: str) -> SessionData | None:
        try:
            # Flask-SocketIO keeps its flask.session there, which is what its applications know as the session.
            flask_session: SessionData | None = (self._sio.get_environ(sid) or {}).get("saved_session")
            session: SessionData = self._sio.get_session(sid) if flask_session is None else flask_session
        except KeyError:  # of a socket that has gone
            return None
        return session


def _check_callable(option: str, function: object) -> None:
    if not callable(function):
        raise ConfigError(f"{option} is a {type(function).__name__}", "pass a function")


async def _awaited(function: Callable[..., Answer[T]], arguments: tuple[object, ...]) -> T:
    answer = function(*arguments)
    return await answer if inspect.isawaitable(answer) else answer


def _run(future: Future[T], function: Callable[[], Answer[T]], finished: Callable[[], None]) -> None:
    try:
        if future.set_running_or_notify_cancel():
            future.set_result(_plain(function()))
    except Exception as error:
        future.set_exception(error)
    finally:
        finished()


def _plain(answer: Answer[T]) -> T:
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise TypeError("a coroutine came back, and there is no loop to run it: pass a plain function")
    return answer


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the engine has ended meanwhile, and nobody waits for a turn
        loop.call_soon_threadsafe(function)

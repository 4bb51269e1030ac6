"""The application's functions are called on its side, one way or the other, and never hold up the engine for ever."""
from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
import pytest_asyncio
import socketio
from support.waiting import until

from simplesfu.errors import Closed, ConfigError
from simplesfu.signaling.application import calls as app_calls
from simplesfu.signaling.application.calls import AppCalls, AsyncCalls, ThreadCalls


@contextlib.contextmanager
def loop_in_a_thread(name: str) -> Iterator[asyncio.AbstractEventLoop]:
    ready: Future[asyncio.AbstractEventLoop] = Future()
    stop = threading.Event()

    async def main() -> None:
        ready.set_result(asyncio.get_running_loop())
        await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(main()), name=name)
    thread.start()
    try:
        yield ready.result()
    finally:
        stop.set()
        thread.join()


@pytest_asyncio.fixture
async def on_a_loop() -> AsyncIterator[AppCalls]:
    with loop_in_a_thread("application") as loop:
        yield AsyncCalls(socketio.AsyncServer(async_mode="asgi"), lambda: loop)


@pytest_asyncio.fixture
async def in_threads() -> AsyncIterator[AppCalls]:
    calls = ThreadCalls(socketio.Server(async_mode="threading"))
    yield calls
    calls.close()
    await until(lambda: not [one for one in threading.enumerate() if one.name == "simplesfu-calls"], "threads end",
                every_s=0.01)


@pytest_asyncio.fixture(params=["on_a_loop", "in_threads"])
async def calls(request: pytest.FixtureRequest, on_a_loop: AppCalls, in_threads: AppCalls) -> AppCalls:
    return on_a_loop if request.param == "on_a_loop" else in_threads


def here(word: str) -> tuple[str, str]:
    return word, threading.current_thread().name


async def test_plain_functions_run_on_the_applications_side(calls: AppCalls) -> None:
    word, thread = await calls.call(here, "word")
    print(thread)
    assert word == "word"
    assert thread in ("application", "simplesfu-calls")


async def test_coroutine_functions_run_on_the_applications_loop(on_a_loop: AppCalls) -> None:
    async def function(word: str) -> tuple[str, str]:
        await asyncio.sleep(0)
        return here(word)

    assert await on_a_loop.call(function, "word") == ("word", "application")


async def test_what_is_raised_comes_back(calls: AppCalls) -> None:
    def faulty() -> None:
        raise KeyError("user")

    with pytest.raises(KeyError, match="user"):
        await calls.call(faulty)


async def test_the_session_of_a_socket_that_has_gone_is_none(calls: AppCalls) -> None:
    assert await calls.call_for("nobody", lambda session: (session, "asked")) == (None, "asked")


async def test_who_does_not_answer_is_not_waited_for(
    calls: AppCalls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app_calls, "ANSWER_TIMEOUT_S", 0.1)
    goes_on = threading.Event()
    began = time.monotonic()
    with pytest.raises(TimeoutError) as late:
        await calls.call(goes_on.wait, 10)
    print(f"given up after {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < 5
    for _ in range(3):
        calls.complain("authorize", late.value)
    assert calls.failures == {"authorize": 3}
    assert caplog.text.count("did not answer") == 1
    goes_on.set()
    monkeypatch.undo()
    assert (await calls.call(here, "again"))[0] == "again"


async def test_a_coroutine_that_takes_too_long_is_cancelled(
    on_a_loop: AppCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_calls, "ANSWER_TIMEOUT_S", 0.1)
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(threading.current_thread().name)

    with pytest.raises(TimeoutError):
        await on_a_loop.call(slow)
    await until(lambda: ended == ["application"], "cancelled where it ran", every_s=0.01)


async def test_threads_that_hang_do_not_gather_a_heap(in_threads: AppCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    """While all threads hang the others wait for a turn, and give up; nothing is queued behind the threads."""
    monkeypatch.setattr(app_calls, "ANSWER_TIMEOUT_S", 0.1)
    monkeypatch.setattr(app_calls, "TURN_TIMEOUT_S", 0.1)
    goes_on = threading.Event()
    many = 20
    outcomes = await asyncio.gather(*(in_threads.call(goes_on.wait, 10) for _ in range(many)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [TimeoutError] * many
    later: list[str] = []
    with pytest.raises(TimeoutError):
        await in_threads.call(later.append, "too late")
    assert in_threads._worker._jobs.qsize() == 0  # type: ignore[attr-defined]
    goes_on.set()

    async def turns_come_back() -> Any:
        with contextlib.suppress(TimeoutError):
            return await in_threads.call(here, "again")

    print(await until(turns_come_back, "a turn", every_s=0.02))
    assert not later, "what had been given up is not called"


async def test_a_loop_that_has_ended_or_is_not_there_yet() -> None:
    with loop_in_a_thread("application") as loop:
        pass
    for gone in (loop, None):
        calls = AsyncCalls(socketio.AsyncServer(async_mode="asgi"), lambda gone=gone: gone)  # type: ignore[misc]
        with pytest.raises(Closed):
            await calls.call(here, "nobody hears")


async def test_a_coroutine_without_a_loop_for_it(in_threads: AppCalls, on_a_loop: AppCalls) -> None:
    async def function(_request: object) -> bool:
        return True

    with pytest.raises(ConfigError, match="no loop"):
        in_threads.check("authorize", function)
    on_a_loop.check("authorize", function)
    with pytest.raises(TypeError, match="plain function"):
        await in_threads.call(lambda: function(None))
    for calls in (in_threads, on_a_loop):
        with pytest.raises(ConfigError, match="pass a function"):
            calls.check("authorize", "everybody")

"""Child processes with a pipe each."""
from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

ANSWER_TIMEOUT_S: Final = 30
END_TIMEOUT_S: Final = 10


@contextmanager
def spawned(target: Callable[..., None], *args: object) -> Iterator[tuple[int, Connection]]:
    """Run target(connection, *args) in a fresh interpreter; it has to end when the other end of its pipe closes."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *args))
    process.start()
    theirs.close()
    assert process.pid is not None
    try:
        yield process.pid, ours
    finally:
        ours.close()
        process.join(END_TIMEOUT_S)
        if process.is_alive():
            process.kill()
            process.join()


def receive(connection: Connection) -> Any:
    """The next message. Raises RuntimeError when none comes in time or the process has ended."""
    if not connection.poll(ANSWER_TIMEOUT_S):
        raise RuntimeError(f"no answer within {ANSWER_TIMEOUT_S} s")
    try:
        return connection.recv()
    except EOFError:
        raise RuntimeError("a process of the benchmark has died; its traceback is above") from None


def ask(connection: Connection, question: object) -> Any:
    connection.send(question)
    return receive(connection)

"""The way from the engine's thread to the application's side: bounded, in order, and never waited for."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from simplesfu.unpatched import make_lock

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A bounded queue with one reader at a time.

    `wake` is called (on the writer's thread, so it must only schedule) when something came and nobody reads; from then
    on the reader calls `take` until it gives None. `overflow` is called when an item found no place: what was promised
    in order has a gap then, so nothing more is accepted until the reader has taken all that is there.
    """

    def __init__(self, limit: int, wake: Callable[[], None], overflow: Callable[[], None]) -> None:
        self._limit = limit
        self._wake = wake
        self._overflow = overflow
        self._lock = make_lock()
        self._items: deque[T] = deque()
        self._reading = False
        self._overflowed = False

    def put(self, item: T) -> None:
        with self._lock:
            if self._overflowed:
                return
            overflows = self._overflowed = len(self._items) >= self._limit
            wakes = False
            if not overflows:
                self._items.append(item)
                wakes = not self._reading
                self._reading = True
        if overflows:
            self._overflow()
        elif wakes:
            self._wake()

    def take(self) -> T | None:
        """The next item; None ends the reading until the next `wake`."""
        with self._lock:
            if self._items:
                return self._items.popleft()
            self._reading = self._overflowed = False
            return None

    def clear(self) -> None:
        """Forget what is there. For the reader, between two `take`s."""
        with self._lock:
            self._items.clear()

    def __len__(self) -> int:
        return len(self._items)

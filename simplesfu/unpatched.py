"""What gevent's monkey-patching replaces, as it was: threads of the operating system, their locks, their selector.

Media goes on while the application computes, so it has threads of its own, and a patched `threading` makes none. Names
are looked up when they are used, since an application may be patched after simplesfu was imported.
"""
from __future__ import annotations

import selectors
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol, cast


class Thread(Protocol):
    """What is used here of threading.Thread."""

    @property
    def native_id(self) -> int | None:
        """None before it has begun."""

    def start(self) -> None: ...

    def join(self) -> None: ...


class NativeThread:
    """One that threading knows nothing of: nobody waits for it at the end of the program."""

    def __init__(self, target: Callable[[], None]) -> None:
        self.native_id: int | None = None
        self._target = target
        self._running = make_lock()

    def start(self) -> None:
        self._running.acquire()
        original("_thread", "start_new_thread")(self._run, ())

    def join(self) -> None:
        """Holds up all greenlets of the caller's thread."""
        with self._running:
            return

    def _run(self) -> None:
        self.native_id = threading.get_native_id()
        try:
            self._target()
        finally:
            hub = find_hub()  # it has one when it had to wait for a lock of gevent's, such as those of logging
            if hub is not None:
                hub.destroy(destroy_loop=True)
            self._running.release()


def make_thread(target: Callable[[], None], name: str, *, daemon: bool = False) -> Thread:
    """threading's own where that is what it says. Else as if it were a daemon, always."""
    return NativeThread(target) if is_patched() else threading.Thread(target=target, name=name, daemon=daemon)


def make_lock() -> threading.Lock:
    """For what is held for microseconds, and never while something else is waited for."""
    return cast(threading.Lock, original("_thread", "allocate_lock")())


def make_selector() -> selectors.BaseSelector:
    return cast(selectors.BaseSelector, original("selectors", "DefaultSelector")())


def is_patched() -> bool:
    """Whether threading's threads are gevent's greenlets."""
    monkey = _monkey()
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def original(module: str, name: str) -> Any:
    """That attribute of a module of the standard library."""
    monkey = _monkey()
    return getattr(import_module(module), name) if monkey is None else monkey.get_original(module, name)


def find_hub() -> Any:
    """gevent's hub of this thread; None when it has not got one yet."""
    if "gevent" not in sys.modules:
        return None
    return import_module("gevent._hub_local").get_hub_if_exists()


def _monkey() -> ModuleType | None:
    return sys.modules.get("gevent.monkey")

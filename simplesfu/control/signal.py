"""Callbacks that belong to an object: who wants to know connects, the object emits."""
from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, ParamSpec

Arguments = ParamSpec("Arguments")

logger = logging.getLogger(__name__)


class Signal(Generic[Arguments]):
    """`Signal[str]` calls its callbacks with one string, in the order in which they were connected.

    A callback that raises is logged and the rest are still called: what has happened has happened, and one listener's
    fault must not keep it from the others.
    """

    __slots__ = ("_callbacks",)

    def __init__(self) -> None:
        # Keyed by a token and not by the callback, so that the same one can be connected twice and each undone alone.
        self._callbacks: dict[object, Callable[Arguments, object]] = {}

    def connect(self, callback: Callable[Arguments, object]) -> Callable[[], None]:
        """Call `callback` at each emission until the returned function is called (which may be done more than once)."""
        token = object()
        self._callbacks[token] = callback

        def disconnect() -> None:
            self._callbacks.pop(token, None)

        return disconnect

    def emit(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        """Call those connected now; one connected by a callback waits for the next emission."""
        for token, callback in list(self._callbacks.items()):
            if token not in self._callbacks:
                continue  # disconnected by a callback before it
            try:
                callback(*args, **kwargs)
            except Exception:
                logger.exception("a callback raised: %r", callback)

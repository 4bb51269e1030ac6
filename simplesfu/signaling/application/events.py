"""What the application hears: media.on("peer_joined", handler)."""
from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeAlias, get_args

from simplesfu.errors import ConfigError
from simplesfu.signaling.application.mailbox import Mailbox
from simplesfu.signaling.sessions.info import DataInfo, EventInfo, EventName

MAX_WAITING: Final = 10_000
EVENTS: Final[tuple[str, ...]] = get_args(EventName)

Handler: TypeAlias = Callable[[Any], Awaitable[object] | object]
_Item: TypeAlias = tuple[EventName, EventInfo, Callable[[], object]]
"""The last is called when the handlers are through."""

logger = logging.getLogger(__name__)


class AppEvents:
    """Handlers, and what they are still to be given. Events come from the engine's thread; `wake` has the application's
    side read them with deliver() or deliver_async(), one after the other. Only the latter can await a handler, so
    `coroutines` says whether handlers may be coroutine functions."""

    def __init__(self, wake: Callable[[], None], *, coroutines: bool) -> None:
        self._coroutines = coroutines
        self._handlers: dict[str, list[Handler]] = {}
        self._mailbox: Mailbox[_Item] = Mailbox(MAX_WAITING, wake, self._overflowed)

    def on(self, event: str, handler: Handler) -> None:
        """Raises ConfigError for an event that does not exist, or a handler that cannot be called."""
        self._check(event)
        if not callable(handler):
            raise ConfigError(f"the handler of {event!r} is a {type(handler).__name__}", "pass a function")
        if inspect.iscoroutinefunction(handler) and not self._coroutines:
            raise ConfigError(f"the handler of {event!r} is a coroutine function, and there is no loop to run it",
                              "pass a plain function, or use a socketio.AsyncServer")
        self._handlers[event] = [*self._handlers.get(event, []), handler]

    def off(self, event: str, handler: Handler) -> None:
        """Raises ConfigError for an event that does not exist; an unknown handler is ignored."""
        self._check(event)
        self._handlers[event] = [one for one in self._handlers.get(event, []) if one != handler]

    def report(self, event: EventName, info: EventInfo) -> None:
        """On the engine's thread; returns at once."""
        if self.is_awaited(event):
            self._mailbox.put((event, info, _nothing))

    def is_awaited(self, event: str) -> bool:
        return bool(self._handlers.get(event))

    def report_data(self, info: DataInfo, done: Callable[[], object]) -> None:
        """As report(); `done` is called on the application's side when its handlers are through."""
        self._mailbox.put(("data", info, done))

    def deliver(self) -> None:
        for event, handler, info in self._calls():
            try:
                handler(info)
            except Exception:
                logger.exception("the handler of %r raised", event)

    async def deliver_async(self) -> None:
        for event, handler, info in self._calls():
            try:
                result = handler(info)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                logger.exception("the handler of %r raised", event)

    def _calls(self) -> Iterator[tuple[EventName, Handler, EventInfo]]:
        while (item := self._mailbox.take()) is not None:
            event, info, done = item
            for handler in self._handlers.get(event, []):
                yield event, handler, info
            done()

    def _overflowed(self) -> None:
        logger.error("events are lost: the application's handlers are more than %d behind", MAX_WAITING)

    @staticmethod
    def _check(event: str) -> None:
        if event not in EVENTS:
            raise ConfigError(f"no event {event!r}", f"there are {', '.join(EVENTS)}")


def _nothing() -> None:
    """Nobody waits for an event to be delivered."""

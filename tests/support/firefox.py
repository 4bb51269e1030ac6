"""Firefox, driven by its own Marionette protocol: one browser for each participant."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest

from .caller import Caller
from .machine import free_port, outward_address
from .netns import Host
from .server import MediaServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of a library that it imports
    from marionette_driver.by import By
    from marionette_driver.marionette import Marionette

__all__ = ["PREFERENCES", "By", "FirefoxPage", "address_for_firefox", "firefox", "firefox_caller"]

PREFERENCES = {
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # A page that nobody looks at paints at its own pace all the same.
    "dom.min_background_timeout_value": 4,
    "dom.timeout.enable_budget_timer_throttling": False,
}
CALL = """
const [[name, given], done] = arguments;
(async () => harness[name](given))().then(
  (value) => done({value: value ?? null}),
  (error) => done({error: String(error)}),
);
"""


class FirefoxPage:
    def __init__(self, driver: Marionette) -> None:
        self._driver = driver

    async def open(self, url: str) -> None:
        await asyncio.to_thread(self._driver.navigate, url)
        ready = "const [done] = arguments; (function look() { window.harness ? done() : setTimeout(look, 50) })()"
        await asyncio.to_thread(self._driver.execute_async_script, ready, sandbox=None)

    async def call(self, function: str, **arguments: Any) -> Any:
        answer = await asyncio.to_thread(
            self._driver.execute_async_script, CALL, script_args=([function, arguments],), sandbox=None
        )
        assert "error" not in answer, f"{function}: {answer['error']}"
        return answer["value"]

    async def leave(self) -> None:
        await asyncio.to_thread(self._driver.navigate, "about:blank")

    async def crash(self) -> None:
        raise NotImplementedError("only Chromium's pages are crashed")

    async def close(self) -> None:
        """Leaves the page; the browser goes with firefox()."""
        await self.leave()


def address_for_firefox() -> str:
    """Of a server on this machine whose media a Firefox on it shall reach. Skips the test where there is none."""
    address = outward_address()
    if address is None:
        pytest.skip("Firefox makes no connection over loopback, and this machine has no other IPv4 address")
    return address


@asynccontextmanager
async def firefox_caller(
    server: MediaServer, number: int, host: Host | None = None, **options: Any
) -> AsyncIterator[Caller]:
    """The page of one more caller, in a Firefox of its own, in the room "room"; `options`: of its SimplePeer."""
    async with firefox(host) as page:
        caller = Caller(page, number)
        await caller.open(server.url, **options)
        await caller.join("room")
        yield caller
        await caller.close()


@asynccontextmanager
async def firefox(host: Host | None = None) -> AsyncIterator[FirefoxPage]:
    """`host`: on which it runs, if not on this machine."""

    def start() -> Marionette:
        with host.entered() if host else nullcontext():
            driver = Marionette(
                bin="/usr/bin/firefox-esr", headless=True, port=free_port(socket.SOCK_STREAM), prefs=PREFERENCES
            )
            driver.start_session()
        driver.timeout.script = 30
        return driver

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the driver leaves its probing sockets to the collector
        driver = await asyncio.to_thread(start)
        try:
            yield FirefoxPage(driver)
        finally:
            await asyncio.to_thread(driver.quit)
            await asyncio.to_thread(driver.cleanup)
            gc.collect()

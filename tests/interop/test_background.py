"""A page that nobody looks at keeps its call: its timers crawl, or no script runs at all, and others still see it."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser
from support.chromium import FLAGS
from support.factories import Serve
from support.pages import bare_page
from support.plain_chromium import Tab, plain_chromium
from support.server import MediaServer
from support.small_calls import JOIN, PAINT, goes_on, told
from support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HIDDEN_S = 20
FORGOTTEN = [
    *(flag for flag in FLAGS if "background" not in flag),
    # Timers of a hidden page tick once a second, and once a minute after five minutes: here after ten seconds.
    "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10",
]


async def watch(browser: Browser, server: MediaServer, page: Tab) -> Tab:
    """Somebody who sees what the page paints."""
    await page.evaluate(JOIN)
    await page.evaluate(PAINT)
    viewer = await bare_page(browser, server.url)
    await viewer.evaluate(JOIN)
    await goes_on(viewer, "the picture")
    return viewer


async def test_a_tab_behind_another_keeps_its_call(serve: Serve, browser: Browser) -> None:
    server = await serve(heartbeat_s=2)
    async with plain_chromium(FORGOTTEN) as forgotten:
        page = await forgotten.open(server.url)
        viewer = await watch(browser, server, page)
        front = await forgotten.open(f"{server.url}/_peers")
        await until(lambda: page.evaluate("document.visibilityState === 'hidden'"), "it is hidden")
        await page.evaluate("() => { globalThis.ticks = 0; setInterval(() => ticks++, 100) }")
        await asyncio.sleep(HIDDEN_S)
        ticks = await page.evaluate("ticks")
        print(f"{ticks} ticks of 0.1 s in {HIDDEN_S} s")
        assert ticks < 2 * HIDDEN_S
        await goes_on(viewer, "the picture of the hidden page")
        assert not await server.heard("peer_lost")
        assert "disconnected" not in [event["state"] for event in await page.evaluate("told")]
        await front.close()
        await page.close()
    await viewer.context.close()


async def test_a_frozen_page_comes_back_to_its_call(serve: Serve, browser: Browser) -> None:
    """As phones do with pages that nobody looks at."""
    server = await serve(heartbeat_s=1)
    async with plain_chromium(FORGOTTEN) as forgotten:
        page = await forgotten.open(server.url)
        viewer = await watch(browser, server, page)
        front = await forgotten.open(f"{server.url}/_peers")
        await page.ask("Page.setWebLifecycleState", state="frozen")
        await until(lambda: server.heard("peer_lost"), "the loss of the frozen page's socket", timeout_s=20)
        await front.close()
        await page.ask("Page.setWebLifecycleState", state="active")
        await told(page, "connectionStateChange", direction="signaling", reason="resumed")
        await goes_on(viewer, "the picture of the page that is back")
        assert await page.evaluate("peer.localTracks.length") == 1
        assert "trackRemoved" not in [event["name"] for event in await viewer.evaluate("told")]
        await page.close()
    await viewer.context.close()

"""Tabs on an application's own page, as its users have them: no test code in the page."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page

from .waiting import until

FRAMES = "[...document.querySelectorAll('video')].map((video) => video.getVideoPlaybackQuality().totalVideoFrames)"


@asynccontextmanager
async def tabs(browser: Browser, url: str, count: int = 2) -> AsyncIterator[list[Page]]:
    """The page, opened by several people; it must raise nothing."""
    errors: list[str] = []
    await until(lambda: accepts(url), f"somebody listens at {url}")  # some say so before they do
    async with AsyncExitStack() as open_tabs:
        pages = []
        for _ in range(count):
            context = await browser.new_context()
            open_tabs.push_async_callback(context.close)
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
            await page.goto(url)
            pages.append(page)
        yield pages
    assert not errors


def accepts(url: str) -> bool:
    address = urlsplit(url)
    with suppress(OSError), socket.create_connection((address.hostname, address.port), timeout=5):
        return True
    return False


async def moving_pictures(page: Page, count: int) -> None:
    """Wait until exactly so many videos are on the page and every one of them moves; one whose goodbye got lost is
    there for the grace period."""
    before: list[int] = []

    async def all_move() -> bool:
        nonlocal before
        now = await page.evaluate(FRAMES)
        moved = len(now) == len(before) == count and all(new > old + 5 for old, new in zip(before, now, strict=True))
        before = now
        return moved

    await until(all_move, f"{count} moving pictures on {page.url}", timeout_s=35, every_s=0.5)

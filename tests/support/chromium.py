"""Chromium, driven by Playwright: one browser, a context for each participant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from playwright.async_api import Browser, Error, async_playwright
from playwright.async_api import Page as PlaywrightPage

FLAGS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    # Nobody looks at these pages; they must run as if somebody did.
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
]


class ChromiumPage:
    def __init__(self, page: PlaywrightPage) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await self.page.wait_for_function("window.harness")

    async def call(self, function: str, **arguments: Any) -> Any:
        try:
            return await self.page.evaluate("([name, given]) => harness[name](given)", [function, arguments])
        except Error as error:
            raise AssertionError(f"{function}: {error}; page errors: {self.errors}") from error

    async def leave(self) -> None:
        """Go elsewhere: the page is told that it will be hidden for good."""
        await self.page.goto("about:blank")

    async def crash(self) -> None:
        """The renderer dies; nothing in the page is told."""
        with suppress(Error):
            await self.page.goto("chrome://crash")

    async def close(self) -> None:
        await self.page.context.close()
        assert not self.errors, f"the page raised {self.errors}"


@asynccontextmanager
async def chromium(
    *flags: str, without: tuple[str, ...] = (), executable: str = "/usr/bin/chromium"
) -> AsyncIterator[Browser]:
    """With FLAGS, but for those `without`, and with others."""
    async with async_playwright() as playwright:
        usual = [flag for flag in FLAGS if flag not in without]
        browser = await playwright.chromium.launch(executable_path=executable, args=[*usual, *flags])
        yield browser
        await browser.close()


async def new_page(browser: Browser) -> ChromiumPage:
    return ChromiumPage(await (await browser.new_context()).new_page())

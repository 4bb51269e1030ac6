"""The React page of tests: bundled as an application would bundle it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from ..chromium import ChromiumPage, new_page
from ..server import ROOT

CLIENT = ROOT / "client-js"
NOTHING = "/socket.io/simple-peer.js"
"""An address of the server's with nothing of its own in the page."""


@cache
def bundle() -> str:
    """Of the sources as they are, so that no build stands between a change and its test."""
    argv = [
        str(CLIENT / "node_modules/.bin/esbuild"),
        str(Path(__file__).with_name("main.jsx")),
        *("--bundle", "--jsx=automatic", "--log-level=warning"),
        f"--alias:simplesfu={CLIENT / 'src/index.ts'}",
        f"--alias:simplesfu/react={CLIENT / 'react/index.ts'}",
    ]
    env = {**os.environ, "NODE_PATH": str(CLIENT / "node_modules")}
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout


class UntouchedPage(ChromiumPage):
    """One that its user has done nothing on: Playwright's own evaluate() counts as doing something."""

    @classmethod
    async def begin(cls, browser: Browser, url: str) -> UntouchedPage:
        page = cls((await new_page(browser)).page)
        page._devtools = await page.page.context.new_cdp_session(page.page)
        await page.page.goto(url + NOTHING)
        await page._evaluate(bundle())
        return page

    async def call(self, function: str, **arguments: Any) -> Any:
        return await self._evaluate(f"harness[{json.dumps(function)}]({json.dumps(arguments)})")

    async def _evaluate(self, expression: str) -> Any:
        options = {"userGesture": False, "awaitPromise": True, "returnByValue": True}
        done = await self._devtools.send("Runtime.evaluate", {"expression": expression, **options})
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")


@asynccontextmanager
async def react_pages(
    browser: Browser, url: str, *, untouched: bool = False
) -> AsyncIterator[tuple[ChromiumPage, ChromiumPage]]:
    """Two callers, who leave at the end, the second on an UntouchedPage or not; their harness is in main.jsx."""
    first = await react_page(browser, url)
    second = await UntouchedPage.begin(browser, url) if untouched else await react_page(browser, url)
    pages = first, second
    yield pages
    for page in pages:
        await page.leave()
        await page.close()


async def react_page(browser: Browser, url: str) -> ChromiumPage:
    page = await new_page(browser)
    await page.page.goto(url + NOTHING)
    await page.page.add_script_tag(content=bundle())
    return page

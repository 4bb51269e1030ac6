"""Pages that have the client and nothing else."""

from __future__ import annotations

from playwright.async_api import Browser, Page


async def bare_page(browser: Browser, url: str) -> Page:
    """Of the server's origin, with nothing in it but the script."""
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{url}/socket.io/simple-peer.js")
    await page.add_script_tag(url="/socket.io/simple-peer.js")
    return page

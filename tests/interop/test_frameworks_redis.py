"""Two processes behind nginx, with Redis between them: what they share, what they do not, and what people are told."""

from __future__ import annotations

import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from support.server import ROOT, Server, running
from support.tabs import moving_pictures, tabs

pytestmark = pytest.mark.browser

EXAMPLE = ROOT / "examples" / "redis"
PORTS = 4


def free_ports_in_a_row() -> int:
    for first in range(18_000, 30_000, PORTS):
        with ExitStack() as taken:
            try:
                for port in range(first, first + PORTS):
                    taken.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
        return first
    raise AssertionError("no four ports in a row are free")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    """At `url` is the proxy; the processes A and B are at the next two ports."""
    missing = [name for name in ("redis-server", "nginx") if shutil.which(name) is None]
    assert not missing, f"missing: {missing}; `make programs` installs them"
    argv = [sys.executable, "start.py", "--host", "127.0.0.1", "--port", str(free_ports_in_a_row())]
    async with running(Server(argv, cwd=EXAMPLE, env={"PYTHONPATH": str(ROOT)})) as started:
        yield started


def address(server: Server, process: str) -> str:
    host, port = server.url.removeprefix("http://").split(":")
    return f"http://{host}:{int(port) + ' AB'.index(process)}"


async def process_of(page: Page, room: str) -> str:
    await expect(page.locator("#process")).to_have_text(re.compile(f"Room {room} · process [AB]$"))
    return str(await page.locator("#process").text_content())[-1]


async def test_a_room_is_in_one_process_and_chat_reaches_all(server: Server, browser: Browser) -> None:
    async with tabs(browser, f"{server.url}/?room=red") as (first, second):
        for page in (first, second):
            await moving_pictures(page, 2)
        home = await process_of(first, "red")
        assert await process_of(second, "red") == home
        other = "B" if home == "A" else "A"

        elsewhere = second
        await elsewhere.get_by_role("link", name="green").click()
        assert await process_of(elsewhere, "green") == other
        await moving_pictures(first, 1)

        await elsewhere.fill("input", "Is anybody in the other process?")
        await elsewhere.press("input", "Enter")
        await expect(first.locator("#lines li")).to_contain_text(f"green, process {other}Is anybody")

        # Past the proxy, to the process that the room is not in: words, and no silence.
        await elsewhere.goto(f"{address(server, other)}/?room=red")
        await expect(elsewhere.get_by_role("alert")).to_have_text(
            f"The room “red” is in process {home}, and this is process {other}: "
            "open it by the proxy's address, which knows the way by ?room=."
        )
        assert await process_of(elsewhere, "red") == other
        await elsewhere.goto(f"{address(server, home)}/?room=red")
        await moving_pictures(elsewhere, 2)
        await moving_pictures(first, 2)

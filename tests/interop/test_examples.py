"""The small examples run as their README says, and two people who open the page see each other."""

from __future__ import annotations

import socket
import sys

import pytest
from playwright.async_api import Browser, expect
from support.machine import free_port
from support.server import ROOT, Server, running
from support.tabs import FRAMES, moving_pictures, tabs
from support.waiting import until

pytestmark = pytest.mark.browser


def serve_example(name: str, command: str) -> Server:
    """`command` as the README has it, on a free port."""
    argv = [sys.executable, *command.split(), "--port", str(free_port(socket.SOCK_STREAM))]
    return Server(argv, cwd=ROOT / "examples" / name, env={"PYTHONPATH": str(ROOT)})


async def test_two_tabs_of_hello_see_each_other(browser: Browser) -> None:
    async with (
        running(serve_example("hello", "-m uvicorn server:app")) as server,
        tabs(browser, server.url) as (first, second),
    ):
        await moving_pictures(first, 1)
        await moving_pictures(second, 1)
        await second.context.close()
        await moving_pictures(first, 0)


@pytest.mark.parametrize(
    ("command", "mode"),
    [("server.py", "threading"), ("server.py --gevent", "gevent"), ("-m flask --app server run", "threading")],
)
async def test_a_click_in_flask_pauses_somebody(browser: Browser, command: str, mode: str) -> None:
    own = 1
    async with running(serve_example("flask", command)) as server, tabs(browser, server.url) as (first, second):
        await moving_pictures(first, own + 1)
        await moving_pictures(second, own + 1)
        await expect(first.locator("#server")).to_have_text(f"async_mode {mode}")
        picture = first.get_by_role("button")
        await picture.press("Enter")
        await expect(picture).to_have_attribute("aria-pressed", "true")

        async def stands() -> bool:
            before = await first.evaluate(FRAMES)
            await first.wait_for_timeout(500)
            return bool((await first.evaluate(FRAMES))[1] == before[1])

        await until(stands, "a paused picture")
        await picture.press("Enter")
        await moving_pictures(first, own + 1)
        await second.context.close()
        await moving_pictures(first, own)

"""The examples run as their README says, and two people who open the page see each other."""

from __future__ import annotations

import socket
import sys

import pytest
from playwright.async_api import Browser
from support.machine import free_port
from support.server import ROOT, Server, running
from support.tabs import moving_pictures, tabs

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("name", "command"),
    [("hello", "uvicorn server:app --port"), ("flask", "flask --app server run --port")],
)
async def test_two_tabs_of_an_example_see_each_other(browser: Browser, name: str, command: str) -> None:
    port = str(free_port(socket.SOCK_STREAM))
    argv = [sys.executable, "-m", *command.split(), port]
    server = Server(argv, cwd=ROOT / "examples" / name, env={"PYTHONPATH": str(ROOT)})
    async with running(server):
        async with tabs(browser, server.url) as (first, second):
            await moving_pictures(first, 1)
            await moving_pictures(second, 1)
            await second.context.close()
            await moving_pictures(first, 0)
        print(server.log)

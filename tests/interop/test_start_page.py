"""The start page of `make demo`: each card opens a working application, and Ctrl-C leaves nothing behind."""

from __future__ import annotations

import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from support.server import ROOT, Server, running
from support.tabs import tabs
from support.waiting import until

EXAMPLES = ROOT / "examples"
SHOWN = """() => document.readyState === "complete"
  && [...document.querySelectorAll("h1, h2, button, video")].some((element) => element.checkVisibility())"""
FOCUSED = """() => {
  const {activeElement: focused} = document;
  if (focused === document.body) return null;
  const around = [focused, focused.parentElement, focused.nextElementSibling].filter(Boolean);
  const styles = around.map((element) => getComputedStyle(element));
  return {name: focused.outerHTML.slice(0, 80), marked: styles.some(({outlineStyle}) => outlineStyle !== "none")};
}"""
NAMELESS = """() => [...document.querySelectorAll("button, a[href], input, select")]
  .filter((element) => element.checkVisibility())
  .filter((element) => !(element.ariaLabel || element.title || element.textContent.trim() || element.labels?.length))
  .map((element) => element.outerHTML.slice(0, 80))"""
MOVING = "document.getAnimations().filter(({playState}) => playState === 'running').length"
PORTS = range(15_000, 30_000, 20)
"""Below those that the system gives to connections, since examples take the ones after the start page's."""
PICTURED = "(name) => document.querySelector(`.card[data-name=${name}] img`).naturalWidth > 0"


def start_page(*python_path: Path) -> AbstractAsyncContextManager[Server]:
    argv = [sys.executable, "examples/start/server.py", "--port", str(random.choice(PORTS))]
    return running(Server(argv, env={"PYTHONPATH": os.pathsep.join(map(str, [*python_path, ROOT]))}))


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Server]:
    async with start_page() as server:
        yield server


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(follow_redirects=True, timeout=40) as created:
        yield created


async def test_every_example_has_a_card_and_something_to_read(start: Server, client: httpx.AsyncClient) -> None:
    cards = await start.get("/examples")
    applications = {path.parent.name for path in EXAMPLES.glob("*/server.py")} - {"start"}
    assert {card["name"] for card in cards} == applications
    for card in cards:
        assert len(card["reads"]) > 1
        for path in card["reads"]:
            answer = await client.get(f"{start.url}/read/{card['name']}/{path}")
            assert answer.text == (EXAMPLES / card["name"] / path).read_text()


async def test_nothing_else_can_be_read(start: Server, client: httpx.AsyncClient) -> None:
    for path in ("/read/rooms/%2e%2e/%2e%2e/Makefile", "/read/rooms/static/style.css", "/picture/%2e%2e", "/open/none"):
        assert (await client.get(start.url + path)).status_code == 404, path


@pytest.mark.slow
async def test_an_example_that_was_killed_is_started_anew(start: Server, client: httpx.AsyncClient) -> None:
    first = await client.get(f"{start.url}/open/hello")
    for child in psutil.Process(start.process.pid).children():
        child.kill()
    await until(lambda: refuses(first.url.host, first.url.port or 80), "its end")
    second = await client.get(f"{start.url}/open/hello")
    print(first.url, second.url)
    assert second.url != first.url
    assert second.text == first.text == (EXAMPLES / "hello" / "index.html").read_text()


def refuses(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0


@pytest.mark.slow
async def test_what_cannot_start_says_why(client: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "socketio.py").write_text("raise SystemExit('<no socketio today>')")
    async with start_page(tmp_path) as start:
        answer = await client.get(f"{start.url}/open/rooms")
    assert answer.status_code == 502
    assert "&lt;no socketio today&gt;" in answer.text
    assert "python server.py" in answer.text


@pytest.mark.browser
async def test_every_card_opens_an_application_for_phones_and_keyboards(start: Server, browser: Browser) -> None:
    """One that asks nobody for motion, either."""
    cards = await start.get("/examples")
    async with tabs(browser, start.url, 1) as (page,):
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.emulate_media(reduced_motion="reduce")
        await expect(page.locator(".card")).to_have_count(len(cards))
        await suits_everybody(page, "start")
        for card in cards:
            item = page.locator(f".card[data-name={card['name']}]")
            if card["pictured"]:
                await page.wait_for_function(PICTURED, arg=card["name"])
            if card["missing"]:
                print(f"{card['name']} needs {card['missing']}")
                await expect(item.locator(".needs")).to_contain_text(card["missing"][0])
                await expect(item.locator(".open")).to_have_count(0)
                continue
            began = time.monotonic()
            await item.locator(".open").click(timeout=120_000)
            await page.wait_for_url(lambda url: not url.startswith(start.url))
            await page.wait_for_function(SHOWN)
            print(f"{card['name']}: at {page.url} after {time.monotonic() - began:.1f} s")
            await suits_everybody(page, card["name"])
            await page.goto(start.url)
    children = psutil.Process(start.process.pid).children(recursive=True)
    assert len(children) >= len([card for card in cards if not card["missing"]])
    began = time.monotonic()
    await start.stop()
    await until(lambda: not any(child.is_running() for child in children), "no process of any example", timeout_s=1)
    print(f"{len(children)} processes ended within {time.monotonic() - began:.1f} s")


async def suits_everybody(page: Page, name: str) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390, name
    assert await page.evaluate(NAMELESS) == [], name
    assert await page.evaluate(MOVING) == 0, name
    stops: list[str] = []
    for _ in range(12):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(FOCUSED)
        if focused is None or focused["name"] in stops:
            break
        stops.append(focused["name"])
        assert focused["marked"], f"{name}: nothing shows that the focus is on {focused['name']}"
    print(f"{name}: {len(stops)} stops of the Tab key")

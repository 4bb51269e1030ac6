"""The React example as its guests have it: copied out of the repository, with the client as npm would install it.

one command builds and serves it        every test (the fixture builds)
name, room, preview                     test_two_at_the_table
tiles with name, picture and state      test_two_at_the_table, test_what_is_off_is_shown_as_off
screen sharing, ended by either button  test_a_screen_is_shared_and_ended_by_the_browsers_own_button
without a camera                        test_without_a_camera_one_watches
phone, desktop, dark, keyboard          test_it_fits_and_needs_no_mouse
"""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from support.machine import free_port
from support.packed import MADE, install, run
from support.server import ROOT, Server, running
from support.visitors import Visitors, shows

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REFUSED = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def app(npm_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("app") / "react"
    shutil.copytree(ROOT / "examples" / "react", copy, ignore=MADE)
    install(npm_package, copy)
    said = run(sys.executable, "-c", "import server; server.build_page()", cwd=copy, PYTHONPATH=str(ROOT))
    assert "The page is being built: npm install" in said
    return copy


@asynccontextmanager
async def visiting(browser: Browser, app: Path) -> AsyncIterator[Visitors]:
    ports = ("--port", str(free_port(socket.SOCK_STREAM)), "--udp", str(free_port()))
    argv = [sys.executable, "server.py", "--host", "127.0.0.1", *ports]
    async with running(Server(argv, cwd=app, env={"PYTHONPATH": str(ROOT)})) as server, AsyncExitStack() as cleanup:
        visitors = Visitors(browser, server, cleanup)
        yield visitors
    assert not visitors.errors


async def enter(page: Page, name: str) -> Page:
    await page.get_by_label("Your name").fill(name)
    await page.get_by_label("Room").fill("kitchen")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="kitchen")).to_be_visible()
    return page


async def sees(page: Page, **pictures: str) -> None:
    """Exactly these tiles of others, each with its colour ("": without a picture)."""
    await shows(page, ".tile:not(.own)", ".name", {name.replace("_", " "): hue for name, hue in pictures.items()})


async def test_two_at_the_table(browser: Browser, app: Path) -> None:
    async with visiting(browser, app) as visitors:
        alice = await visitors.open("/#50%", colour="green")
        await expect(alice.get_by_label("Room")).to_have_value("50%")
        await expect(alice.get_by_label("Your camera")).to_be_visible()
        await enter(alice, "Alice")
        await expect(alice.get_by_role("status")).to_have_text("Only you so far")
        bob = await enter(await visitors.open(colour="blue"), "Bob")
        await sees(alice, Bob="blue")
        await sees(bob, Alice="green")
        await expect(alice.get_by_role("status")).to_have_text("2 at the table")
        await bob.get_by_role("button", name="Leave").click()
        await sees(alice)
        await enter(bob, "Bob")  # the same page, and the same socket
        await sees(alice, Bob="blue")


async def test_what_is_off_is_shown_as_off(browser: Browser, app: Path) -> None:
    async with visiting(browser, app) as visitors:
        alice = await enter(await visitors.open(colour="green"), "Alice")
        bob = await visitors.open(colour="blue")
        await bob.get_by_role("button", name="Microphone").click()  # before anybody could hear
        await enter(bob, "Bob")
        await shows(alice, ".tile:not(.own)", ".name", {"Bob · muted": "blue"})
        await bob.keyboard.press("v")
        await shows(alice, ".tile:not(.own)", ".name", {"Bob · muted": ""})
        await expect(alice.locator(".tile:not(.own) .initial")).to_have_text("B")
        await bob.keyboard.press("v")
        await bob.keyboard.press("m")
        await sees(alice, Bob="blue")


async def test_a_screen_is_shared_and_ended_by_the_browsers_own_button(browser: Browser, app: Path) -> None:
    keep = "{const ask = navigator.mediaDevices.getDisplayMedia;" \
        " navigator.mediaDevices.getDisplayMedia = async (...given) => (window.screenStream = await ask(...given))}"
    async with visiting(browser, app) as visitors:
        alice = await enter(await visitors.open(colour="green"), "Alice")
        bob = await enter(await visitors.open(colour="blue", script=keep), "Bob")
        await bob.keyboard.press("s")
        await shows(alice, ".tile:not(.own)", ".name", {"Bob": "blue", "Bob: screen": "blue"})
        await expect(bob.get_by_role("button", name="Screen")).to_have_attribute("aria-pressed", "true")
        await bob.evaluate("screenStream.getTracks().forEach((t) => { t.stop(); t.dispatchEvent(new Event('ended')) })")
        await sees(alice, Bob="blue")
        await expect(bob.get_by_role("button", name="Screen")).to_have_attribute("aria-pressed", "false")


async def test_without_a_camera_one_watches(browser: Browser, app: Path) -> None:
    async with visiting(browser, app) as visitors:
        await enter(await visitors.open(colour="green"), "Alice")
        bob = await visitors.open(script=REFUSED)
        await expect(bob.locator(".preview")).to_contain_text("You can still watch")
        await enter(bob, "Bob")
        await sees(bob, Alice="green")
        await expect(bob.get_by_role("alert")).to_contain_text("You can still watch")


@pytest.mark.parametrize(("width", "height", "scheme"), [(390, 844, "dark"), (1440, 900, "light")])
async def test_it_fits_and_needs_no_mouse(browser: Browser, app: Path, width: int, height: int, scheme: str) -> None:
    async with visiting(browser, app) as visitors:
        page = await visitors.open(width=width, height=height, scheme=scheme)
        assert await page.evaluate(OVERFLOW) <= 0
        await expect(page.get_by_label("Your name")).to_be_focused()
        await page.keyboard.type("Alice")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_be_visible()
        assert await page.evaluate(OVERFLOW) <= 0
        for name in ("Microphone", "Camera", "Screen", "Leave"):
            button = page.get_by_role("button", name=name)
            box = await button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44, name
            assert box["y"] + box["height"] <= height, f"{name} is on the screen"
            await button.focus()
            await expect(button).to_be_focused()
        background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"dark": "rgb(21, 23, 26)", "light": "rgb(246, 242, 234)"}[scheme]
        await page.keyboard.press("Enter")  # on Leave
        await expect(page.get_by_label("Your name")).to_be_visible()

"""The FastAPI example: the login's cookie opens doors, in REST and in calls, and nothing else does."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from support.machine import free_port
from support.server import ROOT, Server, running
from support.tabs import moving_pictures, tabs

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    port = str(free_port(socket.SOCK_STREAM))
    argv = [sys.executable, "-m", "uvicorn", "server:app", "--port", port]
    async with running(Server(argv, cwd=ROOT / "examples" / "fastapi", env={"PYTHONPATH": str(ROOT)})) as started:
        yield started


async def log_in(page: Page, name: str) -> None:
    await page.click(f"[data-login={name}]")
    await expect(page.locator("#house")).to_be_visible()


async def open_door(page: Page, room: str) -> None:
    await page.get_by_role("button", name=room).press("Enter")


async def test_the_cookie_decides_about_doors_and_cameras(server: Server, browser: Browser) -> None:
    async with tabs(browser, server.url, 3) as (owner, member, guest):
        for page, name in ((owner, "owner"), (member, "member"), (guest, "guest")):
            await log_in(page, name)
            await open_door(page, "Lobby")
        await moving_pictures(owner, 2)
        await expect(owner.locator("figcaption")).to_have_text(["You", "Member"])
        await moving_pictures(guest, 2)
        await expect(owner.locator("[data-room=Lobby] .inside")).to_contain_text("Guest (watches)")

        refused = await guest.evaluate("""async () => {
          const peer = new SimplePeer(io({forceNew: true}));
          const track = document.createElement("canvas").captureStream(5).getVideoTracks()[0];
          const error = await peer.addTrack(track, "webcam").catch((error) => error);
          peer.close();
          return [error.code, error.message];
        }""")
        assert refused == ["guests_only_watch", "Guests watch and listen"]

        await open_door(member, "Board")
        await expect(member.locator("#call .notice")).to_have_text(
            "Board is not open to Member: log in as somebody else.")
        await open_door(owner, "Board")
        await moving_pictures(member, 1)
        await expect(owner.locator("[data-room=Board] .inside")).to_have_text("Owner")
        await expect(member.locator("[data-room=Board] .inside")).to_have_text("locked")

        await owner.reload()
        await expect(owner.locator("#who")).to_have_text("Owner")
        await open_door(owner, "Lobby")
        await moving_pictures(guest, 2)


async def test_without_the_cookie_there_is_nothing(server: Server, browser: Browser) -> None:
    async with httpx.AsyncClient(base_url=server.url) as anybody:
        assert (await anybody.get("/rooms")).status_code == 401
        assert (await anybody.post("/login", json={"login": "owner", "password": "guess"})).status_code == 403
        answer = await anybody.post("/login", json={"login": "Member", "password": "compiler"})
        assert answer.json() == {"name": "Member", "rooms": ["Lobby", "Workshop"], "speaks": True}
        assert (await anybody.get("/rooms")).json() == {"Lobby": [], "Workshop": []}
    page = await browser.new_page()
    await page.goto(server.url)
    await expect(page.locator("#login-form")).to_be_visible()
    said = await page.evaluate(
        "new Promise((resolve) => io({reconnection: false}).on('connect_error', (error) => resolve(error.message)))"
    )
    assert said == "log in first"
    await page.fill("#name", "owner")
    await page.fill("#password", "guess")
    await page.press("#password", "Enter")
    await expect(page.get_by_role("alert")).to_have_text("There is nobody of that name with that password")
    await page.context.close()

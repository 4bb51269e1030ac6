"""The broadcast example: one speaks, the others watch, late ones too; a raised hand becomes a speaker, and back."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from support.machine import free_port
from support.pages import bare_page
from support.server import ROOT, Server, running

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)

Enter = Callable[[str], Awaitable[Page]]


@pytest_asyncio.fixture
async def enter(browser: Browser) -> AsyncIterator[Enter]:
    errors: list[str] = []
    argv = [sys.executable, "examples/broadcast/server.py", "--host", "127.0.0.1"]
    ports = ["--port", str(free_port(socket.SOCK_STREAM)), "--udp", str(free_port())]
    program = Server([*argv, *ports], env={"PYTHONPATH": str(ROOT)})
    async with AsyncExitStack() as cleanup, running(program) as server:

        async def come(name: str) -> Page:
            context = await browser.new_context()
            cleanup.push_async_callback(context.close)
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.goto(server.url)
            await page.fill("#name", name)
            await page.click("#door .primary")
            await expect(page.locator("body")).to_have_attribute("data-screen", "hall")
            await expect(page.locator("#viewers")).not_to_be_empty()
            return page

        yield come
        await cleanup.aclose()
    assert not errors


async def sees_on_stage(page: Page, *names: str) -> None:
    """Exactly these captions, each above a picture that is decoded."""
    await expect(page.locator("#stage figcaption")).to_have_text(list(names))
    decoded = "[...document.querySelectorAll('#stage video')].every((one) => one.videoWidth > 0)"
    await expect(page.locator("#stage video")).to_have_count(len(names))
    await page.wait_for_function(decoded)


async def test_a_raised_hand_becomes_a_speaker_and_a_viewer_again(enter: Enter) -> None:
    host, viewer = await enter("Peer 1"), await enter("Peer 2")
    await expect(viewer.locator("#waiting")).to_be_visible()
    await expect(viewer.locator("#speak")).to_be_hidden()
    await host.click("#speak")
    await sees_on_stage(viewer, "Peer 1 · host")

    late = await enter("Peer 3")
    await sees_on_stage(late, "Peer 1 · host")

    await viewer.click("#hand")
    await host.click("#hands button:text('Let speak')")
    await viewer.click("#speak")
    await sees_on_stage(late, "Peer 1 · host", "Peer 2")
    await sees_on_stage(host, "Peer 1 (you)", "Peer 2")

    await host.click("#hands button:text('Ask off')")
    await sees_on_stage(late, "Peer 1 · host")
    await expect(viewer.locator("#speak")).to_be_hidden()
    await expect(viewer.locator("#hand")).to_have_text("Raise hand")


async def test_who_publishes_without_being_on_the_stage_is_refused(enter: Enter, browser: Browser) -> None:
    host = await enter("Peer 1")
    stranger = await bare_page(browser, host.url.rstrip("/"))
    refused = await stranger.evaluate(
        """async () => {
          const peer = new SimplePeer(io());
          await peer.joinRoom("stage");
          const track = document.createElement("canvas").captureStream(5).getVideoTracks()[0];
          return peer.addTrack(track, "sneaked", true).then(() => "published", ({code, hint}) => [code, hint]);
        }"""
    )
    await stranger.context.close()
    assert refused == ["not_on_stage", "raise your hand"]


async def test_the_host_leaves_and_the_next_one_may_speak(enter: Enter) -> None:
    host, viewer = await enter("Peer 1"), await enter("Peer 2")
    await host.click("#speak")
    await sees_on_stage(viewer, "Peer 1 · host")
    await host.goto("about:blank")
    await sees_on_stage(viewer)
    await expect(viewer.locator("#speak")).to_be_visible()

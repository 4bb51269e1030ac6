"""The rooms application as its guests have it: preview, join, watch, switch, leave, and plain words when it fails."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect
from support.machine import free_port
from support.server import ROOT, Server, running
from support.waiting import until

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)

NO_CAMERA = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError') }"
REFUSED = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }"
INSECURE = "Object.defineProperty(navigator, 'mediaDevices', {value: undefined})"
NO_WEBRTC = "delete window.RTCPeerConnection"
DIVERT = """(port) => {
  const set = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
    return set.call(this, {type, sdp: sdp.replace(/ \\S+ \\d+ typ/g, ` 127.0.0.1 ${port} typ`)});
  };
}"""
FRAMES = """() => Object.fromEntries([...document.querySelectorAll('#carousel video[data-peer-id]')].map(
  (video) => [`${video.dataset.peerId} ${video.dataset.label}`, video.getVideoPlaybackQuality().totalVideoFrames]))"""

Enter = Callable[..., Awaitable[Page]]


@asynccontextmanager
async def guests(browser: Browser) -> AsyncIterator[Enter]:
    """`await enter(address, name, script)` opens a page, its console kept clean, and joins if there is a name."""
    errors: list[str] = []
    port, udp = free_port(socket.SOCK_STREAM), free_port()
    argv = [sys.executable, "examples/rooms/server.py", "--host", "127.0.0.1", "--port", str(port), "--udp", str(udp)]
    async with AsyncExitStack() as cleanup, running(Server(argv, env={"PYTHONPATH": str(ROOT)})) as server:

        async def enter(address: str, name: str = "", script: str = "") -> Page:
            context = await browser.new_context()
            cleanup.push_async_callback(context.close)
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
            if script:
                await page.add_init_script(script)
            await page.goto(server.url + address)
            if name:
                await join(page, name)
            return page

        yield enter
        await cleanup.aclose()
    assert not errors


async def join(page: Page, name: str) -> None:
    await expect(page.locator("#join-button")).to_have_text("Join the call")
    await page.fill("#own-name", name)
    await page.click("#join-button")
    await expect(page.locator("body")).to_have_attribute("data-screen", "call")


async def sees(page: Page, *names: str) -> None:
    """Exactly these people's tiles are there, and the picture in each of them moves."""
    tiles = page.locator("#carousel .tile[data-peer-id]")
    await expect(tiles.locator(".tile-name")).to_have_text(list(names))
    before: dict[str, int] = {}

    async def all_move() -> bool:
        nonlocal before
        now = await page.evaluate(FRAMES)
        moved = len(now) == len(names) and now.keys() == before.keys() and all(now[key] > before[key] for key in now)
        before = now
        return moved

    await until(all_move, f"moving pictures of {names}", every_s=0.5)


async def test_two_addresses_of_a_room_are_one_room_and_another_is_another(browser: Browser) -> None:
    async with guests(browser) as enter:
        ada = await enter("/12345", "Ada")
        await expect(ada.locator("#invite-url")).to_have_value(ada.url)
        ben = await enter("/?room-id=12345", "Ben")
        cleo = await enter("/elsewhere", "Cleo")
        await sees(ada, "Ben")
        await sees(ben, "Ada")
        await expect(ada.locator("#invite")).to_be_hidden()
        await expect(ada.locator("#sound audio")).to_have_count(1)
        await expect(cleo.locator("#invite")).to_be_visible()
        await expect(cleo.locator("#carousel .tile[data-peer-id]")).to_have_count(0)
        await ben.reload()
        await expect(ada.locator("#invite")).to_be_visible()


async def test_the_projector_shows_whom_one_clicks_and_falls_back(browser: Browser) -> None:
    async with guests(browser) as enter:
        ada, ben, cleo = [await enter("/three", name) for name in ("Ada", "Ben", "Cleo")]
        caption = ada.locator("#projector-name")
        await sees(ada, "Ben", "Cleo")
        await expect(caption).to_have_text("Ben")
        await ada.get_by_role("button", name="Cleo").press("Enter")
        await expect(caption).to_have_text("Cleo")
        await expect(ada.get_by_role("button", name="Cleo")).to_have_attribute("aria-pressed", "true")
        projected = ada.locator("#projector-video")
        await until(lambda: projected.evaluate("video => video.videoWidth"), "a picture in the projector")

        await cleo.click("#leave")
        await expect(caption).to_have_text("Ben")
        await expect(cleo.locator("body")).to_have_attribute("data-screen", "preview")
        await ben.click("#leave")
        await expect(caption).to_have_text("You")
        await ben.click("#join-button")
        await sees(ada, "Ben")


async def test_microphone_camera_and_screen_go_off_and_on(browser: Browser) -> None:
    async with guests(browser) as enter:
        ada, ben = [await enter("/switches", name) for name in ("Ada", "Ben")]
        await sees(ada, "Ben")
        microphone, camera = [ben.locator(f"#call [data-toggle={kind}]") for kind in ("microphone", "camera")]
        muted = ada.get_by_role("img", name="is muted")
        await expect(muted).to_have_count(0)
        await microphone.click()
        await expect(muted).to_have_count(1)
        await microphone.click()
        await expect(muted).to_have_count(0)

        picture = ada.locator("#carousel video[data-peer-id]")
        await camera.click()
        await expect(picture).to_have_count(0)
        await expect(ada.locator("#carousel .tile[data-peer-id]")).to_have_count(1)
        await camera.click()
        await sees(ada, "Ben")

        await ben.evaluate(
            """() => navigator.mediaDevices.getDisplayMedia = async () => {
              const canvas = document.createElement("canvas");
              setInterval(() => canvas.getContext("2d").fillRect(0, 0, Math.random() * 300, 150), 50);
              return canvas.captureStream(20);
            }"""
        )
        await ben.click("#share-screen")
        await expect(ada.locator("#projector")).to_have_attribute("data-label", "screen")
        await sees(ada, "Ben · screen", "Ben")
        await ben.click("#share-screen")
        await sees(ada, "Ben")


async def test_who_has_no_camera_can_watch(browser: Browser) -> None:
    async with guests(browser) as enter:
        ada = await enter("/audience", "Ada")
        ben = await enter("/audience", script=NO_CAMERA)
        await expect(ben.locator("#device-notice")).to_contain_text("No camera and microphone found")
        await ben.fill("#own-name", "Ben")
        await ben.get_by_role("button", name="Join as a viewer").click()
        await sees(ben, "Ada")
        await expect(ada.locator("#carousel .tile[data-peer-id]")).to_have_text([r"BBen"])
        await expect(ada.locator("#carousel video[data-peer-id]")).to_have_count(0)


@pytest.mark.parametrize(
    ("script", "words", "button"),
    [
        (REFUSED, "may not use your camera", "Join as a viewer"),
        (INSECURE, "https", "Join as a viewer"),
        (NO_WEBRTC, "has no WebRTC", None),
    ],
    ids=["refused", "insecure", "no WebRTC"],
)
async def test_it_says_why_it_cannot_work(browser: Browser, script: str, words: str, button: str | None) -> None:
    async with guests(browser) as enter:
        page = await enter("/why", script=script)
        await expect(page.locator("#device-notice")).to_contain_text(words)
        if button:
            await page.get_by_role("button", name=button).click()
            await expect(page.locator("body")).to_have_attribute("data-screen", "call")
        else:
            await expect(page.locator("#join-button")).to_be_disabled()


async def test_it_says_which_port_to_open_when_udp_is_blocked(browser: Browser) -> None:
    async with guests(browser) as enter:
        nobody_answers = free_port()
        page = await enter("/blocked", "Ada", f"({DIVERT})({nobody_answers})")
        await expect(page.locator("#call-notice")).to_contain_text(f"UDP port {nobody_answers}.", timeout=40_000)


async def test_the_start_page_offers_a_room(browser: Browser) -> None:
    async with guests(browser) as enter:
        page = await enter("/")
        offered = await page.input_value("#room-name")
        await page.get_by_role("button", name="Another random name").click()
        assert offered
        assert await page.input_value("#room-name") not in ("", offered)
        await page.fill("#room-name", "tea & cake?")
        await page.keyboard.press("Enter")
        await expect(page.locator("#preview h1")).to_have_text("tea & cake?")
        assert page.url.endswith("/tea%20%26%20cake%3F")

"""The conference example as its guests have it: name and room, grid, chat, screen, statistics, a lost server."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from support.machine import free_port
from support.server import ROOT, Server, running
from support.waiting import until

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)

PAINT = """(hue) => {
  const paint = () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 180});
    const pen = canvas.getContext("2d");
    let frame = 0;
    setInterval(() => {
      pen.fillStyle = `hsl(${hue} 90% ${45 + (frame++ % 2) * 4}%)`;
      pen.fillRect(0, 0, 320, 180);
    }, 50);
    return canvas.captureStream(20);
  };
  const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => wanted.video ? paint() : getUserMedia(wanted);
  navigator.mediaDevices.getDisplayMedia = async () => paint();
}"""
HUES = """() => Object.fromEntries([...document.querySelectorAll(".tile video[data-peer-id]")].map((video) => {
  const pen = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d");
  if (video.srcObject && video.videoWidth) pen.drawImage(video, 0, 0, 1, 1);
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
  const most = Math.max(red, green, blue);
  const which = most < 60 ? "nothing" : most === red ? "red" : most === green ? "green" : "blue";
  return [`${video.closest(".tile").querySelector(".name").textContent}/${video.dataset.label}`, which];
}))"""
COLOURS = {"red": 0, "green": 120, "blue": 240}

Enter = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture
async def enter(browser: Browser) -> AsyncIterator[Enter]:
    """`await enter(name, colour, room)`: a guest whose camera shows that colour and nothing else."""
    errors: list[str] = []
    port, udp = free_port(socket.SOCK_STREAM), free_port()
    argv = [sys.executable, "examples/conference/server.py", "--host", "127.0.0.1", "--port", str(port)]
    program = Server([*argv, "--udp", str(udp)], env={"PYTHONPATH": str(ROOT)})
    async with AsyncExitStack() as cleanup, running(program) as server:

        async def come(name: str, colour: str, room: str = "the-room", width: int = 1280) -> Page:
            context = await browser.new_context(viewport={"width": width, "height": 800})
            cleanup.push_async_callback(context.close)
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.add_init_script(f"({PAINT})({COLOURS[colour]})")
            await page.goto(server.url)
            await page.fill("#name", name)
            await page.fill("#room", room)
            await page.click("#enter .primary")
            await expect(page.locator("body")).to_have_attribute("data-screen", "call")
            return page

        yield come
        await cleanup.aclose()
    assert not errors


async def sees(page: Page, **pictures: str) -> None:
    """Exactly these people's cameras, each in its own colour."""
    wanted = {f"{name}/camera": colour for name, colour in pictures.items()}

    async def exactly() -> bool:
        return await page.evaluate(HUES) == wanted

    try:
        await until(exactly, f"exactly {wanted}")
    except AssertionError:
        print(await page.evaluate(HUES))
        raise


async def test_a_random_room_is_offered(enter: Enter) -> None:
    page = await enter("Peer 1", "red")
    door = await page.context.new_page()
    await door.goto(page.url.split("#")[0])
    first = await door.input_value("#room")
    await door.click("#another-room")
    print(first, await door.input_value("#room"))
    assert first != await door.input_value("#room")


async def test_a_conference_of_three(enter: Enter) -> None:
    one, two, three = await enter("Red", "red"), await enter("Green", "green"), await enter("Blue", "blue")
    stranger = await enter("Other", "red", "another-room")
    await sees(one, Green="green", Blue="blue")
    await sees(two, Red="red", Blue="blue")
    await sees(three, Red="red", Green="green")
    await sees(stranger)
    await expect(one.locator("#head-count")).to_have_text("3 people")
    borders = await one.eval_on_selector_all(".tile", "(all) => all.map((one) => getComputedStyle(one).borderTopColor)")
    assert len(borders) == 3

    await two.click("#open-chat")
    await two.fill("#text", "hello, both of you")
    await two.press("#text", "Enter")
    for page in (one, three):
        await expect(page.locator("#unread")).to_have_text("1")
        await expect(page.locator("#messages li").last).to_have_text("Greenhello, both of you")
    assert await stranger.locator("#messages li").count() == 0

    await three.click("#leave")
    await sees(one, Green="green")
    await expect(one.locator("#head-count")).to_have_text("2 people")


async def test_camera_screen_and_statistics(enter: Enter) -> None:
    one, two = await enter("Red", "red"), await enter("Green", "green")
    await sees(two, Red="red")
    await one.click("#camera")
    await sees(two)
    await one.click("#camera")
    await sees(two, Red="red")
    await one.click("#microphone")
    await expect(two.locator(".tile.muted-microphone .name")).to_have_text("Red")
    await one.click("#screen")
    await expect(two.locator(".tile.screen")).to_have_count(1)
    await two.click("#figures")
    await expect(two.locator(".tile.screen pre")).to_contain_text("320×180")
    await one.click("#screen")
    await expect(two.locator(".tile.screen")).to_have_count(0)


async def test_tiles_fill_a_phone(enter: Enter) -> None:
    phone, other = await enter("Red", "red", width=390), await enter("Green", "green")
    await sees(phone, Green="green")
    boxes = [await tile.bounding_box() for tile in await phone.locator(".tile").all()]
    print(boxes)
    assert all(box is not None and box["width"] > 340 for box in boxes)
    assert await phone.evaluate("document.documentElement.scrollWidth") <= 390
    await other.close()

"""Take the pictures of the documentation again: `make screenshots`. It needs Chromium, and what the examples need.

    python docs/screenshots.py                     every example, into docs/images
    python docs/screenshots.py rooms mesh --to DIR   these, into that folder: to look at what one has changed

Cameras are canvases on which a plain figure is painted, so that no picture shows a person.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "start"))
from shelf import Example, on_shelf

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
CAMERA = (Path(__file__).parent / "camera.js").read_text()
GUESTS = 4
ROOM = "quiet-harbour"
GREETINGS = ("Hello?", "Good morning!", "Can everybody hear me?", "Loud and clear.")
QUALITY = 80
RAMP_UP_S = 6
LARGE = "(count) => [...document.querySelectorAll('video')].filter((one) => one.videoWidth > 300).length >= count"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
WINDOWS = (
    ("", DESKTOP, "light"),
    ("-dark", DESKTOP, "dark"),
    ("-phone", PHONE, "light"),
    ("-phone-dark", PHONE, "dark"),
)

Enter = Callable[[Page, str, int], Awaitable[None]]
Dress = Callable[[Page, bool], Awaitable[None]]


@contextmanager
def serving(example: Example) -> Iterator[str]:
    """Run an example on a free port; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, *example.command.format(host="localhost", port=port).split()]
    process = subprocess.Popen(argv, cwd=example.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://localhost:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise RuntimeError(f"{example.name} does not answer")
        yield url
    finally:
        process.terminate()
        process.wait(10)


async def enter_rooms(page: Page, url: str, number: int) -> None:
    await page.goto(f"{url}/{ROOM}")
    await page.fill("#own-name", f"Peer {number}")
    await page.click("#join-button")


async def enter_conference(page: Page, url: str, number: int) -> None:
    await page.goto(f"{url}/#{ROOM}")
    await page.fill("#name", f"Peer {number}")
    await page.locator("#colours input").nth(number).check()
    await page.click("#enter .primary")
    if number > 1:
        await page.click("#open-chat")
        await page.fill("#text", GREETINGS[number - 1])
        await page.press("#text", "Enter")


async def dress_conference(page: Page, large: bool) -> None:
    """The chat where there is room for it."""
    if (await page.get_attribute("#open-chat", "aria-pressed") == "true") != large:
        await page.click("#open-chat")
    await page.mouse.move(0, 0)


async def enter_broadcast(page: Page, url: str, number: int) -> None:
    await page.goto(url)
    await page.fill("#name", f"Peer {number}")
    await page.click("#enter .primary")
    await page.wait_for_selector("#audience li")
    if number == 1:
        await page.click("#speak")
    if number == GUESTS - 1:
        await page.click("#hand")


async def enter_mesh(page: Page, url: str, number: int) -> None:
    await page.goto(url)
    await page.fill("#name", f"Peer {number}")
    await page.fill("#room", ROOM)
    await page.locator("#door-ways input[value=mesh]").check(force=True)
    await page.click("#enter .primary")
    await page.fill("#text", GREETINGS[number - 1])
    await page.press("#text", "Enter")


async def enter_react(page: Page, url: str, number: int) -> None:
    await page.goto(f"{url}/#{ROOM}")
    await page.get_by_label("Your name").fill(f"Peer {number}")
    await page.get_by_role("button", name="Sit down").click()


async def enter_fastapi(page: Page, url: str, _number: int) -> None:
    await page.goto(url)
    await page.locator("[data-login]").first.click()
    await page.locator("#rooms button").first.click()


async def enter_redis(page: Page, url: str, number: int) -> None:
    room = "green" if number == GUESTS else "red"
    await page.goto(f"{url}/?room={room}")
    await page.wait_for_selector("video.own")
    await page.get_by_label("Message").fill(f"Good morning from {room}!")
    await page.get_by_role("button", name="Send").click()


async def enter_by_address(page: Page, url: str, _number: int) -> None:
    await page.goto(url)


async def dress_mesh(page: Page, large: bool) -> None:
    """People and messages beside the map, where there is room for them."""
    if (await page.get_attribute("#open-panel", "aria-pressed") == "true") != large:
        await page.click("#open-panel")


async def leave_as_it_is(_page: Page, _large: bool) -> None:
    pass


ENTER: dict[str, Enter] = {
    "rooms": enter_rooms,
    "conference": enter_conference,
    "broadcast": enter_broadcast,
    "mesh": enter_mesh,
    "react": enter_react,
    "fastapi": enter_fastapi,
    "redis": enter_redis,
}
VIDEOS = {"rooms": 5, "broadcast": 1, "hello": 3, "redis": 3}
"""How many pictures move in the first window; in others one for each guest."""
DRESS: dict[str, Dress] = {"conference": dress_conference, "mesh": dress_mesh}


async def photograph(example: Example, browser: Browser, folder: Path) -> None:
    """A call of four, seen by the first of them in each of the windows."""
    with serving(example) as url:
        pages = [await open_window(browser, number) for number in range(1, GUESTS + 1)]
        for number, page in enumerate(pages, 1):
            await ENTER.get(example.name, enter_by_address)(page, url, number)
        await pages[0].wait_for_function(LARGE, arg=VIDEOS.get(example.name, GUESTS), timeout=90_000)
        await asyncio.sleep(RAMP_UP_S)
        for suffix, window, scheme in WINDOWS:
            await pages[0].set_viewport_size(window)
            await pages[0].emulate_media(color_scheme=scheme)
            await DRESS.get(example.name, leave_as_it_is)(pages[0], window is DESKTOP)
            await asyncio.sleep(2)
            await keep(pages[0], folder / f"{example.name}{suffix}.webp")
        for page in pages:
            await page.context.close()


async def photograph_shelf(browser: Browser, folder: Path) -> None:
    with serving(Example(name="start", title="", text="")) as url:
        page = await browser.new_page()
        for suffix, window, scheme in WINDOWS:
            await page.set_viewport_size(window)
            await page.emulate_media(color_scheme=scheme)
            await page.goto(url, wait_until="networkidle")
            await page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
            await keep(page, folder / f"start{suffix}.webp")


async def open_window(browser: Browser, number: int) -> Page:
    context = await browser.new_context(viewport=DESKTOP, color_scheme="light")
    page = await context.new_page()
    page.on("pageerror", lambda error: print(f"peer {number}: {error}"))
    await page.add_init_script(f"({CAMERA})({number})")
    return page


async def keep(page: Page, path: Path) -> None:
    await page.add_style_tag(content="video { transform: none !important }")  # numbers are not read in a mirror
    png = await page.screenshot()
    print(f"{path.name}: {compress(png, path) / 1000:.0f} kB", flush=True)


def compress(png: bytes, path: Path) -> int:
    """The size of the file, in bytes."""
    Image.open(io.BytesIO(png)).convert("RGB").save(path, quality=QUALITY, method=6)
    return path.stat().st_size


async def main(options: Any) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required"],
        )
        options.to.mkdir(parents=True, exist_ok=True)
        for example in on_shelf():
            if not options.names or example.name in options.names:
                await photograph(example, browser, options.to)
        if not options.names or "start" in options.names:
            await photograph_shelf(browser, options.to)
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="of examples, or start")
    parser.add_argument("--to", type=Path, default=IMAGES, metavar="DIR")
    asyncio.run(main(parser.parse_args()))

"""Take the pictures of the documentation again: `make screenshots`. It needs Chromium.

Cameras are canvases on which a plain figure is painted, so that no picture shows a person.
"""

from __future__ import annotations

import asyncio
import io
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from rich.progress import track

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
GUESTS = 4
ROOM = "quiet-harbour"
QUALITY = 82

CAMERA = """(number) => {
  const hues = [160, 205, 262, 28, 340];
  const hue = hues[number % hues.length];
  const canvas = Object.assign(document.createElement("canvas"), {width: 1280, height: 720});
  const pen = canvas.getContext("2d");
  const paint = (time) => {
    const sway = Math.sin(time / 900 + number) * 12;
    const wall = pen.createLinearGradient(0, 0, 0, 720);
    wall.addColorStop(0, `hsl(${hue} 45% 88%)`);
    wall.addColorStop(1, `hsl(${hue} 35% 66%)`);
    pen.fillStyle = wall;
    pen.fillRect(0, 0, 1280, 720);
    pen.fillStyle = `hsl(${hue} 40% 80%)`;
    for (let lamp = 0; lamp < 3; lamp++) {
      pen.beginPath();
      pen.arc(180 + lamp * 460, 150 + (lamp % 2) * 90, 90 + 20 * lamp, 0, 7);
      pen.fill();
    }
    pen.fillStyle = `hsl(${hue} 38% 34%)`;
    pen.beginPath();
    pen.ellipse(640 + sway / 2, 800, 350, 300, 0, 0, 7);
    pen.fill();
    pen.fillStyle = `hsl(${hue} 34% 46%)`;
    pen.beginPath();
    pen.arc(640 + sway, 330, 150, 0, 7);
    pen.fill();
    pen.fillStyle = "white";
    pen.font = "600 130px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText(String(number), 640 + sway, 376);
    requestAnimationFrame(paint);
  };
  requestAnimationFrame(paint);
  const sound = new AudioContext();
  navigator.mediaDevices.getUserMedia = async ({video, audio}) => new MediaStream([
    ...(video ? canvas.captureStream(30).getVideoTracks() : []),
    ...(audio ? sound.createMediaStreamDestination().stream.getAudioTracks() : []),
  ]);
}"""


class Shot(NamedTuple):
    example: Literal["rooms", "conference"]
    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"]


DESKTOP, PHONE = (1440, 900), (390, 844)
SHOTS = (
    Shot("rooms", "rooms-call", *DESKTOP, "light"),
    Shot("rooms", "rooms-call-dark", *DESKTOP, "dark"),
    Shot("rooms", "rooms-phone", *PHONE, "light"),
    Shot("conference", "conference", *DESKTOP, "dark"),
    Shot("conference", "conference-phone", *PHONE, "light"),
)


@contextmanager
def serving(server: Path) -> Iterator[str]:
    """Run an example on a free port; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(server), "--port", str(port), "--udp", "0"])
    url = f"http://localhost:{port}"
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
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
    if number == 1 and (page.viewport_size or {})["width"] > 700:
        await page.click("#open-chat")
        await page.click("#figures")


async def chat(pages: list[Page]) -> None:
    for page, text in zip(pages[1:], ("Good morning!", "Can everybody hear me?", "Loud and clear."), strict=True):
        await page.click("#open-chat")
        await page.fill("#text", text)
        await page.press("#text", "Enter")


ENTER = {"rooms": enter_rooms, "conference": enter_conference}


async def open_page(browser: Browser, shot: Shot, number: int) -> Page:
    context = await browser.new_context(
        viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.scheme, device_scale_factor=1
    )
    page = await context.new_page()
    await page.add_init_script(f"({CAMERA})({number})")
    return page


async def take(browser: Browser, url: str, shot: Shot) -> None:
    pages = []
    for number in range(1, GUESTS + 1):
        pages.append(await open_page(browser, shot, number))
        await ENTER[shot.example](pages[-1], url, number)
    first = pages[0]
    decoded = (
        "(others) => [...document.querySelectorAll('li video[data-peer-id]')]"
        ".filter((video) => video.videoWidth > 300).length === others"
    )
    await first.wait_for_function(decoded, arg=GUESTS - 1, timeout=60_000)
    if shot.example == "conference":
        await chat(pages)
    await asyncio.sleep(6)  # senders ramp up to their full size
    png = await first.screenshot()
    Image.open(io.BytesIO(png)).convert("RGB").save(IMAGES / f"{shot.name}.webp", quality=QUALITY, method=6)
    for page in pages:
        await page.context.close()


async def main() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--use-fake-ui-for-media-stream"]
        )
        for shot in track(SHOTS, "taking pictures"):
            with serving(ROOT / "examples" / shot.example / "server.py") as url:
                await take(browser, url, shot)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())

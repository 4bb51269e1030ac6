"""People who visit an example application: each camera shows one colour, and no page may raise anything."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from playwright.async_api import Browser, Page

from .machine import free_port
from .server import ROOT, Server, running
from .waiting import until

HUES = {"red": 0, "yellow": 60, "green": 120, "cyan": 180, "blue": 240, "magenta": 300}

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
  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async ({video, audio}) => new MediaStream([
    ...(video ? paint().getTracks() : []), ...(audio ? (await getUserMedia({audio})).getTracks() : []),
  ]);
  devices.getDisplayMedia = async () => paint();
}"""

PICTURES = """([frames, caption]) => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const colourOf = (video) => {
    pen.clearRect(0, 0, 1, 1);
    if (video.srcObject && video.videoWidth) pen.drawImage(video, 0, 0, 1, 1);
    const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
    const most = Math.max(red, green, blue);
    const span = most - Math.min(red, green, blue);
    if (span < 60) return "nothing";
    let sixth = 4 + (red - green) / span;
    if (red === most) sixth = (green - blue) / span;
    else if (green === most) sixth = 2 + (blue - red) / span;
    return ["red", "yellow", "green", "cyan", "blue", "magenta"][(Math.round(sixth) + 6) % 6];
  };
  return Object.fromEntries([...document.querySelectorAll(frames)].map((frame) => {
    const video = [...frame.querySelectorAll("video")].find(({hidden, srcObject}) => !hidden && srcObject);
    return [frame.querySelector(caption).textContent, video ? colourOf(video) : ""];
  }));
}"""

KEEP_CONNECTIONS = """() => {
  const Connection = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Connection {
    constructor(...given) {
      super(...given);
      window.connections.push(this);
    }
  };
}"""
"""For the browser's own statistics of an application's connections."""


class Visitors:
    def __init__(self, browser: Browser, server: Server, cleanup: AsyncExitStack) -> None:
        self.server = server
        self.errors: list[str] = []
        self._browser = browser
        self._cleanup = cleanup

    async def open(
        self, address: str = "/", *, colour: str = "red", width: int = 1280, height: int = 800, script: str = "",
        scheme: str = "light",
    ) -> Page:
        """The page in a window of somebody's own. `script` runs before the page's."""
        context = await self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
        )
        self._cleanup.push_async_callback(context.close)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        for one in (f"navigator.mediaDevices && ({PAINT})({HUES[colour]})", script):
            await page.add_init_script(one)
        await page.goto(self.server.url + address)
        return page


def example_server(name: str, port: int, udp: int, *options: str) -> Server:
    argv = [sys.executable, f"examples/{name}/server.py", "--host", "127.0.0.1", "--port", str(port)]
    return Server([*argv, "--udp", str(udp), *options], env={"PYTHONPATH": str(ROOT)})


@asynccontextmanager
async def visiting(browser: Browser, example: str, *options: str) -> AsyncIterator[Visitors]:
    """The example runs; at the end it and its pages must have had nothing to complain of."""
    server = example_server(example, free_port(socket.SOCK_STREAM), free_port(), *options)
    async with AsyncExitStack() as cleanup, running(server):
        visitors = Visitors(browser, server, cleanup)
        yield visitors
        await cleanup.aclose()
    assert not visitors.errors


async def shows(page: Page, frames: str, caption: str, wanted: Mapping[str, str], within_s: float = 20) -> None:
    """Exactly these frames are on the page, by their captions, each with a picture of that colour ("": none)."""
    seen: dict[str, str] = {}

    async def exactly() -> bool:
        nonlocal seen
        seen = await page.evaluate(PICTURES, [frames, caption])
        return seen == wanted

    try:
        await until(exactly, f"exactly {wanted}", timeout_s=within_s)
    except AssertionError as error:
        raise AssertionError(f"{error}; seen {seen}") from None

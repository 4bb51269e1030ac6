"""One call in real browsers: what it costs each person, and the server."""
from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import psutil
from playwright.async_api import Browser, Page, async_playwright

Topology = Literal["mesh", "sfu"]
CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-renderer-backgrounding", "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
)
JOIN_TIMEOUT_MS: Final = 120_000
SERVER_TIMEOUT_S: Final = 20


@dataclass(frozen=True)
class Cost:
    """Of one person on average, but for the server's. `fps`: pictures that arrived, of each other person."""

    topology: Topology
    people: int
    up_bps: float
    down_bps: float
    cpu_share: float
    server_cpu_share: float
    fps: float


@dataclass(frozen=True)
class Camera:
    """Of each person."""

    width: int
    height: int
    fps: int
    bitrate_bps: int


async def measure(topology: Topology, people: int, camera: Camera, *, settle_s: float, seconds: float) -> Cost:
    """One comes when all before can see each other. Raises RuntimeError when media takes another way."""
    wish = urllib.parse.urlencode({"topology": topology, **asdict(camera)})
    with _serving() as (url, server):
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            try:
                pages: list[Page] = []
                while len(pages) < people:
                    pages.append(await _enter(browser, f"{url}/?{wish}"))
                    await _wait_for_pictures(pages)
                await asyncio.sleep(settle_s)
                before = await _books(pages)
                began, spent, server_spent = time.monotonic(), _cpu_s(_browser_processes()), _cpu_s([server])
                await asyncio.sleep(seconds)
                elapsed = time.monotonic() - began
                spent, server_spent = _cpu_s(_browser_processes()) - spent, _cpu_s([server]) - server_spent
                after = await _books(pages)
            finally:
                await browser.close()
    _check_carriers(after, topology)

    def rate(field: str) -> float:
        return sum(late[field] - early[field] for early, late in zip(before, after, strict=True)) / elapsed / people

    return Cost(
        topology=topology,
        people=people,
        up_bps=8 * rate("sentBytes"),
        down_bps=8 * rate("receivedBytes"),
        cpu_share=spent / elapsed / people,
        server_cpu_share=server_spent / elapsed,
        fps=rate("framesDecoded") / (people - 1),
    )


@contextmanager
def _serving() -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.topologies.server", str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + SERVER_TIMEOUT_S
        while True:
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(10)


async def _enter(browser: Browser, url: str) -> Page:
    page = await browser.new_page(viewport={"width": 700, "height": 500})
    await page.goto(url)
    return page


async def _wait_for_pictures(pages: Sequence[Page]) -> None:
    """All of all the others."""
    for page in pages:
        await page.wait_for_function(
            f"() => window.books && document.querySelectorAll('video').length >= {len(pages) - 1}"
            " && [...document.querySelectorAll('video')].every((view) => view.videoWidth > 0)",
            timeout=JOIN_TIMEOUT_MS,
        )


async def _books(pages: Sequence[Page]) -> list[dict[str, Any]]:
    return list(await asyncio.gather(*(page.evaluate("window.books()") for page in pages)))


def _browser_processes() -> list[psutil.Process]:
    """All children of this one that are Chromium's."""
    return [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def _check_carriers(books: Sequence[dict[str, Any]], topology: Topology) -> None:
    strangers = [carrier for one in books for carrier in one["carriers"] if carrier != topology]
    if strangers:
        raise RuntimeError(f"{topology} was asked for, and {len(strangers)} of the pairs are {strangers[0]}")

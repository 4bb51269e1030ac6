"""The conference example as its guests have it.

name and room are asked for, a random room is offered   test_a_random_room_is_offered
participants, joins and leaves are told to everybody    test_a_conference_of_three
offers, answers, candidates: pictures arrive            test_a_conference_of_three (each shows its own colour)
name and colour border on each tile                     test_a_conference_of_three
chat reaches everybody, late comers, nobody else        test_what_is_said_reaches_everybody_and_those_who_come_late
automatic grid, 1 to 16 tiles                           test_tiles_fill_the_window
screen, statistics on each tile                         test_camera_screen_and_statistics
reconnect banner                                        test_a_banner_tells_of_a_lost_server_and_the_call_comes_back
keyboard                                                test_the_keyboard_does_it_all
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from support.machine import free_port
from support.server import running
from support.visitors import Visitors, example_server, shows, visiting

pytestmark = pytest.mark.browser

Enter = Callable[..., Awaitable[Page]]

BOXES = """async ([people, screens]) => {
  const {layout} = await import("/static/layout.js");
  const {clientWidth: width, clientHeight: height} = document.querySelector("#grid");
  const found = layout({people, screens, width, height});
  return {width, height, people: found.people, screens: found.screens};
}"""
COLOUR_OF_BORDER = "(tile) => getComputedStyle(tile).borderTopColor"
NONSENSE = """async () => {
  const peer = new SimplePeer(io({forceNew: true}));
  await peer.joinRoom("the-room");
  const message = {id: "1", name: "Nobody", colour: "#102030", text: "nonsense", at: 0};
  for (const wrong of [{at: 1e300}, {at: -1e300}, {at: "0"}, {id: {}}, {text: null}]) {
    await peer.send(JSON.stringify({...message, ...wrong}), {label: "chat"});
  }
}"""
REFUSED = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }"


async def enter(visitors: Visitors, name: str, colour: str, room: str = "the-room", **window: int | str) -> Page:
    """A guest whose camera shows that colour and nothing else."""
    page = await visitors.open(colour=colour, **window)  # type: ignore[arg-type]
    await walk_in(page, name, room)
    return page


async def walk_in(page: Page, name: str, room: str = "the-room") -> None:
    await page.fill("#name", name)
    await page.fill("#room", room)
    await page.click("#enter .primary")
    await expect(page.locator("#call")).to_be_visible()


async def sees(page: Page, **pictures: str) -> None:
    """Exactly these people, each in its own colour ("": without a picture)."""
    await shows(page, ".tile:not(.own):not(.screen)", ".name", pictures)


@pytest_asyncio.fixture
async def visitors(browser: Browser) -> AsyncIterator[Visitors]:
    async with visiting(browser, "conference") as arriving:
        yield arriving


async def test_a_random_room_is_offered(visitors: Visitors) -> None:
    page = await visitors.open()
    offered = await page.input_value("#room")
    await page.get_by_role("button", name="Another random room").click()
    another = await page.input_value("#room")
    print(offered, another)
    assert offered
    assert another not in ("", offered)
    await page.fill("#name", "Peer 1")
    await page.press("#name", "Enter")
    await expect(page.locator("#room-name")).to_have_text(another)
    guest = await visitors.open(page.url.removeprefix(visitors.server.url))
    assert await guest.input_value("#room") == another
    await guest.evaluate("location.hash = '50%'")
    await expect(guest.locator("#room")).to_have_value("50%")


async def test_a_conference_of_three(visitors: Visitors) -> None:
    one, two, three = [
        await enter(visitors, name, colour) for name, colour in (("Red", "red"), ("Green", "green"), ("Blue", "blue"))
    ]
    stranger = await enter(visitors, "Other", "cyan", "another-room")
    await sees(one, Green="green", Blue="blue")
    await sees(two, Red="red", Blue="blue")
    await sees(three, Red="red", Green="green")
    await sees(stranger)
    await expect(one.locator("#head-count")).to_have_text("3 people")

    chosen = await two.eval_on_selector(".tile.own", COLOUR_OF_BORDER)
    for page in (one, three):
        tile = page.locator(".tile", has_text="Green")
        assert await tile.evaluate(COLOUR_OF_BORDER) == chosen

    await three.click("#leave")
    await expect(one.locator("#toast")).to_have_text("Blue left")
    await sees(one, Green="green")
    await sees(two, Red="red")
    await expect(one.locator("#head-count")).to_have_text("2 people")
    await walk_in(three, "Blue")
    await expect(one.locator("#toast")).to_have_text("Blue is here")
    await sees(one, Green="green", Blue="blue")


async def test_what_is_said_reaches_everybody_and_those_who_come_late(visitors: Visitors) -> None:
    one, two, three = [
        await enter(visitors, name, colour) for name, colour in (("Red", "red"), ("Green", "green"), ("Blue", "blue"))
    ]
    stranger = await enter(visitors, "Other", "cyan", "another-room")
    await sees(three, Red="red", Green="green")
    await two.evaluate(NONSENSE)
    await two.click("#open-chat")
    await two.fill("#text", "hello, both of you")
    await two.press("#text", "Enter")
    said = "#messages .message"
    for page in (one, two, three):
        await expect(page.locator(said)).to_have_count(1)
        await expect(page.locator(said)).to_contain_text("hello, both of you")
        await expect(page.locator(f"{said} b")).to_have_text("Green")
    await expect(one.locator("#unread")).to_have_text("1")
    await one.click("#open-chat")
    await expect(one.locator("#unread")).to_be_hidden()

    await two.click("#leave")
    late = await enter(visitors, "Late", "yellow")
    await expect(late.locator(said)).to_have_count(1)
    await expect(late.locator(f"{said} b")).to_have_text("Green")
    await expect(stranger.locator(said)).to_have_count(0)


async def test_camera_screen_and_statistics(visitors: Visitors) -> None:
    one, two = await enter(visitors, "Red", "red"), await enter(visitors, "Green", "green")
    await sees(two, Red="red")
    await one.click("#camera")
    await sees(two, Red="")
    await expect(one.locator(".tile.own video")).to_be_hidden()
    await one.click("#camera")
    await sees(two, Red="red")
    await one.click("#microphone")
    await expect(two.locator(".tile.muted-microphone .name")).to_have_text("Red")
    await one.click("#microphone")
    await expect(two.locator(".tile.muted-microphone")).to_have_count(0)

    await one.click("#screen")
    await shows(two, ".tile.screen", ".name", {"Red · screen": "red"})
    await two.click("#figures")
    tiles = two.locator(".tile")
    for name, size in (("Red · screen", "320×180"), ("Green (you)", "320×180")):
        await expect(tiles.filter(has_text=name).locator("pre")).to_contain_text(size)
    await expect(tiles.filter(has_text="Red").first.locator("pre")).to_contain_text("kbit/s")
    print(await tiles.locator("pre").all_text_contents())
    await two.click("#figures")
    await expect(two.locator(".tile pre:not(:empty)")).to_have_count(0)
    await one.click("#screen")
    await expect(two.locator(".tile.screen")).to_have_count(0)


async def test_tiles_fill_the_window(visitors: Visitors) -> None:
    page = await enter(visitors, "Red", "red")
    for width, height in ((390, 844), (1440, 900)):
        await page.set_viewport_size({"width": width, "height": height})
        await judge_tiles(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def judge_tiles(page: Page) -> None:
    """None is cut off or covers another, and no window is mostly empty."""
    for people in range(1, 17):
        for screens in (0, 1):
            found = await page.evaluate(BOXES, [people, screens])
            boxes = found["people"] + found["screens"]
            covered = sum(box["width"] * box["height"] for box in boxes) / (found["width"] * found["height"])
            size = f"{boxes[0]['width']}×{boxes[0]['height']}"
            print(f"{people} people, {screens} screens: {size}, {covered:.0%} covered")
            assert len(boxes) == people + screens
            assert len({(box["width"], box["height"]) for box in found["people"]}) == 1
            for box in boxes:
                assert box["x"] >= 0
                assert box["y"] >= 0
                assert box["x"] + box["width"] <= found["width"]
                assert box["y"] + box["height"] <= found["height"]
                others = [other for other in boxes if other is not box]
                assert not any(overlap(box, other) for other in others)
            assert covered > (0.5 if screens == 0 else 0.65)
            assert boxes[0]["width"] >= (80 if screens == 0 else 48)


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
    above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
    return not (beside or above)


async def test_the_keyboard_does_it_all(visitors: Visitors) -> None:
    one, two = await enter(visitors, "Red", "red"), await enter(visitors, "Green", "green")
    await sees(two, Red="red")
    await expect(one.locator("#microphone")).to_be_focused()
    await one.keyboard.press("m")
    await expect(two.locator(".tile.muted-microphone")).to_have_count(1)
    await one.keyboard.press("v")
    await sees(two, Red="")
    await one.keyboard.press("c")
    await expect(one.locator("#text")).to_be_focused()
    await one.keyboard.type("my voice")  # letters are letters there
    await one.keyboard.press("Enter")
    await expect(two.locator("#messages .message")).to_contain_text("my voice")
    await one.keyboard.press("Escape")
    await expect(one.locator("#chat")).to_be_hidden()
    await expect(one.locator("#open-chat")).to_be_focused()


async def test_who_refuses_camera_and_microphone_still_takes_part(visitors: Visitors) -> None:
    watcher = await enter(visitors, "Watcher", "red", script=REFUSED)
    await expect(watcher.locator("#toast")).to_contain_text("allow it beside the address")
    other = await enter(visitors, "Green", "green")
    await sees(watcher, Green="green")
    await sees(other, Watcher="")


async def test_a_banner_tells_of_a_lost_server_and_the_call_comes_back(browser: Browser) -> None:
    ports = free_port(socket.SOCK_STREAM), free_port()
    async with AsyncExitStack() as cleanup:
        first = example_server("conference", *ports)
        cleanup.callback(first.kill)
        await first.started()
        visitors = Visitors(browser, first, cleanup)
        one, two = await enter(visitors, "Red", "red"), await enter(visitors, "Green", "green")
        await sees(two, Red="red")
        await asyncio.to_thread(first.kill)
        for page in (one, two):
            await expect(page.locator("#banner")).to_contain_text("The server does not answer")
        async with running(example_server("conference", *ports)):
            for page in (one, two):
                await expect(page.locator("#banner")).to_be_hidden()
            await sees(one, Green="green")
            await sees(two, Red="red")
            await cleanup.aclose()

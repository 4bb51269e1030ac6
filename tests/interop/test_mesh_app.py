"""The mesh example as its people have it.

random user ids, one list of people that all can watch      test_a_mesh_of_three
exactly one link per pair, elements video-{peerId}          test_a_mesh_of_three (each shows its own colour)
peer-left: the user is gone everywhere                      test_a_mesh_of_three
links and bytes of every pair drawn at everybody's          test_a_mesh_of_three
text to everybody and to one                                test_what_is_said_reaches_whom_it_is_for
files both ways, progress, cancel                           test_files_go_both_ways, test_a_file_is_cancelled
canvas stream and screen share                              test_a_board_and_a_screen
mesh and SFU                                                test_the_way_can_be_changed
auto                                                        test_auto_follows_the_number_of_people
given up after 7 s, and told                                test_a_link_that_cannot_be_is_given_up_and_told
keyboard, phones                                            test_the_keyboard_and_a_small_window
left and entered again; nonsense from others; odd addresses test_the_keyboard_and_a_small_window
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from support.visitors import KEEP_CONNECTIONS, Visitors, shows, visiting
from support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_S = 45
"""Three cameras, six links: a slow machine takes its time."""

LINKS = """() => [...document.querySelectorAll("#map g.link text, #map g.spoke text")].map((text) =>
  [text.parentElement.getAttribute("class"), text.textContent])"""
NO_WAY = """() => {
  RTCPeerConnection.prototype.addIceCandidate = async () => {};
  const describe = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description.sdp.replace(/^a=candidate:.*\\r\\n/gm, "");
    return describe.call(this, {type: description.type, sdp});
  };
}"""
CONNECTED = """connections.filter(({connectionState, remoteDescription}) =>
  connectionState === "connected" && !remoteDescription.sdp.includes("a=ice-lite")).length"""
"""With browsers: the server is an ICE-lite agent."""
NONSENSE = """async () => {
  const peer = new SimplePeer(io({forceNew: true}));
  await peer.joinRoom("lab");
  const server = {up: 1, down: 1};
  const wrong = [null, {server: {up: 1, down: "1"}, links: {}}, {server, links: {a: 1}}, {server, links: {a: null}}];
  for (const figures of ["{", ...wrong.map((one) => JSON.stringify(one))]) await peer.send(figures, {label: "figures"});
  await peer.send("that was it", {label: "text"});
}"""
"""Told as figures, by somebody else in the room."""


@pytest_asyncio.fixture
async def visitors(browser: Browser) -> AsyncIterator[Visitors]:
    async with visiting(browser, "mesh") as arriving:
        yield arriving


async def enter(visitors: Visitors, name: str, colour: str = "red", topology: str = "mesh", **how: Any) -> Page:
    page = await visitors.open("/#lab", colour=colour, **how)
    await page.fill("#name", name)
    await page.check(f"#door-ways [value={topology}]")
    await page.click("#enter .primary")
    await expect(page.locator("#people .badge", has_text="you")).to_have_count(1)
    await expect(page.locator("#call")).to_have_js_property("inert", value=False)
    return page


async def own_id(page: Page) -> str:
    found: str = await page.locator("#map .node.own").get_attribute("data-peer-id") or ""
    return found


async def ids(page: Page) -> set[str]:
    return set(await page.locator("#people .id").all_text_contents())


async def sees(page: Page, **pictures: str) -> None:
    """Exactly these people, each in its own colour."""
    await shows(page, "#map .node:not(.own)", ".who", pictures, PATIENCE_S)


async def drawn(page: Page, kind: str, count: int) -> None:
    """Exactly so many links, or spokes, and none of the others, with bytes on each."""
    seen: list[list[str]] = []

    async def exactly() -> bool:
        nonlocal seen
        seen = await page.evaluate(LINKS)
        return len(seen) == count and all(one == kind and not text.startswith("0 ") for one, text in seen)

    try:
        await until(exactly, f"{count} of {kind}", timeout_s=PATIENCE_S, every_s=0.3)
    except AssertionError as error:
        raise AssertionError(f"{error}; drawn {seen}") from None
    print(seen)


async def test_a_mesh_of_three(visitors: Visitors) -> None:
    script = f"({KEEP_CONNECTIONS})()"
    red = await enter(visitors, "Red", "red", script=script)
    green = await enter(visitors, "Green", "green", script=script)
    blue = await enter(visitors, "Blue", "blue", script=script)
    pages = (red, green, blue)
    mine = [await own_id(page) for page in pages]
    assert len(set(mine)) == 3
    for page in pages:
        await until(lambda page=page: _is(ids(page), set(mine)), "one list")
    await sees(red, Green="green", Blue="blue")
    await sees(green, Red="red", Blue="blue")
    await sees(blue, Red="red", Green="green")
    for page in pages:
        for one in mine:
            assert await page.locator(f"#video-{one}").count() == 1
        await until(lambda page=page: _is(page.evaluate(CONNECTED), 2), "two links", timeout_s=PATIENCE_S)
        await drawn(page, "link", 3)

    await green.context.close()
    for page in (red, blue):
        await expect(page.locator(f"#video-{mine[1]}")).to_have_count(0)
        await expect(page.locator("#messages")).to_contain_text("Green has left")
        await until(lambda page=page: _is(ids(page), {mine[0], mine[2]}), "the list is shorter")
        await drawn(page, "link", 1)


async def _is(given: Any, wanted: object) -> bool:
    return bool(await given == wanted)


async def test_who_leaves_is_gone_everywhere(visitors: Visitors) -> None:
    red = await enter(visitors, "Red")
    green = await enter(visitors, "Green")
    gone = await own_id(green)
    await expect(red.locator(f"#map [data-peer-id='{gone}']")).to_have_count(1)
    await green.click("#leave")
    await expect(red.locator(f"#map [data-peer-id='{gone}']")).to_have_count(0)
    await expect(green.locator("#door")).to_be_visible()


async def test_what_is_said_reaches_whom_it_is_for(visitors: Visitors) -> None:
    red, green, blue = [await enter(visitors, name) for name in ("Red", "Green", "Blue")]
    for page in (red, green, blue):
        await expect(page.locator("#people .badge[data-carrier=mesh]")).to_have_count(2)
    await red.fill("#text", "good morning")
    await red.press("#text", "Enter")
    for page in (red, green, blue):
        await expect(page.locator("#messages p", has_text="good morning")).to_have_count(1)
    await blue.select_option("#to", label="Green")
    await blue.fill("#text", "between us")
    await blue.press("#text", "Enter")
    await expect(green.locator("#messages p", has_text="between us")).to_have_count(1)
    await expect(green.locator("#messages small", has_text="to you alone")).to_have_count(1)
    await green.fill("#text", "to all again")
    await green.press("#text", "Enter")
    await expect(red.locator("#messages p", has_text="to all again")).to_have_count(1)
    await expect(red.locator("#messages p", has_text="between us")).to_have_count(0)


async def saved(page: Page, folder: Path) -> str:
    """The digest of the file that the page has to save."""
    async with page.expect_download() as download:
        await page.locator(".file .save:visible").last.click()
    path = folder / f"{time.monotonic_ns()}"
    await (await download.value).save_as(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_files_go_both_ways(visitors: Visitors, tmp_path: Path) -> None:
    red, green = [await enter(visitors, name) for name in ("Red", "Green")]
    await expect(red.locator("#people .badge[data-carrier=mesh]")).to_have_count(1)
    contents = {"a.bin": os.urandom(5_000_000), "b.bin": os.urandom(3_000_001)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for sender, taker, name in ((red, green, "a.bin"), (green, red, "b.bin")):
        await sender.set_input_files("#file", tmp_path / name)
        await taker.locator(".file .accept:visible").click()
    for page in (red, green):
        await expect(page.locator(".file[data-state=done]")).to_have_count(2)
        assert await page.locator(".file progress").evaluate_all("all => all.every(({value, max}) => value === max)")
    assert await saved(green, tmp_path) == hashlib.sha256(contents["a.bin"]).hexdigest()
    assert await saved(red, tmp_path) == hashlib.sha256(contents["b.bin"]).hexdigest()


async def test_a_file_is_cancelled(visitors: Visitors, tmp_path: Path) -> None:
    red, green = [await enter(visitors, name) for name in ("Red", "Green")]
    await expect(red.locator("#people .badge[data-carrier=mesh]")).to_have_count(1)
    with (tmp_path / "large.bin").open("wb") as large:
        large.truncate(300_000_000)  # a hole: nobody reads it all
    await red.set_input_files("#file", tmp_path / "large.bin")
    await green.locator(".file .accept:visible").click()
    await until(lambda: green.evaluate("document.querySelector('.file progress').value > 0"), "it runs", timeout_s=30)
    await expect(red.locator(".file small")).to_contain_text("of 300.0 MB")
    await green.locator(".file .cancel:visible").click()
    for page in (red, green):
        await expect(page.locator(".file[data-state=cancelled]")).to_have_count(1)
    (tmp_path / "small.txt").write_text("no, thank you")
    await green.set_input_files("#file", tmp_path / "small.txt")
    await red.locator(".file .cancel:visible").click()  # Decline
    await expect(green.locator(".file[data-state=cancelled]")).to_have_count(2)


async def test_a_board_and_a_screen(visitors: Visitors) -> None:
    red, green = [await enter(visitors, name) for name in ("Red", "Green")]
    artist = await own_id(red)
    await red.click("#board")
    await red.locator("#drawing").hover()
    drawing = await red.locator("#drawing").bounding_box()
    assert drawing
    left, top, width, height = (drawing[key] for key in ("x", "y", "width", "height"))
    await red.mouse.move(left + 20, top + 20)
    await red.mouse.down()
    for row in range(24):  # all over it
        await red.mouse.move(left + (width - 20 if row % 2 else 20), top + 20 + row * (height - 40) / 24)
    await red.mouse.up()
    await expect(green.locator(f"#board-{artist}")).to_have_count(1)
    inked = """(id) => {
      const video = document.getElementById(id);
      const pen = new OffscreenCanvas(64, 36).getContext("2d");
      pen.drawImage(video, 0, 0, 64, 36);
      const {data} = pen.getImageData(0, 0, 64, 36);
      let inked = 0;
      for (let at = 0; at < data.length; at += 4) {
        const colours = data.slice(at, at + 3);
        inked += Math.max(...colours) - Math.min(...colours) > 40;
      }
      return inked;
    }"""
    await until(lambda: _more(green.evaluate(inked, f"board-{artist}"), 100), "it is drawn", timeout_s=PATIENCE_S)
    await red.click("#board")
    await expect(green.locator(f"#board-{artist}")).to_have_count(0)

    await green.click("#screen")
    sharer = await own_id(green)
    await shows(red, "#shelf figure", "figcaption", {"Green’s screen": "red"}, PATIENCE_S)
    assert await red.locator(f"#screen-{sharer}").count() == 1
    await green.click("#screen")
    await expect(red.locator("#shelf")).to_be_hidden()


async def _more(given: Any, least: int) -> bool:
    return bool(await given > least)


async def test_the_way_can_be_changed(visitors: Visitors) -> None:
    red = await enter(visitors, "Red", "red")
    green = await enter(visitors, "Green", "green")
    await sees(red, Green="green")
    await drawn(red, "link", 1)
    await red.check("[name=way][value=sfu]", force=True)
    await expect(green.locator("#people .badge[data-carrier=sfu]")).to_have_count(1)
    for page, pictures in ((red, {"Green": "green"}), (green, {"Red": "red"})):
        await sees(page, **pictures)
        await drawn(page, "spoke", 2)
    await expect(red.locator(".server")).to_have_class("server busy")
    await red.check("[name=way][value=mesh]", force=True)
    for page, pictures in ((red, {"Green": "green"}), (green, {"Red": "red"})):
        await sees(page, **pictures)
        await drawn(page, "link", 1)


async def test_auto_follows_the_number_of_people(visitors: Visitors) -> None:
    red = await enter(visitors, "Red", "red", "auto")
    green = await enter(visitors, "Green", "green", "auto")
    await drawn(red, "link", 1)
    blue = await enter(visitors, "Blue", "blue", "auto")
    await sees(red, Green="green", Blue="blue")
    await sees(blue, Red="red", Green="green")
    await drawn(red, "spoke", 3)
    await expect(red.locator("#messages")).to_contain_text("reached by the server: there are three now")
    await blue.click("#leave")
    await drawn(red, "link", 1)
    await sees(red, Green="green")
    await sees(green, Red="red")


async def test_a_link_that_cannot_be_is_given_up_and_told(visitors: Visitors) -> None:
    red = await enter(visitors, "Red", "red", script=f"({NO_WAY})()")
    began = time.monotonic()
    green = await enter(visitors, "Green", "green", script=f"({NO_WAY})()")
    for page, other in ((red, "Green"), (green, "Red")):
        await expect(page.locator("#banner")).to_contain_text(f"No direct link with {other}")
        await expect(page.locator("#map .node.failed .state")).to_have_text("no link")
        await expect(page.locator("#map g.failed")).to_have_count(1)
    waited_s = time.monotonic() - began
    print(f"given up after {waited_s:.1f} s")
    assert waited_s > 5
    await green.context.close()


async def test_the_keyboard_and_a_small_window(visitors: Visitors) -> None:
    page = await enter(visitors, "Red", width=390, height=844)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    for key, button in (("m", "microphone"), ("v", "camera")):
        await page.keyboard.press(key)
        await expect(page.locator(f"#{button}")).to_have_attribute("aria-pressed", "false")
    await expect(page.locator("#panel")).to_be_hidden()
    await page.keyboard.press("c")
    await expect(page.locator("#panel")).to_be_visible()
    await page.keyboard.press("c")
    await page.keyboard.press("b")
    await expect(page.locator("#drawing")).to_be_focused()
    blank = await page.evaluate("document.querySelector('#drawing').toDataURL()")
    await page.keyboard.down(" ")
    for _ in range(5):
        await page.keyboard.press("ArrowRight")
    await page.keyboard.up(" ")
    assert await page.evaluate("document.querySelector('#drawing').toDataURL()") != blank
    for _ in range(50):
        await page.keyboard.press("ArrowRight")
    pen, drawing = await page.locator(".pen g").bounding_box(), await page.locator("#drawing").bounding_box()
    assert pen
    assert drawing
    assert pen["x"] + pen["width"] / 2 == pytest.approx(drawing["x"] + drawing["width"], abs=1), "it stays on the board"

    await page.evaluate(NONSENSE)
    await expect(page.locator("#messages p", has_text="that was it")).to_have_count(1)
    await drawn(page, "spoke", 1)

    await page.click("#leave")
    await page.evaluate("location.hash = '50%'")
    await expect(page.locator("#room")).to_have_value("50%")
    await page.click("#enter .primary")
    await expect(page.locator("#call")).to_have_js_property("inert", value=False)
    for button in ("microphone", "camera"):
        await expect(page.locator(f"#{button}")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#map .own video")).to_be_visible()

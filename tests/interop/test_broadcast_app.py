"""The broadcast example as its guests have it.

one speaker, many viewers, late joiners         test_one_speaks_and_everybody_watches_late_comers_too
a raised hand makes a viewer a speaker          test_a_raised_hand_becomes_a_speaker_and_a_viewer_again
the right is taken back                         the same: the picture is gone for all, at once
the server decides, not the page                test_who_publishes_without_being_on_the_stage_is_refused
a speaker's switches                            test_a_speaker_mutes_and_steps_down
the host leaves                                 test_the_host_leaves_and_the_next_one_may_speak
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from support.pages import bare_page
from support.visitors import Visitors, shows, visiting
from support.waiting import until

pytestmark = pytest.mark.browser

SOUND = """() => [...document.querySelectorAll("#stage audio")]
  .filter(({srcObject, currentTime}) => srcObject.getTracks()[0].readyState === "live" && currentTime > 0)
  .map(({dataset}) => dataset.label)"""
SNEAK = """async () => {
  const peer = new SimplePeer(io());
  await peer.joinRoom("stage");
  const track = document.createElement("canvas").captureStream(5).getVideoTracks()[0];
  return peer.addTrack(track, "sneaked", true).then(() => "published", ({code, hint}) => [code, hint]);
}"""


@pytest_asyncio.fixture
async def visitors(browser: Browser) -> AsyncIterator[Visitors]:
    async with visiting(browser, "broadcast") as arriving:
        yield arriving


async def enter(visitors: Visitors, name: str, colour: str = "red") -> Page:
    page = await visitors.open(colour=colour)
    await page.fill("#name", name)
    await page.click("#enter .primary")
    await expect(page.locator("#audience")).to_contain_text(name)
    return page


async def sees(page: Page, pictures: dict[str, str]) -> None:
    """Exactly these on the stage, each in its own colour ("": without a picture)."""
    await shows(page, "#stage figure", "figcaption", pictures)


async def test_one_speaks_and_everybody_watches_late_comers_too(visitors: Visitors) -> None:
    host = await enter(visitors, "Peer 1", "red")
    viewers = [await enter(visitors, f"Peer {number}", "blue") for number in (2, 3)]
    for viewer in viewers:
        await expect(viewer.locator("#waiting")).to_be_visible()
        await expect(viewer.locator("#speak")).to_be_hidden()
        await expect(viewer.locator("#live")).to_be_hidden()
    await host.click("#speak")
    for viewer in viewers:
        await sees(viewer, {"Peer 1 · host": "red"})
        await expect(viewer.locator("#live")).to_be_visible()
    late = await enter(visitors, "Peer 4", "green")
    await sees(late, {"Peer 1 · host": "red"})
    await until(lambda: late.evaluate(SOUND), "the host's voice")
    assert await late.evaluate(SOUND) == ["microphone"]
    await sees(host, {"Peer 1 (you)": "red"})
    await expect(host.locator("#viewers")).to_have_text("4 people")


async def test_a_raised_hand_becomes_a_speaker_and_a_viewer_again(visitors: Visitors) -> None:
    host, viewer = await enter(visitors, "Peer 1", "red"), await enter(visitors, "Peer 2", "blue")
    other = await enter(visitors, "Peer 3", "green")
    await host.click("#speak")
    await sees(viewer, {"Peer 1 · host": "red"})

    await viewer.keyboard.press("h")
    await expect(viewer.locator("#hand")).to_have_attribute("aria-pressed", "true")
    await expect(host.locator("#toast")).to_have_text("Peer 2 raises a hand")
    await expect(host.locator("#waving")).to_have_text("1")
    await expect(other.locator("#audience button")).to_have_count(0)
    await host.get_by_role("button", name="Let speak").click()
    await expect(viewer.locator("#toast")).to_contain_text("You may speak")
    await viewer.click("#speak")
    await sees(host, {"Peer 1 (you)": "red", "Peer 2": "blue"})
    await expect(host.get_by_role("button", name="Ask off")).to_be_focused()  # the same one, wherever its row goes
    await sees(other, {"Peer 1 · host": "red", "Peer 2": "blue"})

    await host.get_by_role("button", name="Ask off").click()
    await expect(viewer.locator("#toast")).to_have_text("The host has asked you off the stage")
    await sees(other, {"Peer 1 · host": "red"})
    await sees(viewer, {"Peer 1 · host": "red"})
    await expect(viewer.locator("#speak")).to_be_hidden()
    await expect(viewer.locator("#hand span")).to_have_text("Raise hand")
    await expect(viewer.locator("#banner")).to_be_hidden()


async def test_a_speaker_mutes_and_steps_down(visitors: Visitors) -> None:
    host, viewer = await enter(visitors, "Peer 1", "red"), await enter(visitors, "Peer 2", "blue")
    await viewer.click("#hand")
    await host.get_by_role("button", name="Let speak").click()
    await viewer.click("#speak")
    await sees(host, {"Peer 2": "blue"})
    await expect(viewer.locator("#microphone")).to_be_visible()
    await viewer.keyboard.press("m")
    await expect(host.locator("#stage .muted figcaption")).to_have_text("Peer 2")
    await viewer.keyboard.press("v")
    await sees(host, {"Peer 2": ""})
    await expect(viewer.locator("#camera")).to_be_enabled()  # the host may hear of it before the speaker's page does
    await viewer.keyboard.press("v")
    await sees(host, {"Peer 2": "blue"})
    await viewer.click("#speak")
    await sees(host, {})
    await expect(viewer.locator("#speak")).to_be_hidden()
    await expect(host.get_by_role("button", name="Ask off")).to_have_count(0)


async def test_who_publishes_without_being_on_the_stage_is_refused(visitors: Visitors, browser: Browser) -> None:
    await enter(visitors, "Peer 1")
    stranger = await bare_page(browser, visitors.server.url)
    refused = await stranger.evaluate(SNEAK)
    await stranger.context.close()
    assert refused == ["not_on_stage", "raise your hand"]


async def test_the_host_leaves_and_the_next_one_may_speak(visitors: Visitors) -> None:
    host, viewer = await enter(visitors, "Peer 1", "red"), await enter(visitors, "Peer 2", "blue")
    await host.click("#speak")
    await sees(viewer, {"Peer 1 · host": "red"})
    await host.click("#leave")
    await expect(viewer.locator("#toast")).to_contain_text("you are the host now")
    await sees(viewer, {})
    await viewer.click("#speak")
    await sees(viewer, {"Peer 2 (you)": "blue"})
    await expect(host.locator("#door")).to_be_visible()

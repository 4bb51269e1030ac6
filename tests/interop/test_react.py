"""`simplesfu/react` in Chromium, on real React and a real server: what its users see and hear."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright
from support.chromium import FLAGS, ChromiumPage
from support.factories import Serve
from support.react_page import react_pages
from support.waiting import until

pytestmark = pytest.mark.browser


async def sees(viewer: ChromiumPage, peer_id: str, number: int) -> list[int | None]:
    """Wait until the element of that peer shows the number; what it has shown so far."""

    async def shows() -> list[int | None] | None:
        numbers: list[int | None] = await viewer.call("numbers", peerId=peer_id)
        return numbers if numbers and numbers[-1] == number else None

    shown: list[int | None] = await until(shows, f"{number} is seen of {peer_id}")
    return shown


async def comes_to(page: ChromiumPage, what: str, **expected: Any) -> dict[str, Any]:
    """Wait until the call is so; all of it then."""

    async def is_so() -> dict[str, Any] | None:
        state: dict[str, Any] = await page.call("state")
        return state if expected.items() <= state.items() else None

    state: dict[str, Any] = await until(is_so, what)
    return state


async def test_two_pages_see_and_hear_each_other(serve: Serve, browser: Browser) -> None:
    server = await serve()
    async with react_pages(browser, server.url) as (first, second):
        await first.call("paint", number=5)
        await first.call("hum", hertz=440)
        await second.call("paint", number=9)
        one = (await comes_to(first, "connected", state="connected"))["peerId"]
        other = (await comes_to(second, "connected", state="connected"))["peerId"]
        print(await sees(first, other, 9), await sees(second, one, 5))

        async def tone() -> bool:
            heard = await second.call("hear", peerId=one)
            return bool(abs(heard["hertz"] - 440) < 20)

        await until(tone, "the tone of the first page is heard on the second")
        assert await second.call("playback", peerId=one) | {"style": ""} == {
            "muted": False, "paused": False, "tracks": ["audio", "video"], "style": "",
        }

        await second.call("render", video={"mirrored": True, "fit": "contain", "muted": True})
        style = (await second.call("playback", peerId=one))["style"]
        assert "object-fit: contain" in style
        assert "scaleX(-1)" in style

        await first.call("render", away=True)  # its component is unmounted: that ends the call
        await comes_to(second, "the first is gone", peers=[], tracks=[])
        assert await second.call("elements") == 0
        await first.call("render", away=False)
        again = await comes_to(first, "connected anew", state="connected", localTracks=["camera", "voice"])
        await sees(second, again["peerId"], 5)


async def test_a_track_takes_anothers_place_without_a_gap(serve: Serve, browser: Browser) -> None:
    server = await serve()
    async with react_pages(browser, server.url) as (first, second):
        await first.call("paint", number=5)
        one = (await comes_to(first, "connected", state="connected"))["peerId"]
        await sees(second, one, 5)
        await first.call("paint", number=6)  # the same options: unseen
        shown = await sees(second, one, 6)
        await first.call("render", simulcast=True)  # others: their track is replaced by another one
        await first.call("paint", number=7, width=1280, height=720)
        shown = await sees(second, one, 7)
        print(shown)
        assert [number for number in shown if number is not None] == [5, 6, 7]
        await first.call("render", picture=None)
        await comes_to(second, "the picture is gone", tracks=[])
        assert (await second.call("playback", peerId=one))["tracks"] == []


async def test_where_the_browser_plays_no_sound_yet_the_picture_plays(serve: Serve) -> None:
    server = await serve()
    strict = [flag for flag in FLAGS if "autoplay" not in flag] + ["--autoplay-policy=user-gesture-required"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=strict)
        async with react_pages(browser, server.url, untouched=True) as (first, second):
            await first.call("paint", number=5)
            await first.call("hum", hertz=440)
            one = (await comes_to(first, "both are sent", localTracks=["camera", "voice"]))["peerId"]
            await sees(second, one, 5)
            before = await second.call("playback", peerId=one)
            await second.page.mouse.click(5, 5)

            async def sounds() -> bool:
                return not (await second.call("playback", peerId=one))["muted"]

            await until(sounds, "the click has let the sound through")
            after = await second.call("playback", peerId=one)
            print(before, after)
            assert (before["muted"], before["paused"]) == (True, False)
            assert (after["muted"], after["paused"]) == (False, False)
        await browser.close()

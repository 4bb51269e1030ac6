"""The harness itself: it reads what was painted and played, and it notices a freeze."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser
from support.caller import Caller
from support.chromium import new_page
from support.fluency import fluency
from support.page_only import page_server
from support.waiting import until


def test_fluency_of_even_frames() -> None:
    seen = fluency([i * 100 / 3 for i in range(300)], 0, 9990)
    print(seen)
    assert seen.freezes == ()
    assert seen.fps == pytest.approx(30, abs=0.2)


def test_fluency_counts_a_gap_and_a_picture_that_stops() -> None:
    frames = [time for time in range(0, 10_000, 33) if not 4000 < time < 4400 and time < 9000]
    seen = fluency(frames, 0, 10_000)
    print(seen)
    assert [round(gap, -2) for gap in seen.freezes] == [400, 1000]
    assert fluency([], 0, 1000).freezes == (1000,)


@pytest.mark.browser
async def test_page_reads_its_own_picture_and_tone(browser: Browser) -> None:
    with page_server() as url:
        callers = [Caller(await new_page(browser), number) for number in (1, 170, 255)]
        for caller in callers:
            await caller.page.open(url)
            picture = {"number": caller.number, "name": "mirror"}
            await caller.page.call("mirror", picture=picture, tone={"hertz": 440 + caller.number})

        for caller in callers:

            async def both(caller: Caller = caller) -> bool:
                seen = await caller.look()
                number, hertz = seen["self/picture"]["number"], seen["self/tone"]["hertz"]
                return bool(number == caller.number and abs(hertz - 440 - caller.number) < 10)

            await until(both, f"{caller.number} reads its own picture and tone")

        async def fluent() -> bool:
            start = await callers[0].now()
            await asyncio.sleep(3)
            seen = [(await caller.fluency_since(start))["self/picture"] for caller in callers]
            print(seen)
            return all(one.fps > 25 and not one.freezes for one in seen)

        await until(fluent, "three fluent seconds of every page", timeout_s=40)

        start = await callers[0].now()
        await callers[0].page.call("freezePainting", label="picture")
        await asyncio.sleep(1)
        seen = (await callers[0].fluency_since(start))["self/picture"]
        print("painting stopped:", seen)
        assert seen.freezes
        for caller in callers:
            await caller.page.close()

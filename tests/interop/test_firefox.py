"""Firefox and Chromium in one room, both ways."""

from __future__ import annotations

import pytest
from support.caller import Caller
from support.factories import Invite, Serve
from support.firefox import address_for_firefox, firefox_caller
from support.waiting import until

pytestmark = pytest.mark.browser


async def test_firefox_and_chromium_see_and_hear_each_other(serve: Serve, invite: Invite) -> None:
    server = await serve(media_host=address_for_firefox())
    chrome = await invite(server, 50, "room")
    async with firefox_caller(server, 51) as fox:
        await chrome.publish_video()
        await fox.publish_video()
        await chrome.publish_audio()
        await fox.publish_microphone()
        await fox.sees([chrome])
        await chrome.sees([fox])
        for name, caller in {"Firefox": fox, "Chromium": chrome}.items():

            async def fluent(name: str = name, caller: Caller = caller) -> bool:
                [(key, seen)] = (await caller.watch(5)).items()
                print(f"{name} of {key}: {seen}")
                # Firefox paints and plays on the processor here, so its own rate is no measure of the server.
                return seen.fps >= 10 and seen.longest_gap_ms < 1000

            await until(fluent, f"five fluent seconds in {name}", timeout_s=40)
        await chrome.hears([fox])

        async def energy() -> float:
            # Without a sound card Firefox's AudioContext stands still; its statistics tell what was decoded.
            heard: float = (await fox.received(chrome, "microphone")).get("totalAudioEnergy", 0.0)
            return heard

        print(f"Firefox heard an energy of {await until(energy, 'sound in Firefox'):.3f}")
    await chrome.sees([])


async def test_promises_and_explanations_hold_in_firefox_too(serve: Serve, invite: Invite) -> None:
    server = await serve(media_host=address_for_firefox())
    chrome = await invite(server, 52, "room")
    await chrome.publish_video(broadcast=False)
    async with firefox_caller(server, 53) as fox:
        connected = await fox.connect_to(chrome)
        print(connected)
        assert connected["ok"]
        assert connected["decoded"][f"{chrome.peer_id}/webcam"]["framesDecoded"] > 0
        await fox.sees([chrome])
        await until(lambda: fox.finds_nothing_wrong_with(chrome), "nothing is wrong")

        await fox.publish_video()
        await chrome.sees([fox])
        await fox.publish_video(number=153)  # the same kind again: nobody is told

        async def replaced() -> bool:
            return bool((await chrome.look())[f"{fox.peer_id}/webcam"]["number"] == 153)

        await until(replaced, "Firefox's other picture")
        assert len(await chrome.events("track")) == 1
        await fox.publish_video(number=154, width=640, height=480, options={"simulcast": True})

        async def in_sizes() -> bool:
            layers = [each for each in await fox.sent() if each.get("rid") and each.get("framesSent", 0) > 10]
            return {layer["frameHeight"] for layer in layers} == {240, 480}

        await until(in_sizes, "two sizes from Firefox", timeout_s=40)

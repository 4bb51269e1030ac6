"""Real browsers without cameras, without permission, without https, and with a device pulled out in mid-call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright
from support.chromium import FLAGS
from support.factories import Serve
from support.microphones import microphones
from support.pages import bare_page
from support.small_calls import JOIN, told
from support.waiting import until

pytestmark = pytest.mark.browser

CAPTURE = """(wanted) => SimplePeer.capture(wanted).then(
  (stream) => stream.getTracks().map(({kind}) => kind),
  ({code, message, hint, name}) => ({code, message, hint, name}))"""


def flags_without(*words: str) -> list[str]:
    return [flag for flag in FLAGS if not any(word in flag for word in words)]


@asynccontextmanager
async def chromium_with(flags: list[str], env: Mapping[str, str] | None = None) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=flags, env=dict(env) if env else None
        )
        try:
            yield browser
        finally:
            for context in browser.contexts:
                await context.close()  # its pages say goodbye
            await browser.close()


async def test_no_camera_and_no_https(serve: Serve) -> None:
    server = await serve()
    port = server.http_address[1]
    async with chromium_with([*flags_without("fake"), "--host-resolver-rules=MAP call.test 127.0.0.1"]) as browser:
        page = await bare_page(browser, server.url)
        refused = await page.evaluate(CAPTURE, {"video": True, "audio": True})
        print(refused)
        assert (refused["name"], refused["code"]) == ("SimplePeerError", "no_device")
        assert refused["message"] == "there is no camera and no microphone"

        page = await bare_page(browser, f"http://call.test:{port}")
        refused = await page.evaluate(CAPTURE, {"audio": True})
        print(refused)
        assert refused["code"] == "insecure_context"
        assert refused["message"].startswith(f"http://call.test:{port} is neither https nor localhost")
        assert refused["hint"] == "serve the page over https"


async def test_a_permission_is_refused_and_taken_back(serve: Serve) -> None:
    server = await serve()
    async with chromium_with(flags_without("fake-ui")) as browser:
        viewer, page = await bare_page(browser, server.url), await bare_page(browser, server.url)
        devtools = await page.context.new_cdp_session(page)
        where = (await devtools.send("Target.getTargetInfo"))["targetInfo"]["browserContextId"]

        async def permit(setting: str) -> None:
            for name in ("camera", "microphone"):
                await devtools.send(
                    "Browser.setPermission",
                    {"permission": {"name": name}, "setting": setting, "browserContextId": where},
                )

        await permit("denied")
        refused = await page.evaluate(CAPTURE, {"video": True})
        print(refused)
        assert (refused["code"], refused["message"]) == ("permission_refused", "the browser may not use the camera")
        assert "beside the address" in refused["hint"]

        await permit("granted")
        assert await page.evaluate(CAPTURE, {"video": True, "audio": True}) == ["audio", "video"]
        refused = await page.evaluate(CAPTURE, {"video": {"width": {"exact": 99_999}}})
        print(refused)
        assert (refused["code"], refused["message"]) == (
            "device_unsuitable", 'no device fits the constraint "width"')

        for one in (viewer, page):
            await one.evaluate(JOIN)
        await page.evaluate("""async () => {
          const [track] = (await SimplePeer.capture({video: true})).getVideoTracks();
          await peer.addTrack(track, "camera", true);
        }""")
        await told(viewer, "track", label="camera")
        await permit("denied")
        await told(page, "trackEnded", label="camera", reason="permission_revoked")
        await told(viewer, "trackRemoved", label="camera", reason="closed")


async def test_a_microphone_is_pulled_out_in_mid_call(serve: Serve) -> None:
    server = await serve()
    async with microphones() as devices:
        devices.plug("built-in")
        devices.plug("headset")
        async with chromium_with(flags_without("fake"), devices.environment) as browser:
            viewer, page = await bare_page(browser, server.url), await bare_page(browser, server.url)
            await page.context.grant_permissions(["microphone"])
            for one in (viewer, page):
                await one.evaluate(JOIN)
            refused = await page.evaluate(CAPTURE, {"video": True, "audio": True})
            assert (refused["code"], refused["message"]) == ("no_device", "there is no camera")
            assert "only what there is" in refused["hint"]
            await page.evaluate("""async () => {
              const headset = (await navigator.mediaDevices.enumerateDevices()).find(({label}) => label === "headset");
              const stream = await SimplePeer.capture({audio: {deviceId: {exact: headset.deviceId}}});
              await peer.addTrack(stream.getAudioTracks()[0], "microphone", true);
            }""")
            await told(viewer, "track", label="microphone")
            devices.pull("headset")
            await page.evaluate("navigator.mediaDevices.enumerateDevices()")  # else it is udev that has Chromium look
            await told(page, "trackEnded", label="microphone", reason="unplugged")
            await told(viewer, "trackRemoved", label="microphone", reason="closed")
            assert await page.evaluate(CAPTURE, {"audio": True}) == ["audio"], "the other one is still there"


async def test_sharing_ends_by_the_hand_of_the_user(serve: Serve) -> None:
    server = await serve()
    async with chromium_with([*flags_without("fake"), "--auto-select-tab-capture-source-by-title=Slides"]) as browser:
        viewer, page = await bare_page(browser, server.url), await bare_page(browser, server.url)
        slides = await page.context.new_page()
        await slides.goto("data:text/html,<title>Slides</title><h1>One")
        for one in (viewer, page):
            await one.evaluate(JOIN)
        await page.evaluate("""async () => {
          const [track] = (await SimplePeer.captureScreen()).getVideoTracks();
          await peer.addTrack(track, "screen", true);
        }""")
        await told(viewer, "track", label="screen")
        await slides.close()
        await told(page, "trackEnded", label="screen", reason="stopped_by_user")
        await told(viewer, "trackRemoved", label="screen", reason="closed")


async def test_sound_waits_for_the_first_gesture(serve: Serve) -> None:
    server = await serve()
    flags = [*flags_without("autoplay"), "--autoplay-policy=document-user-activation-required"]
    async with chromium_with(flags) as browser:
        page = await browser.new_page()
        await page.goto(server.url)
        devtools = await page.context.new_cdp_session(page)

        async def evaluate(expression: str) -> Any:
            """Playwright's own counts as a gesture."""
            answer = await devtools.send(
                "Runtime.evaluate",
                {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": False},
            )
            return answer["result"]["value"]

        refused = await evaluate("""(async () => {
          globalThis.element = document.createElement("audio");
          element.srcObject = new AudioContext().createMediaStreamDestination().stream;
          return SimplePeer.play(element).then(() => "it plays", ({code, hint}) => ({code, hint}));
        })()""")
        print(refused)
        assert refused["code"] == "playback_blocked"
        assert "first click" in refused["hint"]
        assert await evaluate("element.paused")
        await page.mouse.click(5, 5)
        await until(lambda: evaluate("!element.paused"), "sound after a click")
        assert await evaluate("SimplePeer.play(element).then(() => 'it plays')") == "it plays"

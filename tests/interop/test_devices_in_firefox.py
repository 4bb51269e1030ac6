"""Firefox without cameras, without permission, without https, without a click: the same errors as in Chromium."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.factories import Serve
from support.firefox import By, firefox
from support.waiting import until

pytestmark = pytest.mark.browser

ASKED, ALLOWED, BLOCKED = range(3)
REAL = {
    "media.navigator.streams.fake": False,
    "media.navigator.permission.disabled": False,
    "media.autoplay.default": 1,
    "media.autoplay.blocking_policy": 0,
    "network.dns.localDomains": "call.test",
}
RUN = "const [done] = arguments; (async () => {%s})().then(done, ({code, message}) => done({code, message}))"
SOUND = """document.body.append(Object.assign(document.createElement("button"), {textContent: "Listen"}));
  const sound = new AudioContext();
  const audio = document.body.appendChild(document.createElement("audio"));
  audio.srcObject = sound.createMediaStreamDestination().stream;
  await SimplePeer.play(audio);"""


async def test_no_device_no_permission_no_click_no_https(serve: Serve) -> None:
    server = await serve()
    async with firefox() as page:
        driver = page._driver

        async def run(code: str) -> Any:
            return await asyncio.to_thread(driver.execute_async_script, RUN % code, sandbox=None)

        async def refused(code: str) -> tuple[str, str]:
            error = await run(code)
            print(error)
            return error["code"], error["message"]

        await asyncio.to_thread(driver.set_prefs, REAL)
        await page.open(server.url)
        assert await refused("await SimplePeer.capture()") == ("no_device", "there is no camera and no microphone")

        def devices(permission: int) -> dict[str, Any]:
            names = ("permissions.default.camera", "permissions.default.microphone")
            return {"media.navigator.streams.fake": True, **dict.fromkeys(names, permission)}

        await asyncio.to_thread(driver.set_prefs, devices(BLOCKED))
        assert await refused("await SimplePeer.capture({video: true})") == (
            "permission_refused", "the browser may not use the camera")
        await asyncio.to_thread(driver.set_prefs, devices(ALLOWED))
        code, _ = await refused("await SimplePeer.capture({video: {width: {exact: 99999}}})")
        assert code == "device_unsuitable"
        kinds = await run("return (await SimplePeer.capture()).getTracks().map(({kind}) => kind)")
        assert sorted(kinds) == ["audio", "video"]

        code, _ = await refused("await SimplePeer.captureScreen()")
        assert code == "needs_gesture"
        await asyncio.to_thread(driver.set_prefs, devices(ASKED))  # a page that may film may play what it likes
        await page.open(server.url)
        code, _ = await refused(SOUND)
        assert code == "playback_blocked"
        await asyncio.to_thread(lambda: driver.find_element(By.TAG_NAME, "button").click())
        await until(lambda: run("return !document.querySelector('audio').paused"), "sound after a click")

        await page.open(server.url.replace("127.0.0.1", "call.test"))
        code, _ = await refused("await SimplePeer.capture({audio: true})")
        assert code == "insecure_context"

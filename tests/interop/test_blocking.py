"""What the application does with its own thread is no matter to the call that runs."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.factories import Invite, Serve
from support.watch import judge_all

pytestmark = pytest.mark.browser

BLOCKED_S = 3


@pytest.mark.parametrize(
    ("app", "how"),
    [("asgi", "block"), ("asgi", "burn"), ("flask", "burn")],
    ids=["asyncio-sleeps", "asyncio-computes", "flask-computes"],
)
async def test_a_busy_application_freezes_nobody(serve: Serve, invite: Invite, app: str, how: str) -> None:
    server = await serve(app)
    alice, bob = [await invite(server, number, "room") for number in (40, 41)]
    await asyncio.gather(alice.publish_video(), alice.publish_audio(), bob.publish_video())
    await bob.sees([alice])
    await alice.sees([bob])

    async def keep_busy() -> None:
        began = time.monotonic()
        busy = asyncio.create_task(server.get(f"/_{how}?s={BLOCKED_S}"))
        await asyncio.sleep(0.3)
        await server.stats()
        answered_s = time.monotonic() - began
        await busy
        await bob.hears([alice])
        print(f"{app} {how}: another request was answered after {answered_s:.1f} s")
        if app == "asgi":
            assert answered_s > BLOCKED_S - 0.1, "the application was not busy at all"

    await judge_all([(bob, alice)], keep_busy)

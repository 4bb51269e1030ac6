"""pymediasoup, a Python client on aiortc, and Chromium see each other."""

from __future__ import annotations

import time

import pytest
from support.factories import Invite, Serve
from support.fluency import fluency
from support.machine import outward_address
from support.pymediasoup_peer import PymediasoupPeer
from support.waiting import until

pytestmark = pytest.mark.browser


async def test_pymediasoup_and_chromium_see_each_other(serve: Serve, invite: Invite) -> None:
    # aioice gathers no loopback candidates; over another address of this machine it needs none.
    server = await serve(media_host=outward_address() or "127.0.0.1")
    chrome = await invite(server, 70, "room")
    await chrome.publish_video()
    async with PymediasoupPeer(server.url, 71) as python:
        await python.ask("joinRoom", roomId="room")
        available = await python.told("producerAvailable", peerId=chrome.peer_id)
        await python.watch(available["producerId"])
        await python.publish()
        await until(lambda: python.numbers[-1:] == [70], "pymediasoup sees Chromium's number")

        async def chrome_sees() -> bool:
            seen = await chrome.look()
            return [sight["number"] for sight in seen.values()] == [71]

        await until(chrome_sees, "Chromium sees pymediasoup's number")

        async def fluent() -> bool:
            start_ms = time.monotonic() * 1000
            [seen] = (await chrome.watch(5)).values()
            read = fluency(python.frames_ms, start_ms, time.monotonic() * 1000)
            print(f"Chromium: {seen}; pymediasoup: {read}")
            return all(there.fps >= 20 and there.longest_gap_ms < 1000 for there in (seen, read))

        await until(fluent, "five fluent seconds in both", timeout_s=40)
        assert set(python.numbers[-50:]) == {70}
    await chrome.sees([])

"""SimplePeer.checkNetwork() where all is open, before a call and in the middle of one, and where nobody answers."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser
from support.factories import Invite, Serve
from support.firefox import address_for_firefox, firefox
from support.pages import bare_page
from support.watch import judge_all

pytestmark = pytest.mark.browser


async def test_before_a_call_and_then_the_call(serve: Serve, browser: Browser) -> None:
    server = await serve()
    page = await bare_page(browser, server.url)
    seen = await page.evaluate("""async () => {
        const socket = io();
        const first = await SimplePeer.checkNetwork(socket);
        const [second, room] = await Promise.all([
            SimplePeer.checkNetwork(socket),
            new SimplePeer(socket).joinRoom("room"),
        ]);
        return {reports: [first, second], room};
    }""")
    for report in seen["reports"]:
        print(report["summary"], report["udp"]["message"], report["tcp"]["message"], report["turn"]["message"])
        assert report["ok"]
        assert report["udp"]["ok"]
        assert report["udp"]["rttMs"] is not None
        assert report["tcp"]["ok"]
        assert not report["turn"]["ok"]
        assert "turn_urls" in report["turn"]["hint"]
    assert seen["room"] == {"peerIds": []}
    assert len(await server.heard("peer_joined")) == 1, "the one who joined; those who checked were never seen"
    stats = await server.stats()
    assert stats["live"]["WebRtcTransport"] == 0, "nothing is left of the checks"
    await page.context.close()


async def test_in_the_middle_of_a_call(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob = await invite(server, 30, "room"), await invite(server, 31, "room")
    await alice.publish_video()
    await bob.sees([alice])

    async def both_check() -> None:
        for caller in (alice, bob):
            report = await caller.page.call("checkNetwork")
            print(f"{report['tookMs']:.0f} ms: {report['summary']}")
            assert report["ok"]

    await judge_all([(bob, alice)], both_check)
    snapshot = await bob.snapshot()
    assert len(snapshot["transports"]) == 1, "a probe is no transport of the peer's"


async def test_where_nobody_answers(serve: Serve, browser: Browser) -> None:
    page = await bare_page(browser, (await serve()).url)
    refusals = await page.evaluate("""() => Promise.all(
        [io("http://127.0.0.1:9", {reconnection: false}), {}].map((socket) =>
            SimplePeer.checkNetwork(socket, {timeoutMs: 1000}).catch(({name, code, hint}) => ({name, code, hint}))),
    )""")
    print(refusals)
    assert [refusal["code"] for refusal in refusals] == ["disconnected", "bad_request"]
    assert all(refusal["name"] == "SimplePeerError" and refusal["hint"] for refusal in refusals)
    await page.context.close()


async def test_in_firefox(serve: Serve) -> None:
    server = await serve(media_host=address_for_firefox())
    async with firefox() as page:
        await page.open(server.url)
        report = await page.call("checkNetwork")
        print(f"{report['tookMs']:.0f} ms: {report}")
        assert report["udp"]["ok"]
        assert report["tcp"]["ok"]
        await page.call("close")

"""Links as people in browsers see them: who is seen, what is sent to whom, and what a change of carrier costs."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest
from playwright.async_api import Page
from support.caller import Caller
from support.chromium import ChromiumPage, chromium, new_page
from support.factories import Invite, Serve
from support.firefox import address_for_firefox, firefox_caller
from support.server import MediaServer
from support.waiting import until
from support.watch import Watch, attempt_with_processor, require_fluent

pytestmark = pytest.mark.browser

MAX_FREEZE_MS = 500


async def publish(*callers: Caller) -> None:
    await asyncio.gather(*(caller.publish_video() for caller in callers))
    await asyncio.gather(*(caller.publish_audio() for caller in callers))


async def links(caller: Caller) -> dict[str, Any]:
    """{topology, carriers: {peerId: "mesh" | "sfu"}, reports: {peerId: [an entry of RTCStatsReport, …]}}."""
    answer: dict[str, Any] = await caller.page.call("links")
    return answer


async def carried(by: str, *callers: Caller) -> None:
    """Wait until all pairs are carried so, and links are there for them, or are gone."""

    async def all_so() -> bool:
        for caller in callers:
            now = await links(caller)
            others = {other.peer_id for other in callers if other is not caller}
            wanted = others if by == "mesh" else set()
            if now["carriers"] != dict.fromkeys(others, by) or now["reports"].keys() != wanted:
                return False
        return True

    await until(all_so, f"{len(callers)} callers by {by}", timeout_s=20)


async def media_through(server: MediaServer) -> int:
    """Packets of media that have come to the server."""
    packets: int = (await server.stats())["media"]["plane"]["ingress"]["media"]
    return packets


def entries(report: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [entry for entry in report if entry["type"] == kind]


async def states(caller: Caller) -> list[tuple[str, str]]:
    """Of its links, in order: state and reason."""
    changes = await caller.events("connectionStateChange")
    return [(change["state"], change["reason"]) for change in changes if change["direction"] == "mesh"]


async def test_three_in_a_mesh(serve: Serve, invite: Invite) -> None:
    server = await serve()
    callers = [await invite(server, number, "room", topology="mesh") for number in (1, 2, 3)]
    await publish(*callers)
    for caller in callers:
        others = [other for other in callers if other is not caller]
        await caller.sees(others)
        await caller.hears(others)
    await carried("mesh", *callers)
    for caller in callers:
        for report in (await links(caller))["reports"].values():
            assert len(entries(report, "transport")) == 1
            assert len(entries(report, "inbound-rtp")) == len(entries(report, "outbound-rtp")) == 2
    assert await media_through(server) == 0
    first, second, third = callers
    await third.vanish()
    await asyncio.gather(first.sees([second], 5), second.sees([first], 5))
    removed = {event["label"]: event["reason"] for event in await first.events("trackRemoved")}
    assert removed == {"webcam": "peer_left", "microphone": "peer_left"}
    assert [event["peerId"] for event in await first.events("peerDisconnection")] == [third.peer_id]
    await carried("mesh", first, second)


async def pair(serve: Serve, invite: Invite, **options: Any) -> tuple[Caller, Caller]:
    """Two with a link; the second sees the first."""
    server = await serve()
    alice, bob = [await invite(server, number, "room", topology="mesh") for number in (10, 11)]
    await alice.publish_video(**options)
    await bob.sees([alice])
    return alice, bob


async def outbound(caller: Caller) -> dict[str, Any]:
    """Of its one video on its one link."""
    [report] = (await links(caller))["reports"].values()
    [video] = [entry for entry in entries(report, "outbound-rtp") if entry["kind"] == "video"]
    return video


async def test_limits_and_pauses_of_the_viewer_reach_the_sender(serve: Serve, invite: Invite) -> None:
    keep = {"degradationPreference": "maintain-resolution"}  # however little the processor leaves
    alice, bob = await pair(serve, invite, width=640, height=360, options=keep)

    async def has(height: int, fps: range) -> bool:
        sent = await outbound(alice)
        return sent.get("frameHeight") == height and int(sent.get("framesPerSecond", 0)) in fps

    await until(lambda: has(360, range(10, 32)), "all of it")
    await bob.ask("setPreferredLayers", alice.peer_id, {"spatialLayer": 0, "maxFrameRate": 5})
    await until(lambda: has(180, range(3, 8)), "half the size, five frames a second")
    await bob.ask("setPreferredLayers", alice.peer_id, {})
    await until(lambda: has(360, range(10, 32)), "all of it again")

    await bob.ask("pausePeer", alice.peer_id)

    async def stands_still() -> bool:
        before = (await outbound(alice))["bytesSent"]
        await asyncio.sleep(1)
        return bool((await outbound(alice))["bytesSent"] == before)

    await until(stands_still, "nothing is sent to who has paused")
    await bob.ask("resumePeer", alice.peer_id)
    await until(lambda: has(360, range(10, 32)), "all of it again")
    await alice.unpublish()
    await bob.sees([])
    [removed] = await bob.events("trackRemoved")
    assert removed["reason"] == "closed"
    await alice.publish_video(number=12)
    alice.number = 12
    await bob.sees([alice])


async def test_options_of_addtrack_hold_on_links(serve: Serve, invite: Invite) -> None:
    alice, bob = await pair(serve, invite, width=640, height=360, options={"codec": "VP9", "maxBitrate": 150_000})
    assert (await bob.received(alice))["mimeType"] == "video/VP9"
    await asyncio.sleep(2)
    before = await outbound(alice)
    await asyncio.sleep(3)
    after = await outbound(alice)
    bitrate = (after["bytesSent"] - before["bytesSent"]) * 8000 / (after["timestamp"] - before["timestamp"])
    print(f"{bitrate / 1000:.0f} kbps of at most 150, target {after.get('targetBitrate')}")
    assert after["targetBitrate"] <= 150_000
    assert bitrate < 200_000


async def test_a_replaced_track_is_the_same_to_its_viewer(serve: Serve, invite: Invite) -> None:
    alice, bob = await pair(serve, invite)
    await alice.publish_video(number=12)

    async def replaced() -> bool:
        return bool((await bob.look())[f"{alice.peer_id}/webcam"]["number"] == 12)

    await until(replaced, "the other picture")
    assert len(await bob.events("track")) == 1
    assert (await bob.connect_to(alice))["ok"]
    await until(lambda: bob.finds_nothing_wrong_with(alice), "nothing is wrong")


KEEP_CONNECTIONS = """() => {
    window.connections = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...args) { super(...args); connections.push(this); }
    };
}"""


async def test_a_link_that_is_lost_is_made_anew(serve: Serve, invite: Invite) -> None:
    server = await serve()
    pages = [await invite(server, number, topology="mesh") for number in (20, 21)]
    for caller in pages:
        await page_of(caller).evaluate(KEEP_CONNECTIONS)
        await caller.join("room")
    alice, bob = pages
    await publish(alice, bob)
    await alice.sees([bob])
    await bob.sees([alice])
    since = await bob.now()
    await page_of(alice).evaluate("connections.at(-1).close()")

    async def again() -> bool:
        return [state for state, _ in await states(bob)].count("connected") == 2

    try:
        await until(again, "another connection")
    finally:
        print(f"{await states(alice)}; {await states(bob)}")
    await bob.sees([alice])
    await alice.sees([bob])
    seen = await bob.shown_since(since, [alice])
    print(f"the picture of the other connection after {seen} ms")


async def test_a_link_that_cannot_come_about_is_given_up(serve: Serve, invite: Invite) -> None:
    server = await serve()
    hidden = {"iceTransportPolicy": "relay"}  # and there is no TURN server
    alice, bob = [await invite(server, number, "mesh", topology="mesh", **hidden) for number in (30, 31)]
    began = await bob.now()
    await alice.publish_video()
    gave_up = await until(lambda: failed(bob), "bob has given up")
    print(f"given up {gave_up['at'] - began:.0f} ms after the join: {gave_up['reason']}")
    assert gave_up["reason"] == "no_network_path"
    assert await until(lambda: failed(alice), "alice, too")
    explained = await bob.explain(alice)
    print(explained)
    assert not explained["ok"]
    assert explained["code"] == "link_failed"


async def test_auto_goes_by_the_server_when_there_is_no_direct_way(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob = [await invite(server, number, topology="auto") for number in (32, 33)]
    for caller in (alice, bob):
        await page_of(caller).evaluate(NO_WAY)
        await caller.join("room")
    await publish(alice, bob)
    await alice.sees([bob])
    await bob.sees([alice])
    await carried("sfu", alice, bob)
    changes = [(change["carrier"], change["reason"]) for change in await bob.events("carrierChange")]
    print(changes, await states(bob))
    assert changes == [("mesh", "two_peers"), ("sfu", "unreachable")]
    assert ("failed", "no_network_path") in await states(bob)


NO_WAY = """() => {
    const {setRemoteDescription} = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.addIceCandidate = async () => {};
    RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
        const server = sdp.includes("a=ice-lite");
        return setRemoteDescription.call(this, {type, sdp: server ? sdp : sdp.replace(/^a=candidate.*\\r\\n/gm, "")});
    };
}"""
"""No candidate of another browser is of any use; those of the server are."""


def page_of(caller: Caller) -> Page:
    assert isinstance(caller.page, ChromiumPage)
    return caller.page.page


async def failed(caller: Caller) -> dict[str, Any] | None:
    changes = await caller.events("connectionStateChange")
    return next((change for change in changes if (change["direction"], change["state"]) == ("mesh", "failed")), None)


async def linked(server: MediaServer, invite: Invite, *numbers: int, topology: str) -> tuple[Caller, Caller]:
    """Two who see each other over a link."""
    one, other = [await invite(server, number, "room", topology=topology) for number in numbers]
    await publish(one, other)
    await one.sees([other])
    await other.sees([one])
    await carried("mesh", one, other)
    return one, other


async def test_from_two_to_three_and_back_without_a_freeze(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob = await linked(server, invite, 40, 41, topology="auto")
    pairs = list(permutations((alice, bob)))

    async def there_and_back(watches: list[Watch]) -> None:
        carol = await invite(server, 42, "room", topology="auto")
        try:
            await publish(carol)
            await carol.sees([alice, bob])
            await alice.sees([bob, carol])
            await carried("sfu", alice, bob, carol)
            await fluent("from two to three", watches)
            back = [await Watch.begin(*pair) for pair in pairs]
        finally:
            await carol.vanish()
        await carried("mesh", alice, bob)
        await asyncio.sleep(2)
        await fluent("from three to two", back)
        await alice.hears([bob])

    await attempt_with_processor(pairs, there_and_back)


async def test_another_topology_in_mid_call_without_a_freeze(serve: Serve, invite: Invite) -> None:
    server = await serve(mesh_settle_s=1)
    alice, bob = await linked(server, invite, 43, 44, topology="mesh")
    pairs = list(permutations((alice, bob)))

    async def switch(topology: str) -> None:
        assert await alice.ask("setTopology", topology) == topology
        await carried(topology, alice, bob)
        await asyncio.sleep(2)

    async def there_and_back(watches: list[Watch]) -> None:
        await switch("sfu")
        await fluent("from mesh to sfu", watches)
        back = [await Watch.begin(*pair) for pair in pairs]
        await switch("mesh")
        await fluent("from sfu to mesh", back)
        await alice.hears([bob])
        await bob.hears([alice])

    await attempt_with_processor(pairs, there_and_back)
    reasons = [event["reason"] for event in await bob.events("trackRemoved")]
    assert set(reasons) == {"replaced"}


async def fluent(what: str, watches: list[Watch]) -> None:
    seen = [await watch.seen() for watch in watches]
    print(f"{what}: longest freezes {[round(each.longest_gap_ms) for each in seen]} ms; {', '.join(map(str, seen))}")
    require_fluent(max(each.longest_gap_ms for each in seen) < MAX_FREEZE_MS, what)


async def test_firefox_and_chromium_have_a_link(serve: Serve, invite: Invite) -> None:
    server = await serve(media_host=address_for_firefox())
    chrome = await invite(server, 50, "room", topology="mesh")
    async with firefox_caller(server, 51, topology="mesh") as fox:
        await chrome.publish_video()
        await fox.publish_video()
        await chrome.publish_audio()
        await fox.publish_microphone()
        await fox.sees([chrome])
        await chrome.sees([fox])
        await chrome.hears([fox])
        await carried("mesh", fox, chrome)
        await fox.ask("pausePeer", chrome.peer_id, "webcam")
        await fox.ask("resumePeer", chrome.peer_id, "webcam")
        await fox.publish_video(label="second", number=52)
        await chrome.publish_video(label="second", number=53)

        async def both() -> bool:
            [one, other] = [await caller.look() for caller in (fox, chrome)]
            seconds = one.get(f"{chrome.peer_id}/second", {}), other.get(f"{fox.peer_id}/second", {})
            return [second.get("number") for second in seconds] == [53, 52]

        await until(both, "a second picture each way")
        assert await media_through(server) == 0
    await chrome.sees([])


async def test_names_in_place_of_local_addresses_lead_to_each_other(serve: Serve) -> None:
    """Before a page has been given a camera or a microphone Chromium tells others a name for its address."""
    server = await serve()
    async with chromium(without=("--use-fake-ui-for-media-stream",)) as browser:
        alice, bob = callers = [Caller(await new_page(browser), number) for number in (60, 61)]
        for caller in callers:
            await caller.open(server.url, topology="mesh")
            await caller.join("room")
        await alice.publish_video()
        await bob.sees([alice])
        [report] = (await links(bob))["reports"].values()
        hosts = [entry for entry in entries(report, "remote-candidate") if entry["candidateType"] == "host"]
        print([(entry.get("address"), entry["protocol"]) for entry in hosts])
        assert hosts
        assert not any(entry.get("address") for entry in hosts)
        for caller in callers:
            await caller.close()

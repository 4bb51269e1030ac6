"""Data through a real server: Chromium, Firefox and pymediasoup, in every size, to one and to all."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from support.caller import Caller
from support.factories import Divert, Invite, Serve
from support.firefox import address_for_firefox, firefox_caller
from support.messages import Seen, expected, message
from support.pymediasoup_data import PymediasoupDataPeer
from support.signalling import RefusedError
from support.udp_proxy import Weather
from support.waiting import until

pytestmark = pytest.mark.browser

KIB = 1024


async def listen(*callers: Caller) -> None:
    """Returns when each has its channels: "data" reaches those who listen."""
    for caller in callers:
        await caller.page.call("listenToData")
    for caller in callers:
        await until(lambda caller=caller: receives(caller), "channels from the server")


async def receives(caller: Caller) -> bool:
    transports = (await caller.ask("getStats"))["server"]["transports"]
    return sum(len(transport["dataConsumers"]) for transport in transports) == 2


async def heard(caller: Caller) -> list[Seen]:
    return [Seen.from_page(seen) for seen in await caller.page.call("heardData")]


async def hears(caller: Caller, wanted: list[Seen], timeout_s: float = 30.0) -> None:
    """Wait until it has heard as many, and see that they are these, in this order."""

    async def enough() -> bool:
        return len(await heard(caller)) >= len(wanted)

    await until(enough, f"caller {caller.number} hears {len(wanted)} messages", timeout_s=timeout_s)
    assert await heard(caller) == wanted


async def send(caller: Caller, **what: Any) -> dict[str, float]:
    told: dict[str, float] = await caller.page.call("sendData", **what)
    return told


async def test_every_size_and_kind_to_all_and_to_one(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob, carol = [await invite(server, number, "room") for number in (1, 2, 3)]
    stranger = await invite(server, 4, "another room")
    await listen(alice, bob, carol, stranger)
    sizes = [8, 1000, 16 * KIB, 16 * KIB + 1, 100_000, 256 * KIB]
    wanted = []
    for number, size in enumerate(sizes):
        for text in (False, True):
            await send(alice, first=number, size=size, text=text, label="data")
            wanted += expected(alice.peer_id, range(number, number + 1), size, text=text, label="data")
    await send(alice, size=100, to=bob.peer_id)
    await send(alice, size=100, to=stranger.peer_id)
    await hears(carol, wanted)
    await hears(bob, wanted + expected(alice.peer_id, range(1), 100, text=False, label=""))
    # What follows in order shows that nothing came before it.
    await send(bob, size=50, label="back")
    await hears(alice, expected(bob.peer_id, range(1), 50, text=False, label="back"))
    assert await heard(stranger) == []


async def test_empty_messages_and_those_too_long(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob = [await invite(server, number, "room") for number in (1, 2)]
    await listen(bob)
    await alice.ask("send", "", {"label": "empty"})
    await alice.ask("send", "ż" * (128 * KIB), {"label": "just"})
    with pytest.raises(RefusedError) as refused:
        await alice.ask("send", "x" * (256 * KIB + 1))
    assert refused.value.code == "bad_request"
    with pytest.raises(RefusedError) as refused:
        await alice.ask("send", 5)
    assert refused.value.code == "bad_request"
    await hears(bob, [Seen.of(alice.peer_id, "", "empty"), Seen.of(alice.peer_id, "ż" * (128 * KIB), "just")])


async def test_ten_megabytes_in_order_with_back_pressure(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob = [await invite(server, number, "room") for number in (1, 2)]
    await listen(bob)
    told = await send(alice, count=40, size=256 * KIB, label="file")
    wanted = expected(alice.peer_id, range(40), 256 * KIB, text=False, label="file")
    await hears(bob, wanted, timeout_s=60)
    times = [seen["at"] for seen in await bob.page.call("heardData")]
    rate = 39 * 256 / KIB / ((times[-1] - times[0]) / 1000)
    stats = (await server.stats())["media"]
    print(f"{rate:.1f} MiB/s; sent after {told['tookMs']:.0f} ms; {stats['engine']['rejects']} {stats.get('data')}")
    assert told["mostBuffered"] < 1024 * KIB, "await send() did not wait"
    assert rate > 0.5


async def test_what_may_be_lost_does_not_stall_at_ten_percent(serve: Serve, invite: Invite, divert: Divert) -> None:
    server = await serve()
    ways = [divert(server, seed=seed) for seed in (1, 2)]
    alice, bob = [await invite(server, number, "room", via=way) for number, way in zip((1, 2), ways, strict=True)]
    await listen(bob)
    await send(alice, size=8, reliable=False, label="first")
    for way in ways:
        way.set_weather(up=Weather(loss=0.1, delay_ms=10), down=Weather(loss=0.1, delay_ms=10))
    count, every_ms = 300, 20

    async def longest_gap(attempt: int) -> float:
        position, end = f"position {attempt}", f"end {attempt}"
        await send(alice, count=count, size=100, everyMs=every_ms, reliable=False, label=position)
        await send(alice, size=100, label=end)

        async def has_ended() -> bool:
            return any(seen.label == end for seen in await heard(bob))

        await until(has_ended, "the end, which is reliable", timeout_s=30)
        times = [seen["at"] for seen in await bob.page.call("heardData") if seen["label"] == position]
        gap: float = max(later - earlier for earlier, later in itertools.pairwise(times))
        print(f"{len(times)} of {count}, the longest gap {gap:.0f} ms; {ways[0].up_tally}, {ways[1].down_tally}")
        assert len(times) > 0.8 * count
        return gap

    gaps: list[float] = []
    while not gaps or gaps[-1] >= 1000:  # a stall of the machine does not come again and again
        gaps.append(await longest_gap(len(gaps)))
        assert len(gaps) < 4


async def test_reliable_messages_survive_loss(serve: Serve, invite: Invite, divert: Divert) -> None:
    server = await serve()
    way = divert(server)
    alice = await invite(server, 1, "room", via=way)
    bob = await invite(server, 2, "room", via=way)
    await listen(bob)
    way.set_weather(up=Weather(loss=0.05), down=Weather(loss=0.05))
    await send(alice, count=50, size=5000, label="chat")
    await hears(bob, expected(alice.peer_id, range(50), 5000, text=False, label="chat"), timeout_s=60)


async def test_quarter_mebibytes_between_chromium_firefox_and_pymediasoup(serve: Serve, invite: Invite) -> None:
    server = await serve(media_host=address_for_firefox())
    chrome = await invite(server, 1, "room")
    async with firefox_caller(server, 2) as fox, PymediasoupDataPeer(server.url, 3) as python:
        await python.ask("joinRoom", roomId="room")
        await python.open_data("file")
        await listen(chrome, fox)
        size = 256 * KIB
        for text in (False, True):
            for caller in (chrome, fox):
                await send(caller, count=3, size=size, text=text, label="file")
            for number in range(3):
                await python.send(message(number, size, text=text), label="file")
        peers = [chrome.peer_id, fox.peer_id, python.peer_id]
        sent = {
            peer_id: [one for text in (False, True) for one in
                      expected(peer_id, range(3), size, text=text, label="file")]
            for peer_id in peers
        }

        async def all_heard() -> bool:
            return {len(await heard(chrome)), len(await heard(fox)), len(python.heard)} == {12}

        await until(all_heard, "twelve messages each", timeout_s=60)
        for me, mine in zip(peers, (await heard(chrome), await heard(fox), python.heard), strict=True):
            for other in peers:
                assert [seen for seen in mine if seen.sender == other] == ([] if other == me else sent[other])

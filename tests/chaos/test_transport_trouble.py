"""Transports that break under a call, from the network's side and from the server's. The user's code does nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.caller import Caller
from support.factories import Divert, Invite, Serve
from support.ledger import books_agree
from support.server import MediaServer
from support.udp_proxy import CALM, UdpProxy, Weather
from support.waiting import until

pytestmark = pytest.mark.browser

AWAY = Weather(loss=1)
CONSENT_TIMEOUT_S = 4.0
"""Instead of 30: then the server gives up before the browser does."""
RESTART_S = 40.0
"""The browser notices after 5-15 s that nothing comes back; then the client mends."""


async def call_through(serve: Serve, divert: Divert, invite: Invite, **options: Any) -> tuple[
    MediaServer, UdpProxy, Caller, Caller
]:  # fmt: skip
    """Alice's media goes a way that can break; bob's does not. Both see each other."""
    server = await serve(**options)
    way = divert(server)
    alice, bob = await invite(server, 140, "room", via=way), await invite(server, 141, "room")
    for caller in (alice, bob):
        await caller.publish_video()
    await alice.sees([bob])
    await bob.sees([alice])
    return server, way, alice, bob


async def producer_ids(server: MediaServer) -> dict[str, str]:
    """By "peer id/label"."""
    peers = await server.peers()
    return {f"{id}/{producer['label']}": producer["id"] for id, peer in peers.items() for producer in peer["producers"]}


async def pictures_are_back(callers: list[Caller], timeout_s: float = RESTART_S) -> None:
    for caller in callers:
        start_ms, others = await caller.now(), [other for other in callers if other is not caller]
        back_ms = await until(
            lambda caller=caller, start_ms=start_ms, others=others: caller.shown_since(start_ms, others, frames=30),
            f"the picture at caller {caller.number} is back", timeout_s=timeout_s,
        )  # fmt: skip
        print(f"caller {caller.number}: thirty frames after {back_ms / 1000:.1f} s")


async def unharmed(server: MediaServer, callers: list[Caller], before: dict[str, str]) -> None:
    """Nobody was told that anybody or anything went; the books agree; the producers are the same.

    Only one who receives over another transport now has been given another track for the one before.
    """
    await books_agree(server, callers)
    assert await producer_ids(server) == before
    for caller in callers:
        assert {event["reason"] for event in await caller.events("trackRemoved")} <= {"replaced"}
        assert not await caller.events("peerDisconnection")
        assert not await caller.events("error")


async def state_changes(caller: Caller) -> list[tuple[str, str, str]]:
    """What the page was told of its transports: direction, state and reason."""
    changes = await caller.events("connectionStateChange")
    print(*(f"{change['at'] / 1000:6.1f} s {change['direction']} {change['state']} {change['reason']}"
            for change in changes), sep="\n")  # fmt: skip
    return [(change["direction"], change["state"], change["reason"]) for change in changes]


async def test_a_network_that_was_away_is_mended_by_an_ice_restart(
    serve: Serve, divert: Divert, invite: Invite
) -> None:
    server, way, alice, bob = await call_through(serve, divert, invite)
    before = await producer_ids(server)
    way.set_weather(up=AWAY, down=AWAY)
    await until(lambda: alice.events("iceRestart"), "the client restarts ICE by itself", timeout_s=RESTART_S)

    async def both_noticed() -> bool:
        changes = await alice.events("connectionStateChange")
        return {"send", "recv"} <= {one["direction"] for one in changes if one["state"] in ("disconnected", "failed")}

    await until(both_noticed, "the loss is noticed in both directions", timeout_s=RESTART_S)
    way.rebind()
    way.set_weather(up=CALM, down=CALM)
    await pictures_are_back([alice, bob])
    changes = await state_changes(alice)
    await unharmed(server, [alice, bob], before)
    assert not await alice.events("trackRemoved"), "it is the same transport"
    for direction in ("send", "recv"):
        of_it = [(state, reason) for one, state, reason in changes if one == direction]
        assert of_it[-1][0] == "connected"
        assert [reason for state, reason in of_it if state in ("disconnected", "failed") and reason]


async def test_a_network_that_was_away_for_long_is_mended_by_new_transports(
    serve: Serve, divert: Divert, invite: Invite
) -> None:
    """Away until the restart has had its chance and the client has begun to build anew."""
    server, way, alice, bob = await call_through(serve, divert, invite, consent_timeout_s=CONSENT_TIMEOUT_S)
    before, old = await producer_ids(server), await transports(server, alice)
    way.set_weather(up=AWAY, down=AWAY)

    async def built_anew() -> bool:
        now = await transports(server, alice)
        return all(set(now[direction]) - set(old[direction]) for direction in ("send", "recv"))

    await until(built_anew, "the client builds both transports anew", timeout_s=2 * RESTART_S)
    way.set_weather(up=CALM, down=CALM)
    await pictures_are_back([alice, bob], timeout_s=2 * RESTART_S)
    await state_changes(alice)
    await unharmed(server, [alice, bob], before)
    await until(lambda: one_each(server, alice), "the old transports are closed", timeout_s=30)


async def transports(server: MediaServer, caller: Caller) -> dict[str, list[str]]:
    """Ids of a caller's transports, by direction."""
    by_direction: dict[str, list[str]] = {"send": [], "recv": []}
    for transport in (await server.peers())[caller.peer_id]["transports"]:
        by_direction[transport["direction"]].append(transport["id"])
    return by_direction


async def one_each(server: MediaServer, caller: Caller) -> bool:
    return all(len(ids) == 1 for ids in (await transports(server, caller)).values())


@pytest.mark.parametrize("direction", ["send", "recv"])
@pytest.mark.parametrize("end", ["fails", "closes"])
async def test_a_transport_that_ends_at_the_server_is_built_anew(
    serve: Serve, invite: Invite, direction: str, end: str
) -> None:
    server = await serve()
    alice, bob = [await invite(server, number, "room") for number in (142, 143)]
    for caller in (alice, bob):
        await caller.publish_video()
    await alice.sees([bob])
    await bob.sees([alice])
    before, [old] = await producer_ids(server), (await transports(server, alice))[direction]
    await server.get(f"/_end_transport?id={old}&end={end}")

    async def another() -> bool:
        return (await transports(server, alice))[direction] not in ([], [old])

    await until(another, "another transport", timeout_s=20)
    await pictures_are_back([alice, bob])
    await until(lambda: one_each(server, alice), "one transport each way", timeout_s=30)
    await books_agree(server, [alice, bob])
    changes = await state_changes(alice)
    if end == "fails":
        await unharmed(server, [alice, bob], before)
        assert not await bob.events("trackRemoved")
    assert [change for change in changes if change[0] == direction][-1][1] == "connected"


async def test_both_ends_lose_socket_and_network_together(serve: Serve, divert: Divert, invite: Invite) -> None:
    """As when a laptop sleeps: the way of the media and the server's patience with it end at once."""
    server, way, alice, bob = await call_through(serve, divert, invite)
    before = await producer_ids(server)
    await alice.page.call("loseSocket")
    way.set_weather(up=AWAY, down=AWAY)
    await asyncio.sleep(8)
    way.rebind()
    way.set_weather(up=CALM, down=CALM)
    await pictures_are_back([alice, bob])
    await unharmed(server, [alice, bob], before)

"""Rooms as their people see them: who is in them, how fluent, and what happens when somebody comes, goes or pauses."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from itertools import permutations

import pytest
from support.caller import Caller
from support.factories import Invite, Serve
from support.waiting import until
from support.watch import judge_all

pytestmark = pytest.mark.browser

WATCHED_S = 20


@pytest.mark.parametrize("app", ["asgi", "flask"])
async def test_everyone_sees_and_hears_exactly_their_room(serve: Serve, invite: Invite, app: str) -> None:
    server = await serve(app)
    rooms = {
        room: [await invite(server, n, room) for n in numbers]
        for room, numbers in {"north": (1, 2, 3), "south": (4, 5)}.items()
    }
    everyone = [caller for members in rooms.values() for caller in members]
    await asyncio.gather(
        *(caller.publish_video() for caller in everyone), *(caller.publish_audio() for caller in everyone)
    )

    async def see_exactly_their_rooms() -> None:
        for members in rooms.values():
            for caller in members:
                others = [other for other in members if other is not caller]
                await caller.sees(others)
                await caller.hears(others)

    await see_exactly_their_rooms()
    pairs = [pair for people in rooms.values() for pair in permutations(people, 2)]
    await judge_all(pairs, partial(asyncio.sleep, WATCHED_S))
    await see_exactly_their_rooms()


async def pair(serve: Serve, invite: Invite) -> tuple[Caller, Caller]:
    """Two in a room; the first one publishes, the second one sees it."""
    server = await serve()
    alice, bob = [await invite(server, number, "room") for number in (10, 11)]
    await alice.publish_video()
    await bob.sees([alice])
    return alice, bob


async def test_leaving_and_coming_back(serve: Serve, invite: Invite) -> None:
    alice, bob = await pair(serve, invite)
    await alice.ask("leaveRoom", "room")
    await bob.sees([])
    [removed] = await bob.events("trackRemoved")
    assert (removed["peerId"], removed["label"], removed["reason"]) == (alice.peer_id, "webcam", "room_left")
    assert [gone["peerId"] for gone in await bob.events("peerDisconnection")] == [alice.peer_id]
    await alice.join("room")
    await bob.sees([alice])


async def test_a_closed_page_is_gone_for_the_others(serve: Serve, invite: Invite) -> None:
    alice, bob = await pair(serve, invite)
    await alice.vanish()
    await bob.sees([], timeout_s=5)
    [removed] = await bob.events("trackRemoved")
    assert removed["reason"] == "peer_left"


async def test_pausing_a_peer_stops_its_picture_and_resuming_brings_it_back(serve: Serve, invite: Invite) -> None:
    alice, bob = await pair(serve, invite)
    picture = f"{alice.peer_id}/webcam"
    await bob.ask("pausePeer", alice.peer_id)
    await until(lambda: stands_still(bob, picture), "the picture stands still")
    await bob.ask("resumePeer", alice.peer_id)

    async def moves() -> bool:
        return (await bob.watch(1))[picture].fps > 15

    await until(moves, "the picture moves again")
    await bob.sees([alice])


async def test_a_pause_outlives_the_track(serve: Serve, invite: Invite) -> None:
    alice, bob = await pair(serve, invite)
    await bob.ask("pausePeer", alice.peer_id)
    await alice.unpublish()
    await bob.sees([])
    await alice.publish_video(number=12)
    picture = f"{alice.peer_id}/webcam"
    await until(lambda: has(bob, picture), "the new track announced")
    seen = (await bob.watch(2))[picture]
    assert seen.frames == 0
    await bob.ask("resumePeer", alice.peer_id)
    await until(lambda: shows(bob, picture, 12), "the new track's picture")


async def stands_still(caller: Caller, key: str) -> bool:
    return (await caller.watch(1.5))[key].frames == 0


async def has(caller: Caller, key: str) -> bool:
    return key in await caller.look()


async def shows(caller: Caller, key: str, number: int) -> bool:
    return bool((await caller.look()).get(key, {}).get("number") == number)


async def test_removing_and_adding_a_track(serve: Serve, invite: Invite) -> None:
    alice, bob = await pair(serve, invite)
    picture = f"{alice.peer_id}/webcam"
    await alice.unpublish()
    await bob.sees([])
    [removed] = await bob.events("trackRemoved")
    assert removed["reason"] == "closed"
    await alice.publish_video(number=13)
    await until(lambda: shows(bob, picture, 13), "the new picture")

    # The same label again replaces the track.
    await alice.publish_video(number=14)
    await until(lambda: shows(bob, picture, 14), "the picture that took its place")
    assert list(await bob.look()) == [picture]


async def test_muting_and_unmuting_a_track(serve: Serve, invite: Invite) -> None:
    alice, bob = await pair(serve, invite)
    await alice.ask("muteTrack", "webcam")
    await until(lambda: bob.events("trackMuted"), "trackMuted")
    await until(lambda: stands_still(bob, f"{alice.peer_id}/webcam"), "the picture stands still")
    await alice.ask("unmuteTrack", "webcam")
    await until(lambda: bob.events("trackUnmuted"), "trackUnmuted")

    async def moves() -> bool:
        return (await bob.watch(1))[f"{alice.peer_id}/webcam"].fps > 15

    await until(moves, "the picture moves again")


async def test_a_track_that_is_not_broadcast_is_for_those_who_asked(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob, carol = [await invite(server, number, "room") for number in (20, 21, 22)]
    await bob.ask("connectToPeer", alice.peer_id)  # before there is a track: the wish waits
    await alice.publish_video(broadcast=False)
    await bob.sees([alice])
    await carol.sees([])
    await bob.ask("disconnectFromPeer", alice.peer_id)
    await bob.sees([])
    [removed] = await bob.events("trackRemoved")
    assert removed["reason"] == "disconnected"
    await carol.ask("connectToPeer", alice.peer_id)
    await carol.sees([alice])


async def test_a_late_comer_sees_at_once(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob = [await invite(server, number) for number in (30, 31)]
    await alice.join("room")
    await alice.publish_video()
    await asyncio.sleep(3)  # long past the first keyframe
    joined = time.monotonic()
    await bob.join("room")
    await bob.sees([alice], timeout_s=10)
    waited = time.monotonic() - joined
    print(f"the picture was there after {waited:.2f} s")
    assert waited < 5, "it had to wait for a keyframe"

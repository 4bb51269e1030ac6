"""SimplePeer's promises and events, as the people at both ends of a call meet them in Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.caller import Caller
from support.factories import Divert, Invite, LayLine, Serve
from support.signalling import RefusedError
from support.udp_proxy import CALM, Weather
from support.waiting import until
from support.watch import judge_all

pytestmark = pytest.mark.browser

CUT = Weather(loss=1)
PRESENCE = ("peerConnection", "track", "trackRemoved", "peerDisconnection")


async def room_of(serve: Serve, invite: Invite, *numbers: int) -> list[Caller]:
    """Callers in one room of a new server."""
    server = await serve()
    return [await invite(server, number, "room") for number in numbers]


async def shows(viewer: Caller, publisher: Caller, number: int | None, label: str = "webcam") -> None:
    """Wait until the viewer sees the picture with that number; None: no such track at all."""
    key = f"{publisher.peer_id}/{label}"

    async def is_shown() -> bool:
        return bool((await viewer.look()).get(key, {}).get("number") == number)

    await until(is_shown, f"picture {number} as {label}")


async def heard(caller: Caller, event_type: str, times: int = 1, **fields: Any) -> dict[str, Any]:
    """Wait for so many events of that type with these fields; the last of them."""

    async def found() -> list[dict[str, Any]]:
        events = [event for event in await caller.events(event_type) if fields.items() <= event.items()]
        return events if len(events) >= times else []

    events: list[dict[str, Any]] = await until(found, f"{event_type} {fields}, {times} times")
    return events[-1]


# A label that is used again --------------------------------------------------------------------------------------


async def test_another_track_of_the_same_kind_takes_over_unseen(serve: Serve, invite: Invite) -> None:
    alice, bob = await room_of(serve, invite, 41, 43)
    await alice.publish_video()
    await bob.sees([alice])
    track_id = (await bob.look())[f"{alice.peer_id}/webcam"]["trackId"]
    numbers = iter(range(100, 200))

    async def replace_three_times() -> None:
        for _ in range(3):
            number = next(numbers)
            await alice.publish_video(number=number)
            await shows(bob, alice, number)
            await asyncio.sleep(1)

    await judge_all([(bob, alice)], replace_three_times)
    assert (await bob.look())[f"{alice.peer_id}/webcam"]["trackId"] == track_id
    assert len(await bob.events("track")) == 1
    assert not await bob.events("trackRemoved")


async def test_another_kind_or_other_options_take_the_place_of_a_track(serve: Serve, invite: Invite) -> None:
    alice, bob = await room_of(serve, invite, 44, 45)
    await alice.publish_video("main")
    await shows(bob, alice, 44, "main")

    await alice.publish_audio("main")
    await heard(bob, "track", label="main", kind="audio")

    async def sounds() -> bool:
        return abs((await bob.look())[f"{alice.peer_id}/main"].get("hertz", 0) - alice.hertz) < 40

    await until(sounds, "the tone")
    await alice.publish_video("main", number=46)
    await shows(bob, alice, 46, "main")
    await alice.publish_video("main", number=47, options={"codec": "VP9"})
    await shows(bob, alice, 47, "main")
    assert (await bob.received(alice, "main"))["mimeType"] == "video/VP9"

    removed = await bob.events("trackRemoved")
    print("removed:", [(event["label"], event["reason"]) for event in removed])
    assert [event["reason"] for event in removed] == ["replaced"] * 3
    assert len(await bob.events("remoteEnded")) == 3
    assert list(await bob.look()) == [f"{alice.peer_id}/main"]


async def test_what_is_said_about_a_track_reaches_viewers_and_late_comers(serve: Serve, invite: Invite) -> None:
    server = await serve()
    alice, bob = [await invite(server, number, "room") for number in (48, 49)]
    await alice.publish_video(metadata={"angle": "front"})
    assert (await heard(bob, "track", label="webcam"))["metadata"] == {"angle": "front"}
    await alice.ask("setMetadata", "webcam", {"angle": "back", "lens": {"mm": 35}})
    changed = await heard(bob, "metadataChanged", peerId=alice.peer_id, label="webcam")
    assert changed["metadata"] == {"angle": "back", "lens": {"mm": 35}}
    carol = await invite(server, 50, "room")
    assert (await heard(carol, "track", label="webcam"))["metadata"] == {"angle": "back", "lens": {"mm": 35}}
    with pytest.raises(RefusedError) as refused:
        await alice.ask("setMetadata", "webcam", {"much": "x" * 5000})
    assert refused.value.code == "bad_request"
    print(refused.value)


# Why a track goes, and when its peer does ------------------------------------------------------------------------


async def test_a_track_that_goes_tells_why(serve: Serve, invite: Invite) -> None:
    alice, bob = await room_of(serve, invite, 51, 52)

    async def next_reason(again: int) -> str:
        async def gone() -> bool:
            return len(await bob.events("trackRemoved")) == again and not await bob.look()

        await until(gone, f"removal {again}")
        assert len(await bob.events("remoteEnded")) == again
        return str((await bob.events("trackRemoved"))[-1]["reason"])

    async def publish(**how: Any) -> None:
        await alice.publish_video(**how)
        await bob.sees([alice])

    await publish()
    await alice.unpublish()
    assert await next_reason(1) == "closed"

    await publish()
    await alice.page.call("endSource", label="webcam")
    assert await next_reason(2) == "closed"
    await heard(alice, "trackEnded", label="webcam")

    await bob.connect_to(alice)
    await publish(broadcast=False)
    await bob.ask("disconnectFromPeer", alice.peer_id)
    assert await next_reason(3) == "disconnected"

    await publish()
    await alice.ask("leaveRoom", "room")
    assert await next_reason(4) == "room_left"
    await alice.join("room")
    await bob.sees([alice])
    await alice.vanish()
    assert await next_reason(5) == "peer_left"


async def test_a_peer_is_told_of_before_its_first_track_and_after_its_last(serve: Serve, invite: Invite) -> None:
    server = await serve()
    bob = await invite(server, 53, "room")
    for number in (54, 55):
        caller = await invite(server, number)
        await asyncio.gather(caller.publish_video(), caller.publish_audio(), caller.join("room"))
        await bob.sees([caller])
        await caller.ask("leaveRoom", "room")
        await bob.sees([])
        await asyncio.gather(caller.publish_video("screen"), caller.join("room"))
        await shows(bob, caller, number, "screen")
        await caller.vanish()
        await heard(bob, "peerDisconnection", peerId=caller.peer_id, reason="peer_left")
    events = [event for event in await bob.page.call("events") if event["type"] in PRESENCE]
    present: dict[str, set[str]] = {}
    for event in events:
        peer_id, label = event["peerId"], event.get("label")
        if event["type"] == "peerConnection":
            assert peer_id not in present, "told of twice"
            present[peer_id] = set()
        elif event["type"] == "track":
            present[peer_id].add(label)
        elif event["type"] == "trackRemoved":
            present[peer_id].remove(label)
        else:
            assert present.pop(peer_id) == set(), "gone with tracks left"
    print(len(events), "events in order")
    assert not present
    assert len(events) >= 2 * (2 + 2 * 5)


# Promises that tell the truth ------------------------------------------------------------------------------------


async def test_connect_to_peer_resolves_when_a_picture_has_been_decoded(serve: Serve, invite: Invite) -> None:
    alice, bob, carol, dave = await room_of(serve, invite, 56, 57, 58, 59)
    await alice.publish_video(broadcast=False)
    await alice.publish_video("screen", number=156, broadcast=False)
    webcam, screen = [f"{alice.peer_id}/{label}" for label in ("webcam", "screen")]

    connected = await bob.connect_to(alice)
    print("all:", connected)
    assert connected["ok"]
    assert any(track["framesDecoded"] for track in connected["decoded"].values())
    await shows(bob, alice, 56)
    await shows(bob, alice, 156, "screen")

    connected = await carol.connect_to(alice, "screen")
    print("one label:", connected)
    assert connected["ok"]
    assert connected["decoded"][screen]["framesDecoded"] > 0
    assert webcam not in connected["decoded"]
    await shows(carol, alice, 156, "screen")
    await shows(carol, alice, None)

    await alice.unpublish("webcam")
    await alice.unpublish("screen")
    await alice.publish_audio(broadcast=False)
    connected = await dave.connect_to(alice)
    print("sound:", connected)
    assert connected["ok"]
    assert connected["decoded"][f"{alice.peer_id}/microphone"]["packetsReceived"] > 0


async def test_connect_to_peer_resolves_at_once_when_there_is_nothing_to_wait_for(serve: Serve, invite: Invite) -> None:
    alice, bob = await room_of(serve, invite, 60, 61)
    outcomes = {"no track": await bob.connect_to(alice)}
    await alice.publish_video("muted", broadcast=False)
    await shows(bob, alice, 60, "muted")  # the wish was said before
    await alice.ask("muteTrack", "muted")
    await heard(bob, "trackMuted", label="muted")
    outcomes["muted"] = await bob.connect_to(alice)
    await alice.publish_video("paused", broadcast=False)
    await bob.ask("pausePeer", alice.peer_id, "paused")
    outcomes["paused"] = await bob.connect_to(alice, "paused")
    outcomes["unknown"] = await bob.page.call("connect", peerId="nobody-of-that-id")
    for what, outcome in outcomes.items():
        print(f"{what}: after {outcome['tookMs']:.0f} ms")
        assert outcome["ok"]
        assert outcome["tookMs"] < 5000, "it waited for what does not come"


async def test_connect_to_peer_rejects_with_the_reason_when_nothing_comes(
    serve: Serve, invite: Invite, divert: Divert
) -> None:
    server = await serve()
    way = divert(server)
    alice = await invite(server, 62, "room", via=way)
    bob = await invite(server, 63, "room", timeoutMs=10_000)
    await alice.publish_video(broadcast=False)
    carol = await invite(server, 64, "room")
    assert (await carol.connect_to(alice))["ok"]

    way.set_weather(up=CUT, down=CUT)

    async def silent() -> bool:
        return not (await carol.explain(alice))["ok"]

    await until(silent, "the publisher's silence is noticed")
    outcome = await bob.connect_to(alice)
    print(outcome)
    assert not outcome["ok"]
    assert outcome["error"]["code"] in ("publisher_silent", "publisher_transport")
    assert outcome["error"]["hint"]
    assert outcome["tookMs"] < 14_000
    way.set_weather(up=CALM, down=CALM)
    await shows(bob, alice, 62)  # the wish has stood all the while


async def test_add_track_resolves_when_the_server_has_it_though_no_packet_comes(
    serve: Serve, invite: Invite, divert: Divert
) -> None:
    server = await serve()
    way = divert(server)
    way.set_weather(up=CUT, down=CUT)
    alice = await invite(server, 65, "room", via=way)
    bob = await invite(server, 66, "room", timeoutMs=10_000)
    await alice.publish_video(broadcast=False)
    [producer] = (await alice.snapshot())["producers"]
    assert producer["label"] == "webcam"
    outcome = await bob.connect_to(alice)
    print(outcome)
    assert outcome["error"]["code"] == "publisher_transport"
    assert "no UDP from the publisher" in outcome["error"]["message"]


# explain() -------------------------------------------------------------------------------------------------------


async def test_explain_names_the_first_broken_link(serve: Serve, invite: Invite, divert: Divert) -> None:
    server = await serve()
    way = divert(server)
    alice = await invite(server, 67, "room")
    bob = await invite(server, 68, "room", via=way)
    stranger = await invite(server, 69, "elsewhere")

    async def explained(code: str, label: str = "webcam", of: Caller = alice) -> dict[str, Any]:
        async def agrees() -> dict[str, Any] | None:
            explanation = await bob.explain(of, label)
            return explanation if explanation["code"] == code else None

        explanation: dict[str, Any] = await until(agrees, f"explained as {code}")
        print(explanation)
        assert explanation["ok"] == (code == "ok")
        assert explanation["message"]
        assert explanation["hint"]
        return explanation

    await explained("peer_unknown", of=stranger)
    await explained("no_such_track")
    await alice.publish_video(broadcast=False)
    await explained("not_connected")
    await bob.connect_to(alice)
    assert "frames a second, 256x144" in (await explained("ok"))["message"]

    await bob.ask("pausePeer", alice.peer_id)
    await explained("paused_by_you")
    await bob.ask("resumePeer", alice.peer_id)
    await bob.ask("pausePeer", alice.peer_id, "webcam")
    await explained("paused_by_you")
    await bob.ask("resumePeer", alice.peer_id, "webcam")
    await alice.ask("muteTrack", "webcam")
    await explained("publisher_muted")
    await alice.ask("unmuteTrack", "webcam")
    await explained("ok")

    way.set_weather(up=CUT, down=CUT)
    broken = await explained("viewer_transport")
    assert broken["link"] == "viewer"
    way.set_weather(up=CALM, down=CALM)
    await explained("ok")
    await alice.page.call("freezePainting", label="webcam")
    await explained("publisher_silent")


@asynccontextmanager
async def cut_off(line: Any) -> AsyncIterator[None]:
    line.cut()
    yield
    line.restore()


async def test_explain_works_while_the_server_cannot_be_reached(
    serve: Serve, invite: Invite, divert: Divert, lay_line: LayLine
) -> None:
    server = await serve()
    line, way = await lay_line(server), divert(server)
    alice = await invite(server, 70, "room")
    bob = await invite(server, 71, "room", line=line, via=way)
    await alice.publish_video()
    await bob.sees([alice])
    async with cut_off(line):
        await heard(bob, "connectionStateChange", direction="signaling", state="disconnected")
        await until(lambda: bob.finds_nothing_wrong_with(alice), "the picture plays")
        playing = await bob.explain(alice)
        assert "not connected to the server" in playing["message"]
        unheard_of = await bob.explain(alice, "screen")
        print(unheard_of)
        assert unheard_of["code"] == "disconnected"
        way.set_weather(down=CUT)

        async def starved() -> bool:
            return (await bob.explain(alice))["code"] in ("no_packets", "viewer_transport")

        await until(starved, "packets are missed")
        way.set_weather(down=CALM)
    await heard(bob, "connectionStateChange", 2, direction="signaling", state="connected")
    await bob.sees([alice])
    assert len(await bob.events("track")) == 1, "the call went on all the while"


# How a track is sent ---------------------------------------------------------------------------------------------


async def test_presets(serve: Serve, invite: Invite) -> None:
    alice, bob = await room_of(serve, invite, 72, 73)
    await alice.publish_video("layers", width=640, height=480, options={"simulcast": True})
    slides = {"contentHint": "detail", "degradationPreference": "maintain-resolution"}
    await alice.publish_video("slides", options={**slides, "codec": "VP9", "maxBitrate": 400_000})
    await shows(bob, alice, 72, "slides")
    await shows(bob, alice, 72, "layers")

    async def both_are_sent() -> list[dict[str, Any]] | None:
        sent = await alice.sent()
        sizes = sorted(each["frameHeight"] for each in sent if each.get("framesSent", 0) > 20)
        return sent if sizes == [144, 240, 480] else None

    sent = await until(both_are_sent, "all sizes are sent", timeout_s=30)
    print([(each.get("rid"), each.get("frameHeight"), each.get("framesPerSecond")) for each in sent])
    [sharp] = [each for each in sent if each["frameHeight"] == 144]
    assert sharp["framesPerSecond"] <= 17
    assert (await bob.received(alice, "slides"))["mimeType"] == "video/VP9"


async def test_a_pause_of_one_label_leaves_the_others(serve: Serve, invite: Invite) -> None:
    alice, bob = await room_of(serve, invite, 74, 75)
    await alice.publish_video()
    await alice.publish_video("screen", number=174)
    await shows(bob, alice, 74)
    await shows(bob, alice, 174, "screen")
    await bob.ask("pausePeer", alice.peer_id, "screen")

    async def only_the_webcam_moves() -> bool:
        seen = await bob.watch(1)
        return not seen[f"{alice.peer_id}/screen"].frames and seen[f"{alice.peer_id}/webcam"].fps > 10

    await until(only_the_webcam_moves, "only the webcam moves")
    await bob.ask("resumePeer", alice.peer_id, "screen")

    async def both_move() -> bool:
        seen = await bob.watch(1)
        return min(seen[f"{alice.peer_id}/{label}"].fps for label in ("webcam", "screen")) > 10

    await until(both_move, "both move")


async def test_a_viewer_chooses_how_large_a_picture_it_wants(serve: Serve, invite: Invite) -> None:
    alice, bob = await room_of(serve, invite, 76, 77)
    await bob.ask("setPreferredLayers", alice.peer_id, {"spatialLayer": 0})  # before there is a track
    await alice.publish_video(width=640, height=480, options={"simulcast": True})
    await bob.sees([alice])

    async def height_is(height: int) -> bool:
        return bool((await bob.received(alice)).get("frameHeight") == height)

    await asyncio.sleep(5)  # long enough for the better sizes to be sent, and taken if they could be
    await until(lambda: height_is(240), "the small picture", timeout_s=30)
    await bob.ask("setPreferredLayers", alice.peer_id, {})
    await until(lambda: height_is(480), "the full picture", timeout_s=30)
    await bob.ask("setPreferredLayers", alice.peer_id, "webcam", {"spatialLayer": 0})
    await until(lambda: height_is(240), "the small picture again")
    await bob.sees([alice])

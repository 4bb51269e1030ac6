"""ICE restarts: asked for by hand, for a link that has failed, and by the client on its own after a long absence."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.factories import Divert, Invite, Serve
from support.udp_proxy import CALM, Weather
from support.waiting import until
from support.wire_peer import light_call


@pytest.mark.slow
async def test_new_credentials_take_over_and_media_flows_on(serve: Serve) -> None:
    async with light_call(await serve()) as call:
        sender = call.sender
        wire = sender.wires["send"]
        old = dict(wire.ice)
        answer = await sender.ask("restartIce", transportId=sender.transport_ids["send"])
        wire.ice = answer["iceParameters"]
        assert wire.ice["usernameFragment"] != old["usernameFragment"]
        assert wire.ice["password"] != old["password"]

        old_address = wire.address
        wire.move()  # a new network: another source address, on which only the new credentials are used
        check = wire.check()
        await until(lambda: check in wire.answered, "an answer to a check with the new credentials")
        assert wire.address != old_address
        answered_ms = time.time() * 1000
        await call.flows()
        await asyncio.sleep(1)
        seen = call.passage_since(answered_ms)
        print(f"moved from {old_address} to {wire.address}: {seen}")
        assert seen.lost == 0

        check = wire.check(old)
        await asyncio.sleep(0.5)
        assert check not in wire.answered, "the old credentials still open the gate"


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["send", "recv"])
async def test_what_ice_has_failed_an_ice_restart_revives(serve: Serve, direction: str) -> None:
    """The same producer and the same consumer go on, and nothing is sent while there is no consent to it."""
    async with light_call(await serve(consent_timeout_s=4)) as call:
        peer = call.sender if direction == "send" else call.receiver
        wire, transport_id = peer.wires[direction], peer.transport_ids[direction]
        wire.fall_silent()
        failed = await peer.told("transportStateChange", transportId=transport_id, state="failed")
        assert failed["reason"] == "ice_consent_expired"
        await asyncio.sleep(0.3)  # what was under way
        frames, received_bytes = len(call.arrived_ms()), wire.received_bytes
        await asyncio.sleep(0.5)
        assert len(call.arrived_ms()) == frames, "media flows over a link that has failed"
        assert wire.received_bytes == received_bytes, "something is sent without consent"

        wire.ice = (await peer.ask("restartIce", transportId=transport_id))["iceParameters"]
        back = time.monotonic()
        wire.check()
        await until(lambda: peer.heard("transportStateChange", transportId=transport_id, state="connected") == 2,
                    "the link to be connected again", every_s=0.02)
        await call.flows()
        print(f"ten frames {(time.monotonic() - back) * 1000:.0f} ms after the first check")


@pytest.mark.browser
async def test_a_call_comes_back_after_a_network_that_was_away(serve: Serve, divert: Divert, invite: Invite) -> None:
    server = await serve()
    way = divert(server)
    alice = await invite(server, 64, "room", way)
    bob = await invite(server, 65, "room")
    await alice.publish_video()
    await bob.sees([alice])
    picture = f"{alice.peer_id}/webcam"

    away = Weather(loss=1)
    way.set_weather(up=away, down=away)
    await until(lambda: alice.events("iceRestart"), "the client restarts ICE by itself", timeout_s=40)
    way.rebind()
    way.set_weather(up=CALM, down=CALM)
    back = time.monotonic()

    async def moves() -> bool:
        return (await bob.watch(1))[picture].fps > 15

    await until(moves, "the picture is back", timeout_s=30)
    print(f"the picture was back {time.monotonic() - back:.1f} s after the network")
    await bob.sees([alice])

"""ICE restarts: asked for by hand, and by the client on its own when the network was away for long."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.factories import Divert, Invite, Serve
from support.udp_proxy import CALM, Weather
from support.waiting import until
from support.wire_peer import light_call


async def test_new_credentials_take_over_and_media_flows_on(serve: Serve) -> None:
    async with light_call(await serve()) as call:
        sender = call.sender
        wire = sender.wires["send"]
        old = dict(wire.ice)
        answer = await sender.ask("restartIce", transportId=sender.transport_ids["send"])
        wire.ice = answer["iceParameters"]
        assert wire.ice["usernameFragment"] != old["usernameFragment"]
        assert wire.ice["password"] != old["password"]

        start_ms = time.time() * 1000
        old_address = wire.address
        wire.move()  # a new network: another source address, on which only the new credentials are used
        check = wire.check()
        await until(lambda: check in wire.answered, "an answer to a check with the new credentials")
        assert wire.address != old_address
        await call.flows()
        await asyncio.sleep(1)
        seen = call.passage_since(start_ms)
        print(f"moved from {old_address} to {wire.address}: {seen}")
        assert seen.lost <= 3, "only what was sent before the first check was answered"

        check = wire.check(old)
        await asyncio.sleep(0.5)
        assert check not in wire.answered, "the old credentials still open the gate"


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

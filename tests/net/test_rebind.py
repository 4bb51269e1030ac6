"""A NAT gives a caller another address in the middle of a call."""

from __future__ import annotations

import pytest
from support.factories import Divert, Invite, Serve
from support.waiting import until

pytestmark = pytest.mark.browser

CHECK_INTERVAL_MS = 2500
"""Between a browser's checks of a connection that works (RFC 7675 §5.1); the next one makes the new address known."""


@pytest.mark.parametrize("moved", ["sender", "receiver"])
async def test_the_picture_goes_on_after_a_rebind(serve: Serve, divert: Divert, invite: Invite, moved: str) -> None:
    server = await serve()
    way = divert(server)
    alice = await invite(server, 62, "room", way if moved == "sender" else None)
    bob = await invite(server, 63, "room", way if moved == "receiver" else None)
    await alice.publish_video()
    await bob.sees([alice])
    picture = f"{alice.peer_id}/webcam"
    start, ports = await bob.now(), way.upstream_ports
    way.rebind()
    assert way.upstream_ports.isdisjoint(ports)

    async def fluent_again() -> bool:
        seen = (await bob.watch(1))[picture]
        return seen.fps > 15 and not seen.freezes

    await until(fluent_again, "the picture is back")
    seen = (await bob.fluency_since(start))[picture]
    print(f"the {moved} moved: {seen}")
    assert seen.longest_gap_ms < CHECK_INTERVAL_MS + 3500
    assert not await (alice if moved == "sender" else bob).events("iceRestart"), "there was no need for one"

"""A socket that is dead and does not know it; one that never comes back; one whose page has gone."""

from __future__ import annotations

import time

import pytest
from support.caller import Caller
from support.factories import Invite, LayLine, Serve
from support.ledger import books_agree
from support.server import MediaServer
from support.waiting import until
from support.watch import Watch, attempt_with_processor

pytestmark = pytest.mark.browser

NOTICED_S = 10.0
RELEASED_S = 1.0
BOBS = {"PeerSession": 1, "WebRtcTransport": 2, "Link": 2, "Producer": 1, "Consumer": 0}
"""What is live of one who sends, has received, and is alone."""


async def at_server(server: MediaServer, event: str, caller: Caller, since: float) -> float:
    """Wait until the application has heard the event about the caller; how long after `since` (time.time())."""

    async def find() -> float:
        found = [heard["at"] - since for heard in await server.heard(event) if heard["peer_id"] == caller.peer_id]
        return next((seconds for seconds in found if seconds > 0), 0.0)

    seconds: float = await until(find, f"{event} of caller {caller.number}", timeout_s=20)
    return seconds


async def at_page(caller: Caller, state: str, since: float) -> float:
    """Wait until the page has heard of its signalling's state; how long after `since` (time.time())."""

    async def find() -> float:
        changes = await caller.events("connectionStateChange")
        heard = [change for change in changes if (change["direction"], change["state"]) == ("signaling", state)]
        return next((change["wall"] / 1000 - since for change in heard if change["wall"] / 1000 > since), 0.0)

    seconds: float = await until(find, f"signalling {state} at caller {caller.number}", timeout_s=20)
    return seconds


@pytest.mark.parametrize("app", ["asgi", "flask"])
async def test_a_half_open_socket_is_noticed_by_both_ends(
    serve: Serve, invite: Invite, lay_line: LayLine, app: str
) -> None:
    server = await serve(app)
    line = await lay_line(server)
    alice, bob = await invite(server, 130, "room", line=line), await invite(server, 131, "room")
    for caller in (alice, bob):
        await caller.publish_video()
    await alice.sees([bob])
    await bob.sees([alice])

    async def lose_the_line(watches: list[Watch]) -> None:
        lost = time.time()
        line.fall_silent()
        line.restore()  # the connection that there is stays dead, as when a NAT has forgotten it; others pass
        at_alice = await at_page(alice, "disconnected", lost)
        at_the_server = await at_server(server, "peer_lost", alice, lost)
        resumed = await at_server(server, "peer_resumed", alice, lost)
        print(f"noticed by the page after {at_alice:.1f} s, by the server after {at_the_server:.1f} s,"
              f" resumed after {resumed:.1f} s")  # fmt: skip
        assert at_alice < NOTICED_S
        assert at_the_server < NOTICED_S
        await books_agree(server, [alice, bob])
        for watch in watches:
            await watch.judge()

    await attempt_with_processor([(bob, alice), (alice, bob)], lose_the_line)
    for caller in (alice, bob):
        assert not await caller.events("peerDisconnection")
        assert not await caller.events("trackRemoved")


async def test_attempts_that_nobody_answers_are_given_up_in_time(
    serve: Serve, invite: Invite, lay_line: LayLine
) -> None:
    """New connections are swallowed too for a while. One begun then must not be waited for until all is lost."""
    server = await serve()
    line = await lay_line(server)
    alice, bob = await invite(server, 138, "room", line=line), await invite(server, 139, "room")
    await alice.publish_video()
    await bob.sees([alice])
    lost = time.time()
    line.fall_silent()
    await at_page(alice, "disconnected", lost)
    before = line.accepted
    await until(lambda: line.accepted > before, "an attempt to reconnect")
    line.restore()
    resumed = await at_server(server, "peer_resumed", alice, lost)
    print(f"resumed {resumed:.1f} s after the loss")
    await books_agree(server, [alice, bob])
    assert not await bob.events("trackRemoved")


async def test_nothing_is_left_when_the_grace_period_is_over(serve: Serve, invite: Invite, lay_line: LayLine) -> None:
    grace_s = 3.0
    server = await serve(grace_period_s=grace_s)
    line = await lay_line(server)
    alice, bob = await invite(server, 132, "room", line=line), await invite(server, 133, "room")
    await alice.publish_video()
    await bob.publish_video()
    await bob.sees([alice])
    await alice.sees([bob])

    line.cut()
    cut = time.time()
    lost = await at_server(server, "peer_lost", alice, cut)
    left = await at_server(server, "peer_left", alice, cut)

    async def only_bobs() -> bool:
        live = (await server.stats())["live"]
        return live | BOBS == live

    await until(only_bobs, "only bob's objects live", timeout_s=cut + left + RELEASED_S - time.time())
    print(f"lost after {lost:.2f} s, left after {left - lost:.2f} s more")
    assert grace_s - 0.5 < left - lost < grace_s + 2
    await bob.sees([])
    [removed] = await bob.events("trackRemoved")
    [gone] = await bob.events("peerDisconnection")
    assert removed["reason"] == gone["reason"] == "peer_lost"
    assert gone["peerId"] == alice.peer_id
    assert removed["at"] <= gone["at"], "a peer goes after its last track"

    line.restore()
    await bob.sees([alice])
    await alice.sees([bob])
    await books_agree(server, [alice, bob])


@pytest.mark.parametrize("how", ["goes elsewhere", "is closed"])
async def test_a_page_that_goes_says_goodbye(serve: Serve, invite: Invite, how: str) -> None:
    server = await serve()
    alice, bob = [await invite(server, number, "room") for number in (134, 135)]
    await alice.publish_video()
    await bob.sees([alice])
    gone = time.time()
    await (alice.leave_page() if how == "goes elsewhere" else alice.vanish())
    left = await at_server(server, "peer_left", alice, gone)
    print(f"gone for the others after {left:.2f} s")
    assert left < 5, "the grace period has begun"
    assert not await server.heard("peer_lost")
    await bob.sees([])
    [removed] = await bob.events("trackRemoved")
    assert removed["reason"] == "peer_left"


async def test_a_page_that_crashes_is_given_time(serve: Serve, invite: Invite) -> None:
    grace_s = 2.0
    server = await serve(grace_period_s=grace_s)
    alice, bob = [await invite(server, number, "room") for number in (136, 137)]
    await alice.publish_video()
    await bob.sees([alice])
    crashed = time.time()
    await alice.crash()
    lost = await at_server(server, "peer_lost", alice, crashed)
    left = await at_server(server, "peer_left", alice, crashed)
    assert grace_s - 0.5 < left - lost < grace_s + 2
    await bob.sees([])

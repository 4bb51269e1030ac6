"""The socket is torn while a page only just arrives: its greeting, first track and first wishes are in flight."""

from __future__ import annotations

import asyncio
import random

import pytest
from support.caller import Caller
from support.factories import Invite, LayLine, Serve
from support.ledger import Wishes, books_agree, flows_as_wished, promises_kept
from support.tcp_proxy import TcpProxy

pytestmark = pytest.mark.browser

ARRIVALS = 4
DROPS_EACH = 3


@pytest.mark.parametrize("app", ["asgi", "flask"])
async def test_a_page_arrives_through_a_storm(serve: Serve, invite: Invite, lay_line: LayLine, app: str) -> None:
    server = await serve(app)
    line = await lay_line(server)
    alice = await invite(server, 150, "room")
    await alice.publish_video()
    dice = random.Random("storm")
    for arrival in range(ARRIVALS):
        bob = await invite(server, 151 + arrival, line=line)
        await asyncio.gather(storm(line, dice), speak(bob, alice))
        await promises_kept([bob])
        bob.peer_id = (await bob.books())["peerId"]  # of the first socket that got an answer to its greeting
        wishes = {bob.peer_id: Wishes(connected={alice.peer_id}, paused_tracks={(alice.peer_id, "webcam")})}
        await books_agree(server, [alice, bob], wishes)
        await flows_as_wished(bob, wishes[bob.peer_id])
        await alice.sees([bob], timeout_s=10)
        await bob.vanish()
        await books_agree(server, [alice], {}, timeout_s=35)  # what was lost before its token was known, too


async def storm(line: TcpProxy, dice: random.Random) -> None:
    for _ in range(DROPS_EACH):
        await asyncio.sleep(dice.uniform(0, 0.25))
        line.cut()
        await asyncio.sleep(dice.uniform(0.05, 1.0))
        line.restore()


async def speak(newcomer: Caller, other: Caller) -> None:
    await newcomer.start("joinRoom", "room")
    await newcomer.start_publishing("webcam", fps=10)
    await newcomer.start("connectToPeer", other.peer_id)
    await newcomer.start("pausePeer", other.peer_id, "webcam")

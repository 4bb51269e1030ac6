"""The application's part in data: what it hears, what it sends, and what happens when it is slow."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from support.data_stage import stage
from support.waiting import until

from simplesfu.errors import BadRequest, LimitReached, NotFound
from simplesfu.signaling.application import data as app_data
from simplesfu.signaling.application.data import AppData
from simplesfu.signaling.data.parts import MAX_DATA_BYTES
from simplesfu.signaling.sessions.info import DataInfo


class Listeners:
    """The application: it hears as slowly as the test likes."""

    def __init__(self) -> None:
        self.heard: list[tuple[DataInfo, Callable[[], object]]] = []

    def is_awaited(self, _event: str) -> bool:
        return True

    def report_data(self, info: DataInfo, done: Callable[[], object]) -> None:
        self.heard.append((info, done))


async def test_the_application_hears_whole_messages_and_whom_they_are_for() -> None:
    async with stage("alice", "bob") as (here, [alice, bob]):
        listeners = Listeners()
        AppData(here.peers.data, listeners)
        long = "ż" * 40_000
        await alice.say(long)
        await bob.say(b"psst", "alice", reliable=False)
        await until(lambda: len(listeners.heard) == 2, "two messages", every_s=0.002)
        heard = {(info.peer_id, info.to, info.label, info.data, info.reliable) for info, _ in listeners.heard}
        assert heard == {("alice", "", "chat", long, True), ("bob", "alice", "chat", b"psst", False)}


async def test_a_slow_application_holds_up_the_senders_and_its_memory_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_data, "MAX_WAITING_BYTES", 10 * (1000 + app_data.OVERHEAD_BYTES))
    async with stage("alice", "bob") as (here, [alice, bob]):
        listeners = Listeners()
        AppData(here.peers.data, listeners)
        for number in range(30):
            await alice.say(bytes(1000))
            await alice.say(f"{number}".ljust(1000), reliable=False)
        await until(lambda: alice.send_link.sctp.held_bytes > 10_000, "the sender is held", every_s=0.002)
        assert len(listeners.heard) == 10
        assert here.counts["application_too_slow"] > 10, "what is not reliable waits for nobody"
        done = 0
        while done < len(listeners.heard):
            listeners.heard[done][1]()
            done += 1
            await asyncio.sleep(0.01)
        assert sum(info.reliable for info, _ in listeners.heard) == 30
        assert len(bob.got()) == 60


async def test_the_application_sends_whole_messages_in_turn() -> None:
    async with stage("alice", "bob") as (here, [alice, bob]):
        data = AppData(here.peers.data, Listeners())
        texts = [str(number) * 100_000 for number in range(5)]
        everybody = partial(here.peers.addressed, None, None)
        await asyncio.gather(*(data.send(text, everybody, "news", reliable=True) for text in texts))
        for peer in (alice, bob):
            await peer.gets([("", text, "news") for text in texts])
        with pytest.raises(NotFound):
            await data.send("x", partial(here.peers.addressed, "nobody", None), "", reliable=True)
        with pytest.raises(BadRequest):
            await data.send(bytes(MAX_DATA_BYTES + 1), everybody, "", reliable=True)
        alice.recv_link.sctp.takes = False
        long = bytes(MAX_DATA_BYTES)
        sending = [asyncio.create_task(data.send(long, everybody, "", reliable=True)) for _ in range(66)]
        await asyncio.sleep(0)
        with pytest.raises(LimitReached):
            await data.send("one more", everybody, "", reliable=True)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

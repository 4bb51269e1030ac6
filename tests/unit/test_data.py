"""Data: who gets which message, what becomes of those who do not take theirs, and what a lost transport takes along."""
from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.data_stage import RELIABLE, stage
from support.waiting import until

from simplesfu.control.data_consumer import LOSSY_BUFFER_BYTES
from simplesfu.errors import AlreadyExists, BadParameters, Closed, LimitReached
from simplesfu.signaling.data import desk
from simplesfu.signaling.data.parts import (
    MAX_DATA_BYTES,
    MESSAGE_NUMBERS,
    PART_BYTES,
    Assembly,
    BadPartError,
    DataPart,
    split,
)
from simplesfu.types import SctpStreamParameters

# to whom ---------------------------------------------------------------------------------------------------------


async def test_everybody_in_sight_or_one() -> None:
    async with stage("alice", "bob", "carol") as (_, [alice, bob, carol]):
        await alice.say("to all")
        await alice.say(b"to bob", "bob")
        await bob.gets([("alice", "to all", "chat"), ("alice", b"to bob", "chat")])
        await carol.gets([("alice", "to all", "chat")])
        assert not alice.got()


async def test_not_across_rooms_and_nobody_can_tell() -> None:
    async with stage("alice", "bob", "carol") as (here, [alice, bob, carol]):
        for peer, room in ((alice, "one"), (bob, "two"), (carol, "one")):
            here.peers.join_room(peer.session, room)
        for to in ("", "bob", "nobody"):
            await alice.say("psst", to)
        await carol.gets([("alice", "psst", "chat")])
        await until(lambda: here.counts == {"not_found": 2}, "the others are dropped", every_s=0.002)
        assert not bob.got()


async def test_an_old_id_finds_its_peer() -> None:
    async with stage("alice", "bob") as (here, [alice, bob]):
        here.peers.take_socket(bob.session, "bob's second socket")
        await alice.say("still you?", "bob's second socket")
        await bob.gets([("alice", "still you?", "chat")])


async def test_what_was_not_opened_goes_nowhere_and_can_be_closed_again() -> None:
    async with stage("alice", "bob") as (here, [alice, bob]):
        await alice.say("let me in", label="control")
        await until(lambda: here.counts == {"label_not_open": 1}, "it is dropped", every_s=0.002)
        here.peers.data.open_label(alice.session, "control")
        await alice.say("now", label="control")
        await bob.gets([("alice", "now", "control")])
        here.peers.data.close_label(alice.session, "control")
        await alice.say("and now?", label="control")
        await until(lambda: here.counts == {"label_not_open": 2}, "the third is, too", every_s=0.002)
        assert [told["label"] for told in alice.told("dataClosed")] == ["control"]
        assert len(bob.got()) == 1


async def test_labels_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simplesfu.signaling.sessions.data_routing.MAX_LABELS", 2)
    async with stage("alice") as (here, [alice]):
        here.peers.data.open_label(alice.session, "data")
        here.peers.data.open_label(alice.session, "data")
        with pytest.raises(LimitReached):
            here.peers.data.open_label(alice.session, "one more")


# what -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["", b"", "x", "zażółć 🦆", b"\0\xff", b"x" * PART_BYTES, b"y" * MAX_DATA_BYTES,
                                  "ż" * (MAX_DATA_BYTES // 2)], ids=lambda data: f"{type(data).__name__}{len(data)}")
@pytest.mark.parametrize("reliable", [True, False])
async def test_messages_arrive_as_they_were(data: str | bytes, reliable: bool) -> None:
    async with stage("alice", "bob") as (_, [alice, bob]):
        await alice.say(data, reliable=reliable)
        await bob.gets([("alice", data, "chat")])


async def test_reliable_ones_arrive_in_order_past_long_ones_of_others() -> None:
    async with stage("alice", "bob", "carol") as (_, [alice, bob, carol]):
        long = bytes(MAX_DATA_BYTES)
        for number in range(3):
            for part in split(long, peer_id="", label="chat", message=number):
                await alice.say_part(part)
                await bob.say(str(next(bob.numbers[False])))
        await until(lambda: len(carol.got()) == 51, "all of them", timeout_s=10)
        mine = [data for sender, data, _ in carol.got() if sender == "bob"]
        assert mine == [str(number) for number in range(48)]
        assert [sender for sender, *_ in carol.got()].index("alice") == 15


@pytest.mark.parametrize("junk", [b"", b"\0" * 13, b"\2" + b"\0" * 40, b"\0\1" + b"\0" * 40,
                                  b"\0\0\xff\xff" + b"\0" * 40, DataPart(text=True, peer_id="", label="x" * 129,
                                  message=1, index=0, count=1, body=b"").encode()])
async def test_what_is_no_part_is_counted(junk: bytes) -> None:
    async with stage("alice", "bob") as (here, [alice, bob]):
        await alice.send_link.sctp.observer.sctp_message(0, junk)  # type: ignore[union-attr]
        await alice.say("goes on")
        await bob.gets([("alice", "goes on", "chat")])
        assert here.counts == {"malformed": 1}


NAMES = st.text(max_size=128)


@given(data=st.one_of(st.text(max_size=40_000), st.binary(max_size=70_000)), peer_id=NAMES, label=NAMES,
       message=st.integers(0, MESSAGE_NUMBERS - 1), seed=st.randoms())
def test_parts_in_any_order_make_the_message(
    data: str | bytes, peer_id: str, label: str, message: int, seed: Any
) -> None:
    parts = list(split(data, peer_id=peer_id, label=label, message=message))
    assert [DataPart.decode(part.encode()) for part in parts] == parts
    seed.shuffle(parts)
    assembly = Assembly()
    *early, last = [assembly.add(part) for part in parts]
    assert early == [None] * (len(parts) - 1)
    assert last == data


@given(st.binary(max_size=100))
def test_any_bytes_are_a_part_or_refused(junk: bytes) -> None:
    try:
        part = DataPart.decode(junk)
    except BadPartError:
        return
    assert part.encode() == junk


def test_a_message_longer_than_allowed_is_not_split() -> None:
    with pytest.raises(ValueError, match="262145"):
        list(split(bytes(MAX_DATA_BYTES + 1), peer_id="", label="", message=0))


# slow and dead ones ----------------------------------------------------------------------------------------------


async def test_who_takes_nothing_is_waited_for_once_and_not_for_long() -> None:
    async with stage("alice", "bob", "carol") as (here, [alice, bob, carol]):
        carol.session.data.patience_s = 0.2
        carol.recv_link.sctp.takes = False
        messages = [bytes([number]) * PART_BYTES for number in range(100)]
        began = time.monotonic()
        for message in messages:
            await alice.say(message)
        await bob.gets([("alice", message, "chat") for message in messages])
        print(f"{time.monotonic() - began:.2f} s", here.counts)
        assert 0.2 <= time.monotonic() - began < 1
        assert here.counts == {"too_slow": 1}
        assert [told["reason"] for told in carol.told("dataConsumerClosed")] == ["too_slow"]
        assert carol.session.data.patience_s == 0.1

        # It may come again, and begins with what is sent from then on.
        carol.recv_link.sctp.takes = True
        carol.consume()
        await alice.say("hello again")
        await carol.gets([("alice", "hello again", "chat")])


async def test_while_one_waits_the_sender_is_held_and_what_may_be_lost_goes_on() -> None:
    async with stage("alice", "bob") as (here, [alice, bob]):
        bob.recv_link.sctp.takes = False
        for _ in range(60):
            await alice.say(bytes(PART_BYTES))
        await until(lambda: bob.consumers[True].buffered_bytes >= 512 * 1024, "bob's buffer is full", every_s=0.002)
        held = alice.send_link.sctp.held_bytes
        await asyncio.sleep(0.05)
        assert alice.send_link.sctp.held_bytes == held > 20 * PART_BYTES
        for number in range(LOSSY_BUFFER_BYTES // 1000 + 5):
            await alice.say(number.to_bytes(4) + bytes(996), reliable=False)
        assert here.counts["lossy_dropped"] > 0
        assert alice.send_link.sctp.held_bytes == held
        bob.recv_link.sctp.takes = True
        await bob.recv_link.sctp.flush()
        await until(lambda: alice.send_link.sctp.held_bytes == 0, "the sender may go on", every_s=0.002)
        assert sum(len(data) == PART_BYTES for _, data, _ in bob.got()) == 60


@pytest.mark.parametrize("without_transport", [False, True])
async def test_nobody_waits_for_one_who_leaves(without_transport: bool) -> None:
    async with stage("alice", "bob", "carol") as (here, [alice, bob, carol]):
        bob.recv_link.sctp.takes = False
        if without_transport:
            bob.recv.close()
        for _ in range(40):
            await alice.say(bytes(PART_BYTES))
        await until(lambda: alice.send_link.sctp.held_bytes > 0 and carol.got(), "alice waits", every_s=0.002)
        began = time.monotonic()
        here.peers.close(bob.session)
        await until(lambda: len(carol.got()) == 40, "carol has all", every_s=0.002)
        assert time.monotonic() - began < 1


async def test_too_many_parts_wait_or_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage("alice", "bob") as (here, [alice, bob]):
        monkeypatch.setattr(desk, "PARTS_PER_S", 100)
        monkeypatch.setattr(desk, "PARTS_AT_ONCE", 20)
        alice.session.data.tokens = desk.DataDesk().tokens
        for number in range(30):
            await alice.say(str(number), reliable=False)
        assert 5 <= here.counts["too_many"] <= 10
        for number in range(30):
            await alice.say(str(number))
        await until(lambda: [data for _, data, _ in bob.got()][-30:] == [str(number) for number in range(30)],
                    "all that are reliable", timeout_s=5)


# who is about to open its channels -------------------------------------------------------------------------------


async def test_who_has_announced_its_channels_gets_what_came_before_them_once_and_in_order() -> None:
    """More than is held for it, too."""
    async with stage("alice", "bob") as (here, [alice, bob]):
        carol = here.newcomer("carol")
        carol.session.data.expect_consumers()
        texts = [f"{number:02}".ljust(PART_BYTES) for number in range(2 * desk.HELD_BYTES // PART_BYTES)]
        for text in texts:
            await alice.say(text)
        await alice.say("stale by then", reliable=False)
        await until(lambda: len(bob.got()) > len(texts) // 2, "bob has what is held for carol", every_s=0.002)
        carol.make_recv()
        await carol.gets([("alice", text, "chat") for text in texts])
        assert not any(here.counts.values())


async def test_who_has_announced_nothing_gets_what_comes_after_it_listens() -> None:
    async with stage("alice") as (here, [alice]):
        bob = here.newcomer("bob")
        await alice.say("nobody hears")
        await until(lambda: here.peers.data.counts["sent"] == 1, "it is on its way", every_s=0.002)
        bob.make_recv()
        await alice.say("bob hears")
        await bob.gets([("alice", "bob hears", "chat")])


async def test_who_announces_channels_and_opens_none_holds_up_the_others_for_its_patience_only() -> None:
    """Each time that it announces them."""
    async with stage("alice", "bob") as (here, [alice, bob]):
        carol = here.newcomer("carol")
        carol.session.data.patience_s = 0.05
        count = 2 * desk.HELD_BYTES // PART_BYTES
        for times_announced in (1, 2):
            carol.session.data.expect_consumers()
            for _ in range(count):
                await alice.say(bytes(PART_BYTES))
            await bob.gets([("alice", bytes(PART_BYTES), "chat")] * (times_announced * count))
            assert here.counts == {"too_slow": times_announced}


# transports that end ---------------------------------------------------------------------------------------------


async def test_what_a_lost_transport_had_not_delivered_goes_over_the_next_once_and_in_order() -> None:
    async with stage("alice", "bob") as (here, [alice, bob]):
        for number in range(10):
            await alice.say(f"before {number}")
        await until(lambda: len(bob.got()) == 10, "the first ten", every_s=0.002)
        bob.recv_link.sctp.takes = False
        for number in range(10):
            await alice.say(f"lost {number}")
        await until(lambda: bob.consumers[True].buffered_bytes > 0, "they wait", every_s=0.002)
        bob.recv.close()
        for number in range(10):
            await alice.say(f"after {number}")
        bob.make_recv()
        await until(lambda: len(bob.got()) == 30, "all thirty", timeout_s=5, every_s=0.002)
        expected = [f"{when} {number}" for when in ("before", "lost", "after") for number in range(10)]
        assert [data for _, data, _ in bob.got()] == expected
        assert here.counts == {}


async def test_what_is_sent_again_arrives_once() -> None:
    async with stage("alice", "bob") as (_, [alice, bob]):
        parts = [part for number in range(5) for part in split(f"{number}", peer_id="", label="chat", message=number)]
        for part in parts[:3]:
            await alice.say_part(part)
        alice.send.close()
        alice.make_send()
        received = alice.session.data.inbox.received
        assert received is not None
        assert received.message == 2
        for part in parts:
            await alice.say_part(part)
        await until(lambda: len(bob.got()) == 5, "all five", every_s=0.002)
        assert [data for _, data, _ in bob.got()] == list("01234")


async def test_message_numbers_go_round() -> None:
    async with stage("alice", "bob") as (_, [alice, bob]):
        for number in (MESSAGE_NUMBERS - 2, MESSAGE_NUMBERS - 1, 0, 1):
            for part in split(str(number), peer_id="", label="chat", message=number):
                await alice.say_part(part)
        await until(lambda: [data for _, data, _ in bob.got()][-1:] == ["1"], "the last", every_s=0.002)
        assert len(bob.got()) == 4


# the channels ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [
    SctpStreamParameters(stream_id=1024), SctpStreamParameters(stream_id=-1),
    SctpStreamParameters(stream_id=5, max_retransmits=1, max_packet_life_time=5),
    SctpStreamParameters(stream_id=5, ordered=True, max_retransmits=1),
])
async def test_streams_that_make_no_sense_are_refused(parameters: SctpStreamParameters) -> None:
    async with stage("alice") as (_, [alice]):
        with pytest.raises(BadParameters):
            alice.send.data.produce(parameters, "", "")


async def test_channels_are_limited_and_end_with_their_transport() -> None:
    async with stage("alice") as (_, [alice]):
        with pytest.raises(AlreadyExists):
            alice.send.data.produce(RELIABLE, "", "")
        for number in range(2, 8):
            alice.send.data.produce(SctpStreamParameters(stream_id=number), "", "")
        with pytest.raises(LimitReached):
            alice.send.data.produce(SctpStreamParameters(stream_id=9), "", "")
        for _ in range(6):
            alice.recv.data.consume(reliable=True, label="", protocol="")
        with pytest.raises(LimitReached):
            alice.recv.data.consume(reliable=True, label="", protocol="")
        ended: list[str] = []
        alice.producers[True].on_close.connect(ended.append)
        alice.send_link.become("closed", "dtls_closed")
        assert ended == ["dtls_closed"]
        assert not alice.send.data.producers
        with pytest.raises(Closed):
            alice.send.data.produce(RELIABLE, "", "")


async def test_a_client_that_ends_its_association_is_told() -> None:
    async with stage("alice") as (_, [alice]):
        alice.send.data.sctp_closed()
        alice.recv.data.sctp_closed()
        assert [told["reason"] for told in alice.told("dataProducerClosed")] == ["sctp_closed"] * 2
        assert [told["reason"] for told in alice.told("dataConsumerClosed")] == ["sctp_closed"] * 2

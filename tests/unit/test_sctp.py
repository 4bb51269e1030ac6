"""SCTP: what a client's packets may and may not do, and that data comes through whole, in order and in time."""
from __future__ import annotations

import asyncio
import itertools
import random
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sctp_pair import SctpPair
from support.waiting import until

from simplesfu.engine import sctp
from simplesfu.engine.sctp import OutgoingStream, OutgoingStreams, fault_of

MIB = 1024 * 1024


@asynccontextmanager
async def connected(seed: int = 1) -> AsyncIterator[SctpPair]:
    pair = SctpPair(seed)
    try:
        await pair.connect()
        yield pair
    finally:
        await pair.close()


def chunk(kind: int, body: bytes, flags: int = 3) -> bytes:
    return struct.pack("!BBH", kind, flags, len(body) + 4) + body


def data(tsn: int, payload: bytes, *, stream: int = 0, seq: int = 0, flags: int = 3) -> bytes:
    return chunk(0, struct.pack("!LHHL", tsn % 2**32, stream, seq, 53) + payload, flags)


def sack(cumulative: int, *gaps: tuple[int, int]) -> bytes:
    blocks = b"".join(struct.pack("!HH", *gap) for gap in gaps)
    return chunk(3, struct.pack("!LLHH", cumulative % 2**32, 100_000, len(gaps), 0) + blocks)


def param(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value) + 4) + value + bytes(-len(value) % 4)


def packet(*chunks: bytes) -> bytes:
    return bytes(12) + b"".join(one + bytes(-len(one) % 4) for one in chunks)


# what reaches the parser -----------------------------------------------------------------------------------------

INIT = struct.pack("!LLHHL", 1, 100_000, 10, 10, 1)
WELL_FORMED = {
    "DATA": data(1, b"x"),
    "INIT": chunk(1, INIT + param(0xC000, b"")),
    "SACK": sack(5, (2, 3), (5, 5)),
    "HEARTBEAT": chunk(4, param(1, b"now")),
    "SHUTDOWN": chunk(7, bytes(4)),
    "RE-CONFIG": chunk(130, param(13, bytes(12) + b"\0\1")),
    "FORWARD TSN": chunk(192, bytes(4) + b"\0\1\0\2"),
    "an unknown chunk": chunk(77, b"whatever"),
}
MALFORMED = {
    "DATA without data": data(1, b""),
    "DATA cut off": chunk(0, bytes(11)),
    "INIT cut off": chunk(1, INIT[:15]),
    "INIT with the tag 0": chunk(1, bytes(4) + INIT[4:]),
    "INIT with a parameter of no length": chunk(1, INIT + bytes(4)),
    "SACK cut off": chunk(3, bytes(11)),
    "SACK that promises gaps": chunk(3, bytes(8) + b"\0\2\0\0"),
    "SACK whose gap ends before it starts": sack(5, (3, 2)),
    "SACK whose gaps overlap": sack(5, (2, 4), (4, 5)),
    "HEARTBEAT with a parameter of no length": chunk(4, bytes(4)),
    "ABORT with a parameter of no length": chunk(6, bytes(4)),
    "SHUTDOWN cut off": chunk(7, b"\0"),
    "ERROR with a parameter longer than itself": chunk(9, b"\0\1\0\xff"),
    "RE-CONFIG with a reset cut off": chunk(130, param(13, bytes(11))),
    "RE-CONFIG with an answer cut off": chunk(130, param(16, bytes(4))),
    "FORWARD TSN with half a stream": chunk(192, bytes(6)),
    "a chunk longer than its packet": b"\0\3\xff\xff" + bytes(20),
    "a chunk shorter than its header": b"\0\3\0\2" + bytes(20),
}


@pytest.mark.parametrize("name", WELL_FORMED)
def test_what_is_well_formed_passes(name: str) -> None:
    assert fault_of(packet(WELL_FORMED[name])) is None


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_does_not(name: str) -> None:
    assert fault_of(packet(MALFORMED[name])) == "sctp_malformed"


def test_init_stands_alone_and_its_answer_is_not_expected() -> None:
    assert fault_of(packet(WELL_FORMED["INIT"], WELL_FORMED["DATA"])) == "sctp_malformed"
    assert fault_of(packet(chunk(2, INIT))) == "sctp_unexpected"


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(junk: bytes) -> None:
    fault_of(junk)


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_chunks_are_counted_and_harm_nothing(name: str) -> None:
    async with connected() as pair:
        await asyncio.wait_for(pair.inject(MALFORMED[name]), 1)
        assert pair.counts == {"sctp_malformed": 1}
        await assert_usable(pair)


CHUNK_BODIES = st.one_of(st.binary(max_size=60), st.sampled_from([one[4:] for one in WELL_FORMED.values()]))
CHUNKS = st.builds(chunk, st.sampled_from([0, 1, 3, 4, 5, 7, 9, 10, 11, 14, 130, 192, 200]), CHUNK_BODIES,
                   st.integers(0, 255))


@settings(max_examples=150, deadline=None)
@given(st.lists(CHUNKS, min_size=1, max_size=6))
def test_whatever_is_in_a_packet_our_own_code_does_not_fail(chunks: list[bytes]) -> None:
    async def run() -> None:
        async with connected() as pair:
            await asyncio.wait_for(pair.inject(*chunks), 1)
            await asyncio.wait_for(pair.inject(*chunks[:1], tag=0), 1)
            assert not pair.counts["sctp_internal_error"], pair.counts

    asyncio.run(run())


async def assert_usable(pair: SctpPair) -> None:
    """Both ways."""
    heard: list[bytes] = []
    channel = pair.channel()
    channel.on("message", heard.append)
    stream = pair.stream()
    channel.send(b"there")
    stream.put(b"and back")
    await pair.ours.flush()
    await until(lambda: pair.received[-1:] == [(0, b"there")] and heard == [b"and back"], "both messages",
                timeout_s=5, every_s=0.002)


# what cannot be true ---------------------------------------------------------------------------------------------


async def test_an_association_does_not_start_again() -> None:
    async with connected() as pair:
        await pair.inject(chunk(1, INIT), tag=0)
        assert pair.counts == {"sctp_restart": 1}
        await assert_usable(pair)


async def test_what_was_never_sent_cannot_be_acknowledged() -> None:
    async with connected() as pair:
        tsn = pair.ours._local_tsn
        await pair.inject(sack(tsn + 5))
        await pair.inject(sack(tsn - 1, (1, 65535)))  # aiortc would count to 65535 for each of 300 such gaps
        assert pair.counts == {"sctp_sack_of_unsent": 2}
        await assert_usable(pair)


async def test_packets_without_the_tag_are_not_ours() -> None:
    async with connected() as pair:
        await pair.inject(data(1, b"x"), tag=4711)
        assert pair.counts == {"sctp_wrong_tag": 1}


async def test_a_stream_that_nobody_opened_is_not_kept() -> None:
    async with connected() as pair:
        assert pair.ours._last_received_tsn is not None
        first = pair.ours._last_received_tsn + 1
        for number in range(500):
            await pair.inject(data(first + number, b"x", stream=2 + number))
        assert pair.counts == {"sctp_unknown_stream": 500}
        assert not pair.ours._inbound_streams


async def test_memory_for_what_never_becomes_whole_is_bounded() -> None:
    """Fragments without an end, and numbers far ahead with a gap before them."""
    async with connected() as pair:
        assert pair.ours._last_received_tsn is not None
        first = pair.ours._last_received_tsn + 1
        for number in range(5000):
            await pair.inject(data(first + number, b"x", flags=2 if number == 0 else 0))
        for number in range(20_000, 60_000, 7):
            await pair.inject(data(first + number, bytes(1000), seq=number % 65536))
        held = sum(len(stream.reassembly) for stream in pair.ours._inbound_streams.values())
        print(pair.counts, held, len(pair.ours._sack_misordered))
        assert held <= 2 * sctp.MAX_HELD_CHUNKS
        assert len(pair.ours._sack_misordered) <= sctp.MAX_HELD_CHUNKS
        assert pair.counts["sctp_beyond_window"] > 5000


async def test_a_sack_with_a_thousand_gaps_fits_into_a_datagram() -> None:
    async with connected() as pair:
        assert pair.ours._last_received_tsn is not None
        for number in range(2, 2000, 2):
            await pair.inject(data(pair.ours._last_received_tsn + number, b"x"))
        assert max(map(len, pair.near.sent)) < 1200


async def test_the_peer_may_end_it() -> None:
    for ending in (chunk(6, b"", 0), chunk(7, bytes(4))):
        async with connected() as pair:
            await pair.inject(ending)
            assert pair.ends == 1
            await pair.inject(data(1, b"x"))
            assert not pair.received


# what comes through ----------------------------------------------------------------------------------------------


async def test_ten_mebibytes_come_whole_and_in_order_both_ways() -> None:
    messages = [number.to_bytes(4) + random.Random(number).randbytes(16 * 1024 - 4) for number in range(640)]
    async with connected() as pair:
        heard: list[bytes] = []
        channel = pair.channel()
        channel.on("message", heard.append)
        began = time.monotonic()
        for message in messages:
            channel.send(message)
        await until(lambda: len(pair.received) == len(messages), "all of them", timeout_s=30, every_s=0.01)
        middle = time.monotonic()
        stream = pair.stream()
        for message in messages:
            stream.put(message)
        await pair.ours.flush()
        await until(lambda: len(heard) == len(messages), "all of them back", timeout_s=30, every_s=0.01)
        print(f"in: {10 / (middle - began):.1f} MiB/s, out: {10 / (time.monotonic() - middle):.1f} MiB/s")
        assert [message for _, message in pair.received] == heard == messages
        assert not pair.counts


@pytest.mark.slow
@pytest.mark.parametrize("loss", [0.02, 0.1])
async def test_loss_costs_time_and_nothing_else(loss: float) -> None:
    messages = [number.to_bytes(4) + bytes(3000) for number in range(100)]
    async with connected() as pair:
        heard: list[bytes] = []
        channel = pair.channel()
        channel.on("message", heard.append)
        pair.near.loss = pair.far.loss = loss
        stream = pair.stream()
        for message in messages:
            channel.send(message)
            stream.put(message)
        await pair.ours.flush()
        await until(lambda: len(pair.received) == len(heard) == len(messages), "all of them", timeout_s=60)
        assert [message for _, message in pair.received] == heard == messages


async def test_what_may_be_lost_does_not_wait_for_what_is() -> None:
    """A second of a game's positions at 10 % loss: most arrive, and each that does is fresh."""
    async with connected(seed=7) as pair:
        arrived: dict[int, float] = {}
        channel = pair.channel(ordered=False, maxRetransmits=1)
        channel.on("message", lambda message: arrived.setdefault(int.from_bytes(message), time.monotonic()))
        pair.near.loss = pair.far.loss = 0.1
        stream = pair.stream(ordered=False, max_retransmits=1)
        sent: dict[int, float] = {}
        for number in range(150):
            sent[number] = time.monotonic()
            stream.put(number.to_bytes(4))
            await pair.ours.flush()
            await asyncio.sleep(0.02)
        await until(lambda: len(arrived) > 120, "most of them", timeout_s=5)
        gap = longest_gap(sorted(arrived.values())) - longest_gap(list(sent.values()))
        late = sum(arrived[number] - sent[number] > 0.5 for number in arrived)
        print(f"{len(arrived)} of 150, the longest gap {gap:.2f} s longer than the sender's, {late} late by over 0.5 s")
        assert gap < 1


def longest_gap(times: list[float]) -> float:
    return max(later - earlier for earlier, later in itertools.pairwise(times))


async def test_what_is_held_stops_the_peer_and_release_lets_it_go_on() -> None:
    messages = [number.to_bytes(4) + bytes(16 * 1024) for number in range(100)]
    async with connected() as pair:
        pair.holds = True
        channel = pair.channel()
        for message in messages:
            channel.send(message)
        # aiortc's sender has no regard for the window: ours drops what is beyond it, and acknowledges nothing of that.
        await until(lambda: pair.counts["sctp_beyond_window"] > 0, "the window is full")
        assert len(pair.received) <= sctp.RECV_WINDOW_BYTES // (16 * 1024) + 16
        released = 0
        while len(pair.received) < len(messages):
            await until(lambda: len(pair.received) > released, "more", timeout_s=10, every_s=0.002)  # noqa: B023
            await pair.ours.release(pair.received[released][1])
            released += 1
        assert [message for _, message in pair.received] == messages


async def test_the_peers_window_is_respected() -> None:
    async with connected() as pair:
        pair.theirs._advertised_rwnd = 10_000
        heard: list[bytes] = []
        pair.channel().on("message", heard.append)
        stream = pair.stream()
        most = 0
        for number in range(50):
            stream.put(number.to_bytes(4) + bytes(10_000))
        await pair.ours.flush()
        while len(heard) < 50:
            most = max(most, pair.ours._flight_size)
            await asyncio.sleep(0.001)
        print("in flight:", most)
        assert most < 10_000 + 2 * 1200


async def test_undelivered_is_what_the_peer_has_not_acknowledged() -> None:
    async with connected() as pair:
        heard: list[bytes] = []
        pair.channel().on("message", heard.append)
        stream = pair.stream()
        stream.put(b"arrives")
        await pair.ours.flush()
        await until(lambda: heard == [b"arrives"] and not stream.undelivered, "the first")
        pair.near.loss = 1.0
        for message in (b"one", b"two", b"three"):
            stream.put(message)
        await pair.ours.flush()
        assert stream.undelivered == [b"one", b"two", b"three"]


def test_streams_take_turns() -> None:
    streams = OutgoingStreams()
    bulk, small = (OutgoingStream(number, ordered=True, max_retransmits=None) for number in (0, 1))
    for stream in (bulk, small):
        streams.add(stream)
    for number in range(3):
        bulk.put(b"bulk%d" % number)
    small.put(b"small")
    taken = []
    while (stream := streams.next()) is not None:  # type: ignore[assignment]
        taken.append(stream.take())
    assert taken == [b"bulk0", b"small", b"bulk1", b"bulk2"]
    assert bulk.buffered_bytes == 0


def test_ids_of_outgoing_streams_come_in_turn() -> None:
    streams = OutgoingStreams()
    for wanted in [*range(sctp.MAX_STREAMS), 0, 1]:
        assert streams.free_id() == wanted, "a client may still hold those that were given back"
        stream = OutgoingStream(wanted, ordered=True, max_retransmits=None)
        streams.add(stream)
        streams.remove(stream)

"""RFC 4571 framing and the outbox, however the bytes are cut and whatever waits."""

from __future__ import annotations

import struct
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from simplesfu.plane.framing import split
from simplesfu.plane.outbox import play

MAX_DATAGRAM_BYTES = 1600
OUTBOX_BYTES = 262144
RESERVE_BYTES = 32768
SMALL_FRAME_BYTES = 400
LATE_US = 500_000


def packed(frame: bytes) -> bytes:
    return struct.pack("!H", len(frame)) + frame


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Lengths of frames, and where the stream of them is cut."""
    lengths = draw(st.lists(st.one_of(st.integers(0, 40), st.integers(1590, 1610), st.integers(0, 65535)), max_size=12))
    total = sum(2 + length for length in lengths)
    cuts = draw(st.lists(st.integers(0, total), max_size=20))
    return lengths, sorted(cuts)


@given(streams())
def test_frames_come_out_as_they_went_in_wherever_the_stream_is_cut(stream: tuple[list[int], list[int]]) -> None:
    lengths, cuts = stream
    frames = [bytes([number & 0xFF]) * length for number, length in enumerate(lengths)]
    data = b"".join(map(packed, frames))
    chunks = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert split(chunks) == [frame if len(frame) <= MAX_DATAGRAM_BYTES else None for frame in frames]


@given(st.lists(st.binary(max_size=100), max_size=5), st.integers(1, 5))
def test_any_bytes_are_frames_of_some_kind(chunks: list[bytes], size: int) -> None:
    data = b"".join(chunks)
    small = [data[at:at + size] for at in range(0, len(data), size)]
    assert split(chunks) == split(small)
    assert sum(2 + len(frame or b"") for frame in split(chunks)) <= len(data) + 2


@given(st.lists(st.tuples(st.integers(0, 1600), st.integers(0, 8000), st.integers(0, 40_000)), max_size=300))
def test_the_outbox_keeps_whole_frames_in_order_and_none_that_would_be_late(
    steps: list[tuple[int, int, int]],
) -> None:
    """Each step: a frame comes, a while passes, some bytes leave."""
    operations, now_us = [], 1_000_000
    for length, take, pause_us in steps:
        operations += [("put", bytes([length & 0xFF]) * length, now_us), ("take", take, now_us + pause_us)]
        now_us += pause_us
    answers = play(operations)
    inside: deque[tuple[int, int]] = deque()  # (when, bytes) of what waits, the oldest first
    kept = left = b""
    for (operation, argument, at_us), answer in zip(operations, answers, strict=True):
        waiting = sum(count for _, count in inside)
        if operation == "put":
            room = OUTBOX_BYTES - waiting - 2 - len(argument)
            if len(argument) <= SMALL_FRAME_BYTES or not inside:
                assert answer == (room >= 0)
            elif room < RESERVE_BYTES or at_us - inside[0][0] >= LATE_US:
                assert not answer, "what is late, or has no room, is not kept"
            if answer:
                inside.append((at_us, 2 + len(argument)))
                kept += packed(argument)
        else:
            assert len(answer) == min(argument, waiting)
            left += answer
            count = len(answer)
            while count:
                when, size = inside.popleft()
                if size > count:
                    inside.appendleft((when, size - count))
                count -= min(size, count)
    assert kept.startswith(left), "the bytes leave in the order in which they came"
    assert None not in split([left])


def test_without_a_delay_a_keyframe_and_more_fits() -> None:
    answers = play(("put", bytes(1200), 1) for _ in range(300))
    print(f"{sum(answers)} of 300 packets of 1200 bytes at once")
    assert 180 < sum(answers) < 200
    assert play([*[("put", bytes(1200), 1)] * 300, ("put", bytes(100), 1)])[-1], "a small one fits beside"


def test_pictures_are_refused_while_the_oldest_is_late_and_sound_is_not() -> None:
    late = [("put", bytes(1200), 1), ("put", bytes(1200), LATE_US), ("put", bytes(1200), LATE_US + 1)]
    assert play(late) == [True, True, False]
    assert play([*late, ("put", bytes(200), LATE_US + 1)])[-1]
    assert play([*late, ("take", 1 << 20, LATE_US + 2), ("put", bytes(1200), LATE_US + 3)])[-1]

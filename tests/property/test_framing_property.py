"""RFC 4571 framing and the outbox, however the bytes are cut and whatever waits."""

from __future__ import annotations

import struct
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from simplesfu.plane.framing import split
from simplesfu.plane.outbox import play

MAX_DATAGRAM_BYTES = 1600
PATIENT_BYTES = 262144
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


STEPS = st.tuples(st.integers(0, 1600), st.booleans(), st.integers(0, 8000), st.integers(0, 40_000))


@given(st.lists(STEPS, max_size=300))
def test_frames_leave_whole_and_in_order_and_urgent_ones_first(steps: list[tuple[int, bool, int, int]]) -> None:
    """Each step: a frame comes, a while passes, some bytes leave."""
    operations, now_us = [], 1_000_000
    for number, (length, urgent, take, pause_us) in enumerate(steps):
        frame = (struct.pack("!H", number) + bytes(length))[:max(2, length)]
        operations += [("put urgent" if urgent else "put", frame, now_us), ("take", take, now_us + pause_us)]
        now_us += pause_us
    operations.append(("take", 1 << 20, now_us))
    answers = play(operations)
    kept: dict[str, list[bytes]] = {"put": [], "put urgent": []}
    waiting = 0
    for (operation, argument, _), answer in zip(operations, answers, strict=True):
        if operation == "take":
            assert len(answer) == min(argument, waiting)
            waiting -= len(answer)
        elif answer:
            kept[operation].append(argument)
            waiting += 2 + len(argument)
    left = split(answer for answer in answers if isinstance(answer, bytes))
    for lane, frames in kept.items():
        assert [frame for frame in left if frame in set(frames)] == frames, f"{lane}: whole, and in their order"
    assert len(left) == sum(map(len, kept.values()))


def test_sound_passes_by_pictures_but_cuts_none() -> None:
    picture, other, sound = b"P" * 1000, b"Q" * 1000, b"S" * 100
    answers = play([
        ("put", picture, 1), ("put", other, 1), ("take", 300, 1), ("put urgent", sound, 1), ("take", 1 << 20, 1),
    ])
    assert split([answers[2], answers[4]]) == [picture, sound, other]


@given(st.lists(st.tuples(st.integers(100, 1600), st.integers(0, 4000), st.integers(0, 60_000)), max_size=400))
def test_pictures_that_would_be_late_are_not_kept(steps: list[tuple[int, int, int]]) -> None:
    operations, now_us = [], 1_000_000
    for length, take, pause_us in steps:
        operations += [("put", bytes(length), now_us), ("take", take, now_us + pause_us)]
        now_us += pause_us
    inside: deque[tuple[int, int]] = deque()  # (when, bytes) of what waits, the oldest first
    for (operation, argument, at_us), answer in zip(operations, play(operations), strict=True):
        waiting = sum(count for _, count in inside)
        if operation == "put":
            if waiting + 2 + len(argument) > PATIENT_BYTES or (inside and at_us - inside[0][0] >= LATE_US):
                assert not answer
            if not inside:
                assert answer
            if answer:
                inside.append((at_us, 2 + len(argument)))
            continue
        count = len(answer)
        while count:
            when, size = inside.popleft()
            if size > count:
                inside.appendleft((when, size - count))
            count -= min(size, count)


def test_without_a_delay_a_keyframe_and_more_fits() -> None:
    answers = play(("put", bytes(1200), 1) for _ in range(300))
    print(f"{sum(answers)} of 300 packets of 1200 bytes at once")
    assert 200 < sum(answers) < 220
    assert play([*[("put", bytes(1200), 1)] * 300, ("put urgent", bytes(100), 1)])[-1], "an urgent one has its own room"


def test_pictures_are_refused_while_the_oldest_is_late_and_sound_is_not() -> None:
    late = [("put", bytes(1200), 1), ("put", bytes(1200), LATE_US), ("put", bytes(1200), LATE_US + 1)]
    assert play(late) == [True, True, False]
    assert play([*late, ("put urgent", bytes(200), LATE_US + 1)])[-1]
    assert play([*late, ("take", 1 << 20, LATE_US + 2), ("put", bytes(1200), LATE_US + 3)])[-1]

"""Payload descriptors: written by hand, and what FFmpeg's encoders and its RTP packetiser make."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import av
import numpy as np
import pytest

from simplesfu.plane import rtp
from simplesfu.plane.payload import parse, with_picture_id

CASES: list[tuple[str, str, bool]] = [
    # VP8: X R N S R PID | I L T K | … | P in the lowest bit of the payload header
    ("vp8", "10 00", True),
    ("vp8", "10 01", False),  # P: predicted
    ("vp8", "00 00", False),  # not the start of a partition
    ("vp8", "11 00", False),  # partition 1
    ("vp8", "30 00", True),  # N: nobody refers to it
    ("vp8", "90 00 00", True),
    ("vp8", "90 80 7f 00", True),  # short picture id
    ("vp8", "90 80 7f 01", False),
    ("vp8", "90 80 ffff 00", True),  # long picture id
    ("vp8", "90 80 ffff 01", False),
    ("vp8", "90 40 ff 00", True),  # TL0PICIDX
    ("vp8", "90 20 ff 00", True),  # TID
    ("vp8", "90 10 ff 00", True),  # KEYIDX
    ("vp8", "90 f0 ffff ff ff 00", True),  # everything
    ("vp8", "90 f0 ffff ff ff 01", False),
    # VP9: I P L F B E V Z
    ("vp9", "08 00", True),
    ("vp9", "48 00", False),  # P: predicted from another picture
    ("vp9", "00 00", False),  # B missing: the middle of a frame
    ("vp9", "88 7f 00", True),
    ("vp9", "88 ffff 00", True),
    ("vp9", "28 00 00", True),  # L: layer 0, TL0PICIDX
    ("vp9", "28 e1 00", True),  # temporal layer and D say nothing about it
    ("vp9", "28 02 00", False),  # spatial layer 1
    ("vp9", "a8 7f 00 00", True),
    ("vp9", "a8 ffff 0e 00", False),
    ("vp9", "aa ffff 00 00", True),  # V: scalability structure behind it
    # H264: the type is in the low five bits
    ("h264", "67 42", True),  # SPS
    ("h264", "65 88", True),  # IDR, first slice
    ("h264", "65 4d", False),  # IDR, a later slice
    ("h264", "68 ce", False),  # PPS
    ("h264", "41 9a", False),  # predicted slice
    ("h264", "06 05", False),  # SEI
    ("h264", "78 0002 6742 0002 68ce", True),  # STAP-A: SPS, PPS
    ("h264", "78 0002 68ce 0002 6588", True),  # STAP-A: PPS, IDR
    ("h264", "78 0002 68ce 0002 4188", False),
    ("h264", "78 0000 0002 6742", True),  # an empty unit in front
    ("h264", "78 0000 6742", False),  # a size is no unit
    ("h264", "78 0001 65 0002 8888", False),  # an IDR slice of nothing
    ("h264", "78 ffff 41 6742", False),  # a size that points far away
    ("h264", "7c 85 88", True),  # FU-A: start of an IDR slice
    ("h264", "7c 05 88", False),  # its middle
    ("h264", "7c 85 4d", False),  # start of a later slice
    ("h264", "7c 87 42", True),  # start of an SPS
    ("h264", "7c 81 9a", False),
    # AV1: Z Y WW N
    ("av1", "08 0a", True),
    ("av1", "68 0a", True),
    ("av1", "00 0a", False),
    ("av1", "88 0a", False),  # Z: continues a fragment
    # Audio and the unknown: always
    ("opus", "", True),
    ("opus", "fc", True),
    ("h265", "02 01", True),
]


@pytest.mark.parametrize(("codec", "payload", "expected"), CASES)
def test_reads_the_descriptor(codec: str, payload: str, expected: bool) -> None:
    assert parse(codec, bytes.fromhex(payload)).keyframe is expected


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        ("vp8", "90 f0 ffff ff ff 00"),
        ("vp9", "a8 ffff 00"),
        ("h264", "65 88"),
        ("h264", "7c 85 88"),
        ("h264", "78 0002 68ce 0001 67"),
        ("av1", "08 0a"),
    ],
)
def test_a_descriptor_cut_short_starts_nothing(codec: str, payload: str) -> None:
    whole = bytes.fromhex(payload)
    starts = [parse(codec, whole[:length]).keyframe for length in range(len(whole) + 1)]
    assert starts == [False] * len(whole) + [True]


@pytest.mark.parametrize(
    ("codec", "payload", "begins_picture", "temporal_layer", "joinable", "picture_id"),
    [
        ("vp8", "10 01", True, 0, 0, None),
        ("vp8", "90 80 7f 01", True, 0, 0, 0x7F),
        ("vp8", "80 80 8123 01", False, 0, 0, 0x123),
        ("vp8", "91 80 8123 01", False, 0, 0, 0x123),  # another partition
        ("vp8", "90 e0 8123 07 40 01", True, 1, 0, 0x123),  # TID 1
        ("vp8", "90 e0 8123 07 a0 01", True, 2, 0b100, 0x123),  # TID 2, Y
        ("vp8", "90 10 e0 01", True, 0, 0, None),  # K alone: TID and Y say nothing
        ("vp8", "90 e0 8123 07", False, 0, 0, None),  # cut short: nothing counts
        ("vp9", "08 00", True, 0, 0, None),
        ("vp9", "28 40 00", True, 2, 0, None),
        ("vp9", "a8 8123 50 00", True, 2, 0b11111000, None),  # U: those above it
        ("vp9", "28 10 00", True, 0, 0b11111110, None),
        ("vp9", "28 42 00", False, 2, 0, None),  # the upper spatial layer
        ("vp9", "20 40 00", False, 2, 0, None),
        ("vp9", "28 ff 00", False, 7, 0, None),
        ("h264", "65 88", False, 0, 0, None),
        ("opus", "fc", False, 0, 0, None),
    ],
)
def test_reads_layer_and_picture(
    codec: str, payload: str, begins_picture: bool, temporal_layer: int, joinable: int, picture_id: int | None
) -> None:
    read = parse(codec, bytes.fromhex(payload))
    print(read)
    assert read[1:] == (begins_picture, temporal_layer, joinable, picture_id)


@pytest.mark.parametrize(
    ("payload", "picture_id", "written"),
    [
        ("90 80 7f 01", 5, "90 80 05 01"),
        ("90 80 7f 01", 0x185, "90 80 05 01"),  # what fits into it
        ("90 80 ffff 01", 5, "90 80 8005 01"),
        ("90 f0 8123 55 bf 01", 0x7FFF, "90 f0 ffff 55 bf 01"),
        ("90 20 bf 01", 5, "90 20 bf 01"),  # has none
        ("90 80 ff", 5, "90 80 ff"),
        ("", 5, ""),
    ],
)
def test_writes_the_picture_id_and_nothing_else(payload: str, picture_id: int, written: str) -> None:
    assert with_picture_id(bytes.fromhex(payload), picture_id) == bytes.fromhex(written)


class RtpSink:
    """A file for FFmpeg's RTP muxer, which writes one packet at a time: RTCP is left out."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def write(self, data: bytes) -> int:
        if not 200 <= data[1] <= 206:
            self.packets.append(bytes(data))
        return len(data)


def noise(width: int, height: int, frames: int) -> Iterator[av.VideoFrame]:
    random = np.random.default_rng(1)
    for pts in range(frames):
        frame = av.VideoFrame.from_ndarray(random.integers(0, 255, (height, width, 3), dtype=np.uint8), format="rgb24")
        frame.pts = pts
        yield frame


def packetise(encoder: str, options: dict[str, str]) -> list[tuple[bool, list[bytes]]]:
    """(is a keyframe, its payloads) of 25 frames, every tenth a keyframe."""
    sink = RtpSink()
    frames: list[tuple[bool, list[bytes]]] = []
    with av.open(sink, "w", format="rtp", options={"packetsize": "1200", "strict": "experimental"}) as output:
        stream = output.add_stream(encoder, rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 240, "yuv420p", 2_000_000
        stream.codec_context.gop_size = 10
        for frame in [*noise(320, 240, 25), None]:
            for packet in stream.encode(frame):
                is_keyframe = packet.is_keyframe
                sink.packets.clear()
                output.mux(packet)
                frames.append((is_keyframe, [rtp.parse(data).payload for data in sink.packets]))
    return frames


def is_parameter_set(payload: bytes) -> bool:
    return payload[0] & 0x1F == 24


ENCODERS: list[tuple[str, str, dict[str, str], Callable[[bytes], bool]]] = [
    ("vp8", "libvpx", {"deadline": "realtime"}, lambda _: False),
    # Two slices a picture, with a STAP-A of SPS and PPS in front: that, and the first slice, are starts.
    ("h264", "libx264", {"preset": "ultrafast", "tune": "zerolatency", "slices": "2"}, is_parameter_set),
    ("av1", "libsvtav1", {"preset": "13"}, lambda _: False),
]


@pytest.mark.parametrize(("codec", "encoder", "options", "comes_before"), ENCODERS)
def test_finds_the_keyframes_of_an_encoder(
    codec: str, encoder: str, options: dict[str, str], comes_before: Callable[[bytes], bool]
) -> None:
    try:
        av.Codec(encoder, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"this build of FFmpeg has no {encoder}")
    frames = packetise(encoder, options)
    print([(is_keyframe, len(payloads)) for is_keyframe, payloads in frames])
    assert sum(is_keyframe for is_keyframe, _ in frames) == 3
    assert max(len(payloads) for _, payloads in frames) > 5
    for is_keyframe, payloads in frames:
        starts = [parse(codec, payload).keyframe for payload in payloads]
        leading = sum(comes_before(payload) for payload in payloads)
        expected_starts = 1 + leading if is_keyframe else 0
        assert starts == [True] * expected_starts + [False] * (len(payloads) - expected_starts)

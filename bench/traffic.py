"""What the publisher sends: even bursts, as laboratories do, and what a browser really sent."""
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from bench.load import HEADER_BYTES, LEAST_PAYLOAD_BYTES, Departure
from simplesfu.types import MediaKind

CAPTURE: Final = Path(__file__).parent / "data" / "chromium-vp8-720p.json"
PACKETS_PER_S: Final = 300
PAYLOAD_BYTES: Final = 1100
CLOCK_RATES: Final[dict[MediaKind, int]] = {"video": 90_000, "audio": 48_000}


class _Packet(NamedTuple):
    at_us: int
    stream: int
    payload_bytes: int
    marker: bool


@dataclass(frozen=True)
class Traffic:
    """`packets` repeat every `period_us`. The first stream is video, whose frames end with a marker."""

    name: str
    streams: tuple[MediaKind, ...]
    period_us: int
    packets: tuple[_Packet, ...]

    def timetable(self, seconds: float, first_s: float) -> list[Departure]:
        """Whole frames for that long. It begins with a keyframe; RTP time stamps begin at `first_s`."""
        departures: list[Departure] = []
        frame_us = 0
        keyframe = new_frame = True
        for at_us, packet in self._repeat(round(seconds * 1e6)):
            is_video = packet.stream == 0
            if is_video and new_frame:
                frame_us = at_us
            rate = CLOCK_RATES[self.streams[packet.stream]]
            ts = round((first_s + (frame_us if is_video else at_us) / 1e6) * rate)
            departures.append(
                Departure(at_us, packet.stream, packet.payload_bytes, packet.marker, ts, keyframe and is_video)
            )
            if is_video:
                new_frame, keyframe = packet.marker, False
        return departures

    def _repeat(self, until_us: int) -> Iterator[tuple[int, _Packet]]:
        start_us = 0
        while True:
            for packet in self.packets:
                if start_us + packet.at_us >= until_us and (packet.stream or packet is self.packets[0]):
                    return
                yield start_us + packet.at_us, packet
                if start_us + packet.at_us >= until_us and packet.marker:
                    return
            start_us += self.period_us


def bursts(frame_packets: int) -> Traffic:
    """300 packets of 1100 B a second, each frame at once."""
    packets = tuple(_Packet(0, 0, PAYLOAD_BYTES, i + 1 == frame_packets) for i in range(frame_packets))
    period_us = frame_packets * 1_000_000 // PACKETS_PER_S
    return Traffic(f"frames of {frame_packets}", ("video",), period_us, packets)


def captured(*, audio: bool = True) -> Traffic:
    """A browser's video, and sound, with the sizes and the spacing that they had."""
    capture = json.loads(CAPTURE.read_text())
    at_us = 0
    packets: list[_Packet] = []
    for gap_us, packet_bytes, stream, marker in capture["packets"]:
        at_us += gap_us
        if audio or stream == 0:
            packets.append(_Packet(at_us, stream, max(LEAST_PAYLOAD_BYTES, packet_bytes - HEADER_BYTES), marker == 1))
    video = [packet for packet in packets if packet.stream == 0]
    frames = [packet.at_us for before, packet in pairwise(video) if before.marker]
    period_us = frames[-1] + (frames[-1] - frames[0]) // (len(frames) - 1)
    if not audio:
        return Traffic("browser", ("video",), period_us, tuple(packets))
    return Traffic("browser with sound", ("video", "audio"), period_us, tuple(packets))

"""What an MCU does for a room: it decodes what everybody sends, draws all of it into one picture, and encodes that.

The cheapest kind is measured, which encodes once and sends the same picture to everybody; with a picture of its own for
each person the encoding is to be multiplied by their number. There is no network in it, and no sound.
"""
from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np

WIDTH: Final = 640
HEIGHT: Final = 360
REALTIME: Final = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "static-thresh": "0"}


@dataclass(frozen=True)
class Mixing:
    """CPU seconds for each second of the call, and the mixed picture's bits per second."""

    people: int
    decode_share: float
    compose_share: float
    encode_share: float
    mixed_bps: float

    @property
    def cpu_share(self) -> float:
        return self.decode_share + self.compose_share + self.encode_share


def measure(people: int, *, width: int, height: int, fps: int, bitrate_bps: int, seconds: float) -> Mixing:
    frames = int(seconds * fps)
    sent = [list(_encode(_clip(person, width, height, frames), width, height, fps, bitrate_bps))
            for person in range(people)]
    decoders = [av.CodecContext.create("vp8", "r") for _ in range(people)]
    mixer = _encoder(WIDTH, HEIGHT, fps, 2 * bitrate_bps)
    columns = math.ceil(math.sqrt(people))
    rows = math.ceil(people / columns)
    tile_width, tile_height = WIDTH // columns & ~1, HEIGHT // rows & ~1
    spent = {"decode": 0.0, "compose": 0.0, "encode": 0.0}
    mixed_bytes = 0
    for number in range(frames):
        clock = time.process_time()
        pictures = [decoder.decode(packets[number])[0] for decoder, packets in zip(decoders, sent, strict=True)]
        spent["decode"] += time.process_time() - clock
        clock = time.process_time()
        mixed = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        for place, picture in enumerate(pictures):
            _draw(mixed, picture.reformat(tile_width, tile_height).to_ndarray(), place % columns, place // columns)
        frame = av.VideoFrame.from_ndarray(mixed, format="yuv420p")
        frame.pts = number
        spent["compose"] += time.process_time() - clock
        clock = time.process_time()
        mixed_bytes += sum(packet.size for packet in mixer.encode(frame))
        spent["encode"] += time.process_time() - clock
    return Mixing(
        people=people,
        decode_share=spent["decode"] / seconds,
        compose_share=spent["compose"] / seconds,
        encode_share=spent["encode"] / seconds,
        mixed_bps=8 * mixed_bytes / seconds,
    )


def _draw(mixed: np.ndarray, tile: np.ndarray, column: int, row: int) -> None:
    """Planes of I420 lie one below the other: luma, and then both chroma planes at half width, two lines in one."""
    height, width = tile.shape[0] * 2 // 3, tile.shape[1]
    mixed[row * height:(row + 1) * height, column * width:(column + 1) * width] = tile[:height]
    chroma = mixed[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    small = tile[height:].reshape(2, height // 2, width // 2)
    top, left = row * height // 2, column * width // 2
    chroma[:, top:top + height // 2, left:left + width // 2] = small


def _clip(person: int, width: int, height: int, frames: int) -> Iterator[av.VideoFrame]:
    """Bars that move and flicker, as the browsers' cameras in the same measurement show them."""
    chance = np.random.default_rng(person)
    for number in range(frames):
        bars = (np.arange(width) // 20 * 20 + 5 * number + 40 * person) % 256
        flicker = np.repeat(chance.integers(-30, 30, width // 20 + 1), 20)[:width]
        line = np.clip(bars + flicker, 16, 235).astype(np.uint8)
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height] = line
        x, y = 7 * number % (width - 20), 3 * number % (height - 20)
        picture[y:y + 20, x:x + 20] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        yield frame


def _encoder(width: int, height: int, fps: int, bitrate_bps: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libvpx", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
    encoder.bit_rate, encoder.gop_size, encoder.thread_count = bitrate_bps, 3000, 1
    encoder.options = dict(REALTIME)
    return encoder


def _encode(clip: Iterator[av.VideoFrame], width: int, height: int, fps: int, bitrate_bps: int) -> Iterator[av.Packet]:
    encoder = _encoder(width, height, fps, bitrate_bps)
    for frame in clip:
        yield from encoder.encode(frame)
    yield from encoder.encode(None)

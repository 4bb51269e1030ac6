"""Spoilt packets are read or refused: ParseError and nothing else, and what is taken stays whole."""

from __future__ import annotations

from collections import Counter
from random import Random

from corpus import rtcp_packets, rtp_packets, spoilt

from simplesfu.plane import rtcp, rtp
from simplesfu.plane.payload import parse, with_picture_id

CODECS = ("vp8", "vp9", "h264", "av1", "opus")


def test_rtp() -> None:
    seen: Counter[str] = Counter()
    random = Random(1)
    for data in spoilt(rtp_packets(), cases=30_000, seed=2):
        try:
            packet = rtp.parse(data)
        except rtp.ParseError:
            seen["refused"] += 1
            continue
        id_map = {random.randrange(1, 256): random.randrange(1, 15) for _ in range(3)} | {1: 1, 3: 2}
        normal = rtp.parse(rtp.normalise(data, id_map, 96, 2).data)
        stripped = rtp.parse(rtp.strip(data, {1, 3, random.randrange(1, 15)}, 3).data)
        for rewritten in (normal, stripped):
            assert rewritten.payload == packet.payload
            assert rewritten.padding == packet.padding
        unwrapped = rtp.unwrap_rtx(data, 1, 96)
        assert (unwrapped is None) == (len(packet.payload) < 2)
        assert unwrapped is None or rtp.parse(unwrapped).payload == packet.payload[2:]
        seen["taken"] += 1
        seen["elements"] += len(packet.extensions)
        seen["elements kept"] += len(normal.extensions)
        seen["starts"] += sum(parse(codec, packet.payload).keyframe for codec in CODECS)
    print(dict(seen))
    assert seen["refused"] > 5_000
    assert seen["taken"] > 5_000
    assert 0 < seen["elements kept"] < seen["elements"]


def test_rtcp() -> None:
    seen: Counter[str] = Counter()
    for data in spoilt(rtcp_packets(), cases=30_000, seed=3):
        try:
            packets = rtcp.parse(data)
        except rtp.ParseError:
            seen["refused"] += 1
            continue
        seen.update(type(packet).__name__ for packet in packets)
        assert sum(len(packet.seqs) for packet in packets if isinstance(packet, rtcp.Nack)) <= 17 * len(data) / 4
    print(dict(seen))
    assert seen["refused"] > 5_000
    for kind in ("SenderReport", "ReceiverReport", "Nack", "Pli", "Fir", "Remb", "Other"):
        assert seen[kind] > 100


def test_payloads() -> None:
    seen: Counter[str] = Counter()
    random = Random(4)
    for _ in range(10_000):
        payload = random.randbytes(random.randrange(12))
        read = {codec: parse(codec, payload) for codec in CODECS}
        seen.update(codec for codec in CODECS if read[codec].keyframe)
        seen.update(f"{codec} layer {read[codec].temporal_layer}" for codec in ("vp8", "vp9"))
        was = read["vp8"]
        written = with_picture_id(payload, random.randrange(1 << 15))
        now = parse("vp8", written)
        assert (len(written), now[:-1]) == (len(payload), was[:-1])
        assert written == payload or was.picture_id is not None
    print(dict(seen))
    assert all(seen[f"vp8 layer {layer}"] for layer in range(4))
    assert all(seen[f"vp9 layer {layer}"] for layer in range(8))
    assert all(0 < seen[codec] < 10_000 for codec in CODECS if codec != "opus")
    assert seen["opus"] == 10_000

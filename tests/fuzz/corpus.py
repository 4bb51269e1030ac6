"""Good packets, and a seeded way to spoil them: the same cases in every run."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from simplesfu.plane import rtcp, rtp

EDGES = (0x00, 0x01, 0x0F, 0x10, 0x7F, 0x80, 0x90, 0xB0, 0xBE, 0xDE, 0xF0, 0xFF)


def rtp_packets() -> list[bytes]:
    one_byte = [(1, b"0"), (2, b"r0"), (3, b"\x01\x02\x03"), (4, b"\x9f"), (14, bytes(16))]
    two_byte = [*one_byte, (15, b""), (200, bytes(40))]
    video = bytes.fromhex("90 f0 ffff ff ff 00 9d012a")
    fields = {"seq": 65535, "ts": 2**32 - 1, "ssrc": 0xCAFE, "payload_type": 96, "payload": video}
    return [
        rtp.pack(**fields),
        rtp.pack(**fields, marker=True, padding=7, csrcs=(1, 2, 3)),
        rtp.pack(**fields, extensions=one_byte),
        rtp.pack(**fields, extensions=two_byte, two_byte=True, csrcs=(1,), padding=1),
        rtp.pack(**{**fields, "payload": b"\x00\x01"}, extensions=one_byte[:2]),
        rtp.pack(**{**fields, "payload": b""}, padding=255),
        rtp.pack(**{**fields, "payload": bytes.fromhex("78 0002 68ce 0002 6588 7c85")}, extensions=one_byte[2:3]),
    ]


def rtcp_packets() -> list[bytes]:
    report = rtcp.Report(1, 2, -3, 4, 5, 6, 7)
    feedback = [
        rtcp.pack_nack(1, 2, [65530, 65535, 0, 3, 40, 400]),
        rtcp.pack_pli(1, 2),
        rtcp.pack_fir(1, 2, 3),
        rtcp.pack_remb(1, 2_500_000, [2, 3]),
        bytes.fromhex("a1cd0004 00000001 00000002 00050000 00000004"),
    ]
    sr = rtcp.pack_sr(1, ntp_time=2, rtp_time=3, packet_count=4, octet_count=5, reports=[report, report])
    rr = rtcp.pack_rr(1, [report] * 3) + rtcp.pack_sdes(1, "cname")
    bye = bytes.fromhex("82cb0002 00000001 00000002")
    return [*feedback, sr, rr, rr + b"".join(feedback), sr + rtcp.pack_sdes(1, "") + bye]


def _spoil(data: bytearray, random: Random, others: list[bytes]) -> bytearray:
    at = random.randrange(len(data) + 1)
    match random.randrange(7):
        case 0 if at < len(data):
            data[at] ^= 1 << random.randrange(8)
        case 1 if at < len(data):
            data[at] = random.choice(EDGES)
        case 2 if data:
            # The header decides most, so it is spoilt most.
            data[random.randrange(min(20, len(data)))] = random.randrange(256)
        case 3:
            del data[at:]
        case 4:
            data[at:at] = random.randbytes(random.randrange(1, 9))
        case 5:
            del data[at : at + random.randrange(1, 9)]
        case 6:
            other = random.choice(others)
            data[at:] = other[random.randrange(len(other)) :]
    return data


def spoilt(packets: list[bytes], *, cases: int, seed: int) -> Iterator[bytes]:
    """`cases` packets, each with one to four faults."""
    random = Random(seed)
    for _ in range(cases):
        data = bytearray(random.choice(packets))
        for _ in range(random.randrange(1, 5)):
            data = _spoil(data, random, packets)
        yield bytes(data)

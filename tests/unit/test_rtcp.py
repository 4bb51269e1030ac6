"""RTCP packets, byte for byte."""

from __future__ import annotations

import pytest

from simplesfu.plane import rtcp
from simplesfu.plane.rtp import ParseError

REPORT = rtcp.Report(
    ssrc=0x0A0B0C0D,
    fraction_lost=0x80,
    packets_lost=-2,
    highest_seq=0x00010002,
    jitter=3,
    last_sr=4,
    delay_since_last_sr=5,
)
REPORT_BYTES = bytes.fromhex("0a0b0c0d 80 fffffe 00010002 00000003 00000004 00000005")


def test_receiver_report() -> None:
    data = rtcp.pack_rr(7, [REPORT])
    assert data == bytes.fromhex("81c90007 00000007") + REPORT_BYTES
    assert rtcp.parse(data) == [rtcp.ReceiverReport(7, (REPORT,))]


def test_sender_report() -> None:
    data = rtcp.pack_sr(7, ntp_time=0x0102030405060708, rtp_time=9, packet_count=10, octet_count=11, reports=[REPORT])
    assert data == bytes.fromhex("81c8000c 00000007 0102030405060708 00000009 0000000a 0000000b") + REPORT_BYTES
    assert rtcp.parse(data) == [rtcp.SenderReport(7, 0x0102030405060708, 9, 10, 11, (REPORT,))]


@pytest.mark.parametrize(
    ("lost", "told"),
    [(0x7FFFFF, 0x7FFFFF), (0x800000, 0x7FFFFF), (-0x800000, -0x800000), (-0x800001, -0x800000), (-1, -1)],
)
def test_packets_lost_is_clamped_to_24_bits(lost: int, told: int) -> None:
    (report,) = rtcp.parse(rtcp.pack_rr(7, [REPORT._replace(packets_lost=lost)]))
    assert report == rtcp.ReceiverReport(7, (REPORT._replace(packets_lost=told),))


def test_a_report_takes_31_blocks() -> None:
    reports = tuple(REPORT._replace(ssrc=ssrc) for ssrc in range(31))
    assert rtcp.parse(rtcp.pack_rr(7, reports)) == [rtcp.ReceiverReport(7, reports)]
    with pytest.raises(ValueError, match="one packet takes 31"):
        rtcp.pack_rr(7, (*reports, REPORT))


@pytest.mark.parametrize("count", [2, 31])
def test_more_reports_are_promised_than_fit(count: int) -> None:
    data = bytearray(rtcp.pack_rr(7, [REPORT]))
    data[0] = 0x80 | count
    assert rtcp.parse(bytes(data)) == [rtcp.ReceiverReport(7, (REPORT,))]
    assert rtcp.parse(bytes([0x80 | count]) + bytes.fromhex("c90001 00000007")) == [rtcp.ReceiverReport(7)]
    sr = bytearray(rtcp.pack_sr(7, ntp_time=1, rtp_time=2, packet_count=3, octet_count=4))
    sr[0] = 0x80 | count
    assert rtcp.parse(bytes(sr)) == [rtcp.SenderReport(7, 1, 2, 3, 4)]


def test_a_profile_specific_tail_is_no_report() -> None:
    data = bytes.fromhex("80c90007 00000007") + REPORT_BYTES
    assert rtcp.parse(data) == [rtcp.ReceiverReport(7)]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("80c80001 00000007", rtcp.Other(200, 0, 7)),  # a sender report without its sender's information
        ("80c90000", rtcp.Other(201, 0, 0)),  # a receiver report of nobody
    ],
)
def test_a_report_that_is_too_short_tells_nothing(data: str, told: rtcp.Other) -> None:
    assert rtcp.parse(bytes.fromhex(data)) == [told]


def test_sdes() -> None:
    assert rtcp.pack_sdes(7, "abc") == bytes.fromhex("81ca0003 00000007 0103616263 000000")
    assert rtcp.pack_sdes(7, "a") == bytes.fromhex("81ca0002 00000007 010161 00")
    assert rtcp.pack_sdes(7, "ab") == bytes.fromhex("81ca0003 00000007 01026162 00000000"), "one zero byte at least"
    assert len(rtcp.pack_sdes(7, "x" * 255)) == 268
    assert rtcp.parse(rtcp.pack_sdes(7, "abc")) == [rtcp.Other(202, 1, 0)]
    with pytest.raises(ValueError, match="255 bytes"):
        rtcp.pack_sdes(7, "x" * 256)


def test_pli() -> None:
    assert rtcp.pack_pli(1, 2) == bytes.fromhex("81ce0002 00000001 00000002")
    assert rtcp.parse(rtcp.pack_pli(1, 2)) == [rtcp.Pli(1, 2)]


def test_fir() -> None:
    data = rtcp.pack_fir(1, 2, 255)
    assert data == bytes.fromhex("84ce0004 00000001 00000000 00000002 ff000000")
    assert rtcp.parse(data) == [rtcp.Fir(1, ((2, 255),))]
    two = bytes.fromhex("84ce0006 00000001 00000000 00000002 ff000000 00000003 01000000")
    assert rtcp.parse(two) == [rtcp.Fir(1, ((2, 255), (3, 1)))]


@pytest.mark.parametrize(
    ("seqs", "items"),
    [
        ([5], "0005 0000"),
        ([5, 6, 21], "0005 8001"),
        ([5, 22], "0005 0000 0016 0000"),
        ([65535, 0, 15], "ffff 8001"),  # across the wrap
        ([65535, 16], "ffff 0000 0010 0000"),
        ([65520, 65535, 0, 1], "fff0 c000 0001 0000"),
        ([7, 7, 8], "0007 0001"),  # told twice
    ],
)
def test_nack(seqs: list[int], items: str) -> None:
    data = rtcp.pack_nack(1, 2, seqs)
    assert data[4:] == bytes.fromhex("00000001 00000002" + items)
    assert data[:4] == bytes([0x81, 205, 0, len(data) // 4 - 1])
    assert rtcp.parse(data) == [rtcp.Nack(1, 2, tuple(dict.fromkeys(seqs)))]


def test_a_nack_takes_64_sequence_numbers() -> None:
    far_apart = list(range(0, 64 * 20, 20))
    assert rtcp.parse(rtcp.pack_nack(1, 2, far_apart)) == [rtcp.Nack(1, 2, tuple(far_apart))]
    for wrong in ([], list(range(65))):
        with pytest.raises(ValueError, match=r"takes 1\.\.64"):
            rtcp.pack_nack(1, 2, wrong)


def test_remb() -> None:
    data = rtcp.pack_remb(1, 1_000_000, [2, 3])
    assert data == bytes.fromhex("8fce0006 00000001 00000000 52454d42 02 0bd090 00000002 00000003")
    assert rtcp.parse(data) == [rtcp.Remb(1, 1_000_000)]


@pytest.mark.parametrize(
    ("bps", "told"),
    [(0, 0), (0x3FFFF, 0x3FFFF), (0x40001, 0x40000), (2**64 - 1, 0x3FFFF << 46)],
)
def test_remb_keeps_18_bits(bps: int, told: int) -> None:
    assert rtcp.parse(rtcp.pack_remb(1, bps, [])) == [rtcp.Remb(1, told)]


@pytest.mark.parametrize(
    ("data", "lie"),
    [
        ("8fce0004 00000001 00000000 52454d42 01 0bd090", "an SSRC that is not there"),
        ("8fce0004 00000001 00000000 52454d42 00 ffffff", "more than 64 bits"),
        ("8fce0004 00000001 00000000 52454d43 00 0bd090", "another name"),
        ("8fce0003 00000001 00000000 52454d42", "no bitrate"),
    ],
)
def test_a_wrong_remb_is_no_remb(data: str, lie: str) -> None:
    assert rtcp.parse(bytes.fromhex(data)) == [rtcp.Other(206, 15, 1)], lie


def test_walks_over_what_it_does_not_read() -> None:
    bye = bytes.fromhex("82cb0002 00000001 00000002")
    app = bytes.fromhex("83cc0002 00000001 41424344")
    extended = bytes.fromhex("80cf0001 00000001")
    transport_wide = bytes.fromhex("8fcd0003 00000001 00000002 00000000")
    assert rtcp.parse(rtcp.pack_rr(9) + bye + app + extended + transport_wide + rtcp.pack_pli(1, 2)) == [
        rtcp.ReceiverReport(9),
        rtcp.Other(203, 2, 0),
        rtcp.Other(204, 3, 1),
        rtcp.Other(207, 0, 1),
        rtcp.Other(205, 15, 1),
        rtcp.Pli(1, 2),
    ]


def test_padding_is_not_read() -> None:
    padded = bytes.fromhex("a1cd0004 00000001 00000002 00050000 00000004")
    assert rtcp.parse(padded) == [rtcp.Nack(1, 2, (5,))]
    assert rtcp.parse(b"") == []


@pytest.mark.parametrize(
    ("data", "lie"),
    [
        ("81ce", "half a header"),
        ("41ce0002 00000001 00000002", "version 1"),
        ("81ce0003 00000001 00000002", "a word that is not there"),
        ("81ceffff 00000001 00000002", "the longest packet"),
        ("81ce0002 00000001 00000002 81", "a byte too many"),
        ("81ce0001 00000001", "feedback without a media source"),
        ("81cd0000", "feedback of nobody"),
        ("a1cd0003 00000001 00000002 00000000", "padding of 0 bytes"),
        ("a1cd0003 00000001 00000002 00000003", "padding of no whole word"),
        ("a1cd0003 00000001 00000002 00000010", "padding over the header"),
        ("a1cd0003 00000001 00000002 00000008", "padding over the media source"),
        ("a0c90000", "padding in an empty packet"),
    ],
)
def test_catches_a_lie(data: str, lie: str) -> None:
    with pytest.raises(ParseError):
        rtcp.parse(bytes.fromhex(data))
    with pytest.raises(ParseError, match="not an RTCP packet at byte"):
        rtcp.parse(rtcp.pack_rr(9) + bytes.fromhex(data))
    print(f"refused: {lie}")


def test_tells_where_the_fault_is() -> None:
    with pytest.raises(ParseError, match="at byte 8 of 12"):
        rtcp.parse(rtcp.pack_rr(9) + bytes.fromhex("a0c90000"))

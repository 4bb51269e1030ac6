"""RTCP: what must hold for any compound, and for any bytes. aiortc's parser is the second opinion."""

from __future__ import annotations

import struct

from aiortc import rtp as aiortc_rtp
from hypothesis import event, given
from hypothesis import strategies as st

from simplesfu.plane import rtcp
from simplesfu.plane.rtp import ParseError

NACK_FORMAT, PLI_FORMAT, FIR_FORMAT, REMB_FORMAT = 1, 1, 4, 15
MAX_REMB_BPS = 0x3FFFF << 46


def uints(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


def report_lists() -> st.SearchStrategy[tuple[rtcp.Report, ...]]:
    packets_lost = st.integers(-0x800000, 0x7FFFFF)
    report = st.builds(rtcp.Report, uints(32), uints(8), packets_lost, uints(32), uints(32), uints(32), uints(32))
    return st.lists(report, max_size=31).map(tuple)


@st.composite
def lost_seqs(draw: st.DrawFn) -> tuple[int, ...]:
    """Ascending in serial order, anywhere on the circle, near and far from each other."""
    gaps = draw(st.lists(st.integers(1, 18) | st.integers(1, 400), max_size=63))
    seqs = [draw(uints(16))]
    for gap in gaps:
        seqs.append((seqs[-1] + gap) & 0xFFFF)
    return tuple(seqs)


sender_reports = st.builds(rtcp.SenderReport, uints(32), uints(64), uints(32), uints(32), uints(32), report_lists())
receiver_reports = st.builds(rtcp.ReceiverReport, uints(32), report_lists())
nacks = st.builds(rtcp.Nack, uints(32), uints(32), lost_seqs())
plis = st.builds(rtcp.Pli, uints(32), uints(32))
firs = st.builds(rtcp.Fir, uints(32), st.tuples(st.tuples(uints(32), uints(8))))
rembs = st.builds(rtcp.Remb, uints(32), st.integers(0, MAX_REMB_BPS))
packets = sender_reports | receiver_reports | nacks | plis | firs | rembs
compounds = st.lists(packets, min_size=1, max_size=5)


@st.composite
def wild_packets(draw: st.DrawFn) -> bytes:
    """Anything under a header that is right, more often than not."""
    first = draw(st.integers(0x80, 0x9F) | st.integers(0x80, 0xBF))
    packet_type = draw(st.integers(200, 207) | uints(8))
    body = draw(st.binary(max_size=60))
    body += bytes(-len(body) % 4)
    words = len(body) // 4 + draw(st.sampled_from([0] * 8 + [-1, 1]))
    return struct.pack("!BBH", first, packet_type, max(0, words)) + body


def pack(packet: rtcp.RtcpPacket) -> bytes:
    match packet:
        case rtcp.SenderReport():
            fields = packet._asdict()
            return rtcp.pack_sr(fields.pop("ssrc"), **fields)
        case rtcp.ReceiverReport(ssrc, reports):
            return rtcp.pack_rr(ssrc, reports)
        case rtcp.Nack(sender_ssrc, media_ssrc, seqs):
            return rtcp.pack_nack(sender_ssrc, media_ssrc, seqs)
        case rtcp.Pli(sender_ssrc, media_ssrc):
            return rtcp.pack_pli(sender_ssrc, media_ssrc)
        case rtcp.Fir(sender_ssrc, ((media_ssrc, seq),)):
            return rtcp.pack_fir(sender_ssrc, media_ssrc, seq)
        case rtcp.Remb(sender_ssrc, bps):
            return rtcp.pack_remb(sender_ssrc, bps, [1, 2])
    raise TypeError(packet)


def as_aiortc_tells(packet: aiortc_rtp.AnyRtcpPacket) -> rtcp.RtcpPacket | None:
    """What simplesfu should read where aiortc read `packet`; None for what only one of them reads."""
    match packet:
        case aiortc_rtp.RtcpSrPacket(ssrc, info, reports):
            told = (info.ntp_timestamp, info.rtp_timestamp, info.packet_count, info.octet_count)
            return rtcp.SenderReport(ssrc, *told, tuple(report_of(report) for report in reports))
        case aiortc_rtp.RtcpRrPacket(ssrc, reports):
            return rtcp.ReceiverReport(ssrc, tuple(report_of(report) for report in reports))
        case aiortc_rtp.RtcpRtpfbPacket(fmt, ssrc, media_ssrc, lost) if fmt == NACK_FORMAT:
            return rtcp.Nack(ssrc, media_ssrc, tuple(seq & 0xFFFF for seq in lost))
        case aiortc_rtp.RtcpPsfbPacket(fmt, ssrc, media_ssrc) if fmt == PLI_FORMAT:
            return rtcp.Pli(ssrc, media_ssrc)
        case aiortc_rtp.RtcpPsfbPacket(fmt, ssrc, _, fci) if fmt == FIR_FORMAT:
            return rtcp.Fir(ssrc, tuple(struct.iter_unpack("!LB3x", fci[: len(fci) // 8 * 8])))
        case aiortc_rtp.RtcpPsfbPacket(fmt, ssrc, _, fci) if fmt == REMB_FORMAT:
            try:
                bps, _ = aiortc_rtp.unpack_remb_fci(fci)
            except (ValueError, struct.error):
                return rtcp.Other(206, REMB_FORMAT, ssrc)
            return rtcp.Remb(ssrc, bps) if bps < 2**64 else rtcp.Other(206, REMB_FORMAT, ssrc)
    return None


def report_of(info: aiortc_rtp.RtcpReceiverInfo) -> rtcp.Report:
    lost, highest = info.packets_lost, info.highest_sequence
    return rtcp.Report(info.ssrc, info.fraction_lost, lost, highest, info.jitter, info.lsr, info.dlsr)


def rounded(packet: rtcp.RtcpPacket) -> rtcp.RtcpPacket:
    """REMB carries 18 significant bits."""
    if not isinstance(packet, rtcp.Remb):
        return packet
    shift = max(0, packet.bps.bit_length() - 18)
    return packet._replace(bps=packet.bps >> shift << shift)


@given(compounds)
def test_parse_undoes_pack(compound: list[rtcp.RtcpPacket]) -> None:
    data = b"".join(pack(packet) for packet in compound)
    assert rtcp.parse(data) == [rounded(packet) for packet in compound]


@given(compounds)
def test_aiortc_reads_what_pack_writes(compound: list[rtcp.RtcpPacket]) -> None:
    theirs = aiortc_rtp.RtcpPacket.parse(b"".join(pack(packet) for packet in compound))
    assert [as_aiortc_tells(packet) for packet in theirs] == [rounded(packet) for packet in compound]


@given(uints(32), st.text(max_size=60))
def test_aiortc_reads_the_cname(ssrc: int, cname: str) -> None:
    (theirs,) = aiortc_rtp.RtcpPacket.parse(rtcp.pack_sdes(ssrc, cname))
    assert theirs == aiortc_rtp.RtcpSdesPacket([aiortc_rtp.RtcpSourceInfo(ssrc, [(1, cname.encode())])])


@given(uints(32), st.integers(0, MAX_REMB_BPS), st.lists(uints(32), max_size=255))
def test_aiortc_reads_the_remb(sender_ssrc: int, bps: int, ssrcs: list[int]) -> None:
    (theirs,) = aiortc_rtp.RtcpPacket.parse(rtcp.pack_remb(sender_ssrc, bps, ssrcs))
    assert isinstance(theirs, aiortc_rtp.RtcpPsfbPacket)
    assert aiortc_rtp.unpack_remb_fci(theirs.fci) == (rounded(rtcp.Remb(1, bps)).bps, ssrcs)


@given(lost_seqs())
def test_a_nack_is_as_short_as_can_be(seqs: tuple[int, ...]) -> None:
    items = 0
    reach = -1
    for distance in ((seq - seqs[0]) & 0xFFFF for seq in seqs):
        if distance > reach:
            items, reach = items + 1, distance + 16
    event(f"{items // 8 * 8}.. items")
    assert len(rtcp.pack_nack(1, 2, seqs)) == 12 + 4 * items


@given(st.lists(wild_packets(), max_size=3).map(b"".join) | st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        packets = rtcp.parse(data)
    except ParseError:
        event("refused")
        return
    event("read")
    assert len(data) >= 4 * len(packets)


@given(compounds, st.lists(st.tuples(uints(10), uints(8)), min_size=1, max_size=3))
def test_reads_broken_compounds_as_aiortc_does(compound: list[rtcp.RtcpPacket], changes: list[tuple[int, int]]) -> None:
    data = bytearray(b"".join(pack(packet) for packet in compound))
    for at, value in changes:
        data[at % len(data)] = value
    # No padding: aiortc takes one that is no whole number of words, which RFC 3550 §6.4.1 does not allow.
    data[::4] = bytes(first & ~0x20 if first >> 5 == 0b101 else first for first in data[::4])
    try:
        theirs = aiortc_rtp.RtcpPacket.parse(bytes(data))
    except ValueError:
        event("aiortc refuses")
        try_parse(bytes(data))
        return
    event("aiortc reads")
    ours = [packet for packet in rtcp.parse(bytes(data)) if is_known_to_aiortc(packet)]
    expected = [as_aiortc_tells(packet) for packet in theirs]
    assert [told for told, wanted in zip(ours, expected, strict=True) if wanted] == [told for told in expected if told]


def try_parse(data: bytes) -> None:
    try:
        rtcp.parse(data)
    except ParseError:
        event("so do we")


def is_known_to_aiortc(packet: rtcp.RtcpPacket) -> bool:
    return not isinstance(packet, rtcp.Other) or packet.packet_type in {200, 201, 202, 203, 205, 206}

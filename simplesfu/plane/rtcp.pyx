# cython: language_level=3
"""RTCP: compounds walked and written in place.

The functions for Python at the end are thin covers for tests and tools.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int32_t
from libc.string cimport memcmp, memcpy, memset

from simplesfu.plane.byteorder cimport load_u16, load_u24, load_u32, store_u16, store_u24, store_u32

from typing import NamedTuple

from simplesfu.plane.rtp import ParseError

cdef enum:
    HEADER_BYTES = 4
    FEEDBACK_BYTES = 12          # header, sender, media source
    RR_BYTES = 8                 # what comes before the report blocks
    SR_BYTES = 28
    BLOCK_BYTES = 24
    NACK_BYTES = 4
    FIR_BYTES = 8
    REMB_BYTES = 20              # up to and including the bitrate
    MAX_BLOCKS = 31              # the count has five bits
    NACK_SPAN = 16               # sequence numbers a BLP reaches beyond its PID
    SDES_CNAME = 1
    REMB_MANTISSA_BITS = 18


cdef inline bint _is_feedback(const RtcpView *view, uint8_t packet_type, uint8_t format) noexcept nogil:
    return view.packet_type == packet_type and view.count == format


cdef int rtcp_next(const uint8_t *data, int length, int *offset, RtcpView *view) noexcept nogil:
    cdef const uint8_t *header = data + offset[0]
    cdef int left = length - offset[0]
    cdef int size, padding
    if left == 0:
        return 0
    if left < HEADER_BYTES or header[0] >> 6 != 2:
        return -1
    size = 4 + 4 * load_u16(header + 2)
    if size > left:
        return -1
    view.length = size
    if header[0] & 0x20:
        padding = header[size - 1]
        if padding == 0 or padding & 3 or padding > size - HEADER_BYTES:
            return -1
        view.length -= padding
    view.data = header
    view.count = header[0] & 0x1F
    view.packet_type = header[1]
    if (view.packet_type == RTCP_RTPFB or view.packet_type == RTCP_PSFB) and view.length < FEEDBACK_BYTES:
        return -1
    # SDES and BYE list sources; every other kind begins with its sender.
    if view.length < 8 or view.packet_type == RTCP_SDES or view.packet_type == RTCP_BYE:
        view.sender_ssrc = 0
    else:
        view.sender_ssrc = load_u32(header + 4)
    offset[0] += size
    return 1


cdef bint rtcp_sender_info(const RtcpView *view, SenderInfo *info) noexcept nogil:
    if view.packet_type != RTCP_SR or view.length < SR_BYTES:
        return False
    info.ntp_time = <uint64_t>load_u32(view.data + 8) << 32 | load_u32(view.data + 12)
    info.rtp_time = load_u32(view.data + 16)
    info.packet_count = load_u32(view.data + 20)
    info.octet_count = load_u32(view.data + 24)
    return True


cdef inline int _blocks_offset(const RtcpView *view) noexcept nogil:
    return SR_BYTES if view.packet_type == RTCP_SR else RR_BYTES


cdef int rtcp_report_count(const RtcpView *view) noexcept nogil:
    if view.packet_type != RTCP_SR and view.packet_type != RTCP_RR:
        return 0
    return max(0, min(<int>view.count, (view.length - _blocks_offset(view)) // BLOCK_BYTES))


cdef void rtcp_report_block(const RtcpView *view, int index, ReportBlock *block) noexcept nogil:
    cdef const uint8_t *at = view.data + _blocks_offset(view) + index * BLOCK_BYTES
    cdef int32_t lost = <int32_t>load_u24(at + 5)
    block.ssrc = load_u32(at)
    block.fraction_lost = at[4]
    block.packets_lost = lost - 0x1000000 if lost & 0x800000 else lost
    block.highest_seq = load_u32(at + 8)
    block.jitter = load_u32(at + 12)
    block.last_sr = load_u32(at + 16)
    block.delay_since_last_sr = load_u32(at + 20)


cdef uint32_t rtcp_media_ssrc(const RtcpView *view) noexcept nogil:
    if view.packet_type != RTCP_RTPFB and view.packet_type != RTCP_PSFB:
        return 0
    return load_u32(view.data + 8)


cdef int rtcp_nack_count(const RtcpView *view) noexcept nogil:
    if not _is_feedback(view, RTCP_RTPFB, RTPFB_NACK):
        return 0
    return (view.length - FEEDBACK_BYTES) // NACK_BYTES


cdef void rtcp_nack_item(const RtcpView *view, int index, uint16_t *pid, uint16_t *blp) noexcept nogil:
    cdef const uint8_t *at = view.data + FEEDBACK_BYTES + index * NACK_BYTES
    pid[0] = load_u16(at)
    blp[0] = load_u16(at + 2)


cdef int rtcp_fir_count(const RtcpView *view) noexcept nogil:
    if not _is_feedback(view, RTCP_PSFB, PSFB_FIR):
        return 0
    return (view.length - FEEDBACK_BYTES) // FIR_BYTES


cdef void rtcp_fir_item(const RtcpView *view, int index, uint32_t *ssrc, uint8_t *seq) noexcept nogil:
    cdef const uint8_t *at = view.data + FEEDBACK_BYTES + index * FIR_BYTES
    ssrc[0] = load_u32(at)
    seq[0] = at[4]


cdef bint rtcp_remb_bitrate(const RtcpView *view, uint64_t *bps) noexcept nogil:
    cdef const uint8_t *fields = view.data + FEEDBACK_BYTES + 4
    cdef uint64_t mantissa
    cdef int exponent
    if not _is_feedback(view, RTCP_PSFB, PSFB_APP) or view.length < REMB_BYTES:
        return False
    if memcmp(view.data + FEEDBACK_BYTES, b"REMB", 4) != 0 or view.length < REMB_BYTES + 4 * fields[0]:
        return False
    exponent = fields[1] >> 2
    mantissa = load_u24(fields + 1) & ((1 << REMB_MANTISSA_BITS) - 1)
    if mantissa << exponent >> exponent != mantissa:
        return False
    bps[0] = mantissa << exponent
    return True


cdef inline int _store_header(uint8_t *out, int count, int packet_type, int length) noexcept nogil:
    """Writes the common header of a packet of `length` bytes, and returns that."""
    out[0] = <uint8_t>(0x80 | count)
    out[1] = <uint8_t>packet_type
    store_u16(out + 2, <uint16_t>(length // 4 - 1))
    return length


cdef inline int _store_feedback(
    uint8_t *out, int fmt, int packet_type, uint32_t sender_ssrc, uint32_t media_ssrc, int length,
) noexcept nogil:
    store_u32(out + 4, sender_ssrc)
    store_u32(out + 8, media_ssrc)
    return _store_header(out, fmt, packet_type, length)


cdef inline void _store_block(uint8_t *at, const ReportBlock *block) noexcept nogil:
    # Clamped as RFC 3550 §A.3 does: a sum that ran over must not change its sign.
    cdef int32_t lost = max(-0x800000, min(0x7FFFFF, block.packets_lost))
    store_u32(at, block.ssrc)
    at[4] = block.fraction_lost
    store_u24(at + 5, <uint32_t>lost)
    store_u32(at + 8, block.highest_seq)
    store_u32(at + 12, block.jitter)
    store_u32(at + 16, block.last_sr)
    store_u32(at + 20, block.delay_since_last_sr)


cdef inline int _store_report(
    uint8_t *out, int packet_type, int header_length, uint32_t ssrc, const ReportBlock *blocks, int count,
) noexcept nogil:
    cdef int i
    count = min(count, <int>MAX_BLOCKS)
    store_u32(out + 4, ssrc)
    for i in range(count):
        _store_block(out + header_length + i * BLOCK_BYTES, &blocks[i])
    return _store_header(out, count, packet_type, header_length + count * BLOCK_BYTES)


cdef int rtcp_write_sr(
    uint8_t *out, uint32_t ssrc, const SenderInfo *info, const ReportBlock *blocks, int count,
) noexcept nogil:
    store_u32(out + 8, <uint32_t>(info.ntp_time >> 32))
    store_u32(out + 12, <uint32_t>info.ntp_time)
    store_u32(out + 16, info.rtp_time)
    store_u32(out + 20, info.packet_count)
    store_u32(out + 24, info.octet_count)
    return _store_report(out, RTCP_SR, SR_BYTES, ssrc, blocks, count)


cdef int rtcp_write_rr(uint8_t *out, uint32_t ssrc, const ReportBlock *blocks, int count) noexcept nogil:
    return _store_report(out, RTCP_RR, RR_BYTES, ssrc, blocks, count)


cdef int rtcp_write_sdes(uint8_t *out, uint32_t ssrc, const uint8_t *cname, int cname_length) noexcept nogil:
    cdef int end, length
    cname_length = min(cname_length, 255)
    end = 10 + cname_length
    length = (end + 4) & ~3  # at least one zero byte ends the list of items
    store_u32(out + 4, ssrc)
    out[8] = SDES_CNAME
    out[9] = <uint8_t>cname_length
    memcpy(out + 10, cname, cname_length)
    memset(out + end, 0, length - end)
    return _store_header(out, 1, RTCP_SDES, length)


cdef int rtcp_write_pli(uint8_t *out, uint32_t sender_ssrc, uint32_t media_ssrc) noexcept nogil:
    return _store_feedback(out, PSFB_PLI, RTCP_PSFB, sender_ssrc, media_ssrc, FEEDBACK_BYTES)


cdef int rtcp_write_fir(uint8_t *out, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t seq) noexcept nogil:
    store_u32(out + FEEDBACK_BYTES, media_ssrc)
    store_u32(out + FEEDBACK_BYTES + 4, <uint32_t>seq << 24)
    # The media source is named in the entry; the header's field is zero (RFC 5104 §4.3.1.2).
    return _store_feedback(out, PSFB_FIR, RTCP_PSFB, sender_ssrc, 0, FEEDBACK_BYTES + FIR_BYTES)


cdef int rtcp_write_nack(
    uint8_t *out, uint32_t sender_ssrc, uint32_t media_ssrc, const uint16_t *seqs, int count,
) noexcept nogil:
    cdef uint8_t *item = out + FEEDBACK_BYTES
    cdef uint16_t blp = 0
    cdef uint16_t distance
    cdef int i
    if count <= 0:
        return 0
    store_u16(item, seqs[0])
    for i in range(1, min(count, <int>RTCP_MAX_NACKS)):
        distance = <uint16_t>(seqs[i] - load_u16(item))
        if distance > NACK_SPAN:
            store_u16(item + 2, blp)
            item += NACK_BYTES
            store_u16(item, seqs[i])
            blp = 0
        elif distance > 0:
            blp |= <uint16_t>(1 << (distance - 1))
    store_u16(item + 2, blp)
    return _store_feedback(out, RTPFB_NACK, RTCP_RTPFB, sender_ssrc, media_ssrc, <int>(item - out) + NACK_BYTES)


cdef int rtcp_write_remb(
    uint8_t *out, uint32_t sender_ssrc, uint64_t bps, const uint32_t *ssrcs, int count,
) noexcept nogil:
    cdef uint8_t *fields = out + FEEDBACK_BYTES + 4
    cdef uint32_t exponent = 0
    cdef int i
    count = min(count, 255)
    while bps >> REMB_MANTISSA_BITS:
        bps >>= 1
        exponent += 1
    memcpy(out + FEEDBACK_BYTES, b"REMB", 4)
    fields[0] = <uint8_t>count
    store_u24(fields + 1, exponent << REMB_MANTISSA_BITS | <uint32_t>bps)
    for i in range(count):
        store_u32(out + REMB_BYTES + 4 * i, ssrcs[i])
    return _store_feedback(out, PSFB_APP, RTCP_PSFB, sender_ssrc, 0, REMB_BYTES + 4 * count)


class Report(NamedTuple):
    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_seq: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int


class SenderReport(NamedTuple):
    ssrc: int
    ntp_time: int
    rtp_time: int
    packet_count: int
    octet_count: int
    reports: tuple = ()


class ReceiverReport(NamedTuple):
    ssrc: int
    reports: tuple = ()


class Nack(NamedTuple):
    sender_ssrc: int
    media_ssrc: int
    seqs: tuple


class Pli(NamedTuple):
    sender_ssrc: int
    media_ssrc: int


class Fir(NamedTuple):
    sender_ssrc: int
    requests: tuple


class Remb(NamedTuple):
    sender_ssrc: int
    bps: int


class Other(NamedTuple):
    packet_type: int
    format: int
    sender_ssrc: int


RtcpPacket = SenderReport | ReceiverReport | Nack | Pli | Fir | Remb | Other


cdef tuple _reports(const RtcpView *view):
    cdef ReportBlock block
    cdef int i
    reports = []
    for i in range(rtcp_report_count(view)):
        rtcp_report_block(view, i, &block)
        reports.append(Report(
            block.ssrc, block.fraction_lost, block.packets_lost, block.highest_seq,
            block.jitter, block.last_sr, block.delay_since_last_sr,
        ))
    return tuple(reports)


cdef tuple _nacked(const RtcpView *view):
    cdef uint16_t pid, blp
    cdef int i, bit
    seqs = []
    for i in range(rtcp_nack_count(view)):
        rtcp_nack_item(view, i, &pid, &blp)
        seqs.append(pid)
        seqs += [(pid + 1 + bit) & 0xFFFF for bit in range(NACK_SPAN) if blp >> bit & 1]
    return tuple(seqs)


cdef tuple _fir_requests(const RtcpView *view):
    cdef uint32_t ssrc
    cdef uint8_t seq
    cdef int i
    requests = []
    for i in range(rtcp_fir_count(view)):
        rtcp_fir_item(view, i, &ssrc, &seq)
        requests.append((ssrc, seq))
    return tuple(requests)


cdef object _packet(const RtcpView *view):
    cdef SenderInfo info
    cdef uint64_t bps
    if rtcp_sender_info(view, &info):
        return SenderReport(
            view.sender_ssrc, info.ntp_time, info.rtp_time, info.packet_count, info.octet_count, _reports(view),
        )
    if view.packet_type == RTCP_RR and view.length >= RR_BYTES:
        return ReceiverReport(view.sender_ssrc, _reports(view))
    if _is_feedback(view, RTCP_RTPFB, RTPFB_NACK):
        return Nack(view.sender_ssrc, rtcp_media_ssrc(view), _nacked(view))
    if _is_feedback(view, RTCP_PSFB, PSFB_PLI):
        return Pli(view.sender_ssrc, rtcp_media_ssrc(view))
    if _is_feedback(view, RTCP_PSFB, PSFB_FIR):
        return Fir(view.sender_ssrc, _fir_requests(view))
    if rtcp_remb_bitrate(view, &bps):
        return Remb(view.sender_ssrc, bps)
    return Other(view.packet_type, view.count, view.sender_ssrc)


def parse(bytes data not None):
    cdef RtcpView view
    cdef int offset = 0
    cdef int found = 1
    packets = []
    while found == 1:
        found = rtcp_next(data, <int>len(data), &offset, &view)
        if found == 1:
            packets.append(_packet(&view))
    if found < 0:
        raise ParseError(f"not an RTCP packet at byte {offset} of {len(data)}")
    return packets


cdef int _fill_blocks(ReportBlock *blocks, reports) except -1:
    if len(reports) > MAX_BLOCKS:
        raise ValueError(f"{len(reports)} report blocks: one packet takes {MAX_BLOCKS}")
    for i, report in enumerate(reports):
        blocks[<int>i] = ReportBlock(
            ssrc=report.ssrc, fraction_lost=report.fraction_lost, packets_lost=report.packets_lost,
            highest_seq=report.highest_seq, jitter=report.jitter, last_sr=report.last_sr,
            delay_since_last_sr=report.delay_since_last_sr,
        )
    return <int>len(reports)


def pack_sr(ssrc, *, ntp_time, rtp_time, packet_count, octet_count, reports=()):
    cdef uint8_t[SR_BYTES + MAX_BLOCKS * BLOCK_BYTES] out
    cdef ReportBlock[MAX_BLOCKS] blocks
    cdef SenderInfo info = SenderInfo(
        ntp_time=ntp_time, rtp_time=rtp_time, packet_count=packet_count, octet_count=octet_count,
    )
    cdef int count = _fill_blocks(blocks, reports)
    return (<char *>out)[:rtcp_write_sr(out, ssrc, &info, blocks, count)]


def pack_rr(ssrc, reports=()):
    cdef uint8_t[RR_BYTES + MAX_BLOCKS * BLOCK_BYTES] out
    cdef ReportBlock[MAX_BLOCKS] blocks
    cdef int count = _fill_blocks(blocks, reports)
    return (<char *>out)[:rtcp_write_rr(out, ssrc, blocks, count)]


def pack_sdes(ssrc, str cname not None):
    cdef uint8_t[268] out
    cdef bytes text = cname.encode()
    if len(text) > 255:
        raise ValueError(f"a CNAME has at most 255 bytes, not {len(text)}")
    return (<char *>out)[:rtcp_write_sdes(out, ssrc, text, <int>len(text))]


def pack_pli(sender_ssrc, media_ssrc):
    cdef uint8_t[FEEDBACK_BYTES] out
    return (<char *>out)[:rtcp_write_pli(out, sender_ssrc, media_ssrc)]


def pack_fir(sender_ssrc, media_ssrc, seq):
    cdef uint8_t[FEEDBACK_BYTES + FIR_BYTES] out
    return (<char *>out)[:rtcp_write_fir(out, sender_ssrc, media_ssrc, seq)]


def pack_nack(sender_ssrc, media_ssrc, seqs):
    cdef uint8_t[FEEDBACK_BYTES + RTCP_MAX_NACKS * NACK_BYTES] out
    cdef uint16_t[RTCP_MAX_NACKS] c_seqs
    if not 1 <= len(seqs) <= RTCP_MAX_NACKS:
        raise ValueError(f"{len(seqs)} sequence numbers: one packet takes 1..{RTCP_MAX_NACKS}")
    for i, seq in enumerate(seqs):
        c_seqs[<int>i] = seq
    return (<char *>out)[:rtcp_write_nack(out, sender_ssrc, media_ssrc, c_seqs, <int>len(seqs))]


def pack_remb(sender_ssrc, bps, ssrcs):
    cdef uint8_t[REMB_BYTES + 255 * 4] out
    cdef uint32_t[255] c_ssrcs
    if len(ssrcs) > 255:
        raise ValueError(f"{len(ssrcs)} SSRCs: one packet takes 255")
    for i, ssrc in enumerate(ssrcs):
        c_ssrcs[<int>i] = ssrc
    return (<char *>out)[:rtcp_write_remb(out, sender_ssrc, bps, c_ssrcs, <int>len(ssrcs))]

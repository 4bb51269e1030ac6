# cython: language_level=3
"""RTCP: compound packets walked and written in place (RFC 3550 §6, RFC 4585, RFC 5104, draft-alvestrand-rmcat-remb)."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int32_t

cdef enum:
    RTCP_SR = 200
    RTCP_RR = 201
    RTCP_SDES = 202
    RTCP_BYE = 203
    RTCP_RTPFB = 205
    RTCP_PSFB = 206
    RTPFB_NACK = 1
    PSFB_PLI = 1
    PSFB_FIR = 4
    PSFB_APP = 15
    RTCP_MAX_NACKS = 64      # sequence numbers that one rtcp_write_nack call takes

cdef struct RtcpView:
    const uint8_t *data      # first byte of this packet's header
    int32_t length           # bytes, padding excluded
    uint8_t count            # report count or feedback message type
    uint8_t packet_type
    uint32_t sender_ssrc     # 0 where the packet has none

cdef struct ReportBlock:
    uint32_t ssrc
    uint8_t fraction_lost    # 1/256
    int32_t packets_lost     # cumulative, signed 24 bit
    uint32_t highest_seq     # extended
    uint32_t jitter          # RTP ticks
    uint32_t last_sr         # middle 32 bits of the NTP time stamp
    uint32_t delay_since_last_sr  # 1/65536 s

cdef struct SenderInfo:
    uint64_t ntp_time        # 32.32 fixed point
    uint32_t rtp_time
    uint32_t packet_count
    uint32_t octet_count

# Reading. rtcp_next: 1 and the next packet of the compound in `view`, 0 at its end, -1 where it is malformed.
cdef int rtcp_next(const uint8_t *data, int length, int *offset, RtcpView *view) noexcept nogil
cdef bint rtcp_sender_info(const RtcpView *view, SenderInfo *info) noexcept nogil
cdef int rtcp_report_count(const RtcpView *view) noexcept nogil
cdef void rtcp_report_block(const RtcpView *view, int index, ReportBlock *block) noexcept nogil
cdef uint32_t rtcp_media_ssrc(const RtcpView *view) noexcept nogil
cdef int rtcp_nack_count(const RtcpView *view) noexcept nogil
cdef void rtcp_nack_item(const RtcpView *view, int index, uint16_t *pid, uint16_t *blp) noexcept nogil
cdef int rtcp_fir_count(const RtcpView *view) noexcept nogil
cdef void rtcp_fir_item(const RtcpView *view, int index, uint32_t *ssrc, uint8_t *seq) noexcept nogil
cdef bint rtcp_remb_bitrate(const RtcpView *view, uint64_t *bps) noexcept nogil

# Writing. Each returns the bytes written at `out`, which must have room (28 + 24 per block, 12 + 4 per NACK, ...).
# What is beyond the most that one packet takes (31 blocks, 64 NACKs, 255 SSRCs or bytes of CNAME) is left out.
cdef int rtcp_write_sr(
    uint8_t *out, uint32_t ssrc, const SenderInfo *info, const ReportBlock *blocks, int count,
) noexcept nogil
cdef int rtcp_write_rr(uint8_t *out, uint32_t ssrc, const ReportBlock *blocks, int count) noexcept nogil
cdef int rtcp_write_sdes(uint8_t *out, uint32_t ssrc, const uint8_t *cname, int cname_length) noexcept nogil
cdef int rtcp_write_pli(uint8_t *out, uint32_t sender_ssrc, uint32_t media_ssrc) noexcept nogil
cdef int rtcp_write_fir(uint8_t *out, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t seq) noexcept nogil
cdef int rtcp_write_nack(
    uint8_t *out, uint32_t sender_ssrc, uint32_t media_ssrc, const uint16_t *seqs, int count,
) noexcept nogil
cdef int rtcp_write_remb(
    uint8_t *out, uint32_t sender_ssrc, uint64_t bps, const uint32_t *ssrcs, int count,
) noexcept nogil

# cython: language_level=3
"""Runs the C functions on buffers that end where the packet ends, so that AddressSanitizer sees a step too far."""
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from simplesfu.plane.payload cimport (
    CODEC_AV1, CODEC_OTHER, PayloadView, payload_parse, payload_store_picture_id,
)
from simplesfu.plane.rtcp cimport (
    ReportBlock, RtcpView, SenderInfo, rtcp_fir_count, rtcp_fir_item, rtcp_media_ssrc, rtcp_nack_count, rtcp_nack_item,
    rtcp_next, rtcp_remb_bitrate, rtcp_report_block, rtcp_report_count, rtcp_sender_info,
)
from simplesfu.plane.rtp cimport (
    RTP_OK, RtpView, rtp_extension, rtp_normalise, rtp_parse, rtp_strip, rtp_unwrap_rtx,
)


cdef uint8_t *_exact(bytes data) except? NULL:
    cdef uint8_t *buffer = <uint8_t *>malloc(len(data))
    if buffer == NULL and data:
        raise MemoryError
    memcpy(buffer, <const uint8_t *>data, len(data))
    return buffer


def past_the_end(bytes data):
    """What the sanitizer must catch, or it is not there."""
    cdef uint8_t *buffer = _exact(data)
    cdef int last = buffer[len(data)]
    free(buffer)
    return last


cdef void _rewrite(RtpView *view, const uint8_t *id_map, uint16_t keep_mask) noexcept nogil:
    cdef uint8_t *out
    cdef int32_t send_time_offset
    cdef int size, ext_id
    for ext_id in range(256):
        rtp_extension(view, <uint8_t>ext_id, &size)
    rtp_normalise(view, id_map, 96, 3)
    out = <uint8_t *>malloc(view.length)
    rtp_strip(out, view, keep_mask, &send_time_offset)
    free(out)


def rtp(bytes data, bytes id_map, uint16_t keep_mask):
    """False when the packet is malformed."""
    cdef uint8_t *buffer = _exact(data)
    cdef uint8_t *rtx = _exact(data)
    cdef RtpView view
    cdef PayloadView payload
    cdef int codec
    cdef bint good = rtp_parse(buffer, <int>len(data), &view) == RTP_OK
    if good:
        for codec in range(CODEC_OTHER, CODEC_AV1 + 1):
            payload_parse(codec, view.data + view.header_length, view.payload_length + view.padding, &payload)
        _rewrite(&view, id_map, keep_mask)
        rtp_parse(rtx, <int>len(data), &view)
        if rtp_unwrap_rtx(&view, 1, 96) == RTP_OK:
            _rewrite(&view, id_map, keep_mask)
    free(rtx)
    free(buffer)
    return good != 0


def payloads(bytes payload):
    cdef uint8_t *buffer = _exact(payload)
    cdef PayloadView view
    cdef int codec
    for codec in range(CODEC_OTHER, CODEC_AV1 + 1):
        payload_parse(codec, buffer, <int>len(payload), &view)
        payload_store_picture_id(buffer, &view, 0x1234)
    free(buffer)


def rtcp(bytes data):
    """Packets read before the end or the first fault."""
    cdef uint8_t *buffer = _exact(data)
    cdef RtcpView view
    cdef SenderInfo info
    cdef ReportBlock block
    cdef uint16_t pid, blp
    cdef uint32_t ssrc
    cdef uint64_t bps
    cdef uint8_t seq
    cdef int i
    cdef int offset = 0
    cdef int packets = 0
    while rtcp_next(buffer, <int>len(data), &offset, &view) == 1:
        packets += 1
        rtcp_sender_info(&view, &info)
        rtcp_media_ssrc(&view)
        rtcp_remb_bitrate(&view, &bps)
        for i in range(rtcp_report_count(&view)):
            rtcp_report_block(&view, i, &block)
        for i in range(rtcp_nack_count(&view)):
            rtcp_nack_item(&view, i, &pid, &blp)
        for i in range(rtcp_fir_count(&view)):
            rtcp_fir_item(&view, i, &ssrc, &seq)
    free(buffer)
    return packets

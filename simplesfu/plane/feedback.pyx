# cython: language_level=3
"""Each kind of RTCP goes to the stream it is about; about streams that are not this transport's, nothing happens."""
from libc.stdint cimport uint16_t, uint32_t

from simplesfu.plane.fanout cimport fanout_resend
from simplesfu.plane.recv_stream cimport recv_stream_sender_report, recv_stream_want_keyframe
from simplesfu.plane.rtcp cimport (
    PSFB_APP, PSFB_FIR, PSFB_PLI, RTCP_PSFB, RTCP_RR, RTCP_RTPFB, RTCP_SR, RTPFB_NACK, ReportBlock, RtcpView,
    SenderInfo,
    rtcp_fir_count, rtcp_fir_item, rtcp_media_ssrc, rtcp_nack_count, rtcp_nack_item, rtcp_next, rtcp_remb_bitrate,
    rtcp_report_block, rtcp_report_count, rtcp_sender_info,
)
from simplesfu.plane.send_stream cimport send_stream_receiver_report
from simplesfu.plane.state cimport RecvStream, SendStream
from simplesfu.plane.table cimport Key, id_key, table_get

cdef enum:
    MAX_RESENT_PER_PACKET = 256    # retransmissions that one RTCP packet can cause


cdef bint feedback_receive(State *state, Transport *transport, const uint8_t *data, int length,
                           int64_t now_us) noexcept nogil:
    """False when the compound packet is malformed; what stood before the fault has taken effect."""
    cdef int offset = 0, status
    cdef RtcpView view
    while True:
        status = rtcp_next(data, length, &offset, &view)
        if status <= 0:
            return status == 0
        if view.packet_type == RTCP_SR:
            _sender_report(state, transport, &view, now_us)
            _report_blocks(state, transport, &view, now_us)
        elif view.packet_type == RTCP_RR:
            _report_blocks(state, transport, &view, now_us)
        elif view.packet_type == RTCP_RTPFB and view.count == RTPFB_NACK:
            _nack(state, transport, &view, now_us)
        elif view.packet_type == RTCP_PSFB:
            if view.count == PSFB_PLI:
                _keyframe_request(state, transport, rtcp_media_ssrc(&view))
            elif view.count == PSFB_FIR:
                _fir(state, transport, &view)
            elif view.count == PSFB_APP:
                rtcp_remb_bitrate(&view, &transport.downlink_bps)


cdef inline SendStream *_send_stream(State *state, Transport *transport, uint32_t ssrc) noexcept nogil:
    cdef Key key = id_key(transport.id, ssrc)
    return <SendStream *>table_get(&state.by_send_ssrc, &key)


cdef void _sender_report(State *state, Transport *transport, const RtcpView *view, int64_t now_us) noexcept nogil:
    cdef Key key = id_key(transport.id, view.sender_ssrc)
    cdef RecvStream *stream = <RecvStream *>table_get(&state.by_recv_ssrc, &key)
    cdef SenderInfo info
    if stream != NULL and stream.ssrc == view.sender_ssrc and rtcp_sender_info(view, &info):
        recv_stream_sender_report(stream, &info, now_us)


cdef void _report_blocks(State *state, Transport *transport, const RtcpView *view, int64_t now_us) noexcept nogil:
    cdef ReportBlock block
    cdef SendStream *stream
    cdef int i
    for i in range(rtcp_report_count(view)):
        rtcp_report_block(view, i, &block)
        stream = _send_stream(state, transport, block.ssrc)
        if stream != NULL and stream.ssrc == block.ssrc:
            send_stream_receiver_report(stream, &block, now_us)


cdef void _nack(State *state, Transport *transport, const RtcpView *view, int64_t now_us) noexcept nogil:
    cdef SendStream *stream = _send_stream(state, transport, rtcp_media_ssrc(view))
    cdef uint16_t pid = 0, blp = 0
    cdef int i, bit, resent = 0
    if stream == NULL or stream.ssrc != rtcp_media_ssrc(view):
        return
    for i in range(rtcp_nack_count(view)):
        rtcp_nack_item(view, i, &pid, &blp)
        for bit in range(17):
            if bit and not (blp >> (bit - 1)) & 1:
                continue
            stream.nacks_received += 1
            if resent < MAX_RESENT_PER_PACKET and fanout_resend(state, stream, <uint16_t>(pid + bit), now_us):
                resent += 1
            else:
                stream.nacks_unanswered += 1


cdef void _keyframe_request(State *state, Transport *transport, uint32_t ssrc) noexcept nogil:
    cdef SendStream *stream = _send_stream(state, transport, ssrc)
    if stream == NULL or stream.ssrc != ssrc:
        return
    stream.plis_received += 1
    if stream.target != NULL and not stream.paused:
        recv_stream_want_keyframe(stream.target)
        state.urgent = True


cdef void _fir(State *state, Transport *transport, const RtcpView *view) noexcept nogil:
    cdef uint32_t ssrc = 0
    cdef uint8_t seq = 0
    cdef int i
    for i in range(rtcp_fir_count(view)):
        rtcp_fir_item(view, i, &ssrc, &seq)
        _keyframe_request(state, transport, ssrc)

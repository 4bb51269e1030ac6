# cython: language_level=3
"""Run every tick: what is due goes out, the rest waits for its time."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from simplesfu.plane.events cimport EVENT_STREAM_STOPPED, events_push
from simplesfu.plane.layers cimport layers_limit, layers_measure
from simplesfu.plane.recv_stream cimport recv_stream_due_nacks, recv_stream_keyframe_due, recv_stream_report
from simplesfu.plane.remb cimport remb_update
from simplesfu.plane.rtcp cimport (
    RTCP_MAX_NACKS, ReportBlock, SenderInfo, rtcp_write_fir, rtcp_write_nack, rtcp_write_pli, rtcp_write_remb,
    rtcp_write_rr, rtcp_write_sdes, rtcp_write_sr,
)
from simplesfu.plane.send_stream cimport send_stream_sender_info
from simplesfu.plane.sender cimport sender_commit, sender_room
from simplesfu.plane.srtp cimport SRTP_OK, srtp
from simplesfu.plane.state cimport KEYFRAME_FIR, RecvStream, SendStream, Transport

cdef enum:
    REPORT_INTERVAL_US = 1000000
    REPORTS_US = 100000        # how often all transports and consumers, who are many, are looked through
    SILENT_US = 1200000        # longer than a sender of still pictures takes between two of them
    MAX_BLOCKS = 31
    MAX_REMB_SSRCS = 32


cdef bint reports_tick(State *state, int64_t now_us) noexcept nogil:
    """True while packets are missing: the next tick must not be late then."""
    cdef RecvStream *stream = state.recv_streams
    cdef bint urgent = False
    while stream != NULL:
        if _reachable(stream.transport):
            _ask_sender(state, stream.transport, stream, now_us)
            urgent = urgent or stream.missing_count > 0
        stream = stream.next
    if now_us >= state.next_reports_us:
        state.next_reports_us = now_us + REPORTS_US
        _survey(state, now_us)
        _report(state, now_us)
    return urgent


cdef inline bint _reachable(const Transport *transport) noexcept nogil:
    return transport.send_session != NULL and transport.selected != NULL


cdef void _survey(State *state, int64_t now_us) noexcept nogil:
    """Note which encodings have fallen silent, and how many frames the others bring."""
    cdef RecvStream *stream = state.recv_streams
    while stream != NULL:
        layers_measure(stream, now_us)
        if stream.living and now_us - stream.received_us >= SILENT_US:
            stream.living = not events_push(&state.events, EVENT_STREAM_STOPPED, stream.id, 0, NULL, NULL, 0)
        stream = stream.next


cdef void _report(State *state, int64_t now_us) noexcept nogil:
    cdef Transport *transport = state.transports
    cdef SendStream *stream
    while transport != NULL:
        if _reachable(transport):
            if transport.recv_streams != NULL and now_us >= transport.next_report_us:
                transport.next_report_us = now_us + REPORT_INTERVAL_US
                _receiver_report(state, transport, now_us)
            stream = transport.send_streams
            while stream != NULL:
                if stream.max_frame_rate > 0:
                    layers_limit(stream)
                if now_us >= stream.next_report_us:
                    _sender_report(state, stream, now_us)
                stream = stream.next_of_transport
        transport = transport.next


cdef inline void _send(State *state, Transport *transport, uint8_t *room, int length) noexcept nogil:
    if srtp.protect_rtcp(transport.send_session, room, &length) == SRTP_OK:
        sender_commit(&state.sender, &transport.destination, length, True)
        state.counters.rtcp_sent += 1


cdef void _ask_sender(State *state, Transport *transport, RecvStream *stream, int64_t now_us) noexcept nogil:
    """NACK what is missing, and ask for the keyframe that is wanted."""
    cdef uint16_t[RTCP_MAX_NACKS] seqs
    cdef uint8_t *room
    cdef int count, length
    if stream.missing_count:
        count = recv_stream_due_nacks(stream, now_us, seqs, RTCP_MAX_NACKS)
        if count:
            stream.nacks_sent += count
            room = sender_room(&state.sender)
            _send(state, transport, room, rtcp_write_nack(room, transport.feedback_ssrc, stream.ssrc, seqs, count))
    if recv_stream_keyframe_due(stream, now_us):
        room = sender_room(&state.sender)
        if stream.keyframe_request == KEYFRAME_FIR:
            stream.fir_seq += 1
            length = rtcp_write_fir(room, transport.feedback_ssrc, stream.ssrc, stream.fir_seq)
        else:
            length = rtcp_write_pli(room, transport.feedback_ssrc, stream.ssrc)
        _send(state, transport, room, length)


cdef void _receiver_report(State *state, Transport *transport, int64_t now_us) noexcept nogil:
    """RR for what has come since, and REMB over all video of this transport, in as many compounds as it takes."""
    cdef ReportBlock[MAX_BLOCKS] blocks
    cdef uint32_t[MAX_REMB_SSRCS] remb_ssrcs
    cdef RecvStream *stream = transport.recv_streams
    cdef uint8_t *room
    cdef int count = 0, remb_count = 0, length
    while stream != NULL:
        if stream.started and stream.ssrc:
            recv_stream_report(stream, now_us, &blocks[count])
            count += 1
            if stream.video and remb_count < MAX_REMB_SSRCS:
                remb_ssrcs[remb_count] = stream.ssrc
                remb_count += 1
        stream = stream.next_of_transport
        if count == MAX_BLOCKS or (stream == NULL and count):
            room = sender_room(&state.sender)
            _send(state, transport, room, rtcp_write_rr(room, transport.feedback_ssrc, blocks, count))
            count = 0
    if remb_count and transport.max_recv_bitrate_bps:
        remb_update(transport, now_us)
        room = sender_room(&state.sender)
        # An empty RR in front makes it a compound packet (RFC 3550 §6.1).
        length = rtcp_write_rr(room, transport.feedback_ssrc, NULL, 0)
        length += rtcp_write_remb(room + length, transport.feedback_ssrc, transport.remb_bps, remb_ssrcs, remb_count)
        _send(state, transport, room, length)


cdef void _sender_report(State *state, SendStream *stream, int64_t now_us) noexcept nogil:
    cdef SenderInfo info
    cdef uint8_t *room
    cdef int length
    if not send_stream_sender_info(stream, now_us, &info):
        return
    stream.next_report_us = now_us + REPORT_INTERVAL_US
    room = sender_room(&state.sender)
    length = rtcp_write_sr(room, stream.ssrc, &info, NULL, 0)
    length += rtcp_write_sdes(room + length, stream.ssrc, stream.cname, stream.cname_length)
    _send(state, stream.transport, room, length)

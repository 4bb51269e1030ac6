# cython: language_level=3
"""Each datagram ends in exactly one counter: passed on (stun, dtls, rtcp, media) or dropped for one reason."""
from libc.stdint cimport uint8_t, uint32_t

from simplesfu.plane.byteorder cimport load_u32
from simplesfu.plane.counters cimport (
    DROP_EMPTY, DROP_EVENTS_FULL, DROP_FOREIGN_TUPLE, DROP_NO_KEYS, DROP_NO_MEMORY, DROP_OVERSIZE, DROP_PRODUCER_PAUSED,
    DROP_RTCP_MALFORMED, DROP_RTCP_RATE, DROP_RTCP_SSRC_LIMIT, DROP_RTP_MALFORMED, DROP_RTX_EMPTY, DROP_SRTCP_AUTH,
    DROP_SRTCP_REPLAY, DROP_SRTP_AUTH, DROP_SRTP_REPLAY, DROP_UNKNOWN_PAYLOAD_TYPE, DROP_UNKNOWN_PROTOCOL,
    DROP_UNKNOWN_SSRC,
)
from simplesfu.plane.demux cimport demux_bind, demux_find
from simplesfu.plane.events cimport EVENT_DTLS, EVENT_STREAM_STARTED, EVENT_TUPLE_SELECTED, events_push
from simplesfu.plane.fanout cimport fanout_add
from simplesfu.plane.feedback cimport feedback_receive
from simplesfu.plane.gate cimport (
    PROTOCOL_DTLS, PROTOCOL_RTCP, PROTOCOL_RTP, PROTOCOL_STUN, gate_classify, gate_select, gate_stun, gate_transport,
)
from simplesfu.plane.limits cimport bucket_take
from simplesfu.plane.packet cimport pool_take
from simplesfu.plane.payload cimport payload_parse
from simplesfu.plane.recv_stream cimport recv_stream_accept
from simplesfu.plane.rtp cimport RTP_HEADER_BYTES, RTP_OK, RtpView, rtp_normalise, rtp_parse, rtp_unwrap_rtx
from simplesfu.plane.srtp cimport SRTP_OK, SRTP_REPLAY_FAIL, SRTP_REPLAY_OLD, srtp
from simplesfu.plane.state cimport MAX_RTCP_SSRCS, RecvStream, Transport, Tuple
from simplesfu.plane.udp cimport MAX_DATAGRAM_BYTES, RECV_BATCH, receive_datagrams

cdef enum:
    PASSED = -1
    KEPT = -2                  # passed, and its buffer now belongs to a stream
    RTCP_PER_S = 500           # compound packets of one peer
    SRTCP_MIN_BYTES = 8 + 4 + 10


cdef int ingress_receive(State *state, int fd, int64_t now_us) noexcept nogil:
    """Take one batch from the socket; answers how many datagrams it had."""
    cdef int i, count
    for i in range(RECV_BATCH):
        if state.arrivals[i] == NULL:
            state.arrivals[i] = pool_take(&state.pool)
            if state.arrivals[i] == NULL:
                break
        state.datagrams[i].data = state.arrivals[i].data
    else:
        i = RECV_BATCH
    count = receive_datagrams(fd, state.datagrams, i, MAX_DATAGRAM_BYTES, state.batching)
    for i in range(count):
        ingress_take(state, &state.datagrams[i], &state.arrivals[i], now_us)
    return count


cdef int ingress_take(State *state, Datagram *datagram, Packet **packet, int64_t now_us) noexcept nogil:
    """Take in one datagram, whose bytes are the packet's; the packet is NULL afterwards when a stream has kept it.
    Answers the reason of the drop, or a negative number when there was none."""
    cdef int outcome
    state.counters.received += 1
    state.counters.received_bytes += datagram.length
    outcome = _datagram(state, datagram, packet[0], now_us)
    if outcome >= 0:
        state.counters.ingress_drops[outcome] += 1
    elif outcome == KEPT:
        packet[0] = NULL
    return outcome


cdef int _datagram(State *state, Datagram *datagram, Packet *packet, int64_t now_us) noexcept nogil:
    cdef Tuple *tuple = NULL
    cdef Transport *transport
    cdef int protocol, outcome
    if datagram.length == 0:
        return DROP_EMPTY
    if datagram.truncated:
        return DROP_OVERSIZE
    protocol = gate_classify(datagram.data, datagram.length)
    if protocol == PROTOCOL_STUN:
        outcome = gate_stun(state, datagram.data, datagram.length, &datagram.source, now_us)
        if outcome == PASSED:
            state.counters.stun += 1
        return outcome
    if protocol != PROTOCOL_DTLS and protocol != PROTOCOL_RTP and protocol != PROTOCOL_RTCP:
        return DROP_UNKNOWN_PROTOCOL
    transport = gate_transport(state, &datagram.source, &tuple)
    if transport == NULL:
        return DROP_FOREIGN_TUPLE
    transport.received_us = now_us
    transport.packets_received += 1
    transport.bytes_received += datagram.length
    if protocol == PROTOCOL_DTLS:
        if not events_push(&state.events, EVENT_DTLS, transport.id, 0, NULL, datagram.data, datagram.length):
            return DROP_EVENTS_FULL
        state.counters.dtls += 1
        return PASSED
    if transport.recv_session == NULL:
        return DROP_NO_KEYS
    if protocol == PROTOCOL_RTCP:
        outcome = _rtcp(state, transport, datagram, now_us)
        if outcome == PASSED:
            state.counters.rtcp += 1
    else:
        outcome = _rtp(state, transport, datagram, packet, now_us)
        if outcome == KEPT:
            state.counters.media += 1
    if outcome < 0 and tuple != transport.selected:
        # Genuine media from another proven tuple: the peer's address has changed, and answers must follow it.
        gate_select(state, transport, tuple)
        state.counters.rebound += 1
        events_push(&state.events, EVENT_TUPLE_SELECTED, transport.id, 0, &tuple.address, NULL, 0)
    return outcome


cdef int _rtcp(State *state, Transport *transport, Datagram *datagram, int64_t now_us) noexcept nogil:
    cdef int length = datagram.length, status
    cdef uint32_t ssrc
    cdef bint known
    if length < SRTCP_MIN_BYTES:
        return DROP_RTCP_MALFORMED
    ssrc = load_u32(datagram.data + 4)
    known = _is_known_rtcp_ssrc(transport, ssrc)
    if not known and transport.rtcp_ssrc_count == MAX_RTCP_SSRCS:
        return DROP_RTCP_SSRC_LIMIT
    status = srtp.unprotect_rtcp(transport.recv_session, datagram.data, &length)
    if status != SRTP_OK:
        return DROP_SRTCP_REPLAY if status == SRTP_REPLAY_FAIL or status == SRTP_REPLAY_OLD else DROP_SRTCP_AUTH
    if not known:
        transport.rtcp_ssrcs[transport.rtcp_ssrc_count] = ssrc
        transport.rtcp_ssrc_count += 1
    # Only what is genuine uses up the peer's budget: nobody else can starve it.
    if not bucket_take(&transport.rtcp_budget, RTCP_PER_S, now_us):
        return DROP_RTCP_RATE
    return PASSED if feedback_receive(state, transport, datagram.data, length, now_us) else DROP_RTCP_MALFORMED


cdef bint _is_known_rtcp_ssrc(const Transport *transport, uint32_t ssrc) noexcept nogil:
    cdef int i
    for i in range(transport.rtcp_ssrc_count):
        if transport.rtcp_ssrcs[i] == ssrc:
            return True
    return False


cdef int _rtp(State *state, Transport *transport, Datagram *datagram, Packet *packet, int64_t now_us) noexcept nogil:
    cdef RtpView *view = &packet.rtp
    cdef RecvStream *stream
    cdef bint is_new = False, is_rtx
    cdef int length = datagram.length, status
    cdef uint32_t ssrc
    # The header is in the clear; nothing that it says takes effect before SRTP has proven it.
    if length < RTP_HEADER_BYTES:
        return DROP_RTP_MALFORMED
    view.data = datagram.data
    status = _parse_header(datagram.data, length, view)
    if status != RTP_OK:
        return DROP_RTP_MALFORMED
    stream = demux_find(state, transport, view, &is_new)
    if stream == NULL:
        return DROP_UNKNOWN_SSRC
    is_rtx = view.payload_type == stream.rtx_payload_type
    if not is_rtx and view.payload_type != stream.payload_type:
        return DROP_UNKNOWN_PAYLOAD_TYPE
    if not is_new and view.ssrc != (stream.rtx_ssrc if is_rtx else stream.ssrc):
        return DROP_UNKNOWN_PAYLOAD_TYPE
    ssrc = view.ssrc
    status = srtp.unprotect(transport.recv_session, datagram.data, &length)
    if status != SRTP_OK:
        return DROP_SRTP_REPLAY if status == SRTP_REPLAY_FAIL or status == SRTP_REPLAY_OLD else DROP_SRTP_AUTH
    if rtp_parse(datagram.data, length, view) != RTP_OK:
        return DROP_RTP_MALFORMED
    if is_new and not demux_bind(state, stream, ssrc, is_rtx):
        return DROP_NO_MEMORY
    if is_rtx and (not stream.started or rtp_unwrap_rtx(view, stream.ssrc, stream.payload_type) != RTP_OK):
        return DROP_RTX_EMPTY
    rtp_normalise(view, stream.id_map, stream.router_payload_type, stream.send_time_ext)
    packet.arrival_us = now_us
    packet.cached = False
    payload_parse(stream.codec, view.data + view.header_length, view.payload_length, &packet.payload)
    status = recv_stream_accept(stream, packet, is_rtx)
    if status >= 0:
        return status
    if not stream.living:
        # When the ring is full the next packet tries again.
        stream.living = events_push(&state.events, EVENT_STREAM_STARTED, stream.id, stream.ssrc, NULL, NULL, 0)
    if stream.paused:
        # After its place in the order is taken, or the sender would be told of a loss when it resumes.
        return DROP_PRODUCER_PAUSED
    if stream.missing_count or stream.keyframe_wanted:
        state.urgent = True
    fanout_add(state, stream, packet, now_us)
    return KEPT


cdef inline int _parse_header(uint8_t *data, int length, RtpView *view) noexcept nogil:
    """Parse what is still sealed: only the header counts, the padding count at the end is cipher text."""
    cdef uint8_t first = data[0]
    cdef int status
    data[0] = first & 0xDF
    status = rtp_parse(data, length, view)
    data[0] = first
    return status

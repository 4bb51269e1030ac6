# cython: language_level=3
"""The hot loop. Packets of one frame wait for each other (at most `hold_us`), so that each receiver gets them in one
UDP_SEGMENT call; the shorter ones are padded to the longest by a few bytes, since segments are of one size."""
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from simplesfu.plane.counters cimport EGRESS_NOT_CONNECTED, EGRESS_SEAL_FAILED, EGRESS_SLOW_READER
from simplesfu.plane.packet cimport pool_give
from simplesfu.plane.recv_stream cimport recv_stream_store
from simplesfu.plane.send_stream cimport (
    send_stream_hold, send_stream_map, send_stream_resend, send_stream_write, send_stream_write_rtx,
)
from simplesfu.plane.sender cimport sender_commit, sender_room
from simplesfu.plane.srtp cimport SRTP_OK, srtp
from simplesfu.plane.state cimport MAX_PENDING, Numbers, Transport
from simplesfu.plane.tcp cimport tcp_is_late

cdef enum:
    MAX_READY = 256
    PADDING_LIMIT_BYTES = 16   # encoders cut a frame into sizes that differ by a byte; more padding would be waste


cdef void fanout_add(State *state, RecvStream *stream, Packet *packet, int64_t now_us) noexcept nogil:
    """Let the packet wait for its fan-out."""
    if stream.pending_count == MAX_PENDING:
        _fan_out(state, stream, now_us)
    if stream.pending_count == 0:
        if not _is_ready(state, stream):
            if state.ready_count == MAX_READY:
                fanout_flush(state, now_us, True)
            state.ready[state.ready_count] = stream
            state.ready_count += 1
        stream.pending_since_us = now_us
        stream.pending_complete = False
    recv_stream_store(stream, packet, &state.pool)
    stream.pending[stream.pending_count] = packet
    stream.pending_count += 1
    if packet.rtp.marker or not stream.video or stream.pending_count == MAX_PENDING:
        stream.pending_complete = True


cdef bint _is_ready(const State *state, const RecvStream *stream) noexcept nogil:
    cdef int i
    for i in range(state.ready_count):
        if state.ready[i] == stream:
            return True
    return False


cdef int64_t fanout_flush(State *state, int64_t now_us, bint everything) noexcept nogil:
    """Send what need not wait, sound first; answers the microseconds until the rest must go (-1: nothing waits)."""
    cdef int i, kept = 0, audio_first
    cdef int64_t left, soonest = -1
    cdef RecvStream *stream
    for audio_first in range(2):
        for i in range(state.ready_count):
            stream = state.ready[i]
            if stream.video != audio_first or stream.pending_count == 0:
                continue
            if everything or stream.pending_complete or now_us - stream.pending_since_us >= state.hold_us:
                _fan_out(state, stream, now_us)
    for i in range(state.ready_count):
        stream = state.ready[i]
        if stream.pending_count == 0:
            continue
        left = stream.pending_since_us + state.hold_us - now_us
        if soonest < 0 or left < soonest:
            soonest = left
        state.ready[kept] = stream
        kept += 1
    state.ready_count = kept
    return soonest


cdef void fanout_forget(State *state, RecvStream *stream) noexcept nogil:
    cdef int i
    for i in range(state.ready_count):
        if state.ready[i] == stream:
            state.ready_count -= 1
            state.ready[i] = state.ready[state.ready_count]
            return


cdef inline uint32_t _send_time(int64_t now_us) noexcept nogil:
    """abs-send-time: seconds as 6.18 fixed point."""
    return <uint32_t>((<uint64_t>now_us << 18) // 1000000) & 0xFFFFFF


cdef void _fan_out(State *state, RecvStream *stream, int64_t now_us) noexcept nogil:
    cdef int32_t[MAX_PENDING] padded
    cdef uint32_t send_time = _send_time(now_us)
    cdef int i, count = stream.out_count
    _choose_padding(stream, padded)
    # In a burst every receiver waits for those before it, so another one goes first each time.
    stream.first_out = stream.first_out + 1 if stream.first_out + 1 < count else 0
    for i in range(stream.first_out, count):
        _forward(state, stream, stream.outs[i], padded, send_time, now_us)
    for i in range(stream.first_out):
        _forward(state, stream, stream.outs[i], padded, send_time, now_us)
    for i in range(stream.pending_count):
        if not stream.pending[i].cached:
            pool_give(&state.pool, stream.pending[i])
    stream.pending_count = 0


cdef void _choose_padding(const RecvStream *stream, int32_t *padded) noexcept nogil:
    """For each pending packet the length that makes a run of near-equal ones equal; a run's last may be shorter."""
    cdef int start = 0, end, i
    cdef int32_t longest, shortest, length
    while start < stream.pending_count:
        longest = shortest = stream.pending[start].rtp.length
        end = start + 1
        while end < stream.pending_count:
            length = stream.pending[end].rtp.length
            if max(longest, length) - min(shortest, length) > PADDING_LIMIT_BYTES:
                break
            longest = max(longest, length)
            shortest = min(shortest, length)
            end += 1
        for i in range(start, end):
            padded[i] = longest if i + 1 < end else 0
        if end < stream.pending_count and stream.pending[end].rtp.length < longest:
            # The shorter one that ended the run still fits behind it, so the run's last must be full.
            padded[end - 1] = longest
        start = end


cdef inline void _forward(State *state, RecvStream *stream, SendStream *out, const int32_t *padded,
                          uint32_t send_time, int64_t now_us) noexcept nogil:
    cdef Transport *transport = out.transport
    cdef Packet *packet
    cdef Numbers numbers
    cdef uint8_t *room
    cdef int i, length, reason
    state.counters.offered += stream.pending_count
    if transport.destination.connection and out.video and tcp_is_late(&state.tcp, &transport.destination, now_us):
        # It goes on from a keyframe when there is room: half a picture helps nobody, and nothing counts as lost so.
        state.counters.egress_drops[EGRESS_SLOW_READER] += stream.pending_count
        send_stream_hold(out)
        return
    for i in range(stream.pending_count):
        packet = stream.pending[i]
        if transport.send_session == NULL or transport.selected == NULL:
            state.counters.egress_drops[EGRESS_NOT_CONNECTED] += 1
            send_stream_hold(out)      # whenever it comes back, it goes on where it was left
            continue
        reason = send_stream_map(out, stream, packet, now_us, &numbers)
        if reason >= 0:
            state.counters.egress_drops[reason] += 1
            continue
        room = sender_room(&state.sender)
        length = send_stream_write(out, packet, &numbers, send_time, padded[i], room)
        out.packets += 1
        out.octets += length
        if not _seal_and_commit(state, transport, room, length, not out.video):
            state.counters.egress_drops[EGRESS_SEAL_FAILED] += 1
            continue
        state.counters.forwarded += 1
        state.counters.forwarded_bytes += length


cdef inline bint _seal_and_commit(State *state, Transport *transport, uint8_t *room, int length,
                                  bint urgent) noexcept nogil:
    if srtp.protect(transport.send_session, room, &length) != SRTP_OK:
        return False
    sender_commit(&state.sender, &transport.destination, length, urgent)
    transport.packets_sent += 1
    transport.bytes_sent += length
    return True


cdef bint fanout_resend(State *state, SendStream *stream, int seq, int64_t now_us) noexcept nogil:
    """Answer a NACK for one number by RTX; False when it cannot be answered."""
    cdef Numbers numbers
    cdef const Packet *packet
    cdef uint8_t *room
    cdef int length
    if stream.source == NULL or stream.paused:
        return False
    packet = send_stream_resend(stream, <uint16_t>seq, stream.source, now_us, &numbers)
    if packet == NULL:
        return False
    room = sender_room(&state.sender)
    length = send_stream_write_rtx(stream, packet, &numbers, _send_time(now_us), room)
    if not _seal_and_commit(state, stream.transport, room, length, not stream.video):
        return False
    stream.rtx_packets += 1
    state.counters.retransmitted += 1
    return True

# cython: language_level=3
"""Receiving one encoding (RFC 3550 §6.4.1 and A.1-A.8, RFC 4585 §6.2.1). No clock, no socket: time is an argument."""
from libc.stdint cimport int32_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memmove

from simplesfu.plane.counters cimport DROP_DUPLICATE, DROP_SEQUENCE_JUMP, DROP_TOO_OLD
from simplesfu.plane.packet cimport pool_give, pool_is_exhausted
from simplesfu.plane.seq cimport extend_seq
from simplesfu.plane.state cimport CACHE_PACKETS, KEYFRAME_NONE, MAX_MISSING, Missing

cdef enum:
    FIRST_CYCLE = 65536            # where extended numbers begin, so that an early packet can lie below the first
    MAX_DROPOUT = 3000             # a larger jump ahead is a restart of the sender, if its next number confirms it
    NACK_RETRY_US = 100000         # no RTT is known towards a peer that only sends
    MAX_NACKS_PER_SEQ = 10
    CACHE_US = 2000000             # what a receiver has not got by then it no longer wants
    KEYFRAME_INTERVAL_US = 500000  # upstream, however many receivers ask


cdef int recv_stream_init(RecvStream *stream) noexcept nogil:
    if stream.video:
        stream.cache = <Packet **>calloc(CACHE_PACKETS, sizeof(Packet *))
        if stream.cache == NULL:
            return -1
    return 0


cdef void recv_stream_free(RecvStream *stream, Pool *pool) noexcept nogil:
    cdef int i
    for i in range(stream.pending_count):
        if not stream.pending[i].cached:
            pool_give(pool, stream.pending[i])
    if stream.cache != NULL:
        for i in range(CACHE_PACKETS):
            if stream.cache[i] != NULL:
                pool_give(pool, stream.cache[i])
    free(stream.cache)
    free(stream.outs)


cdef inline void _begin(RecvStream *stream, uint64_t ext_seq) noexcept nogil:
    stream.base_seq = stream.max_seq = ext_seq
    stream.missing_count = 0
    stream.received_in_epoch = 0
    stream.lost_at_report = stream.expected_at_report = 0
    stream.transit = 0
    stream.jitter = 0


cdef int recv_stream_accept(RecvStream *stream, Packet *packet, bint from_rtx) noexcept nogil:
    """Give the packet its place in the order; -1, or the reason why it has none."""
    cdef uint16_t seq = packet.rtp.seq
    cdef uint64_t ext_seq
    cdef int64_t transit, delta
    if not stream.started:
        stream.started = True
        ext_seq = FIRST_CYCLE + seq
        stream.cycles_base = FIRST_CYCLE >> 16
        _begin(stream, ext_seq)
    else:
        ext_seq = extend_seq(stream.max_seq, seq)
        if ext_seq > stream.max_seq + MAX_DROPOUT or ext_seq + MAX_DROPOUT < stream.max_seq:
            # RFC 3550 A.1: two packets in sequence after a large jump mean that the sender started anew.
            if from_rtx or not stream.restart_suspected or seq != stream.restart_seq:
                if not from_rtx:
                    stream.restart_suspected = True
                    stream.restart_seq = seq + 1
                return DROP_SEQUENCE_JUMP
            stream.epoch += 1
            stream.cycles_base = (stream.max_seq >> 16) + 1
            ext_seq = (stream.cycles_base << 16) + seq
            _begin(stream, ext_seq)
        elif ext_seq > stream.max_seq:
            if stream.nack:
                _note_gap(stream, ext_seq)
            stream.max_seq = ext_seq
        else:
            if ext_seq == stream.max_seq or recv_stream_cached(stream, ext_seq) != NULL:
                return DROP_DUPLICATE
            if ext_seq + CACHE_PACKETS <= stream.max_seq:
                return DROP_TOO_OLD
            _forget_missing(stream, ext_seq)
            if ext_seq < stream.base_seq:
                stream.base_seq = ext_seq
    stream.restart_suspected = False
    stream.received_us = packet.arrival_us
    stream.packets += 1
    stream.octets += packet.rtp.length
    if from_rtx:
        stream.recovered += 1
    else:
        stream.received_in_epoch += 1
        # RFC 3550 A.8; a retransmission says nothing about the network's jitter.
        transit = packet.arrival_us * stream.clock_rate // 1000000 - packet.rtp.ts
        if stream.transit != 0:
            delta = <int32_t>(transit - stream.transit)
            stream.jitter += ((delta if delta >= 0 else -delta) - stream.jitter) / 16
        stream.transit = transit
    packet.ext_seq = ext_seq
    packet.epoch = stream.epoch
    if packet.rtp.marker:
        stream.pictures[packet.payload.temporal_layer] += 1
    if packet.payload.keyframe and stream.video:
        stream.keyframes += 1
        stream.keyframe_us = packet.arrival_us
        stream.keyframe_wanted = False
    return -1


cdef void recv_stream_store(RecvStream *stream, Packet *packet, Pool *pool) noexcept nogil:
    """Keep a video packet for retransmission for CACHE_US, or until CACHE_PACKETS have come after it."""
    if stream.cache == NULL:
        return
    _forget_old(stream, packet, pool)
    _discard(stream, packet.ext_seq, pool)
    # When all memory is in use, to forward comes before to keep.
    packet.cached = not pool_is_exhausted(pool)
    if packet.cached:
        stream.cache[packet.ext_seq & (CACHE_PACKETS - 1)] = packet


cdef inline void _discard(RecvStream *stream, uint64_t ext_seq, Pool *pool) noexcept nogil:
    cdef Packet **place = &stream.cache[ext_seq & (CACHE_PACKETS - 1)]
    if place[0] != NULL:
        pool_give(pool, place[0])
        place[0] = NULL


cdef inline void _forget_old(RecvStream *stream, const Packet *newest, Pool *pool) noexcept nogil:
    cdef Packet *packet
    if stream.oldest_cached + CACHE_PACKETS <= newest.ext_seq:
        stream.oldest_cached = newest.ext_seq - CACHE_PACKETS + 1
    while stream.oldest_cached < newest.ext_seq:
        packet = stream.cache[stream.oldest_cached & (CACHE_PACKETS - 1)]
        if packet != NULL:
            if newest.arrival_us - packet.arrival_us < CACHE_US:
                return
            _discard(stream, stream.oldest_cached, pool)
        stream.oldest_cached += 1


cdef Packet *recv_stream_cached(const RecvStream *stream, uint64_t ext_seq) noexcept nogil:
    cdef Packet *packet
    if stream.cache == NULL:
        return NULL
    packet = stream.cache[ext_seq & (CACHE_PACKETS - 1)]
    return packet if packet != NULL and packet.ext_seq == ext_seq else NULL


cdef void _note_gap(RecvStream *stream, uint64_t ext_seq) noexcept nogil:
    cdef uint64_t missing = stream.max_seq + 1
    if ext_seq - missing + stream.missing_count > MAX_MISSING:
        # Too much is gone to ask for it piece by piece.
        stream.missing_count = 0
        recv_stream_want_keyframe(stream)
        return
    while missing < ext_seq:
        stream.missing[stream.missing_count] = Missing(ext_seq=missing, asked_us=0, tries=0)
        stream.missing_count += 1
        missing += 1


cdef void _forget_missing(RecvStream *stream, uint64_t ext_seq) noexcept nogil:
    cdef int i
    for i in range(stream.missing_count):
        if stream.missing[i].ext_seq == ext_seq:
            stream.missing_count -= 1
            memmove(&stream.missing[i], &stream.missing[i + 1], (stream.missing_count - i) * sizeof(Missing))
            return


cdef int recv_stream_due_nacks(RecvStream *stream, int64_t now_us, uint16_t *seqs, int most) noexcept nogil:
    """The numbers to ask for now. What was asked for too often is given up, and a keyframe wanted instead."""
    cdef int kept = 0, due = 0, i
    cdef Missing item
    if stream.paused:
        stream.missing_count = 0
    for i in range(stream.missing_count):
        item = stream.missing[i]
        if item.tries == 0 or now_us - item.asked_us >= NACK_RETRY_US:
            if item.tries == MAX_NACKS_PER_SEQ:
                recv_stream_want_keyframe(stream)
                continue
            if due < most:
                seqs[due] = <uint16_t>item.ext_seq
                due += 1
                item.tries += 1
                item.asked_us = now_us
        stream.missing[kept] = item
        kept += 1
    stream.missing_count = kept
    return due


cdef void recv_stream_want_keyframe(RecvStream *stream) noexcept nogil:
    if stream.video and stream.keyframe_request != KEYFRAME_NONE:
        stream.keyframe_wanted = True


cdef bint recv_stream_keyframe_due(RecvStream *stream, int64_t now_us) noexcept nogil:
    """True at most once in the throttle window while a keyframe is wanted: the caller asks for it."""
    if not stream.keyframe_wanted or stream.ssrc == 0 or stream.paused:
        return False
    if stream.out_count == 0:
        stream.keyframe_wanted = False
        return False
    if stream.keyframe_asked_us != 0 and now_us - stream.keyframe_asked_us < KEYFRAME_INTERVAL_US:
        return False
    # It stays wanted until one arrives: a lost request is repeated by itself.
    stream.keyframe_asked_us = now_us
    stream.keyframe_requests += 1
    return True


cdef void recv_stream_sender_report(RecvStream *stream, const SenderInfo *info, int64_t now_us) noexcept nogil:
    stream.sender_info = info[0]
    stream.sender_info_us = now_us
    stream.last_sr = <uint32_t>(info.ntp_time >> 16)


cdef void recv_stream_report(RecvStream *stream, int64_t now_us, ReportBlock *block) noexcept nogil:
    """RFC 3550 A.3. Retransmissions do not hide a loss: the sender must see what its path does."""
    cdef uint64_t expected = stream.max_seq - stream.base_seq + 1
    cdef uint64_t lost = expected - stream.received_in_epoch if expected > stream.received_in_epoch else 0
    cdef uint64_t expected_now = expected - stream.expected_at_report if expected > stream.expected_at_report else 0
    cdef uint64_t lost_now = lost - stream.lost_at_report if lost > stream.lost_at_report else 0
    stream.fraction_lost = <uint8_t>min(<uint64_t>255, (lost_now << 8) // expected_now) if expected_now else 0
    stream.expected_at_report = expected
    stream.lost_at_report = lost
    block.ssrc = stream.ssrc
    block.fraction_lost = stream.fraction_lost
    block.packets_lost = <int32_t>min(lost, <uint64_t>0x7FFFFF)
    block.highest_seq = <uint32_t>(stream.max_seq - (stream.cycles_base << 16))
    block.jitter = <uint32_t>stream.jitter
    block.last_sr = stream.last_sr if stream.sender_info_us else 0
    block.delay_since_last_sr = (
        <uint32_t>(((now_us - stream.sender_info_us) << 16) // 1000000) if stream.sender_info_us else 0
    )


cdef int recv_stream_add_out(RecvStream *stream, SendStream *out) noexcept nogil:
    cdef int i, capacity
    cdef SendStream **grown
    for i in range(stream.out_count):
        if stream.outs[i] == out:
            return 0
    if stream.out_count == stream.out_capacity:
        capacity = max(8, 2 * stream.out_capacity)
        grown = <SendStream **>realloc(stream.outs, capacity * sizeof(SendStream *))
        if grown == NULL:
            return -1
        stream.outs = grown
        stream.out_capacity = capacity
    stream.outs[stream.out_count] = out
    stream.out_count += 1
    return 0


cdef void recv_stream_remove_out(RecvStream *stream, SendStream *out) noexcept nogil:
    cdef int i
    for i in range(stream.out_count):
        if stream.outs[i] == out:
            stream.out_count -= 1
            stream.outs[i] = stream.outs[stream.out_count]
            return

# cython: language_level=3
"""Rewriting for one receiver (RFC 3550 §5.1, §6.4.1; RTX: RFC 4588). No clock, no socket: time is an argument.

A mapping (`out_seq = in_seq + delta`) holds while one source sends without a break. A pause, a restart of the sender or
another source ends it; the next packet that one can begin with makes a new one, whose first number follows the last.
Within a mapping each run of packets that are held back (layers.pyx) begins another span, whose delta closes the numbers
up over them; late packets and retransmissions find theirs in the spans. VP8's picture ids are carried on likewise: its
receivers take a missing one for a picture still to come, and wait.
"""
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memmove, memset

from simplesfu.plane.byteorder cimport store_u16, store_u24, store_u32
from simplesfu.plane.counters cimport EGRESS_LAYER, EGRESS_PAUSED, EGRESS_STALE, EGRESS_WAITING_KEYFRAME
from simplesfu.plane.layers cimport ALL_JOINED, TOP_TEMPORAL_LAYER, layers_limit, layers_pass, layers_pass_late
from simplesfu.plane.limits cimport bucket_take
from simplesfu.plane.payload cimport payload_store_picture_id
from simplesfu.plane.recv_stream cimport recv_stream_cached, recv_stream_remove_out, recv_stream_want_keyframe
from simplesfu.plane.rtp cimport rtp_strip
from simplesfu.plane.seq cimport extend_seq
from simplesfu.plane.state cimport CACHE_PACKETS, MAX_SPANS, RTX_PER_S, Numbers, Resent, Span

cdef enum:
    FIRST_CYCLE = 65536
    RESEND_FLOOR_US = 10000        # the least time between two retransmissions of one number
    RESEND_UNKNOWN_RTT_US = 50000
    PICTURE_ID_MASK = 0x7FFF

cdef int64_t NEVER_US = 1 << 62


cdef int send_stream_init(SendStream *stream, uint64_t seed) noexcept nogil:
    """`seed` makes the first sequence numbers unpredictable (RFC 3550 §5.1)."""
    stream.waiting = True
    stream.max_temporal_layer = stream.temporal_limit = TOP_TEMPORAL_LAYER
    stream.joined = ALL_JOINED
    # The lower half, as RFC 3711 §3.3.1 advises: an early wrap-around would confuse a receiver that missed the start.
    stream.max_out_seq = FIRST_CYCLE + (seed & 0x7FFF)
    stream.rtx_seq = <uint16_t>((seed >> 16) & 0x7FFF)
    if stream.rtx_payload_type >= 0:
        stream.resent = <Resent *>calloc(CACHE_PACKETS, sizeof(Resent))
        if stream.resent == NULL:
            return -1
    return 0


cdef void send_stream_free(SendStream *stream) noexcept nogil:
    free(stream.resent)


cdef void send_stream_hold(SendStream *stream) noexcept nogil:
    """End the mapping: what comes next must be something to begin with."""
    stream.waiting = True


cdef int send_stream_map(SendStream *stream, RecvStream *source, const Packet *packet, int64_t now_us,
                         Numbers *numbers) noexcept nogil:
    """The numbers this packet goes out with; -1, or the reason why it does not."""
    cdef int reason
    if stream.paused:
        return EGRESS_PAUSED
    if source == stream.source and not stream.waiting and packet.epoch != stream.epoch:
        if packet.epoch < stream.epoch:
            return EGRESS_STALE
        send_stream_hold(stream)
    if source != stream.source or stream.waiting:
        if source != stream.target or (stream.video and not packet.payload.keyframe):
            if source == stream.target:
                recv_stream_want_keyframe(source)
            return EGRESS_WAITING_KEYFRAME
        _begin(stream, source, packet, now_us)
    if packet.ext_seq < stream.span_in_seq:
        reason = _map_late(stream, packet, numbers)
    else:
        reason = _map(stream, packet, numbers)
    if reason >= 0:
        return reason
    if numbers.seq >= stream.max_out_seq:
        stream.max_out_seq = numbers.seq
        stream.max_out_ts = numbers.ts
        stream.max_out_picture = packet.payload.picture_id + numbers.picture_delta
        stream.sent_us = now_us
    return -1


cdef inline int _map(SendStream *stream, const Packet *packet, Numbers *numbers) noexcept nogil:
    numbers.seq = packet.ext_seq + stream.seq_delta
    if stream.thinned:
        if numbers.seq <= stream.max_out_seq:
            if not layers_pass_late(stream, packet):
                return _bury(stream, numbers.seq)
        elif not layers_pass(stream, packet):
            return _hold_back(stream, packet)
    numbers.ts = packet.rtp.ts + stream.ts_delta
    numbers.picture_delta = stream.picture_delta
    return -1


cdef int _map_late(SendStream *stream, const Packet *packet, Numbers *numbers) noexcept nogil:
    """One that comes after its place in the mapping has been passed by another span."""
    cdef int i = stream.span_count - 2
    cdef const Span *span
    if packet.ext_seq < stream.first_in_seq:
        return EGRESS_STALE
    while i >= 0 and packet.ext_seq < stream.spans[i].first_out_seq - stream.spans[i].seq_delta:
        i -= 1
    if i < 0:
        return EGRESS_STALE
    span = &stream.spans[i]
    numbers.seq = packet.ext_seq + span.seq_delta
    numbers.ts = packet.rtp.ts + span.ts_delta
    numbers.picture_delta = span.picture_delta
    if numbers.seq >= stream.spans[i + 1].first_out_seq:
        return EGRESS_LAYER        # the numbers have closed up over it
    if stream.thinned and not layers_pass_late(stream, packet):
        return _bury(stream, numbers.seq)
    return -1


cdef int _hold_back(SendStream *stream, const Packet *packet) noexcept nogil:
    """Close the numbers up over a packet. Those missing before it keep theirs, since they may belong to another
    picture; between two packets of one picture they cannot."""
    cdef uint64_t out_seq = packet.ext_seq + stream.seq_delta
    cdef Span *last = &stream.spans[stream.span_count - 1]
    cdef bint same_picture = packet.rtp.ts == stream.skipped_ts and stream.span_in_seq > stream.first_in_seq
    if not same_picture:
        stream.picture_delta = (stream.picture_delta - 1) & PICTURE_ID_MASK
    elif stream.max_out_seq < last.first_out_seq:
        out_seq = last.first_out_seq
    stream.seq_delta = out_seq - packet.ext_seq - 1
    stream.span_in_seq = packet.ext_seq + 1
    stream.skipped_ts = packet.rtp.ts
    if last.first_out_seq == out_seq:
        last.seq_delta = stream.seq_delta
        last.picture_delta = stream.picture_delta
    else:
        _add_span(stream, out_seq)
    return EGRESS_LAYER


cdef int _bury(SendStream *stream, uint64_t out_seq) noexcept nogil:
    """Too late to close up over it, so its number stays empty: what would fill it is not sent when asked for either."""
    if stream.resent != NULL:
        stream.resent[out_seq & (CACHE_PACKETS - 1)] = Resent(out_seq=out_seq, sent_us=NEVER_US)
    return EGRESS_LAYER


cdef void _take_back_spans(SendStream *stream) noexcept nogil:
    """Those in which nothing has gone out: their numbers are given anew, the buried ones among them too."""
    cdef int i
    if stream.span_count == 0 or stream.spans[stream.span_count - 1].first_out_seq <= stream.max_out_seq:
        return
    while stream.span_count and stream.spans[stream.span_count - 1].first_out_seq > stream.max_out_seq:
        stream.span_count -= 1
    if stream.resent != NULL:
        for i in range(CACHE_PACKETS):
            if stream.resent[i].out_seq > stream.max_out_seq:
                stream.resent[i].out_seq = 0


cdef void _add_span(SendStream *stream, uint64_t first_out_seq) noexcept nogil:
    if stream.span_count == MAX_SPANS:
        memmove(&stream.spans[0], &stream.spans[1], (MAX_SPANS - 1) * sizeof(Span))
        stream.span_count -= 1
    stream.spans[stream.span_count] = Span(
        first_out_seq=first_out_seq, seq_delta=stream.seq_delta, ts_delta=stream.ts_delta,
        recv_stream=stream.source.id, picture_delta=stream.picture_delta,
    )
    stream.span_count += 1


cdef void _begin(SendStream *stream, RecvStream *source, const Packet *packet, int64_t now_us) noexcept nogil:
    cdef uint32_t passed, ts
    if source != stream.source and stream.source != NULL:
        recv_stream_remove_out(stream.source, stream)
    if stream.started:
        ts = packet.rtp.ts + stream.ts_delta
        if source != stream.source or packet.epoch != stream.epoch or <int>(ts - stream.max_out_ts) <= 0:
            # Another clock: go on from the last time stamp by the time that has passed, at least by one tick.
            passed = <uint32_t>((now_us - stream.sent_us) * stream.clock_rate // 1000000)
            stream.ts_delta = stream.max_out_ts + max(<uint32_t>1, passed) - packet.rtp.ts
        stream.picture_delta = (stream.max_out_picture + 1 - packet.payload.picture_id) & PICTURE_ID_MASK
    stream.source = source
    stream.epoch = packet.epoch
    stream.started = True
    stream.waiting = False
    stream.first_in_seq = stream.span_in_seq = packet.ext_seq
    stream.seq_delta = stream.max_out_seq + 1 - packet.ext_seq
    stream.joined = ALL_JOINED
    layers_limit(stream)
    stream.joined_in_seq = packet.ext_seq
    _take_back_spans(stream)
    _add_span(stream, stream.max_out_seq + 1)


cdef const Packet *send_stream_resend(SendStream *stream, uint16_t seq, RecvStream *source, int64_t now_us,
                                      Numbers *numbers) noexcept nogil:
    """The cached packet that went out as `seq`, unless that is unknown or was resent within a round trip."""
    cdef uint64_t wanted = extend_seq(stream.max_out_seq, seq)
    cdef int i = stream.span_count - 1
    cdef const Packet *packet
    cdef Resent *resent
    cdef int64_t interval
    if stream.resent == NULL or wanted > stream.max_out_seq:
        return NULL
    while i >= 0 and stream.spans[i].first_out_seq > wanted:
        i -= 1
    if i < 0 or stream.spans[i].recv_stream != source.id:
        return NULL
    packet = recv_stream_cached(source, wanted - stream.spans[i].seq_delta)
    if packet == NULL:
        return NULL
    resent = &stream.resent[wanted & (CACHE_PACKETS - 1)]
    interval = max(<int64_t>RESEND_FLOOR_US, stream.rtt_us if stream.rtt_us else RESEND_UNKNOWN_RTT_US)
    if resent.out_seq == wanted and now_us - resent.sent_us < interval:
        return NULL
    if not bucket_take(&stream.rtx_budget, RTX_PER_S, now_us):
        return NULL
    resent.out_seq = wanted
    resent.sent_us = now_us
    numbers.seq = wanted
    numbers.ts = packet.rtp.ts + stream.spans[i].ts_delta
    numbers.picture_delta = stream.spans[i].picture_delta
    return packet


cdef inline int _copy(const SendStream *stream, const Packet *packet, const Numbers *numbers, uint32_t send_time,
                      uint8_t *out) noexcept nogil:
    """The packet with the extensions that this receiver understands, the send time of now, and its picture id; answers
    its length."""
    cdef int32_t send_time_offset = packet.rtp.send_time_offset
    cdef int length = packet.rtp.length
    if packet.rtp.ext_mask & ~stream.ext_mask:
        length = rtp_strip(out, &packet.rtp, stream.ext_mask, &send_time_offset)
    else:
        memcpy(out, packet.rtp.data, length)
    if send_time_offset:
        store_u24(out + send_time_offset, send_time)
    if numbers.picture_delta and packet.payload.picture_id_bits:
        payload_store_picture_id(
            out + length - packet.rtp.payload_length - packet.rtp.padding, &packet.payload,
            (packet.payload.picture_id + numbers.picture_delta) & PICTURE_ID_MASK)
    return length


cdef int send_stream_write(SendStream *stream, const Packet *packet, const Numbers *numbers,
                           uint32_t send_time, int32_t padded_length, uint8_t *out) noexcept nogil:
    """Write the packet as this receiver gets it, still unsealed; answers its length.

    RTP padding makes it `padded_length` long (0: leave it), so that it shares a UDP_SEGMENT call with its neighbours
    (RFC 3550 §5.1)."""
    cdef int length = _copy(stream, packet, numbers, send_time, out)
    cdef int padding = padded_length - length
    out[1] = <uint8_t>((0x80 if packet.rtp.marker else 0) | stream.payload_type)
    store_u16(out + 2, <uint16_t>numbers.seq)
    store_u32(out + 4, numbers.ts)
    store_u32(out + 8, stream.ssrc)
    if 0 < padding < 256 and packet.rtp.padding == 0:
        memset(out + length, 0, padding - 1)
        out[padded_length - 1] = <uint8_t>padding
        out[0] |= 0x20
        length = padded_length
    return length


cdef int send_stream_write_rtx(SendStream *stream, const Packet *packet, const Numbers *numbers,
                               uint32_t send_time, uint8_t *out) noexcept nogil:
    """Write the packet as a retransmission of what went out with these numbers (RFC 4588 §4); answers its length."""
    cdef int length = _copy(stream, packet, numbers, send_time, out)
    cdef int payload = length - packet.rtp.payload_length - packet.rtp.padding
    memmove(out + payload + 2, out + payload, length - payload)
    store_u16(out + payload, <uint16_t>numbers.seq)
    out[1] = <uint8_t>((0x80 if packet.rtp.marker else 0) | stream.rtx_payload_type)
    store_u16(out + 2, stream.rtx_seq)
    store_u32(out + 4, numbers.ts)
    store_u32(out + 8, stream.rtx_ssrc)
    stream.rtx_seq += 1
    return length + 2


cdef bint send_stream_sender_info(SendStream *stream, int64_t now_us, SenderInfo *info) noexcept nogil:
    """The publisher's own clock, carried on to now: streams of one publisher stay in step (RFC 3550 §6.4.1).
    False while its first sender report has not come."""
    cdef RecvStream *source = stream.source
    cdef int64_t passed_us
    if source == NULL or source.sender_info_us == 0 or not stream.started or stream.waiting or stream.packets == 0:
        return False
    passed_us = now_us - source.sender_info_us
    info.ntp_time = source.sender_info.ntp_time + (<uint64_t>passed_us << 32) // 1000000
    info.rtp_time = <uint32_t>(source.sender_info.rtp_time + stream.ts_delta + passed_us * stream.clock_rate // 1000000)
    info.packet_count = <uint32_t>stream.packets
    info.octet_count = <uint32_t>stream.octets
    stream.report_ntp = <uint32_t>(info.ntp_time >> 16)
    stream.report_us = now_us
    return True


cdef void send_stream_receiver_report(SendStream *stream, const ReportBlock *block, int64_t now_us) noexcept nogil:
    cdef int64_t rtt_us
    stream.fraction_lost = block.fraction_lost
    stream.packets_lost = block.packets_lost
    stream.jitter = block.jitter
    if block.last_sr != 0 and block.last_sr == stream.report_ntp:
        rtt_us = now_us - stream.report_us - ((<int64_t>block.delay_since_last_sr * 1000000) >> 16)
        if rtt_us >= 0:
            stream.rtt_us = max(<int64_t>1, rtt_us)

# cython: language_level=3
"""Temporal layers (RFC 7741 §4.2, RFC 9628 §4.2). A picture refers to pictures of its own layer and of those below it,
so the upper layers can go missing; one that has may come back only where the sender says that it can be joined."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from simplesfu.plane.payload cimport TEMPORAL_LAYERS

cdef enum:
    MEASURE_US = 1000000
    # A camera of 30 frames a second gives one more now and then, and never exactly a half in its lower layer.
    RATE_TOLERANCE_PERCENT = 10


cdef void layers_measure(RecvStream *stream, int64_t now_us) noexcept nogil:
    """Renew the frame rates, once a second. Those of a silent stream stay: they tell best how it will go on."""
    cdef int64_t passed_us = now_us - stream.measured_us
    cdef uint64_t pictures = 0
    cdef int i
    if not stream.started or (stream.measured_us and passed_us < MEASURE_US):
        return
    for i in range(TEMPORAL_LAYERS):
        pictures += stream.pictures[i] - stream.measured_pictures[i]
        if stream.measured_us and pictures:
            stream.frame_rates[i] = pictures * 1e6 / passed_us
        stream.measured_pictures[i] = stream.pictures[i]
    stream.measured_us = now_us


cdef inline uint8_t _top_layer_within(const RecvStream *stream, double max_frame_rate) noexcept nogil:
    """The lowest while nothing is measured: rather too few frames for a second than too many."""
    cdef uint8_t layer = TOP_TEMPORAL_LAYER
    if stream == NULL or stream.frame_rates[TOP_TEMPORAL_LAYER] == 0:
        return 0
    while layer and stream.frame_rates[layer] * 100 > max_frame_rate * (100 + RATE_TOLERANCE_PERCENT):
        layer -= 1
    return layer


cdef void layers_limit(SendStream *stream) noexcept nogil:
    """Renew the limit, from what the viewer may have and what its source is measured to be."""
    cdef const RecvStream *source = stream.source if stream.source != NULL else stream.target
    stream.temporal_limit = stream.max_temporal_layer
    if stream.max_frame_rate > 0:
        stream.temporal_limit = min(stream.temporal_limit, _top_layer_within(source, stream.max_frame_rate))
    if stream.temporal_limit < TOP_TEMPORAL_LAYER:
        stream.thinned = True


cdef bint layers_pass(SendStream *stream, const Packet *packet) noexcept nogil:
    """Whether the packet goes out, which comes in its order. Only a thinned stream needs to ask."""
    cdef uint8_t layer = packet.payload.temporal_layer
    cdef uint8_t allowed = <uint8_t>((2 << stream.temporal_limit) - 1)
    cdef uint8_t joined = stream.joined
    cdef bint passes
    if <uint32_t>(packet.rtp.ts + stream.ts_delta) == stream.max_out_ts:
        return True                # a picture that has begun to go out goes out whole
    if packet.payload.keyframe:
        joined = allowed
    elif packet.payload.begins_picture:
        joined |= packet.payload.joinable & allowed
    passes = layer <= stream.temporal_limit and _is_whole(joined, packet)
    if not passes:
        joined &= <uint8_t>((1 << layer) - 1)
    if joined != stream.joined:
        stream.joined = joined
        stream.joined_in_seq = packet.ext_seq
    stream.thinned = stream.temporal_limit < TOP_TEMPORAL_LAYER or joined != ALL_JOINED
    return passes


cdef bint layers_pass_late(const SendStream *stream, const Packet *packet) noexcept nogil:
    """The same for one that comes after its place in the order: it changes nothing any more, and is judged only by what
    was so in its time already."""
    cdef uint8_t layer = packet.payload.temporal_layer
    return layer == 0 or (
        layer <= stream.temporal_limit and packet.ext_seq >= stream.joined_in_seq and _is_whole(stream.joined, packet))


cdef inline bint _is_whole(uint8_t joined, const Packet *packet) noexcept nogil:
    """Whether all that the packet's picture refers to has gone out. Where a VP8 picture lets its own layer be joined,
    that is nothing but the base layer."""
    cdef uint8_t own = <uint8_t>(1 << packet.payload.temporal_layer), lower = own - 1
    return joined & own and (joined & lower == lower or packet.payload.joinable & own)

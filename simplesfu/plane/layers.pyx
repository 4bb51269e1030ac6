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
    """Whether the packet goes out. Only a thinned stream needs to ask."""
    cdef uint8_t layer = packet.payload.temporal_layer
    cdef uint8_t own = <uint8_t>(1 << layer), lower = own - 1
    cdef bint passes
    if <uint32_t>(packet.rtp.ts + stream.ts_delta) == stream.max_out_ts:
        return True                # a picture that has begun to go out goes out whole
    if packet.payload.keyframe:
        stream.joined = ALL_JOINED
    elif packet.payload.begins_picture:
        stream.joined |= packet.payload.joinable
    # Where a VP8 picture lets its own layer be joined, it needs nothing but the base layer.
    passes = layer <= stream.temporal_limit and stream.joined & own and (
        stream.joined & lower == lower or packet.payload.joinable & own)
    if not passes:
        stream.joined &= lower
    stream.thinned = stream.temporal_limit < TOP_TEMPORAL_LAYER or stream.joined != ALL_JOINED
    return passes

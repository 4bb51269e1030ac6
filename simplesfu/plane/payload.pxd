# cython: language_level=3
"""What the first bytes of a payload tell: where a receiver can begin, which layer this is, and which picture."""
from libc.stdint cimport uint8_t, uint16_t

cdef enum Codec:
    CODEC_OTHER = 0
    CODEC_OPUS = 1
    CODEC_VP8 = 2
    CODEC_VP9 = 3
    CODEC_H264 = 4
    CODEC_AV1 = 5

cdef enum:
    TEMPORAL_LAYERS = 8        # that a payload descriptor can name

# What a payload that does not tell, or lies about its length, leaves is zero.
cdef struct PayloadView:
    bint keyframe              # a keyframe begins here
    bint begins_picture
    uint8_t temporal_layer
    # Bit t: who has not got all of layer t can join it here. A VP8 picture says so of its own layer; a VP9 picture of
    # those above its own, from the next picture on.
    uint8_t joinable
    # VP8's picture id, which counts without gaps: how many bits it has (7, 15 or none), and where it is.
    uint8_t picture_id_bits
    uint8_t picture_id_offset
    uint16_t picture_id

cdef void payload_parse(int codec, const uint8_t *payload, int length, PayloadView *view) noexcept nogil

# Bits other than the picture id's are left alone.
cdef void payload_store_picture_id(uint8_t *payload, const PayloadView *view, uint16_t picture_id) noexcept nogil

# The codec of that lower-case name; CODEC_OTHER when it is none of these.
cdef int codec_named(str name) except -1

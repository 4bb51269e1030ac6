# cython: language_level=3
"""Does this payload begin a keyframe? The first bytes of each codec's payload format tell."""
from libc.stdint cimport uint8_t

cdef enum Codec:
    CODEC_OTHER = 0
    CODEC_OPUS = 1
    CODEC_VP8 = 2
    CODEC_VP9 = 3
    CODEC_H264 = 4
    CODEC_AV1 = 5

cdef bint starts_keyframe(int codec, const uint8_t *payload, int length) noexcept nogil

# The codec of that lower-case name; CODEC_OTHER when it is none of these.
cdef int codec_named(str name) except -1

# cython: language_level=3
"""Frames on a stream of bytes: each has its length before it, as 16 bits (RFC 4571 §2)."""
from libc.stdint cimport uint8_t

from simplesfu.plane.udp cimport MAX_DATAGRAM_BYTES

cdef enum:
    FRAME_HEADER_BYTES = 2
    MAX_FRAME_BYTES = FRAME_HEADER_BYTES + MAX_DATAGRAM_BYTES
    FRAME_UNFINISHED = -1
    FRAME_TOO_LONG = -2

cdef struct Deframer:
    int kept                            # bytes of an unfinished frame
    int to_skip                         # bytes of one that was too long, still to come
    uint8_t unfinished[MAX_FRAME_BYTES]

cdef int deframer_resume(const Deframer *deframer, uint8_t *chunk) noexcept nogil
cdef int deframer_next(Deframer *deframer, const uint8_t *chunk, int length, int *at) noexcept nogil
cdef void deframer_keep(Deframer *deframer, const uint8_t *rest, int length) noexcept nogil

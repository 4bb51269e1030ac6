# cython: language_level=3
"""A received packet, stored once: streams hold pointers, and only what leaves is copied."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from simplesfu.plane.payload cimport PayloadView
from simplesfu.plane.rtp cimport RtpView
from simplesfu.plane.udp cimport MAX_DATAGRAM_BYTES

cdef struct Packet:
    Packet *next_free
    RtpView rtp                # points into `data`
    PayloadView payload
    uint64_t ext_seq           # counts on over wrap-arounds and restarts of its stream
    uint32_t epoch             # restarts of its stream so far
    bint cached                # its stream's cache owns it; else it goes back after the fan-out
    int64_t arrival_us
    uint8_t data[MAX_DATAGRAM_BYTES]

cdef struct Slab:
    Slab *next_slab
    Packet *packets

# Packets for all streams. Grows by slabs up to its limit, and never shrinks before it is freed.
cdef struct Pool:
    Packet *free
    Slab *slabs
    uint32_t allocated
    uint32_t limit
    uint32_t in_use

cdef void pool_init(Pool *pool, uint32_t limit) noexcept nogil
cdef void pool_free(Pool *pool) noexcept nogil
cdef Packet *pool_take(Pool *pool) noexcept nogil
cdef bint pool_is_exhausted(const Pool *pool) noexcept nogil
cdef void pool_give(Pool *pool, Packet *packet) noexcept nogil

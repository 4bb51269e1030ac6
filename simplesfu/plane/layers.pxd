# cython: language_level=3
"""Which temporal layers of its source a viewer gets: at most its limit, and each from where it can be joined."""
from libc.stdint cimport int64_t

from simplesfu.plane.packet cimport Packet
from simplesfu.plane.state cimport RecvStream, SendStream

cdef enum:
    TOP_TEMPORAL_LAYER = 7     # as a limit: none
    ALL_JOINED = 0xFF

cdef void layers_measure(RecvStream *stream, int64_t now_us) noexcept nogil
cdef void layers_limit(SendStream *stream) noexcept nogil
cdef bint layers_pass(SendStream *stream, const Packet *packet) noexcept nogil
cdef bint layers_pass_late(const SendStream *stream, const Packet *packet) noexcept nogil

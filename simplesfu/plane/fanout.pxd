# cython: language_level=3
"""From one recv stream to its many send streams: rewrite, seal, and gather by destination."""
from libc.stdint cimport int64_t

from simplesfu.plane.packet cimport Packet
from simplesfu.plane.state cimport RecvStream, SendStream, State

cdef void fanout_add(State *state, RecvStream *stream, Packet *packet, int64_t now_us) noexcept nogil
cdef int64_t fanout_flush(State *state, int64_t now_us, bint everything) noexcept nogil
cdef void fanout_forget(State *state, RecvStream *stream) noexcept nogil
cdef bint fanout_resend(State *state, SendStream *stream, int seq, int64_t now_us) noexcept nogil

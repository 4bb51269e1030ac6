# cython: language_level=3
"""Transports and streams come and go here, and every link between them is made and cut here."""
from libc.stdint cimport uint32_t, uint64_t

from simplesfu.plane.state cimport RecvStream, SendStream, State, Transport

cdef Transport *transport_by_id(State *state, uint64_t id) noexcept nogil
cdef RecvStream *recv_stream_by_id(State *state, uint64_t id) noexcept nogil
cdef SendStream *send_stream_by_id(State *state, uint64_t id) noexcept nogil

cdef uint32_t add_transport(State *state, uint32_t feedback_ssrc) noexcept nogil
cdef void remove_transport(State *state, Transport *transport) noexcept nogil
cdef uint32_t add_recv_stream(State *state, Transport *transport, const RecvStream *wanted) noexcept nogil
cdef void remove_recv_stream(State *state, RecvStream *stream) noexcept nogil
cdef uint32_t add_send_stream(State *state, Transport *transport, const SendStream *wanted,
                              uint64_t seed) noexcept nogil
cdef void remove_send_stream(State *state, SendStream *stream) noexcept nogil
cdef bint set_source(State *state, SendStream *stream, RecvStream *source) noexcept nogil

# cython: language_level=3
"""Who may enter: STUN for a live user name, all else only from tuples that STUN has proven (RFC 7983, RFC 8445)."""
from libc.stdint cimport int64_t, uint8_t

from simplesfu.plane.state cimport State, Transport, Tuple
from simplesfu.plane.udp cimport Address

cdef enum:
    PROTOCOL_UNKNOWN = 0
    PROTOCOL_STUN = 1
    PROTOCOL_DTLS = 2
    PROTOCOL_RTP = 3
    PROTOCOL_RTCP = 4

cdef int gate_classify(const uint8_t *data, int length) noexcept nogil
cdef int gate_stun(State *state, const uint8_t *data, int length, const Address *source, int64_t now_us) noexcept nogil
cdef Transport *gate_transport(State *state, const Address *source, Tuple **tuple) noexcept nogil
cdef bint gate_add_tuple(State *state, Transport *transport, const Address *address, bint select,
                         int64_t now_us) noexcept nogil
cdef void gate_select(State *state, Transport *transport, Tuple *tuple) noexcept nogil
cdef void gate_forget_tuples(State *state, Transport *transport) noexcept nogil
cdef void gate_forget_address(State *state, const Address *address, int64_t now_us) noexcept nogil

# cython: language_level=3
"""RTCP from a peer: what its receivers miss (NACK, PLI, FIR, RR, REMB) and what its senders report (SR)."""
from libc.stdint cimport int64_t, uint8_t

from simplesfu.plane.state cimport State, Transport

cdef bint feedback_receive(State *state, Transport *transport, const uint8_t *data, int length,
                           int64_t now_us) noexcept nogil

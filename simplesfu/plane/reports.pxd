# cython: language_level=3
"""RTCP that the plane says by itself: SR and SDES, RR and REMB, NACK, PLI and FIR."""
from libc.stdint cimport int64_t

from simplesfu.plane.state cimport State

cdef bint reports_tick(State *state, int64_t now_us) noexcept nogil

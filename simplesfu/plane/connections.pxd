# cython: language_level=3
"""TCP at the gate: who may stay connected, and frames as if they were datagrams."""
from libc.stdint cimport int64_t

from simplesfu.plane.state cimport State

cdef void connections_receive(State *state, int64_t now_us) noexcept nogil
cdef void connections_sweep(State *state, int64_t now_us) noexcept nogil

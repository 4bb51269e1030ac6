# cython: language_level=3
"""How much a peer may send us: a ceiling that gives way to loss (the loss-based half of draft-ietf-rmcat-gcc §6)."""
from libc.stdint cimport int64_t

from simplesfu.plane.state cimport Transport

cdef void remb_update(Transport *transport, int64_t now_us) noexcept nogil

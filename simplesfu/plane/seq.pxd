# cython: language_level=3
"""Sequence arithmetic: `seq` wraps at 16 bits, `ext_seq` does not (RFC 1982, RFC 3550 A.1)."""
from libc.stdint cimport int16_t, uint16_t, uint64_t


cdef inline uint64_t extend_seq(uint64_t reference, uint16_t seq) noexcept nogil:
    """The extended number next to `reference` whose low 16 bits are `seq`; `reference` must be at least 2**15."""
    return reference + <int16_t>(seq - <uint16_t>reference)

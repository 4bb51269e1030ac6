# cython: language_level=3
"""Network byte order, at any alignment."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef inline uint16_t load_u16(const uint8_t *at) noexcept nogil:
    return <uint16_t>(at[0] << 8 | at[1])

cdef inline uint32_t load_u24(const uint8_t *at) noexcept nogil:
    return <uint32_t>at[0] << 16 | <uint32_t>at[1] << 8 | at[2]

cdef inline uint32_t load_u32(const uint8_t *at) noexcept nogil:
    return <uint32_t>at[0] << 24 | load_u24(at + 1)

cdef inline void store_u16(uint8_t *at, uint16_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 8)
    at[1] = <uint8_t>value

cdef inline void store_u24(uint8_t *at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 16)
    store_u16(at + 1, <uint16_t>value)

cdef inline void store_u32(uint8_t *at, uint32_t value) noexcept nogil:
    store_u16(at, <uint16_t>(value >> 16))
    store_u16(at + 2, <uint16_t>value)

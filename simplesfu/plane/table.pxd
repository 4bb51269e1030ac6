# cython: language_level=3
"""One hash table for everything the plane looks up: 24-byte keys to pointers, seeded against chosen keys."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef struct Key:
    uint64_t words[3]

cdef struct Entry:
    Key key
    void *value              # NULL marks a free place

cdef struct Table:
    Entry *entries
    uint32_t capacity        # a power of two
    uint32_t count
    uint64_t seed

cdef int table_init(Table *table, uint64_t seed) noexcept nogil
cdef void table_free(Table *table) noexcept nogil
cdef void *table_get(const Table *table, const Key *key) noexcept nogil
cdef int table_put(Table *table, const Key *key, void *value) noexcept nogil
cdef void *table_pop(Table *table, const Key *key) noexcept nogil

cdef Key id_key(uint64_t high, uint64_t low) noexcept nogil
cdef bint bytes_key(Key *key, const uint8_t *data, int length) noexcept nogil

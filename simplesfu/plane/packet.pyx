# cython: language_level=3
"""The pool of packets: no allocation for a packet, only for the next slab of them."""
from libc.stdlib cimport free, malloc
from libc.string cimport memset

cdef enum:
    SLAB_PACKETS = 64


cdef void pool_init(Pool *pool, uint32_t limit) noexcept nogil:
    memset(pool, 0, sizeof(Pool))
    pool.limit = limit


cdef void pool_free(Pool *pool) noexcept nogil:
    cdef Slab *slab = pool.slabs
    cdef Slab *following
    while slab != NULL:
        following = slab.next_slab
        free(slab.packets)
        free(slab)
        slab = following
    memset(pool, 0, sizeof(Pool))


cdef int _add_slab(Pool *pool) noexcept nogil:
    cdef Slab *slab
    cdef int i
    if pool.allocated + SLAB_PACKETS > pool.limit:
        return -1
    slab = <Slab *>malloc(sizeof(Slab))
    if slab == NULL:
        return -1
    slab.packets = <Packet *>malloc(SLAB_PACKETS * sizeof(Packet))
    if slab.packets == NULL:
        free(slab)
        return -1
    for i in range(SLAB_PACKETS):
        slab.packets[i].next_free = pool.free
        pool.free = &slab.packets[i]
    slab.next_slab = pool.slabs
    pool.slabs = slab
    pool.allocated += SLAB_PACKETS
    return 0


cdef Packet *pool_take(Pool *pool) noexcept nogil:
    """A packet whose fields are undefined, or NULL at the limit."""
    cdef Packet *packet
    if pool.free == NULL and _add_slab(pool) != 0:
        return NULL
    packet = pool.free
    pool.free = packet.next_free
    pool.in_use += 1
    return packet


cdef bint pool_is_exhausted(const Pool *pool) noexcept nogil:
    return pool.free == NULL and pool.allocated + SLAB_PACKETS > pool.limit


cdef void pool_give(Pool *pool, Packet *packet) noexcept nogil:
    packet.next_free = pool.free
    pool.free = packet
    pool.in_use -= 1

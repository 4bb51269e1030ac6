# cython: language_level=3
"""The bounded ring by which the plane's thread tells the engine what it must handle in Python."""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from simplesfu.plane.udp cimport MAX_DATAGRAM_BYTES, Address

cdef enum:
    EVENT_SLOTS = 1024          # a power of two
    EVENT_SLOTS_FOR_DTLS = 768  # whoever floods with DTLS must not keep others' checks of their connections out

cdef enum:
    EVENT_STUN = 1
    EVENT_DTLS = 2
    EVENT_STREAM_STARTED = 3
    EVENT_STREAM_STOPPED = 4
    EVENT_TUPLE_SELECTED = 5

cdef struct Event:
    int type
    uint32_t subject           # transport or recv stream
    uint32_t ssrc
    Address address
    int32_t length
    uint8_t data[MAX_DATAGRAM_BYTES]

# One writer (the plane's thread), one reader (the engine's): no lock, only ordered head and tail.
cdef struct EventRing:
    Event *slots
    uint64_t head              # next to write
    uint64_t tail              # next to read
    int wake_fd                # a byte is written here when the ring stops being empty

cdef int events_init(EventRing *ring, int wake_fd) noexcept nogil
cdef void events_free(EventRing *ring) noexcept nogil
cdef bint events_push(
    EventRing *ring, int type, uint32_t subject, uint32_t ssrc,
    const Address *address, const uint8_t *data, int length,
) noexcept nogil
cdef list events_read(EventRing *ring, int most)

# cython: language_level=3
"""Events from the plane's thread to the engine."""
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from typing import NamedTuple

from simplesfu.plane.udp cimport python_address

from simplesfu.plane.udp import TcpAddress

cdef extern from * nogil:
    """
    #include <unistd.h>
    #include <stdint.h>
    static inline uint64_t load_acquire(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
    static inline void store_release(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
    static inline void wake(int fd) { if (write(fd, "", 1) < 0) { /* full: the reader is awake anyhow */ } }
    """
    uint64_t load_acquire(const uint64_t *p)
    void store_release(uint64_t *p, uint64_t v)
    void wake(int fd)


class StunRequest(NamedTuple):
    transport: int
    address: tuple[str, int] | TcpAddress
    data: bytes


class DtlsDatagram(NamedTuple):
    transport: int
    data: bytes


class StreamStarted(NamedTuple):
    recv_stream: int
    ssrc: int


class StreamStopped(NamedTuple):
    recv_stream: int


class TupleSelected(NamedTuple):
    transport: int
    address: tuple[str, int] | TcpAddress


cdef int events_init(EventRing *ring, int wake_fd) noexcept nogil:
    memset(ring, 0, sizeof(EventRing))
    ring.wake_fd = wake_fd
    ring.slots = <Event *>calloc(EVENT_SLOTS, sizeof(Event))
    return 0 if ring.slots != NULL else -1


cdef void events_free(EventRing *ring) noexcept nogil:
    free(ring.slots)
    ring.slots = NULL


cdef bint events_push(
    EventRing *ring, int type, uint32_t subject, uint32_t ssrc,
    const Address *address, const uint8_t *data, int length,
) noexcept nogil:
    """False when there is no slot for it: what does not fit is dropped, never waited for."""
    cdef uint64_t waiting = ring.head - load_acquire(&ring.tail)
    cdef Event *event
    if waiting >= <uint64_t>(EVENT_SLOTS_FOR_DTLS if type == EVENT_DTLS else EVENT_SLOTS):
        return False
    event = &ring.slots[ring.head & (EVENT_SLOTS - 1)]
    event.type = type
    event.subject = subject
    event.ssrc = ssrc
    if address != NULL:
        event.address = address[0]
    event.length = length
    if length:
        memcpy(event.data, data, length)
    store_release(&ring.head, ring.head + 1)
    wake(ring.wake_fd)
    return True


cdef list events_read(EventRing *ring, int most):
    cdef uint64_t head = load_acquire(&ring.head)
    cdef uint64_t tail = ring.tail
    cdef Event *event
    cdef list events = []
    while tail != head and len(events) < most:
        event = &ring.slots[tail & (EVENT_SLOTS - 1)]
        if event.type == EVENT_STUN:
            events.append(StunRequest(event.subject, python_address(&event.address), event.data[:event.length]))
        elif event.type == EVENT_DTLS:
            events.append(DtlsDatagram(event.subject, event.data[:event.length]))
        elif event.type == EVENT_STREAM_STARTED:
            events.append(StreamStarted(event.subject, event.ssrc))
        elif event.type == EVENT_STREAM_STOPPED:
            events.append(StreamStopped(event.subject))
        else:
            events.append(TupleSelected(event.subject, python_address(&event.address)))
        tail += 1
    store_release(&ring.tail, tail)
    return events

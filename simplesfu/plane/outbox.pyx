# cython: language_level=3
"""A ring of frames. Who asks has_room before put never makes it overflow, and never leaves half a frame in it."""
from libc.stdint cimport uint16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from simplesfu.plane.byteorder cimport store_u16
from simplesfu.plane.framing cimport FRAME_HEADER_BYTES


cdef bint outbox_is_empty(const Outbox *box) noexcept nogil:
    return box.head == box.tail


cdef bint outbox_has_room(const Outbox *box, int length, int64_t now_us) noexcept nogil:
    """May a frame of this length wait here? Its delay is judged by that of what leaves next."""
    cdef int room = OUTBOX_BYTES - <int>(box.tail - box.head) - FRAME_HEADER_BYTES - length
    cdef int64_t since_us
    if length <= SMALL_FRAME_BYTES or outbox_is_empty(box):
        return room >= 0
    since_us = max(box.filled_us, box.came_us[box.head // STAMPED_BYTES % STAMPS])
    return room >= RESERVE_BYTES and now_us - since_us < LATE_US


cdef bint outbox_put(Outbox *box, const uint8_t *frame, int length, int sent, int64_t now_us) noexcept nogil:
    """Keep a frame, without its first `sent` bytes (of the header and it). False when there is no memory."""
    cdef uint8_t[FRAME_HEADER_BYTES] header
    cdef int of_header = min(sent, <int>FRAME_HEADER_BYTES)
    cdef uint64_t first = box.tail - 1     # the byte before this frame
    if box.ring == NULL:
        box.ring = <uint8_t *>malloc(OUTBOX_BYTES)
        if box.ring == NULL:
            return False
    if outbox_is_empty(box):
        box.filled_us = box.progress_us = box.came_us[box.tail // STAMPED_BYTES % STAMPS] = now_us
    store_u16(header, <uint16_t>length)
    _append(box, header + of_header, FRAME_HEADER_BYTES - of_header)
    _append(box, frame + sent - of_header, length - (sent - of_header))
    if (box.tail - 1) // STAMPED_BYTES != first // STAMPED_BYTES:
        box.came_us[(box.tail - 1) // STAMPED_BYTES % STAMPS] = now_us
    return True


cdef inline void _append(Outbox *box, const uint8_t *data, int length) noexcept nogil:
    cdef int at = box.tail & (OUTBOX_BYTES - 1)
    cdef int first = min(length, OUTBOX_BYTES - at)
    memcpy(box.ring + at, data, first)
    memcpy(box.ring, data + first, length - first)
    box.tail += length


cdef const uint8_t *outbox_first(const Outbox *box, int *length) noexcept nogil:
    """What leaves next, up to the ring's end; outbox_second has what follows."""
    cdef int at = box.head & (OUTBOX_BYTES - 1)
    length[0] = <int>min(<uint64_t>(OUTBOX_BYTES - at), box.tail - box.head)
    return box.ring + at


cdef const uint8_t *outbox_second(const Outbox *box, int *length) noexcept nogil:
    cdef int first = 0
    outbox_first(box, &first)
    length[0] = <int>(box.tail - box.head) - first
    return box.ring


cdef void outbox_take(Outbox *box, int length, int64_t now_us) noexcept nogil:
    """So many bytes have left."""
    if length:
        box.head += length
        box.progress_us = now_us


cdef void outbox_free(Outbox *box) noexcept nogil:
    free(box.ring)
    box.ring = NULL


def play(operations):
    """("put", frame, now_us) → was there room?; ("take", count, now_us) → the bytes that leave. For tests."""
    cdef Outbox box
    cdef int first = 0, second = 0, count
    cdef const uint8_t *data
    cdef bytes leaving, frame
    memset(&box, 0, sizeof(box))
    answers = []
    try:
        for operation, argument, now_us in operations:
            if operation == "put":
                frame = argument
                taken = outbox_has_room(&box, len(frame), now_us)
                if taken and not outbox_put(&box, frame, len(frame), 0, now_us):
                    raise MemoryError
                answers.append(taken != 0)
            else:
                data = outbox_first(&box, &first)
                leaving = data[:first] if box.ring != NULL else b""
                data = outbox_second(&box, &second)
                leaving = (leaving + data[:second])[:argument] if second else leaving[:argument]
                count = len(leaving)
                outbox_take(&box, count, now_us)
                answers.append(leaving)
        return answers
    finally:
        outbox_free(&box)

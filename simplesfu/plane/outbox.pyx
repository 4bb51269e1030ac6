# cython: language_level=3
"""Two rings of frames. Who asks has_room before put never makes them overflow, and no frame is ever cut by another."""
from libc.stdint cimport uint16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from simplesfu.plane.byteorder cimport store_u16
from simplesfu.plane.framing cimport FRAME_HEADER_BYTES


cdef bint outbox_is_empty(const Outbox *box) noexcept nogil:
    return box.urgent.head == box.urgent.tail and box.patient.head == box.patient.tail


cdef bint outbox_has_room(const Outbox *box, int length, bint urgent, int64_t now_us) noexcept nogil:
    """May a frame of this length wait here? For how long, what leaves next tells."""
    cdef const Lane *lane = &box.patient
    cdef int needed = FRAME_HEADER_BYTES + length
    if urgent:
        return <int>(box.urgent.tail - box.urgent.head) + needed <= URGENT_BYTES
    return <int>(lane.tail - lane.head) + needed <= PATIENT_BYTES and _age_us(box, now_us) < LATE_US


cdef inline int64_t _age_us(const Outbox *box, int64_t now_us) noexcept nogil:
    """For how long the patient frame that leaves next has waited, roughly."""
    if box.patient.head == box.patient.tail:
        return 0
    return now_us - max(box.filled_us, box.came_us[box.patient.head // STAMPED_BYTES % STAMPS])


cdef bint outbox_is_late(Outbox *box, int64_t now_us) noexcept nogil:
    """Once it is, it is until nothing patient waits: a new beginning then has the whole of the time before it."""
    if box.patient.head == box.patient.tail:
        box.late = False
    elif _age_us(box, now_us) >= LATE_US or box.patient.tail - box.patient.head > LATE_BYTES:
        box.late = True
    return box.late


cdef bint outbox_put(Outbox *box, const uint8_t *frame, int length, bint urgent, int64_t now_us) noexcept nogil:
    """Keep a frame. False when there is no memory."""
    cdef uint8_t[FRAME_HEADER_BYTES] header
    if not _open(box, now_us):
        return False
    store_u16(header, <uint16_t>length)
    if not urgent:
        _stamp(box, FRAME_HEADER_BYTES + length, now_us)
    _append(&box.urgent if urgent else &box.patient, header, FRAME_HEADER_BYTES)
    _append(&box.urgent if urgent else &box.patient, frame, length)
    return True


cdef bint outbox_put_begun(Outbox *box, const uint8_t *frame, int length, int sent, int64_t now_us) noexcept nogil:
    """Keep the rest of a frame whose first `sent` bytes (of the header and it) have left, in an empty outbox."""
    cdef uint8_t[FRAME_HEADER_BYTES] header
    cdef int of_header = min(sent, <int>FRAME_HEADER_BYTES)
    if not _open(box, now_us):
        return False
    store_u16(header, <uint16_t>length)
    _stamp(box, FRAME_HEADER_BYTES + length - sent, now_us)
    _append(&box.patient, header + of_header, FRAME_HEADER_BYTES - of_header)
    _append(&box.patient, frame + sent - of_header, length - (sent - of_header))
    box.begun_until = box.patient.tail
    return True


cdef bint _open(Outbox *box, int64_t now_us) noexcept nogil:
    if box.memory == NULL:
        box.memory = <uint8_t *>malloc(URGENT_BYTES + PATIENT_BYTES)
        if box.memory == NULL:
            return False
        box.urgent = Lane(ring=box.memory, size=URGENT_BYTES, head=0, tail=0)
        box.patient = Lane(ring=box.memory + URGENT_BYTES, size=PATIENT_BYTES, head=0, tail=0)
        box.begun_until = 0
    if outbox_is_empty(box):
        box.progress_us = now_us
    return True


cdef inline void _stamp(Outbox *box, int length, int64_t now_us) noexcept nogil:
    """So many patient bytes come now; a stretch that they begin has their time."""
    cdef uint64_t at = box.patient.tail, end = at + length - 1
    if box.patient.head == at:
        box.filled_us = now_us
    if at % STAMPED_BYTES == 0 or at // STAMPED_BYTES != end // STAMPED_BYTES:
        box.came_us[end // STAMPED_BYTES % STAMPS] = now_us


cdef inline void _append(Lane *lane, const uint8_t *data, int length) noexcept nogil:
    cdef uint64_t at = lane.tail & (lane.size - 1)
    cdef int first = min(length, <int>(lane.size - at))
    memcpy(lane.ring + at, data, first)
    memcpy(lane.ring, data + first, length - first)
    lane.tail += length


cdef int outbox_pieces(const Outbox *box, iovec *pieces) noexcept nogil:
    """What is to leave, in order: the frame that has begun, urgent ones, the others. Answers how many pieces."""
    cdef int count = 0
    cdef uint64_t begun_until = max(box.begun_until, box.patient.head)
    count = _add_pieces(&box.patient, box.patient.head, begun_until, pieces, count)
    count = _add_pieces(&box.urgent, box.urgent.head, box.urgent.tail, pieces, count)
    return _add_pieces(&box.patient, begun_until, box.patient.tail, pieces, count)


cdef inline int _add_pieces(const Lane *lane, uint64_t start, uint64_t end, iovec *pieces, int count) noexcept nogil:
    cdef int length
    while start < end:
        length = <int>min(end - start, lane.size - (start & (lane.size - 1)))
        pieces[count] = iovec(iov_base=lane.ring + (start & (lane.size - 1)), iov_len=length)
        count += 1
        start += length
    return count


cdef void outbox_take(Outbox *box, int length, int64_t now_us) noexcept nogil:
    """So many bytes of the pieces have left."""
    cdef int step
    if length == 0:
        return
    box.progress_us = now_us
    if box.begun_until > box.patient.head:
        step = min(length, <int>(box.begun_until - box.patient.head))
        box.patient.head += step
        length -= step
    step = min(length, <int>(box.urgent.tail - box.urgent.head))
    box.urgent.head += step
    box.patient.head += length - step
    while box.begun_until < box.patient.head:
        box.begun_until += FRAME_HEADER_BYTES + (_byte(&box.patient, box.begun_until) << 8
                                                 | _byte(&box.patient, box.begun_until + 1))


cdef inline int _byte(const Lane *lane, uint64_t at) noexcept nogil:
    return lane.ring[at & (lane.size - 1)]


cdef void outbox_free(Outbox *box) noexcept nogil:
    free(box.memory)
    box.memory = NULL


def play(operations):
    """("put" or "put urgent", frame, now_us) → was there room?; ("take", count, now_us) → the bytes that leave. For
    tests."""
    cdef Outbox box
    cdef iovec[MAX_PIECES] pieces
    cdef const uint8_t *data
    cdef int i
    cdef bytes leaving, frame
    cdef bint urgent
    memset(&box, 0, sizeof(box))
    answers = []
    try:
        for operation, argument, now_us in operations:
            if operation == "take":
                leaving = b""
                for i in range(outbox_pieces(&box, pieces)):
                    data = <const uint8_t *>pieces[i].iov_base
                    leaving += data[:pieces[i].iov_len]
                answers.append(leaving[:argument])
                outbox_take(&box, min(argument, len(leaving)), now_us)
                continue
            frame = argument
            urgent = operation == "put urgent"
            taken = outbox_has_room(&box, len(frame), urgent, now_us)
            if taken and not outbox_put(&box, frame, len(frame), urgent, now_us):
                raise MemoryError
            answers.append(taken != 0)
        return answers
    finally:
        outbox_free(&box)

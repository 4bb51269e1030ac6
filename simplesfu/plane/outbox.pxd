# cython: language_level=3
"""What a slow TCP connection has not taken yet: whole frames, so many bytes of them, and not for long."""
from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum:
    OUTBOX_BYTES = 262144      # a large keyframe and what comes with it; a power of two
    RESERVE_BYTES = 32768      # of them for small frames: checks, reports and sound get through when pictures do not
    SMALL_FRAME_BYTES = 400
    LATE_US = 500000           # pictures that would wait for longer are of no use
    STAMPED_BYTES = 8192       # what shares a time stamp
    STAMPS = OUTBOX_BYTES // STAMPED_BYTES

# Positions count on from the connection's first byte; the ring has them modulo OUTBOX_BYTES.
cdef struct Outbox:
    uint8_t *ring              # NULL while nothing has to wait
    uint64_t head              # next to leave
    uint64_t tail              # next to come in
    int64_t came_us[STAMPS]    # when the first bytes of each stretch came in
    int64_t filled_us          # since when something has waited
    int64_t progress_us        # when some of it left last, or the first came in

cdef bint outbox_is_empty(const Outbox *box) noexcept nogil
cdef bint outbox_has_room(const Outbox *box, int length, int64_t now_us) noexcept nogil
cdef bint outbox_put(Outbox *box, const uint8_t *frame, int length, int sent, int64_t now_us) noexcept nogil
cdef const uint8_t *outbox_first(const Outbox *box, int *length) noexcept nogil
cdef const uint8_t *outbox_second(const Outbox *box, int *length) noexcept nogil
cdef void outbox_take(Outbox *box, int length, int64_t now_us) noexcept nogil
cdef void outbox_free(Outbox *box) noexcept nogil

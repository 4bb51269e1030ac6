# cython: language_level=3
"""What a slow TCP connection has not taken yet: whole frames, so many bytes of them, and not for long. Urgent ones
(sound, reports, checks) pass by the others: they are small, and a call without sound is none."""
from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum:
    URGENT_BYTES = 32768       # sizes of the lanes, powers of two
    PATIENT_BYTES = 262144     # a large keyframe and what comes with it
    LATE_US = 500000           # pictures that would wait for longer are of no use
    LATE_BYTES = PATIENT_BYTES // 2    # what waits behind so many is not worth beginning
    STAMPED_BYTES = 8192       # what shares a time stamp
    STAMPS = PATIENT_BYTES // STAMPED_BYTES
    MAX_PIECES = 5

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len

# Positions count on; the ring has them modulo its size.
cdef struct Lane:
    uint8_t *ring
    uint64_t size
    uint64_t head              # next to leave
    uint64_t tail              # next to come in

cdef struct Outbox:
    uint8_t *memory            # of both rings; NULL while nothing has to wait
    Lane urgent
    Lane patient
    uint64_t begun_until       # the end of the patient frame that has begun to leave
    int64_t came_us[STAMPS]    # when the first bytes of each stretch of patient ones came in
    int64_t filled_us          # since when patient ones have waited
    bint late                  # so long that pictures are held back until the patient ones have left
    int64_t progress_us        # when something left last, or the first came in

cdef bint outbox_is_empty(const Outbox *box) noexcept nogil
cdef bint outbox_has_room(const Outbox *box, int length, bint urgent, int64_t now_us) noexcept nogil
cdef bint outbox_is_late(Outbox *box, int64_t now_us) noexcept nogil
cdef bint outbox_put(Outbox *box, const uint8_t *frame, int length, bint urgent, int64_t now_us) noexcept nogil
cdef bint outbox_put_begun(Outbox *box, const uint8_t *frame, int length, int sent, int64_t now_us) noexcept nogil
cdef int outbox_pieces(const Outbox *box, iovec *pieces) noexcept nogil
cdef void outbox_take(Outbox *box, int length, int64_t now_us) noexcept nogil
cdef void outbox_free(Outbox *box) noexcept nogil

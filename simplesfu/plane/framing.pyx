# cython: language_level=3
"""However the bytes are cut on their way, the frames come out whole."""
from libc.string cimport memcpy

from simplesfu.plane.byteorder cimport load_u16


cdef int deframer_resume(const Deframer *deframer, uint8_t *chunk) noexcept nogil:
    """Begin a chunk with what was kept of the last one; answers how much that is."""
    memcpy(chunk, deframer.unfinished, deframer.kept)
    return deframer.kept


cdef int deframer_next(Deframer *deframer, const uint8_t *chunk, int length, int *at) noexcept nogil:
    """The length of the next frame of the chunk, which ends at `at` then. FRAME_TOO_LONG: it is passed over.
    FRAME_UNFINISHED: what follows `at` is to be kept."""
    cdef int skipped = min(deframer.to_skip, length - at[0]), size
    deframer.to_skip -= skipped
    at[0] += skipped
    if length - at[0] < FRAME_HEADER_BYTES:
        return FRAME_UNFINISHED
    size = load_u16(chunk + at[0])
    if size > MAX_DATAGRAM_BYTES:
        deframer.to_skip = size
        at[0] += FRAME_HEADER_BYTES
        return FRAME_TOO_LONG
    if length - at[0] < FRAME_HEADER_BYTES + size:
        return FRAME_UNFINISHED
    at[0] += FRAME_HEADER_BYTES + size
    return size


cdef void deframer_keep(Deframer *deframer, const uint8_t *rest, int length) noexcept nogil:
    """`rest` is less than a frame of MAX_FRAME_BYTES."""
    memcpy(deframer.unfinished, rest, length)
    deframer.kept = length


def split(chunks):
    """The frames in a stream that comes in these chunks, as bytes; None for each that is too long. For tests."""
    cdef Deframer deframer
    cdef int at, length, size
    cdef bytearray chunk
    cdef list frames = []
    deframer.kept = deframer.to_skip = 0
    for data in chunks:
        chunk = bytearray(MAX_FRAME_BYTES + len(data))
        length = deframer_resume(&deframer, chunk)
        chunk[length:] = data
        length = len(chunk)
        at = 0
        while True:
            size = deframer_next(&deframer, chunk, length, &at)
            if size == FRAME_UNFINISHED:
                break
            frames.append(None if size == FRAME_TOO_LONG else bytes(chunk[at - size:at]))
        deframer_keep(&deframer, <const uint8_t *>chunk + at, length - at)
    return frames

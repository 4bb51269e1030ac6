# cython: language_level=3
"""A token bucket: so many at once, and so many a second (both `rate`)."""
from libc.stdint cimport int32_t, int64_t

from simplesfu.plane.state cimport Bucket


cdef inline bint bucket_take(Bucket *bucket, int32_t rate, int64_t now_us) noexcept nogil:
    cdef int64_t earned
    if bucket.filled_us == 0:
        bucket.tokens = rate
        bucket.filled_us = now_us
    earned = (now_us - bucket.filled_us) * rate // 1000000
    if earned > 0:
        bucket.filled_us = now_us
        bucket.tokens = <int32_t>min(<int64_t>rate, bucket.tokens + earned)
    if bucket.tokens <= 0:
        return False
    bucket.tokens -= 1
    return True

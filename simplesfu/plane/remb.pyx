# cython: language_level=3
"""Without any estimate browsers stay at their first 300 kbps; with the ceiling they ramp up; loss brings them down."""
from libc.stdint cimport uint32_t, uint64_t

from simplesfu.plane.state cimport RecvStream

cdef enum:
    FLOOR_BPS = 100000
    # Loss in 1/256 (RFC 3550's unit): above 10 % the estimate falls by half of the loss, below 2 % it grows by 8 %.
    HIGH_LOSS = 26
    LOW_LOSS = 5


cdef void remb_update(Transport *transport, int64_t now_us) noexcept nogil:
    """Renew transport.remb_bps; call it once a report interval, after the reports' loss fractions."""
    cdef RecvStream *stream = transport.recv_streams
    cdef uint64_t octets = 0, received_bps = 0, estimate
    cdef uint32_t loss = 0
    while stream != NULL:
        octets += stream.octets
        if stream.fraction_lost > loss:
            loss = stream.fraction_lost
        stream = stream.next_of_transport
    if transport.remb_us and now_us > transport.remb_us and octets > transport.remb_octets:
        received_bps = (octets - transport.remb_octets) * 8 * 1000000 // <uint64_t>(now_us - transport.remb_us)
    estimate = transport.remb_bps if transport.remb_bps else transport.max_recv_bitrate_bps
    if loss > HIGH_LOSS and received_bps:
        # From what really came, so that a ceiling that was never reached does not delay the descent.
        estimate = min(estimate, received_bps) * (512 - loss) // 512
    elif loss < LOW_LOSS:
        estimate += estimate * 8 // 100
    transport.remb_bps = <uint32_t>max(<uint64_t>FLOOR_BPS, min(estimate, <uint64_t>transport.max_recv_bitrate_bps))
    transport.remb_octets = octets
    transport.remb_us = now_us

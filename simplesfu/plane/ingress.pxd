# cython: language_level=3
"""The way in: gate → SRTP open → demux → recv stream. What one wake-up brings is taken together."""
from libc.stdint cimport int64_t

from simplesfu.plane.packet cimport Packet
from simplesfu.plane.state cimport State
from simplesfu.plane.udp cimport Datagram

cdef int ingress_receive(State *state, int fd, int64_t now_us) noexcept nogil
cdef int ingress_take(State *state, Datagram *datagram, Packet **packet, int64_t now_us) noexcept nogil

# cython: language_level=3
"""Numbers of the plane's structs by name, for Python."""
from libc.stdint cimport int64_t

from simplesfu.plane.state cimport RecvStream, SendStream, State, Transport

cdef dict plane_reading(const State *state)
cdef dict transport_reading(const Transport *transport, int64_t now_us)
cdef dict recv_stream_reading(const RecvStream *stream, int64_t now_us)
cdef dict send_stream_reading(const SendStream *stream, int64_t now_us)

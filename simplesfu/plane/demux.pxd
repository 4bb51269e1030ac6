# cython: language_level=3
"""Which stream is this packet of? By SSRC; for a new one by the MID and RID it names (RFC 8843 §9.2, RFC 8852)."""
from libc.stdint cimport uint32_t

from simplesfu.plane.rtp cimport RtpView
from simplesfu.plane.state cimport RecvStream, State, Transport

cdef RecvStream *demux_find(State *state, Transport *transport, const RtpView *view, bint *is_new) noexcept nogil
cdef bint demux_bind(State *state, RecvStream *stream, uint32_t ssrc, bint rtx) noexcept nogil
cdef void demux_forget(State *state, RecvStream *stream) noexcept nogil

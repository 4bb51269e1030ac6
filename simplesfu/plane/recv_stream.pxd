# cython: language_level=3
"""One encoding coming in: its order, its losses, its cache, and its keyframes."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

from simplesfu.plane.packet cimport Packet, Pool
from simplesfu.plane.rtcp cimport ReportBlock, SenderInfo
from simplesfu.plane.state cimport RecvStream, SendStream

cdef int recv_stream_init(RecvStream *stream) noexcept nogil
cdef void recv_stream_free(RecvStream *stream, Pool *pool) noexcept nogil
cdef int recv_stream_accept(RecvStream *stream, Packet *packet, bint from_rtx) noexcept nogil
cdef void recv_stream_store(RecvStream *stream, Packet *packet, Pool *pool) noexcept nogil
cdef Packet *recv_stream_cached(const RecvStream *stream, uint64_t ext_seq) noexcept nogil
cdef void recv_stream_want_keyframe(RecvStream *stream) noexcept nogil
cdef bint recv_stream_keyframe_due(RecvStream *stream, int64_t now_us) noexcept nogil
cdef int recv_stream_due_nacks(RecvStream *stream, int64_t now_us, uint16_t *seqs, int most) noexcept nogil
cdef void recv_stream_sender_report(RecvStream *stream, const SenderInfo *info, int64_t now_us) noexcept nogil
cdef void recv_stream_report(RecvStream *stream, int64_t now_us, ReportBlock *block) noexcept nogil
cdef int recv_stream_add_out(RecvStream *stream, SendStream *out) noexcept nogil
cdef void recv_stream_remove_out(RecvStream *stream, SendStream *out) noexcept nogil

# cython: language_level=3
"""One consumer going out: numbers that go on whatever happens to its source, and answers to its receiver's NACKs."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from simplesfu.plane.packet cimport Packet
from simplesfu.plane.rtcp cimport ReportBlock, SenderInfo
from simplesfu.plane.state cimport Numbers, RecvStream, SendStream

cdef int send_stream_init(SendStream *stream, uint64_t seed) noexcept nogil
cdef void send_stream_free(SendStream *stream) noexcept nogil
cdef void send_stream_hold(SendStream *stream) noexcept nogil
cdef int send_stream_map(SendStream *stream, RecvStream *source, const Packet *packet, int64_t now_us,
                         Numbers *numbers) noexcept nogil
cdef const Packet *send_stream_resend(SendStream *stream, uint16_t seq, RecvStream *source, int64_t now_us,
                                      Numbers *numbers) noexcept nogil
cdef int send_stream_write(SendStream *stream, const Packet *packet, const Numbers *numbers,
                           uint32_t send_time, int32_t padded_length, uint8_t *out) noexcept nogil
cdef int send_stream_write_rtx(SendStream *stream, const Packet *packet, const Numbers *numbers,
                               uint32_t send_time, uint8_t *out) noexcept nogil
cdef bint send_stream_sender_info(SendStream *stream, int64_t now_us, SenderInfo *info) noexcept nogil
cdef void send_stream_receiver_report(SendStream *stream, const ReportBlock *block, int64_t now_us) noexcept nogil

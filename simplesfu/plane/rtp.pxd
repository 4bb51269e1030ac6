# cython: language_level=3
"""RTP headers: read once on the way in, patched in place on the way out (RFC 3550 §5.1, RFC 8285)."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int32_t

cdef enum:
    RTP_HEADER_BYTES = 12
    # What rtp_parse and rtp_unwrap_rtx answer; 0 is good.
    RTP_OK = 0
    RTP_MALFORMED = -1
    RTP_EMPTY_RTX = -2

cdef struct RtpView:
    uint8_t *data            # first byte of the RTP header
    int32_t length           # bytes from `data` to the end, padding included
    int32_t header_length    # bytes of fixed header, CSRCs and extension block
    int32_t payload_length   # bytes of payload, padding excluded
    int32_t ext_offset       # first byte of the first extension element, from `data`; 0 when there is none
    int32_t ext_length       # bytes of the extension elements
    bint two_byte            # the extension block is of the two-byte form
    uint8_t padding          # bytes of padding, its count byte included
    uint8_t payload_type
    bint marker
    uint16_t seq
    uint32_t ts
    uint32_t ssrc
    # Known after rtp_normalise:
    uint16_t ext_mask        # bit i is set when the packet carries an element with router id i (1..14)
    int32_t send_time_offset  # where abs-send-time's 3 bytes are, from `data`; 0 when there is none

# Fills the whole view. Extension elements are not looked at; a block that is not of RFC 8285 counts as an empty one.
cdef int rtp_parse(uint8_t *data, int length, RtpView *view) noexcept nogil

# The data of the first element with that id, NULL when there is none; `length` gets its bytes.
cdef uint8_t *rtp_extension(const RtpView *view, uint8_t ext_id, int *length) noexcept nogil

# Once per packet, on the way in: sets the payload type, removes CSRCs, keeps the elements whose id `id_map` (256
# entries, 0: drop) gives a router id, the first of each, up to the first fault. The payload stays where it is;
# `view.data` moves.
cdef void rtp_normalise(
    RtpView *view, const uint8_t *id_map, uint8_t payload_type, uint8_t send_time_id,
) noexcept nogil

# Makes the retransmitted packet of an RTX packet (RFC 4588 §4), in place; RTP_EMPTY_RTX where there is none inside.
cdef int rtp_unwrap_rtx(RtpView *view, uint32_t ssrc, uint8_t payload_type) noexcept nogil

# Copies a normalised packet to `out`, which has room for view.length, with those elements whose router id's bit is in
# `keep_mask`. Returns the copy's length; `send_time_offset` is as in the view, but from `out`.
cdef int rtp_strip(uint8_t *out, const RtpView *view, uint16_t keep_mask, int32_t *send_time_offset) noexcept nogil

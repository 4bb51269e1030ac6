# cython: language_level=3
"""RTP headers: parsing, the rewrite on the way in, the copy on the way out.

The payload never moves: whatever makes a header shorter moves the header towards it. The functions for Python at
the end are thin covers for tests and tools; the plane calls the C ones.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, int32_t
from libc.string cimport memcpy, memmove, memset

from simplesfu.plane.byteorder cimport load_u16, load_u32, store_u16, store_u32

from typing import NamedTuple

cdef enum:
    VERSION_MASK = 0xC0
    VERSION_2 = 0x80
    PADDING_BIT = 0x20
    EXTENSION_BIT = 0x10
    CSRC_COUNT_MASK = 0x0F
    MARKER_BIT = 0x80
    EXTENSION_HEADER_BYTES = 4
    ONE_BYTE_PROFILE = 0xBEDE
    TWO_BYTE_PROFILE = 0x1000    # the low four bits are the application's (RFC 8285 §4.3)
    ONE_BYTE_STOP_ID = 15
    MAX_ROUTER_ID = 14
    SEND_TIME_BYTES = 3

cdef struct Element:
    uint8_t id
    int32_t start            # its header, from the block's first byte
    int32_t body             # its data
    int32_t end


cdef inline bint _next_element(const uint8_t *block, int length, bint two_byte, Element *element) noexcept nogil:
    """Step from `element` (all zero at first) to the one after it; False at the end and at the first fault."""
    cdef int at = element.end
    cdef int size
    while at < length and block[at] == 0:
        at += 1
    if two_byte:
        if at + 2 > length:
            return False
        element.id = block[at]
        element.body = at + 2
        size = block[at + 1]
    else:
        if at >= length:
            return False
        element.id = block[at] >> 4
        # Id 0 with a length and id 15 both end the processing of the block (RFC 8285 §4.2).
        if element.id == 0 or element.id == ONE_BYTE_STOP_ID:
            return False
        element.body = at + 1
        size = (block[at] & 0x0F) + 1
    if size > length - element.body:
        return False
    element.start = at
    element.end = element.body + size
    return True


cdef inline int _pad_block(uint8_t *block, int length) noexcept nogil:
    """Zero-fill the elements to whole 32-bit words; the new length."""
    cdef int padded = (length + 3) & ~3
    memset(block + length, 0, padded - length)
    return padded


cdef inline void _store_extension_header(uint8_t *at, bint two_byte, int block_length) noexcept nogil:
    store_u16(at, TWO_BYTE_PROFILE if two_byte else ONE_BYTE_PROFILE)
    store_u16(at + 2, <uint16_t>(block_length >> 2))


cdef int rtp_parse(uint8_t *data, int length, RtpView *view) noexcept nogil:
    cdef int header_length, profile
    if length < RTP_HEADER_BYTES or data[0] & VERSION_MASK != VERSION_2:
        return RTP_MALFORMED
    header_length = RTP_HEADER_BYTES + 4 * (data[0] & CSRC_COUNT_MASK)
    view.ext_offset = view.ext_length = 0
    view.two_byte = False
    if data[0] & EXTENSION_BIT:
        if header_length + EXTENSION_HEADER_BYTES > length:
            return RTP_MALFORMED
        profile = load_u16(data + header_length)
        view.ext_length = 4 * load_u16(data + header_length + 2)
        header_length += EXTENSION_HEADER_BYTES
        view.two_byte = profile & 0xFFF0 == TWO_BYTE_PROFILE
        if view.ext_length > length - header_length:
            return RTP_MALFORMED
        header_length += view.ext_length
        if view.ext_length and (profile == ONE_BYTE_PROFILE or view.two_byte):
            view.ext_offset = header_length - view.ext_length
        else:
            view.ext_length = 0
    if header_length > length:
        return RTP_MALFORMED
    view.padding = 0
    if data[0] & PADDING_BIT:
        view.padding = data[length - 1]
        if view.padding == 0 or view.padding > length - header_length:
            return RTP_MALFORMED
    view.data = data
    view.length = length
    view.header_length = header_length
    view.payload_length = length - header_length - view.padding
    view.marker = data[1] & MARKER_BIT != 0
    view.payload_type = data[1] & ~MARKER_BIT
    view.seq = load_u16(data + 2)
    view.ts = load_u32(data + 4)
    view.ssrc = load_u32(data + 8)
    view.ext_mask = 0
    view.send_time_offset = 0
    return RTP_OK


cdef uint8_t *rtp_extension(const RtpView *view, uint8_t ext_id, int *length) noexcept nogil:
    cdef uint8_t *block = view.data + view.ext_offset
    cdef Element element
    memset(&element, 0, sizeof(element))
    while _next_element(block, view.ext_length, view.two_byte, &element):
        if element.id == ext_id:
            length[0] = element.end - element.body
            return block + element.body
    length[0] = 0
    return NULL


cdef void rtp_normalise(
    RtpView *view, const uint8_t *id_map, uint8_t payload_type, uint8_t send_time_id,
) noexcept nogil:
    cdef uint8_t *block = view.data + view.ext_offset
    cdef uint8_t *payload = view.data + view.header_length
    cdef uint8_t *header
    cdef Element element
    cdef uint8_t router_id
    cdef int kept = 0
    cdef int block_length, header_length
    memset(&element, 0, sizeof(element))
    view.ext_mask = 0
    view.send_time_offset = 0
    # First to the left, one after the other over the gaps; then the block as a whole up to the payload.
    while _next_element(block, view.ext_length, view.two_byte, &element):
        router_id = id_map[element.id]
        if not 1 <= router_id <= MAX_ROUTER_ID or view.ext_mask >> router_id & 1:
            continue
        view.ext_mask |= <uint16_t>(1 << router_id)
        if view.two_byte:
            block[element.start] = router_id
        else:
            block[element.start] = <uint8_t>(router_id << 4 | block[element.start] & 0x0F)
        if kept != element.start:
            memmove(block + kept, block + element.start, element.end - element.start)
        if router_id == send_time_id and element.end - element.body == SEND_TIME_BYTES:
            view.send_time_offset = RTP_HEADER_BYTES + EXTENSION_HEADER_BYTES + kept + element.body - element.start
        kept += element.end - element.start
    header_length = RTP_HEADER_BYTES
    if kept:
        block_length = _pad_block(block, kept)
        header_length += EXTENSION_HEADER_BYTES + block_length
        if payload - block_length != block:
            memmove(payload - block_length, block, block_length)
        view.ext_offset = RTP_HEADER_BYTES + EXTENSION_HEADER_BYTES
        view.ext_length = block_length
    else:
        view.ext_offset = view.ext_length = 0
    header = payload - header_length
    if header != view.data:
        memmove(header, view.data, RTP_HEADER_BYTES)
    header[0] &= VERSION_MASK | PADDING_BIT
    header[1] = <uint8_t>(header[1] & MARKER_BIT | payload_type)
    if kept:
        header[0] |= EXTENSION_BIT
        _store_extension_header(header + RTP_HEADER_BYTES, view.two_byte, view.ext_length)
    view.length -= <int32_t>(header - view.data)
    view.data = header
    view.header_length = header_length
    view.payload_type = payload_type


cdef int rtp_unwrap_rtx(RtpView *view, uint32_t ssrc, uint8_t payload_type) noexcept nogil:
    cdef uint8_t *header = view.data + 2
    if view.payload_length < 2:
        return RTP_EMPTY_RTX
    view.seq = load_u16(view.data + view.header_length)
    memmove(header, view.data, view.header_length)
    header[1] = <uint8_t>(header[1] & MARKER_BIT | payload_type)
    store_u16(header + 2, view.seq)
    store_u32(header + 8, ssrc)
    view.data = header
    view.length -= 2
    view.payload_length -= 2
    view.payload_type = payload_type
    view.ssrc = ssrc
    return RTP_OK


cdef int rtp_strip(uint8_t *out, const RtpView *view, uint16_t keep_mask, int32_t *send_time_offset) noexcept nogil:
    cdef const uint8_t *block = view.data + view.ext_offset
    cdef uint8_t *out_block = out + RTP_HEADER_BYTES + EXTENSION_HEADER_BYTES
    cdef Element element
    cdef int kept = 0
    cdef int header_length = RTP_HEADER_BYTES
    cdef int body_length = view.length - view.header_length
    send_time_offset[0] = 0
    if view.ext_mask & ~keep_mask == 0:
        memcpy(out, view.data, view.length)
        send_time_offset[0] = view.send_time_offset
        return view.length
    memcpy(out, view.data, RTP_HEADER_BYTES)
    if view.ext_mask & keep_mask:
        memset(&element, 0, sizeof(element))
        while _next_element(block, view.ext_length, view.two_byte, &element):
            if not keep_mask >> element.id & 1:
                continue
            memcpy(out_block + kept, block + element.start, element.end - element.start)
            if view.send_time_offset == view.ext_offset + element.body:
                send_time_offset[0] = <int32_t>(out_block - out) + kept + element.body - element.start
            kept += element.end - element.start
        kept = _pad_block(out_block, kept)
        _store_extension_header(out + RTP_HEADER_BYTES, view.two_byte, kept)
        header_length += EXTENSION_HEADER_BYTES + kept
    else:
        out[0] &= ~EXTENSION_BIT
    memcpy(out + header_length, view.data + view.header_length, body_length)
    return header_length + body_length


class ParseError(ValueError):
    """The bytes are no RTP or RTCP packet."""


class RtpPacket(NamedTuple):
    payload_type: int
    seq: int
    ts: int
    ssrc: int
    payload: bytes
    marker: bool
    csrcs: tuple
    extensions: tuple
    two_byte: bool
    padding: int


class Rewritten(NamedTuple):
    data: bytes
    ext_mask: int
    send_time_offset: int


cdef int _parse_or_raise(bytearray buffer, RtpView *view) except -1:
    if rtp_parse(buffer, <int>len(buffer), view) != RTP_OK:
        raise ParseError(f"not an RTP packet ({len(buffer)} bytes)")
    return 0


cdef bytes _view_bytes(const RtpView *view):
    return (<char *>view.data)[:view.length]


cdef int _fill_id_map(uint8_t *id_map, ids) except -1:
    memset(id_map, 0, 256)
    for sender_id, router_id in ids.items():
        if not (1 <= sender_id <= 255 and 1 <= router_id <= MAX_ROUTER_ID):
            raise ValueError(f"extension {sender_id} to {router_id}: sender ids are 1..255, router ids 1..14")
        id_map[<uint8_t>sender_id] = router_id
    return 0


def parse(data):
    cdef bytearray buffer = bytearray(data)
    cdef RtpView view
    cdef Element element
    cdef const uint8_t *block
    _parse_or_raise(buffer, &view)
    memset(&element, 0, sizeof(element))
    block = view.data + view.ext_offset
    extensions = []
    while _next_element(block, view.ext_length, view.two_byte, &element):
        extensions.append((element.id, (<const char *>block)[element.body:element.end]))
    csrcs = [load_u32(view.data + RTP_HEADER_BYTES + 4 * i) for i in range(view.data[0] & CSRC_COUNT_MASK)]
    payload = (<const char *>view.data)[view.header_length:view.header_length + view.payload_length]
    return RtpPacket(
        view.payload_type, view.seq, view.ts, view.ssrc, payload, view.marker != 0,
        tuple(csrcs), tuple(extensions), view.two_byte != 0, view.padding,
    )


def extension(data, ext_id):
    cdef bytearray buffer = bytearray(data)
    cdef RtpView view
    cdef int length
    cdef const uint8_t *found
    _parse_or_raise(buffer, &view)
    found = rtp_extension(&view, ext_id, &length)
    return None if found == NULL else (<const char *>found)[:length]


def normalise(data, id_map, payload_type, send_time_id=0):
    cdef bytearray buffer = bytearray(data)
    cdef RtpView view
    cdef uint8_t c_id_map[256]
    _fill_id_map(c_id_map, id_map)
    _parse_or_raise(buffer, &view)
    rtp_normalise(&view, c_id_map, payload_type, send_time_id)
    return Rewritten(_view_bytes(&view), view.ext_mask, view.send_time_offset)


def strip(data, keep, send_time_id=0):
    cdef bytearray buffer = bytearray(data)
    cdef bytearray out = bytearray(len(buffer))
    cdef RtpView view
    cdef uint8_t c_id_map[256]
    cdef uint16_t keep_mask = sum(1 << router_id for router_id in set(keep))
    cdef int32_t send_time_offset
    cdef int length
    _fill_id_map(c_id_map, {router_id: router_id for router_id in range(1, MAX_ROUTER_ID + 1)})
    _parse_or_raise(buffer, &view)
    rtp_normalise(&view, c_id_map, view.payload_type, send_time_id)
    length = rtp_strip(out, &view, keep_mask, &send_time_offset)
    return Rewritten(bytes(out[:length]), view.ext_mask & keep_mask, send_time_offset)


def unwrap_rtx(data, ssrc, payload_type):
    cdef bytearray buffer = bytearray(data)
    cdef RtpView view
    _parse_or_raise(buffer, &view)
    if rtp_unwrap_rtx(&view, ssrc, payload_type) != RTP_OK:
        return None
    return _view_bytes(&view)


def pack(
    *, payload_type, seq, ts, ssrc, payload=b"", marker=False, csrcs=(), extensions=(), two_byte=False, padding=0,
):
    block = bytearray()
    for ext_id, value in extensions:
        if two_byte:
            block += bytes([ext_id, len(value)]) + value
        elif 1 <= ext_id <= 14 and 1 <= len(value) <= 16:
            block += bytes([ext_id << 4 | len(value) - 1]) + value
        else:
            raise ValueError(f"extension {ext_id} of {len(value)} bytes needs the two-byte form")
    block += bytes(-len(block) & 3)
    first = VERSION_2 | PADDING_BIT * (padding > 0) | EXTENSION_BIT * (len(block) > 0) | len(csrcs)
    packet = bytearray([first, marker << 7 | payload_type])
    packet += seq.to_bytes(2, "big") + ts.to_bytes(4, "big") + ssrc.to_bytes(4, "big")
    for csrc in csrcs:
        packet += csrc.to_bytes(4, "big")
    if block:
        profile = TWO_BYTE_PROFILE if two_byte else ONE_BYTE_PROFILE
        packet += profile.to_bytes(2, "big") + (len(block) // 4).to_bytes(2, "big") + block
    packet += payload
    if padding:
        packet += bytes(padding - 1) + bytes([padding])
    return bytes(packet)

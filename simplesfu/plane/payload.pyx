# cython: language_level=3
"""The payload descriptors of VP8 (RFC 7741 §4.2), VP9 (RFC 9628 §4.2), H264 and AV1, as far as forwarding needs it."""
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset

from simplesfu.plane.byteorder cimport load_u16, store_u16

from typing import NamedTuple

cdef enum:
    LONG_PICTURE_ID = 0x8000
    NAL_TYPE_MASK = 0x1F
    NAL_IDR = 5
    NAL_SPS = 7
    NAL_STAP_A = 24
    NAL_FU_A = 28
    FU_START_BIT = 0x80


cdef inline void _parse_vp8(const uint8_t *payload, int length, PayloadView *view) noexcept nogil:
    """X R N S R PID, then by X: I L T K, PictureID, TL0PICIDX, TID Y KEYIDX; then P in the frame's own first bit."""
    cdef int at = 1, id_at = 0
    cdef uint8_t optional = 0, layer = 0
    if length < 2:
        return
    if payload[0] & 0x80:
        optional = payload[1]
        at = 2
        if optional & 0x80:
            if length < 3:
                return
            id_at = at
            at += 2 if payload[at] & 0x80 else 1
        if optional & 0x40:
            at += 1
        if optional & 0x30:
            layer = payload[at] if at < length else 0
            at += 1
    if at >= length:
        return
    if id_at:
        view.picture_id_offset = <uint8_t>id_at
        if payload[id_at] & 0x80:
            view.picture_id_bits = 15
            view.picture_id = load_u16(payload + id_at) & 0x7FFF
        else:
            view.picture_id_bits = 7
            view.picture_id = payload[id_at]
    if optional & 0x20:
        view.temporal_layer = layer >> 6
        if layer & 0x20:
            view.joinable = <uint8_t>(1 << view.temporal_layer)
    view.begins_picture = payload[0] & 0x17 == 0x10
    view.keyframe = view.begins_picture and not payload[at] & 0x01


cdef inline void _parse_vp9(const uint8_t *payload, int length, PayloadView *view) noexcept nogil:
    """I P L F B E V Z, then by I the picture id, by L: TID U SID D."""
    cdef int at = 1
    cdef uint8_t layer
    if length < 2:
        return
    if payload[0] & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    if payload[0] & 0x20:
        if at >= length:
            return
        layer = payload[at]
        view.temporal_layer = layer >> 5
        if layer & 0x10:
            view.joinable = <uint8_t>(0xFE << view.temporal_layer)
        view.begins_picture = payload[0] & 0x08 and not layer & 0x0E
    else:
        view.begins_picture = payload[0] & 0x08 != 0
    view.keyframe = view.begins_picture and not payload[0] & 0x40


cdef inline bint _nal_starts_keyframe(int nal_type, const uint8_t *body, int length) noexcept nogil:
    if nal_type == NAL_SPS:
        return True
    # Of an IDR picture's slices only the first will do: its first_mb_in_slice is 0, in Exp-Golomb code a single 1.
    return nal_type == NAL_IDR and length > 0 and body[0] & 0x80


cdef inline bint _h264_starts_keyframe(const uint8_t *payload, int length) noexcept nogil:
    """RFC 6184 §5.6 to §5.8: a sequence parameter set or an IDR slice, alone, aggregated or as the first fragment."""
    cdef int at = 1
    cdef int nal_type, size
    if length < 2:
        return False
    nal_type = payload[0] & NAL_TYPE_MASK
    if nal_type == NAL_FU_A:
        return payload[1] & FU_START_BIT and _nal_starts_keyframe(payload[1] & NAL_TYPE_MASK, payload + 2, length - 2)
    if nal_type != NAL_STAP_A:
        return _nal_starts_keyframe(nal_type, payload + 1, length - 1)
    while at + 2 < length:
        size = min(<int>load_u16(payload + at), length - at - 2)
        if size > 0 and _nal_starts_keyframe(payload[at + 2] & NAL_TYPE_MASK, payload + at + 3, size - 1):
            return True
        at += 2 + size
    return False


cdef inline bint _av1_starts_keyframe(const uint8_t *payload, int length) noexcept nogil:
    """AV1 RTP payload §4.4: N tells the first packet of a coded video sequence; Z would make it a continuation."""
    return length > 1 and payload[0] & 0x88 == 0x08


cdef void payload_parse(int codec, const uint8_t *payload, int length, PayloadView *view) noexcept nogil:
    memset(view, 0, sizeof(PayloadView))
    if codec == CODEC_VP8:
        _parse_vp8(payload, length, view)
    elif codec == CODEC_VP9:
        _parse_vp9(payload, length, view)
    elif codec == CODEC_H264:
        view.keyframe = _h264_starts_keyframe(payload, length)
    elif codec == CODEC_AV1:
        view.keyframe = _av1_starts_keyframe(payload, length)
    else:
        view.keyframe = True


cdef void payload_store_picture_id(uint8_t *payload, const PayloadView *view, uint16_t picture_id) noexcept nogil:
    if view.picture_id_bits == 15:
        store_u16(payload + view.picture_id_offset, LONG_PICTURE_ID | picture_id)
    elif view.picture_id_bits == 7:
        payload[view.picture_id_offset] = <uint8_t>(picture_id & 0x7F)


cdef int codec_named(str name) except -1:
    if name == "opus":
        return CODEC_OPUS
    if name == "vp8":
        return CODEC_VP8
    if name == "vp9":
        return CODEC_VP9
    if name == "h264":
        return CODEC_H264
    if name == "av1":
        return CODEC_AV1
    return CODEC_OTHER


class Payload(NamedTuple):
    keyframe: bool
    begins_picture: bool
    temporal_layer: int
    joinable: int
    picture_id: int | None


def parse(str codec, bytes payload not None):
    cdef PayloadView view
    payload_parse(codec_named(codec), payload, <int>len(payload), &view)
    return Payload(
        view.keyframe != 0, view.begins_picture != 0, view.temporal_layer, view.joinable,
        view.picture_id if view.picture_id_bits else None,
    )


def with_picture_id(bytes payload not None, uint16_t picture_id):
    cdef PayloadView view
    cdef bytearray out = bytearray(payload)
    payload_parse(CODEC_VP8, payload, <int>len(payload), &view)
    payload_store_picture_id(out, &view, picture_id & 0x7FFF)
    return bytes(out)

# cython: language_level=3
"""Where a receiver can begin: the payload descriptors of VP8, VP9, H264 and AV1, as far as that needs."""
from libc.stdint cimport uint8_t

from simplesfu.plane.byteorder cimport load_u16

cdef enum:
    NAL_TYPE_MASK = 0x1F
    NAL_IDR = 5
    NAL_SPS = 7
    NAL_STAP_A = 24
    NAL_FU_A = 28
    FU_START_BIT = 0x80


cdef inline bint _vp8_starts_keyframe(const uint8_t *payload, int length) noexcept nogil:
    """RFC 7741 §4.2 and §4.3: S set, partition 0, and P clear in the payload header."""
    cdef int at = 1
    cdef uint8_t optional
    if length < 2 or not payload[0] & 0x10 or payload[0] & 0x07:
        return False
    if payload[0] & 0x80:
        optional = payload[1]
        at = 2
        if optional & 0x80:
            if at >= length:
                return False
            at += 2 if payload[at] & 0x80 else 1
        if optional & 0x40:
            at += 1
        if optional & 0x30:
            at += 1
    return at < length and not payload[at] & 0x01


cdef inline bint _vp9_starts_keyframe(const uint8_t *payload, int length) noexcept nogil:
    """RFC 9628 §4.2: P clear, B set, and the spatial layer, where it is told, the lowest."""
    cdef int at = 1
    if length < 2 or payload[0] & 0x40 or not payload[0] & 0x08:
        return False
    if payload[0] & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    if not payload[0] & 0x20:
        return True
    return at < length and not payload[at] & 0x0E


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


cdef bint starts_keyframe(int codec, const uint8_t *payload, int length) noexcept nogil:
    if codec == CODEC_VP8:
        return _vp8_starts_keyframe(payload, length)
    if codec == CODEC_VP9:
        return _vp9_starts_keyframe(payload, length)
    if codec == CODEC_H264:
        return _h264_starts_keyframe(payload, length)
    if codec == CODEC_AV1:
        return _av1_starts_keyframe(payload, length)
    return True


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


def starts(str codec, bytes payload not None):
    return starts_keyframe(codec_named(codec), payload, <int>len(payload)) != 0

# cython: language_level=3
"""Every value is checked here, so the plane's thread can trust what it finds. A ValueError names what does not fit."""
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from simplesfu.plane.payload cimport CODEC_OPUS, codec_named
from simplesfu.plane.state cimport CNAME_BYTES, KEYFRAME_FIR, KEYFRAME_NONE, KEYFRAME_PLI, MID_BYTES

KEYFRAME_REQUESTS = {None: KEYFRAME_NONE, "pli": KEYFRAME_PLI, "fir": KEYFRAME_FIR}

RECV_STREAM = frozenset({
    "codec", "clock_rate", "payload_type", "rtx_payload_type", "router_payload_type", "ssrc", "rtx_ssrc", "mid", "rid",
    "mid_ext", "rid_ext", "repaired_rid_ext", "extensions", "send_time_ext", "nack", "keyframe_request",
})
SEND_STREAM = frozenset({
    "codec", "clock_rate", "payload_type", "ssrc", "rtx_payload_type", "rtx_ssrc", "extensions", "cname",
})


cdef int fill_recv_stream(RecvStream *wanted, dict parameters) except -1:
    _check_names(parameters, RECV_STREAM)
    memset(wanted, 0, sizeof(RecvStream))
    wanted.codec = codec_named(parameters["codec"])
    wanted.video = wanted.codec != CODEC_OPUS
    wanted.clock_rate = _number(parameters, "clock_rate", 1, 192000)
    wanted.payload_type = _number(parameters, "payload_type", 0, 127)
    wanted.router_payload_type = _number(parameters, "router_payload_type", 0, 127)
    wanted.rtx_payload_type = _number(parameters, "rtx_payload_type", 0, 127, none=-1)
    wanted.ssrc = _number(parameters, "ssrc", 1, 0xFFFFFFFF, none=0)
    wanted.rtx_ssrc = _number(parameters, "rtx_ssrc", 1, 0xFFFFFFFF, none=0)
    wanted.mid_length = _name(wanted.mid, parameters, "mid", MID_BYTES)
    wanted.rid_length = _name(wanted.rid, parameters, "rid", MID_BYTES)
    wanted.mid_ext = _number(parameters, "mid_ext", 0, 255)
    wanted.rid_ext = _number(parameters, "rid_ext", 0, 255)
    wanted.repaired_rid_ext = _number(parameters, "repaired_rid_ext", 0, 255)
    wanted.send_time_ext = _number(parameters, "send_time_ext", 0, 14)
    for sender_id, router_id in parameters["extensions"].items():
        if not (0 < sender_id < 256 and 0 < router_id < 15):
            raise ValueError(f"extensions: {sender_id} → {router_id} is not in 1..255 → 1..14")
        wanted.id_map[sender_id] = router_id
    wanted.nack = parameters["nack"]
    wanted.keyframe_request = KEYFRAME_REQUESTS[parameters["keyframe_request"]]
    return 0


cdef int fill_send_stream(SendStream *wanted, dict parameters) except -1:
    _check_names(parameters, SEND_STREAM)
    memset(wanted, 0, sizeof(SendStream))
    wanted.codec = codec_named(parameters["codec"])
    wanted.video = wanted.codec != CODEC_OPUS
    wanted.clock_rate = _number(parameters, "clock_rate", 1, 192000)
    wanted.payload_type = _number(parameters, "payload_type", 0, 127)
    wanted.ssrc = _number(parameters, "ssrc", 1, 0xFFFFFFFF)
    wanted.rtx_payload_type = _number(parameters, "rtx_payload_type", 0, 127, none=-1)
    wanted.rtx_ssrc = _number(parameters, "rtx_ssrc", 1, 0xFFFFFFFF, none=0)
    if (wanted.rtx_payload_type < 0) != (wanted.rtx_ssrc == 0):
        raise ValueError("rtx_payload_type and rtx_ssrc come together or not at all")
    for router_id in parameters["extensions"]:
        if not 0 < router_id < 15:
            raise ValueError(f"extensions: {router_id} is not in 1..14")
        wanted.ext_mask |= 1 << <int>router_id
    wanted.cname_length = _name(wanted.cname, parameters, "cname", CNAME_BYTES)
    return 0


cdef int _check_names(dict parameters, wanted) except -1:
    if parameters.keys() != wanted:
        raise TypeError(f"missing {sorted(wanted - parameters.keys())}, unknown {sorted(parameters.keys() - wanted)}")
    return 0


cdef long long _number(dict parameters, str name, long long least, long long most, none=None) except? -7:
    value = parameters[name]
    if value is None and none is not None:
        return none
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name}: {value!r} is not a number in {least}..{most}")
    return value


cdef int _name(uint8_t *out, dict parameters, str name, int room) except -1:
    cdef bytes encoded = parameters[name].encode()
    if len(encoded) > room:
        raise ValueError(f"{name}: {parameters[name]!r} is longer than {room} bytes")
    memcpy(out, <const uint8_t *>encoded, len(encoded))
    return len(encoded)

# cython: language_level=3
"""SSRCs to streams. An SSRC is learned only from a packet that SRTP has proven, and only so many for one stream."""
from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from simplesfu.plane.rtp cimport rtp_extension
from simplesfu.plane.srtp cimport srtp_forget
from simplesfu.plane.state cimport MAX_REBINDS
from simplesfu.plane.table cimport Key, id_key, table_get, table_pop, table_put


cdef RecvStream *demux_find(State *state, Transport *transport, const RtpView *view, bint *is_new) noexcept nogil:
    """The stream, or NULL. `is_new`: its SSRC is not bound yet (demux_bind does it when the packet proves genuine)."""
    cdef Key key = id_key(transport.id, view.ssrc)
    cdef RecvStream *stream = <RecvStream *>table_get(&state.by_recv_ssrc, &key)
    is_new[0] = stream == NULL
    if stream != NULL:
        return stream
    stream = transport.recv_streams
    while stream != NULL:
        if _names(stream, view):
            return stream if stream.rebinds < MAX_REBINDS else NULL
        stream = stream.next_of_transport
    return NULL


cdef inline bint _names(const RecvStream *stream, const RtpView *view) noexcept nogil:
    """Does the packet name this stream? MID and RID must agree; without a RID, the MID of a stream that has none."""
    if stream.mid_length and not _element_is(view, stream.mid_ext, stream.mid, stream.mid_length):
        return False
    if stream.rid_length:
        return (_element_is(view, stream.rid_ext, stream.rid, stream.rid_length)
                or _element_is(view, stream.repaired_rid_ext, stream.rid, stream.rid_length))
    # Without a RID only a stream whose SSRC was not signalled can be learned.
    return stream.mid_length > 0 and stream.ssrc == 0 and view.payload_type == stream.payload_type


cdef inline bint _element_is(const RtpView *view, uint8_t ext_id, const uint8_t *value, int length) noexcept nogil:
    cdef int found_length = 0
    cdef uint8_t *found = rtp_extension(view, ext_id, &found_length) if ext_id else NULL
    return found != NULL and found_length == length and memcmp(found, value, length) == 0


cdef bint demux_bind(State *state, RecvStream *stream, uint32_t ssrc, bint rtx) noexcept nogil:
    """Packets of this SSRC are the stream's from now on, and those of the one it had before no longer."""
    cdef Key key
    cdef uint32_t old = stream.rtx_ssrc if rtx else stream.ssrc
    if old:
        key = id_key(stream.transport.id, old)
        table_pop(&state.by_recv_ssrc, &key)
        srtp_forget(stream.transport.recv_session, old)
    key = id_key(stream.transport.id, ssrc)
    if table_put(&state.by_recv_ssrc, &key, stream) != 0:
        return False
    stream.rebinds += 1
    if rtx:
        stream.rtx_ssrc = ssrc
    else:
        stream.ssrc = ssrc
    return True


cdef void demux_forget(State *state, RecvStream *stream) noexcept nogil:
    cdef uint32_t[2] ssrcs = [stream.ssrc, stream.rtx_ssrc]
    cdef Key key
    cdef int i
    for i in range(2):
        if ssrcs[i]:
            key = id_key(stream.transport.id, ssrcs[i])
            table_pop(&state.by_recv_ssrc, &key)
            if stream.transport.recv_session != NULL:
                srtp_forget(stream.transport.recv_session, ssrcs[i])

# cython: language_level=3
"""The registry. Ids are never used twice, so a late call about something gone finds nothing."""
from libc.stdlib cimport calloc, free

from simplesfu.plane.demux cimport demux_bind, demux_forget
from simplesfu.plane.fanout cimport fanout_forget
from simplesfu.plane.gate cimport gate_forget_tuples
from simplesfu.plane.recv_stream cimport (
    recv_stream_add_out, recv_stream_free, recv_stream_init, recv_stream_remove_out, recv_stream_want_keyframe,
)
from simplesfu.plane.send_stream cimport send_stream_free, send_stream_hold, send_stream_init
from simplesfu.plane.srtp cimport srtp_forget
from simplesfu.plane.table cimport Key, Table, id_key, table_get, table_pop, table_put


cdef Transport *transport_by_id(State *state, uint64_t id) noexcept nogil:
    cdef Key key = id_key(0, id)
    return <Transport *>table_get(&state.transports_by_id, &key)


cdef RecvStream *recv_stream_by_id(State *state, uint64_t id) noexcept nogil:
    cdef Key key = id_key(0, id)
    return <RecvStream *>table_get(&state.recv_by_id, &key)


cdef SendStream *send_stream_by_id(State *state, uint64_t id) noexcept nogil:
    cdef Key key = id_key(0, id)
    return <SendStream *>table_get(&state.send_by_id, &key)


cdef uint32_t _register(State *state, Table *table, void *thing) noexcept nogil:
    """A fresh id for it, or 0 when there is no memory."""
    cdef Key key
    state.last_id += 1
    key = id_key(0, state.last_id)
    return state.last_id if table_put(table, &key, thing) == 0 else 0


cdef uint32_t add_transport(State *state, uint32_t feedback_ssrc) noexcept nogil:
    """Its id; 0 when there is no memory, as for the other add_ functions."""
    cdef Transport *transport = <Transport *>calloc(1, sizeof(Transport))
    if transport == NULL:
        return 0
    transport.id = _register(state, &state.transports_by_id, transport)
    if transport.id == 0:
        free(transport)
        return 0
    transport.feedback_ssrc = feedback_ssrc
    transport.next = state.transports
    if transport.next != NULL:
        transport.next.previous = transport
    state.transports = transport
    return transport.id


cdef void remove_transport(State *state, Transport *transport) noexcept nogil:
    """User names must have been taken from by_ufrag before; SRTP sessions are the caller's to free afterwards."""
    cdef Key key = id_key(0, transport.id)
    while transport.recv_streams != NULL:
        remove_recv_stream(state, transport.recv_streams)
    while transport.send_streams != NULL:
        remove_send_stream(state, transport.send_streams)
    gate_forget_tuples(state, transport)
    table_pop(&state.transports_by_id, &key)
    if transport.previous != NULL:
        transport.previous.next = transport.next
    else:
        state.transports = transport.next
    if transport.next != NULL:
        transport.next.previous = transport.previous
    free(transport)


cdef uint32_t add_recv_stream(State *state, Transport *transport, const RecvStream *wanted) noexcept nogil:
    """`wanted` has the parameters; everything else in it must be zero."""
    cdef RecvStream *stream = <RecvStream *>calloc(1, sizeof(RecvStream))
    if stream == NULL:
        return 0
    stream[0] = wanted[0]
    stream.transport = transport
    stream.id = _register(state, &state.recv_by_id, stream)
    if stream.id == 0 or recv_stream_init(stream) != 0:
        free(stream)
        return 0
    stream.next_of_transport = transport.recv_streams
    transport.recv_streams = stream
    stream.next = state.recv_streams
    if stream.next != NULL:
        stream.next.previous = stream
    state.recv_streams = stream
    stream.ssrc = stream.rtx_ssrc = 0
    if wanted.ssrc:
        demux_bind(state, stream, wanted.ssrc, False)
    if wanted.rtx_ssrc:
        demux_bind(state, stream, wanted.rtx_ssrc, True)
    stream.rebinds = 0
    return stream.id


cdef void remove_recv_stream(State *state, RecvStream *stream) noexcept nogil:
    cdef Key key = id_key(0, stream.id)
    cdef RecvStream **link = &stream.transport.recv_streams
    cdef SendStream *out
    while stream.out_count:
        out = stream.outs[stream.out_count - 1]
        stream.out_count -= 1
        if out.source == stream:
            out.source = NULL
            send_stream_hold(out)
        if out.target == stream:
            out.target = NULL
    fanout_forget(state, stream)
    demux_forget(state, stream)
    table_pop(&state.recv_by_id, &key)
    while link[0] != stream:
        link = &link[0].next_of_transport
    link[0] = stream.next_of_transport
    if stream.previous != NULL:
        stream.previous.next = stream.next
    else:
        state.recv_streams = stream.next
    if stream.next != NULL:
        stream.next.previous = stream.previous
    recv_stream_free(stream, &state.pool)
    free(stream)


cdef uint32_t add_send_stream(State *state, Transport *transport, const SendStream *wanted,
                              uint64_t seed) noexcept nogil:
    """`wanted` has the parameters; everything else in it must be zero."""
    cdef SendStream *stream = <SendStream *>calloc(1, sizeof(SendStream))
    cdef Key key
    if stream == NULL:
        return 0
    stream[0] = wanted[0]
    stream.transport = transport
    stream.paused = True
    stream.id = _register(state, &state.send_by_id, stream)
    if stream.id == 0 or send_stream_init(stream, seed) != 0:
        free(stream)
        return 0
    stream.next_of_transport = transport.send_streams
    transport.send_streams = stream
    key = id_key(transport.id, stream.ssrc)
    table_put(&state.by_send_ssrc, &key, stream)
    return stream.id


cdef void remove_send_stream(State *state, SendStream *stream) noexcept nogil:
    cdef Key key = id_key(0, stream.id)
    cdef SendStream **link = &stream.transport.send_streams
    set_source(state, stream, NULL)
    table_pop(&state.send_by_id, &key)
    key = id_key(stream.transport.id, stream.ssrc)
    table_pop(&state.by_send_ssrc, &key)
    if stream.transport.send_session != NULL:
        srtp_forget(stream.transport.send_session, stream.ssrc)
        if stream.rtx_ssrc:
            srtp_forget(stream.transport.send_session, stream.rtx_ssrc)
    while link[0] != stream:
        link = &link[0].next_of_transport
    link[0] = stream.next_of_transport
    send_stream_free(stream)
    free(stream)


cdef bint set_source(State *state, SendStream *stream, RecvStream *source) noexcept nogil:
    """False when there is no memory. NULL takes the stream off its source at once."""
    if stream.target != NULL and stream.target != source and stream.target != stream.source:
        recv_stream_remove_out(stream.target, stream)
    stream.target = source
    if source == NULL:
        if stream.source != NULL:
            recv_stream_remove_out(stream.source, stream)
        stream.source = NULL
        send_stream_hold(stream)
        return True
    if recv_stream_add_out(source, stream) != 0:
        return False
    if source != stream.source:
        recv_stream_want_keyframe(source)
    return True

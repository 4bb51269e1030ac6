# cython: language_level=3
"""What publishers are to be asked for wakes the plane's thread up; all else it finds when the next packet comes."""
from libc.string cimport memcpy

from simplesfu.plane.gate cimport gate_add_tuple, gate_forget_tuples
from simplesfu.plane.layers cimport layers_limit
from simplesfu.plane.loop cimport loop_hurry
from simplesfu.plane.recv_stream cimport recv_stream_want_keyframe
from simplesfu.plane.send_stream cimport send_stream_hold
from simplesfu.plane.sender cimport sender_commit, sender_flush, sender_room
from simplesfu.plane.state cimport RecvStream, SendStream, Transport
from simplesfu.plane.streams cimport (
    add_recv_stream, add_send_stream, recv_stream_by_id, remove_recv_stream, remove_send_stream, remove_transport,
    send_stream_by_id, set_source, transport_by_id,
)
from simplesfu.plane.table cimport Key, id_key, table_get

cdef enum:
    SHORT_BYTES = 400          # of DTLS: acknowledgements and short messages, not the bulk of a file


cdef void *find(State *state, Kind kind, uint32_t id) noexcept nogil:
    """NULL when it is not there, or no longer."""
    if kind == TRANSPORT:
        return transport_by_id(state, id)
    if kind == RECV_STREAM:
        return recv_stream_by_id(state, id)
    return send_stream_by_id(state, id)


cdef void close_transport(State *state, void *thing, void *nothing) noexcept nogil:
    remove_transport(state, <Transport *>thing)


cdef void add_tuple_of_transport(State *state, void *thing, void *new_tuple) noexcept nogil:
    cdef NewTuple *new = <NewTuple *>new_tuple
    new.changed = gate_add_tuple(state, <Transport *>thing, &new.address, new.select, new.now_us)
    if new.changed:
        loop_hurry(state)


cdef void forget_tuples_of_transport(State *state, void *thing, void *nothing) noexcept nogil:
    gate_forget_tuples(state, <Transport *>thing)


cdef void send_to_transport(State *state, void *thing, void *outgoing) noexcept nogil:
    cdef Transport *transport = <Transport *>thing
    cdef Outgoing *out = <Outgoing *>outgoing
    if transport.selected == NULL:
        return
    memcpy(sender_room(&state.sender), out.data, out.length)
    sender_commit(&state.sender, &transport.destination, out.length, out.length <= SHORT_BYTES)
    transport.packets_sent += 1
    transport.bytes_sent += out.length
    sender_flush(&state.sender)
    out.sent = True


cdef void give_sessions_to_transport(State *state, void *thing, void *sessions) noexcept nogil:
    (<Transport *>thing).recv_session = (<Sessions *>sessions).recv_session
    (<Transport *>thing).send_session = (<Sessions *>sessions).send_session
    loop_hurry(state)


cdef void limit_incoming_of_transport(State *state, void *thing, void *bps_uint32) noexcept nogil:
    (<Transport *>thing).max_recv_bitrate_bps = (<uint32_t *>bps_uint32)[0]


cdef void add_recv_stream_to_transport(State *state, void *thing, void *new_stream) noexcept nogil:
    cdef Transport *transport = <Transport *>thing
    cdef NewStream *new = <NewStream *>new_stream
    cdef const RecvStream *wanted = <const RecvStream *>new.wanted
    cdef Key key = id_key(transport.id, wanted.ssrc), rtx_key = id_key(transport.id, wanted.rtx_ssrc)
    new.conflict = (table_get(&state.by_recv_ssrc, &key) != NULL
                    or table_get(&state.by_recv_ssrc, &rtx_key) != NULL)
    if not new.conflict:
        new.stream = add_recv_stream(state, transport, wanted)


cdef void add_send_stream_to_transport(State *state, void *thing, void *new_stream) noexcept nogil:
    cdef Transport *transport = <Transport *>thing
    cdef NewStream *new = <NewStream *>new_stream
    cdef const SendStream *wanted = <const SendStream *>new.wanted
    cdef Key key = id_key(transport.id, wanted.ssrc)
    new.conflict = table_get(&state.by_send_ssrc, &key) != NULL
    if not new.conflict:
        new.stream = add_send_stream(state, transport, wanted, new.seed)


cdef void copy_transport(State *state, void *thing, void *copy) noexcept nogil:
    (<Transport *>copy)[0] = (<Transport *>thing)[0]


cdef void close_recv_stream(State *state, void *thing, void *nothing) noexcept nogil:
    remove_recv_stream(state, <RecvStream *>thing)


cdef void pause_recv_stream(State *state, void *thing, void *paused_bint) noexcept nogil:
    cdef RecvStream *stream = <RecvStream *>thing
    cdef bint paused = (<bint *>paused_bint)[0]
    cdef int i
    if stream.paused == paused:
        return
    stream.paused = paused
    for i in range(stream.out_count):
        if stream.outs[i].source == stream:
            send_stream_hold(stream.outs[i])
    if not paused:
        ask_recv_stream(state, stream, NULL)


cdef void ask_recv_stream(State *state, void *thing, void *nothing) noexcept nogil:
    recv_stream_want_keyframe(<RecvStream *>thing)
    loop_hurry(state)


cdef void copy_recv_stream(State *state, void *thing, void *copy) noexcept nogil:
    (<RecvStream *>copy)[0] = (<RecvStream *>thing)[0]


cdef void close_send_stream(State *state, void *thing, void *nothing) noexcept nogil:
    remove_send_stream(state, <SendStream *>thing)


cdef void feed_send_stream(State *state, void *thing, void *source) noexcept nogil:
    cdef Source *wanted = <Source *>source
    cdef RecvStream *stream = recv_stream_by_id(state, wanted.recv_stream) if wanted.recv_stream else NULL
    if stream != NULL or wanted.recv_stream == 0:
        wanted.done = set_source(state, <SendStream *>thing, stream)
        loop_hurry(state)


cdef void pause_send_stream(State *state, void *thing, void *paused_bint) noexcept nogil:
    cdef SendStream *stream = <SendStream *>thing
    cdef bint paused = (<bint *>paused_bint)[0]
    if stream.paused == paused:
        return
    stream.paused = paused
    send_stream_hold(stream)
    if not paused and stream.target != NULL:
        ask_recv_stream(state, stream.target, NULL)


cdef void limit_send_stream(State *state, void *thing, void *limit) noexcept nogil:
    cdef SendStream *stream = <SendStream *>thing
    stream.max_temporal_layer = (<Limit *>limit).max_temporal_layer
    stream.max_frame_rate = (<Limit *>limit).max_frame_rate
    layers_limit(stream)


cdef void copy_send_stream(State *state, void *thing, void *copy) noexcept nogil:
    (<SendStream *>copy)[0] = (<SendStream *>thing)[0]

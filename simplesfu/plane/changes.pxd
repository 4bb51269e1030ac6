# cython: language_level=3
"""What Python may do to one transport or stream: each a function that runs under the plane's lock, without the GIL."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from simplesfu.plane.state cimport State
from simplesfu.plane.udp cimport Address

cdef enum Kind:
    TRANSPORT = 0
    RECV_STREAM = 1
    SEND_STREAM = 2

# `thing` is of the kind that the function's name ends with; `arguments` are the struct, or the type, that it names.
ctypedef void (*Change)(State *state, void *thing, void *arguments) noexcept nogil

cdef struct NewTuple:
    Address address
    bint select
    int64_t now_us
    bint changed               # answer: packets go elsewhere now

cdef struct Sessions:
    void *recv_session
    void *send_session

cdef struct Outgoing:
    const uint8_t *data
    int length
    bint sent                  # answer

cdef struct NewStream:
    const void *wanted         # RecvStream or SendStream with its parameters
    uint64_t seed
    bint conflict              # answer: an SSRC is taken
    uint32_t stream            # answer: its id; 0 when there is no memory

cdef struct Source:
    uint32_t recv_stream       # 0: none
    bint done                  # answer

cdef struct Limit:
    uint8_t max_temporal_layer
    double max_frame_rate

cdef void *find(State *state, Kind kind, uint32_t id) noexcept nogil

cdef void close_transport(State *state, void *thing, void *nothing) noexcept nogil
cdef void add_tuple_of_transport(State *state, void *thing, void *new_tuple) noexcept nogil
cdef void forget_tuples_of_transport(State *state, void *thing, void *nothing) noexcept nogil
cdef void send_to_transport(State *state, void *thing, void *outgoing) noexcept nogil
cdef void give_sessions_to_transport(State *state, void *thing, void *sessions) noexcept nogil
cdef void limit_incoming_of_transport(State *state, void *thing, void *bps_uint32) noexcept nogil
cdef void add_recv_stream_to_transport(State *state, void *thing, void *new_stream) noexcept nogil
cdef void add_send_stream_to_transport(State *state, void *thing, void *new_stream) noexcept nogil
cdef void copy_transport(State *state, void *thing, void *copy) noexcept nogil

cdef void close_recv_stream(State *state, void *thing, void *nothing) noexcept nogil
cdef void pause_recv_stream(State *state, void *thing, void *paused_bint) noexcept nogil
cdef void ask_recv_stream(State *state, void *thing, void *nothing) noexcept nogil
cdef void copy_recv_stream(State *state, void *thing, void *copy) noexcept nogil

cdef void close_send_stream(State *state, void *thing, void *nothing) noexcept nogil
cdef void feed_send_stream(State *state, void *thing, void *source) noexcept nogil
cdef void pause_send_stream(State *state, void *thing, void *paused_bint) noexcept nogil
cdef void limit_send_stream(State *state, void *thing, void *limit) noexcept nogil
cdef void copy_send_stream(State *state, void *thing, void *copy) noexcept nogil

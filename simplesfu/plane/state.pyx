# cython: language_level=3
"""The life of the plane's memory as a whole."""
from simplesfu.plane.events cimport events_free, events_init
from simplesfu.plane.packet cimport pool_free, pool_init
from simplesfu.plane.sender cimport sender_free, sender_init
from simplesfu.plane.table cimport table_free, table_init
from simplesfu.plane.tcp cimport tcp_free, tcp_init

cdef enum:
    TABLES = 7


cdef void _tables(State *state, Table **tables) noexcept nogil:
    tables[0] = &state.transports_by_id
    tables[1] = &state.recv_by_id
    tables[2] = &state.send_by_id
    tables[3] = &state.by_tuple
    tables[4] = &state.by_ufrag
    tables[5] = &state.by_recv_ssrc
    tables[6] = &state.by_send_ssrc


cdef int state_init(State *state, uint64_t seed, uint32_t max_packets, int max_connections, int fd_v4, int fd_v6,
                    int event_fd) noexcept nogil:
    """`state` is zero but for what Plane has set. -1 when there is no memory; state_free is right in any case."""
    cdef Table *tables[TABLES]
    cdef int i, failed = 0
    _tables(state, tables)
    for i in range(TABLES):
        failed |= table_init(tables[i], seed + i)
    pool_init(&state.pool, max_packets)
    failed |= events_init(&state.events, event_fd)
    failed |= sender_init(&state.sender, fd_v4, fd_v6, &state.tcp, state.batching)
    failed |= tcp_init(&state.tcp, seed + TABLES, max_connections)
    return failed


cdef void state_free(State *state) noexcept nogil:
    """Every transport must have been removed before."""
    cdef Table *tables[TABLES]
    cdef int i
    _tables(state, tables)
    for i in range(TABLES):
        table_free(tables[i])
    pool_free(&state.pool)
    sender_free(&state.sender)
    tcp_free(&state.tcp)
    events_free(&state.events)

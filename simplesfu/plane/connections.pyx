# cython: language_level=3
"""Whoever connects is a stranger until a check of his has been authenticated (gate_add_tuple): nothing but binding
requests for a live user name may come from him, and he is closed on the first thing that is something else."""
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from simplesfu.plane.counters cimport DROP_EVENTS_FULL, DROP_NO_MEMORY, DROP_STUN_RATE
from simplesfu.plane.framing cimport FRAME_TOO_LONG, FRAME_UNFINISHED, deframer_keep, deframer_next
from simplesfu.plane.gate cimport gate_forget_address
from simplesfu.plane.ingress cimport ingress_take
from simplesfu.plane.packet cimport pool_take
from simplesfu.plane.tcp cimport (
    CLOSED_NOT_STUN, READY_BATCH, SWEEP_US, Connection, Ready, poller_ready, tcp_accept, tcp_bury, tcp_close, tcp_flush,
    tcp_read, tcp_sweep,
)
from simplesfu.plane.udp cimport MAX_DATAGRAM_BYTES, Datagram


cdef void connections_receive(State *state, int64_t now_us) noexcept nogil:
    """Serve those that are ready, so many bytes each; who is left comes first the next time."""
    cdef Ready[READY_BATCH] ready
    cdef Connection *connection
    cdef int i, count = poller_ready(state.tcp.poller, ready)
    for i in range(count):
        connection = <Connection *>ready[i].of
        if connection == NULL:
            tcp_accept(&state.tcp, now_us)
            continue
        # Another one may have closed it since.
        if connection.fd >= 0 and ready[i].writable:
            tcp_flush(&state.tcp, connection, now_us)
        if connection.fd >= 0 and ready[i].readable:
            _read(state, connection, now_us)
    _forget_closed(state, now_us)


cdef void connections_sweep(State *state, int64_t now_us) noexcept nogil:
    """After everything that may have closed one, and before anybody else looks."""
    if now_us - state.tcp.swept_us >= SWEEP_US:
        tcp_sweep(&state.tcp, now_us)
    _forget_closed(state, now_us)


cdef void _forget_closed(State *state, int64_t now_us) noexcept nogil:
    while state.tcp.closed != NULL:
        gate_forget_address(state, &state.tcp.closed.address, now_us)
        tcp_bury(&state.tcp, state.tcp.closed)


cdef void _read(State *state, Connection *connection, int64_t now_us) noexcept nogil:
    cdef int length = tcp_read(&state.tcp, connection, now_us), at = 0, size, outcome
    cdef uint8_t *chunk = state.tcp.chunk
    # What a frame sets off may be the end of its connection.
    while length and connection.fd >= 0:
        size = deframer_next(&connection.deframer, chunk, length, &at)
        if size == FRAME_UNFINISHED:
            deframer_keep(&connection.deframer, chunk + at, length - at)
            return
        outcome = _frame(state, connection, chunk + at - max(size, 0), size, now_us)
        if not connection.proven and connection.fd >= 0 and not _may_stay(outcome):
            tcp_close(&state.tcp, connection, CLOSED_NOT_STUN)


cdef inline bint _may_stay(int outcome) noexcept nogil:
    """Passed on, or dropped for no fault of the stranger."""
    return outcome < 0 or outcome == DROP_STUN_RATE or outcome == DROP_EVENTS_FULL or outcome == DROP_NO_MEMORY


cdef int _frame(State *state, Connection *connection, const uint8_t *frame, int size, int64_t now_us) noexcept nogil:
    cdef Datagram datagram
    if state.arrivals[0] == NULL:
        state.arrivals[0] = pool_take(&state.pool)
        if state.arrivals[0] == NULL:
            state.counters.received += 1
            state.counters.ingress_drops[DROP_NO_MEMORY] += 1
            return DROP_NO_MEMORY
    datagram.data = state.arrivals[0].data
    datagram.source = connection.address
    datagram.truncated = size == FRAME_TOO_LONG
    datagram.length = MAX_DATAGRAM_BYTES if datagram.truncated else size
    if not datagram.truncated:
        memcpy(datagram.data, frame, size)
    return ingress_take(state, &datagram, &state.arrivals[0], now_us)

# cython: language_level=3
"""TCP connections of clients that UDP does not reach (RFC 6544, passive side). Each is an address; what comes in on it
and who it belongs to is for gate.pyx and connections.pyx to say."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from simplesfu.plane.framing cimport Deframer
from simplesfu.plane.outbox cimport Outbox
from simplesfu.plane.table cimport Table
from simplesfu.plane.udp cimport Address, Message

cdef extern from "tcp_compat.h" nogil:
    enum:
        READY_BATCH
    ctypedef struct Ready:
        void *of
        bint readable
        bint writable
    int poller_ready(int poller, Ready *ready)

cdef enum:
    MAX_STRANGERS = 128                 # connections that have not proved themselves
    MAX_STRANGERS_OF_ADDRESS = 16       # of one IPv4 address or IPv6 /64
    STRANGER_US = 10000000              # how long they may take
    SILENT_US = 60000000                # clients check the paths that they use every few seconds
    STUCK_US = 10000000                 # nothing has left for so long
    SWEEP_US = 200000
    MAX_LISTENERS = 2

cdef enum:
    CLOSED_BY_PEER = 0
    CLOSED_NOT_STUN
    CLOSED_UNPROVEN
    CLOSED_CROWD
    CLOSED_FULL
    CLOSED_STUCK
    CLOSED_SILENT
    CLOSED_FAILED
    CLOSED_NO_MEMORY
    CLOSED_REASONS

cdef struct Connection:
    int fd                              # -1: closed, and freed by tcp_bury
    Address address
    bint proven
    Connection *previous                # of those that are proven, or of those that are not, the oldest first
    Connection *next
    int64_t stranger_us                 # since when it has been one
    int64_t received_us
    Deframer deframer
    Outbox outbox

cdef struct Connections:
    Connection *first
    Connection *last
    int count

cdef struct Tcp:
    int poller                          # -1: there are no listeners
    int listeners[MAX_LISTENERS]
    int listener_count
    int max_connections
    uint32_t last_id
    Table by_id
    Connections strangers
    Connections proven
    Connection *closed                  # linked by `next`
    uint8_t *chunk                      # what was read last, the unfinished frame of before in front of it
    int64_t swept_us
    int64_t deaf_until_us               # no descriptors: nobody is accepted meanwhile; 0: listening
    uint64_t accepted
    uint64_t not_accepted               # times that the system gave no descriptor
    uint64_t frames_sent                # taken by the kernel or the outbox
    uint64_t frames_dropped             # too slow a reader
    uint64_t frames_lost                # for a connection that has gone
    uint64_t closed_by_reason[CLOSED_REASONS]

cdef int tcp_init(Tcp *tcp, uint64_t seed, int max_connections) noexcept nogil
cdef void tcp_free(Tcp *tcp) noexcept nogil
cdef void tcp_accept(Tcp *tcp, int64_t now_us) noexcept nogil
cdef int tcp_read(Tcp *tcp, Connection *connection, int64_t now_us) noexcept nogil
cdef void tcp_send(Tcp *tcp, const Message *message) noexcept nogil
cdef void tcp_flush(Tcp *tcp, Connection *connection, int64_t now_us) noexcept nogil
cdef Connection *tcp_find(const Tcp *tcp, const Address *address) noexcept nogil
cdef bint tcp_is_late(const Tcp *tcp, const Address *address, int64_t now_us) noexcept nogil
cdef void tcp_prove(Tcp *tcp, const Address *address) noexcept nogil
cdef void tcp_disown(Tcp *tcp, const Address *address, int64_t now_us) noexcept nogil
cdef void tcp_close(Tcp *tcp, Connection *connection, int reason) noexcept nogil
cdef void tcp_bury(Tcp *tcp, Connection *connection) noexcept nogil
cdef void tcp_sweep(Tcp *tcp, int64_t now_us) noexcept nogil

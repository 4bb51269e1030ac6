# cython: language_level=3
"""UDP as the plane sees it: addresses, batches in, and messages of equal-sized datagrams out (udp_compat.h)."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cdef extern from "udp_compat.h" nogil:
    enum:
        RECV_BATCH
        SEND_BATCH
        AF_INET6
    ctypedef union Address:
        pass
    ctypedef struct Datagram:
        uint8_t *data
        int32_t length
        int32_t truncated
        Address source "from"
    ctypedef struct Message:
        uint8_t *data
        int32_t length
        int32_t segment
        const Address *to
    int address_family(const Address *address)
    void address_key(const Address *address, uint8_t *key)
    void address_set(Address *address, int is_v6, const uint8_t *ip, int port)
    int address_get(const Address *address, uint8_t *ip, int *port)
    int64_t monotonic_us()
    unsigned wait_readable(const int *fds, int count, int64_t timeout_us)
    int receive_datagrams(int fd, Datagram *datagrams, int count, int capacity, int batching)
    int send_messages(int fd, const Message *messages, int count, int batching, int *gso, int *refused)

cdef enum:
    SENDER_BUFFER_BYTES = 262144
    MAX_DATAGRAM_BYTES = 1600
    MAX_SEGMENTS = 64           # what every kernel with UDP_SEGMENT takes
    MAX_MESSAGE_BYTES = 60000

# Sealed datagrams gathered into as few system calls as the kernel allows. Take room, fill it in place, commit.
cdef struct Sender:
    uint8_t *buffer
    int32_t used
    Message messages[SEND_BATCH]
    int count
    bint last_is_open           # the newest message may take another segment
    int fd_v4
    int fd_v6
    bint batching
    int gso
    uint64_t datagrams
    uint64_t refused            # datagrams that the kernel did not take (its buffer was full)
    uint64_t messages_sent      # runs of datagrams, each cut into its segments by the kernel
    uint64_t calls              # flushes that reached the kernel, by family

cdef int sender_init(Sender *sender, int fd_v4, int fd_v6, bint batching) noexcept nogil
cdef void sender_free(Sender *sender) noexcept nogil
cdef uint8_t *sender_room(Sender *sender) noexcept nogil
cdef void sender_commit(Sender *sender, const Address *to, int length) noexcept nogil
cdef void sender_flush(Sender *sender) noexcept nogil

cdef int parse_address(Address *address, object python_address) except -1
cdef tuple python_address(const Address *address)

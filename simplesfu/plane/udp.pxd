# cython: language_level=3
"""UDP as the plane sees it: addresses, batches in, and messages of equal-sized datagrams out (udp_compat.h)."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef extern from "udp_compat.h" nogil:
    enum:
        RECV_BATCH
        SEND_BATCH
        AF_INET6
    ctypedef struct Address:
        uint32_t connection        # 0: UDP
    ctypedef struct Datagram:
        uint8_t *data
        int32_t length
        int32_t truncated
        Address source "from"
    ctypedef struct Message:
        uint8_t *data
        int32_t length
        int32_t segment
        int32_t urgent
        const Address *to
    int address_family(const Address *address)
    bint address_same_network(const Address *a, const Address *b)
    void address_key(const Address *address, uint8_t *key)
    void address_set(Address *address, int is_v6, const uint8_t *ip, int port)
    int address_get(const Address *address, uint8_t *ip, int *port)
    int64_t monotonic_us()
    unsigned wait_readable(const int *fds, int count, int64_t timeout_us)
    int receive_datagrams(int fd, Datagram *datagrams, int count, int capacity, int batching)
    int send_messages(int fd, const Message *messages, int count, int batching, int *gso, int *refused)

cdef enum:
    MAX_DATAGRAM_BYTES = 1600

cdef int parse_address(Address *address, object python_address) except -1
cdef object python_address(const Address *address)

# cython: language_level=3
"""What leaves: sealed datagrams, gathered into as few system calls as the kernel allows."""
from libc.stdint cimport int32_t, uint8_t, uint64_t

from simplesfu.plane.tcp cimport Tcp
from simplesfu.plane.udp cimport MAX_DATAGRAM_BYTES, SEND_BATCH, Address, Message

cdef enum:
    SENDER_BUFFER_BYTES = 262144
    MAX_SEGMENTS = 64           # what every kernel with UDP_SEGMENT takes
    MAX_MESSAGE_BYTES = 60000

# Take room, fill it in place, commit.
cdef struct Sender:
    uint8_t *buffer
    int32_t used
    Message messages[SEND_BATCH]
    int count
    bint last_is_open           # the newest message may take another segment
    int fd_v4
    int fd_v6
    Tcp *tcp
    bint batching
    int gso
    uint64_t datagrams
    uint64_t refused            # datagrams that the kernel did not take (its buffer was full)
    uint64_t messages_sent      # runs of datagrams, each cut into its segments by the kernel
    uint64_t calls              # flushes that reached the kernel, by family

cdef int sender_init(Sender *sender, int fd_v4, int fd_v6, Tcp *tcp, bint batching) noexcept nogil
cdef void sender_free(Sender *sender) noexcept nogil
cdef uint8_t *sender_room(Sender *sender) noexcept nogil
cdef void sender_commit(Sender *sender, const Address *to, int length, bint urgent) noexcept nogil
cdef void sender_flush(Sender *sender) noexcept nogil

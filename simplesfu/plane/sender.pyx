# cython: language_level=3
"""Packets for one receiver that follow each other become one message: one UDP_SEGMENT call, or one write to its
connection."""
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from simplesfu.plane.tcp cimport tcp_send
from simplesfu.plane.udp cimport AF_INET6, address_family, send_messages


cdef int sender_init(Sender *sender, int fd_v4, int fd_v6, Tcp *tcp, bint batching) noexcept nogil:
    memset(sender, 0, sizeof(Sender))
    sender.buffer = <uint8_t *>malloc(SENDER_BUFFER_BYTES)
    if sender.buffer == NULL:
        return -1
    sender.fd_v4 = fd_v4
    sender.fd_v6 = fd_v6
    sender.tcp = tcp
    sender.batching = batching
    sender.gso = 1 if batching else 0
    return 0


cdef void sender_free(Sender *sender) noexcept nogil:
    free(sender.buffer)
    sender.buffer = NULL


cdef uint8_t *sender_room(Sender *sender) noexcept nogil:
    """Room for one datagram of up to MAX_DATAGRAM_BYTES and an SRTP trailer; valid until the next call here."""
    if sender.used + 2 * MAX_DATAGRAM_BYTES > SENDER_BUFFER_BYTES:
        sender_flush(sender)
    return sender.buffer + sender.used


cdef void sender_commit(Sender *sender, const Address *to, int length, bint urgent) noexcept nogil:
    """The room taken last now holds a datagram for `to`, an address that stays where it is until the flush. `urgent`:
    on a slow TCP connection it passes by the others."""
    cdef Message *last
    if sender.last_is_open:
        last = &sender.messages[sender.count - 1]
        if (last.to == to and length <= last.segment and last.length + length <= MAX_MESSAGE_BYTES
                and last.length < last.segment * MAX_SEGMENTS and (to.connection == 0 or last.urgent == urgent)):
            last.length += length
            sender.used += length
            sender.last_is_open = length == last.segment
            return
    if sender.count == SEND_BATCH:
        _send(sender)
    last = &sender.messages[sender.count]
    last.data = sender.buffer + sender.used
    last.length = length
    last.segment = length
    last.urgent = urgent
    last.to = to
    sender.count += 1
    sender.used += length
    sender.last_is_open = sender.gso != 0 or to.connection != 0


cdef void sender_flush(Sender *sender) noexcept nogil:
    _send(sender)
    sender.used = 0


cdef void _send(Sender *sender) noexcept nogil:
    # One call takes one socket, so runs of one address family go together; a connection is a socket of its own.
    cdef int start = 0, end, fd, refused
    cdef bint is_v6
    cdef const Message *messages = sender.messages
    sender.messages_sent += sender.count
    while start < sender.count:
        if messages[start].to.connection:
            tcp_send(sender.tcp, &messages[start])
            start += 1
            continue
        is_v6 = address_family(messages[start].to) == AF_INET6
        end = start + 1
        while (end < sender.count and messages[end].to.connection == 0
               and (address_family(messages[end].to) == AF_INET6) == is_v6):
            end += 1
        fd = sender.fd_v6 if is_v6 else sender.fd_v4
        refused = 0
        sender.datagrams += send_messages(fd, &messages[start], end - start, sender.batching, &sender.gso, &refused)
        sender.refused += refused
        sender.calls += 1
        start = end
    sender.count = 0
    sender.last_is_open = False

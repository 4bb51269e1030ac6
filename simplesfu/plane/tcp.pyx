# cython: language_level=3
"""Connections and their limits. Nothing here waits, and nothing is allocated for a frame: an outbox comes with the
first frame that has to wait, and goes when it has been empty for a while."""
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free, malloc

from simplesfu.plane.framing cimport FRAME_HEADER_BYTES, MAX_FRAME_BYTES, deframer_resume
from simplesfu.plane.outbox cimport (
    MAX_PIECES, iovec, outbox_free, outbox_has_room, outbox_is_empty, outbox_is_late, outbox_pieces, outbox_put,
    outbox_put_begun, outbox_take,
)
from simplesfu.plane.table cimport Key, id_key, table_free, table_get, table_init, table_pop, table_put
from simplesfu.plane.udp cimport address_same_network, monotonic_us

cdef extern from "tcp_compat.h" nogil:
    int poller_open()
    int poller_watch(int poller, int fd, void *of)
    int poller_unwatch(int poller, int fd)
    int poller_watch_writing(int poller, int fd, void *of, bint wanted)
    int tcp_take_in(int listener, Address *source, int unsent_bytes, bint *nobody)
    int tcp_receive(int fd, uint8_t *room, int size)
    int tcp_write_frames(int fd, const Message *message)
    int tcp_write(int fd, iovec *pieces, int count)

cdef extern from "<unistd.h>" nogil:
    int close(int fd)

cdef extern from "<sys/socket.h>" nogil:
    enum:
        SHUT_RDWR
    int shutdown(int fd, int how)

cdef enum:
    READ_BYTES = 16384         # of one connection in one turn, so that nobody keeps the others waiting
    UNSENT_BYTES = 8192        # what the kernel keeps; more is kept here, where it can be told how old it is
    ACCEPTED_PER_TURN = 16
    DEAF_US = 1000000
    EMPTY_OUTBOX_US = 2000000
    END_OF_STREAM = 0
    NOTHING_YET = -1

# In the order of the enum.
CLOSED_REASON_NAMES = (
    "by_peer", "not_stun", "unproven", "crowd", "full", "stuck", "silent", "failed", "no_memory",
)
assert len(CLOSED_REASON_NAMES) == CLOSED_REASONS


cdef int tcp_init(Tcp *tcp, uint64_t seed, int max_connections) noexcept nogil:
    """Watch the listeners that are in `tcp`. -1: no memory, or no descriptor; tcp_free is right in any case."""
    cdef int i, failed = table_init(&tcp.by_id, seed)
    tcp.max_connections = max_connections
    tcp.poller = -1
    if tcp.listener_count:
        tcp.poller = poller_open()
        tcp.chunk = <uint8_t *>malloc(MAX_FRAME_BYTES + READ_BYTES)
        if tcp.poller < 0 or tcp.chunk == NULL:
            return -1
    for i in range(tcp.listener_count):
        failed |= poller_watch(tcp.poller, tcp.listeners[i], NULL)
    return failed


cdef void tcp_free(Tcp *tcp) noexcept nogil:
    while tcp.strangers.first != NULL:
        tcp_close(tcp, tcp.strangers.first, CLOSED_BY_PEER)
    while tcp.proven.first != NULL:
        tcp_close(tcp, tcp.proven.first, CLOSED_BY_PEER)
    while tcp.closed != NULL:
        tcp_bury(tcp, tcp.closed)
    if tcp.poller >= 0:
        close(tcp.poller)
    free(tcp.chunk)
    table_free(&tcp.by_id)
    tcp.poller = -1
    tcp.chunk = NULL


# who is there

cdef void tcp_accept(Tcp *tcp, int64_t now_us) noexcept nogil:
    cdef Address source
    cdef int i, _turn, fd
    cdef bint nobody = False
    for i in range(tcp.listener_count):
        for _turn in range(ACCEPTED_PER_TURN):
            fd = tcp_take_in(tcp.listeners[i], &source, UNSENT_BYTES, &nobody)
            if fd < 0 and nobody:
                break
            if fd < 0:
                tcp.not_accepted += 1
                _be_deaf(tcp, now_us)
                return
            _take_in(tcp, fd, &source, now_us)


cdef void _be_deaf(Tcp *tcp, int64_t now_us) noexcept nogil:
    """There are no descriptors, and a listener that stays readable would wake the thread up again and again."""
    cdef int i
    tcp.deaf_until_us = now_us + DEAF_US
    for i in range(tcp.listener_count):
        poller_unwatch(tcp.poller, tcp.listeners[i])


cdef void _take_in(Tcp *tcp, int fd, Address *source, int64_t now_us) noexcept nogil:
    cdef Connection *connection
    cdef Key key
    tcp.accepted += 1
    if tcp.proven.count + tcp.strangers.count >= tcp.max_connections:
        if tcp.strangers.first == NULL:
            tcp.closed_by_reason[CLOSED_FULL] += 1
            close(fd)
            return
        tcp_close(tcp, tcp.strangers.first, CLOSED_CROWD)
    connection = <Connection *>calloc(1, sizeof(Connection))
    tcp.last_id = tcp.last_id + 1 if tcp.last_id + 1 else 1
    key = id_key(0, tcp.last_id)
    if connection == NULL or poller_watch(tcp.poller, fd, connection) or table_put(&tcp.by_id, &key, connection):
        tcp.closed_by_reason[CLOSED_NO_MEMORY] += 1
        close(fd)
        free(connection)
        return
    connection.fd = fd
    connection.address = source[0]
    connection.address.connection = tcp.last_id
    connection.received_us = now_us
    _add_stranger(tcp, connection, now_us)


cdef void _add_stranger(Tcp *tcp, Connection *connection, int64_t now_us) noexcept nogil:
    """Of too many the oldest goes: who has a proof shows it at once, and who only takes up room has no use of more."""
    cdef Connection *other = tcp.strangers.first
    cdef Connection *oldest = NULL
    cdef int neighbours = 0
    while other != NULL:
        if address_same_network(&other.address, &connection.address):
            oldest = other if oldest == NULL else oldest
            neighbours += 1
        other = other.next
    if neighbours >= MAX_STRANGERS_OF_ADDRESS:
        tcp_close(tcp, oldest, CLOSED_CROWD)
    elif tcp.strangers.count >= MAX_STRANGERS:
        tcp_close(tcp, tcp.strangers.first, CLOSED_CROWD)
    connection.stranger_us = now_us
    connection.proven = False
    _append(&tcp.strangers, connection)


cdef void _append(Connections *list, Connection *connection) noexcept nogil:
    connection.previous = list.last
    connection.next = NULL
    if list.last != NULL:
        list.last.next = connection
    else:
        list.first = connection
    list.last = connection
    list.count += 1


cdef void _remove(Connections *list, Connection *connection) noexcept nogil:
    if connection.previous != NULL:
        connection.previous.next = connection.next
    else:
        list.first = connection.next
    if connection.next != NULL:
        connection.next.previous = connection.previous
    else:
        list.last = connection.previous
    list.count -= 1


cdef Connection *tcp_find(const Tcp *tcp, const Address *address) noexcept nogil:
    """NULL when it has been closed."""
    cdef Key key = id_key(0, address.connection)
    return <Connection *>table_get(&tcp.by_id, &key)


cdef bint tcp_is_late(const Tcp *tcp, const Address *address, int64_t now_us) noexcept nogil:
    """Pictures would come too late on it."""
    cdef Connection *connection = tcp_find(tcp, address)
    return connection != NULL and outbox_is_late(&connection.outbox, now_us)


cdef void tcp_prove(Tcp *tcp, const Address *address) noexcept nogil:
    """It belongs to a transport now."""
    cdef Connection *connection = tcp_find(tcp, address)
    if connection != NULL and not connection.proven:
        _remove(&tcp.strangers, connection)
        connection.proven = True
        _append(&tcp.proven, connection)


cdef void tcp_disown(Tcp *tcp, const Address *address, int64_t now_us) noexcept nogil:
    """It belongs to nobody any longer, and has to prove itself again."""
    cdef Connection *connection = tcp_find(tcp, address)
    if connection != NULL and connection.proven:
        _remove(&tcp.proven, connection)
        _add_stranger(tcp, connection, now_us)


cdef void tcp_close(Tcp *tcp, Connection *connection, int reason) noexcept nogil:
    """Its memory stays until tcp_bury, since somebody may be looking at it."""
    cdef Key key = id_key(0, connection.address.connection)
    if connection.fd < 0:
        return
    tcp.closed_by_reason[reason] += 1
    table_pop(&tcp.by_id, &key)
    poller_unwatch(tcp.poller, connection.fd)
    shutdown(connection.fd, SHUT_RDWR)  # a child that was forked meanwhile would keep it open
    close(connection.fd)
    connection.fd = -1
    _remove(&tcp.proven if connection.proven else &tcp.strangers, connection)
    connection.next = tcp.closed
    tcp.closed = connection


cdef void tcp_bury(Tcp *tcp, Connection *connection) noexcept nogil:
    """Free the one that was closed last."""
    tcp.closed = connection.next
    outbox_free(&connection.outbox)
    free(connection)


cdef void tcp_sweep(Tcp *tcp, int64_t now_us) noexcept nogil:
    cdef Connection *connection = tcp.proven.first
    cdef Connection *following
    cdef int i
    tcp.swept_us = now_us
    while tcp.strangers.first != NULL and now_us - tcp.strangers.first.stranger_us >= STRANGER_US:
        tcp_close(tcp, tcp.strangers.first, CLOSED_UNPROVEN)
    while connection != NULL:
        following = connection.next
        if not outbox_is_empty(&connection.outbox):
            if now_us - connection.outbox.progress_us >= STUCK_US:
                tcp_close(tcp, connection, CLOSED_STUCK)
        elif connection.outbox.memory != NULL and now_us - connection.outbox.progress_us >= EMPTY_OUTBOX_US:
            outbox_free(&connection.outbox)
        if now_us - connection.received_us >= SILENT_US:
            tcp_close(tcp, connection, CLOSED_SILENT)
        connection = following
    if tcp.deaf_until_us and now_us >= tcp.deaf_until_us:
        tcp.deaf_until_us = 0
        for i in range(tcp.listener_count):
            poller_watch(tcp.poller, tcp.listeners[i], NULL)


# what comes and goes

cdef int tcp_read(Tcp *tcp, Connection *connection, int64_t now_us) noexcept nogil:
    """Read on; answers how much is in tcp.chunk then, 0 when there is nothing new."""
    cdef int kept = deframer_resume(&connection.deframer, tcp.chunk)
    cdef int count = tcp_receive(connection.fd, tcp.chunk + kept, READ_BYTES)
    if count > 0:
        connection.received_us = now_us
        return kept + count
    if count != NOTHING_YET:
        tcp_close(tcp, connection, CLOSED_BY_PEER if count == END_OF_STREAM else CLOSED_FAILED)
    return 0


cdef void tcp_send(Tcp *tcp, const Message *message) noexcept nogil:
    """Each segment becomes a frame; those that neither the kernel nor the outbox takes are dropped whole."""
    cdef Connection *connection = tcp_find(tcp, message.to)
    cdef int frames = (message.length + message.segment - 1) // message.segment
    cdef int written = 0, whole
    if connection == NULL:
        tcp.frames_lost += frames
        return
    if outbox_is_empty(&connection.outbox):
        written = tcp_write_frames(connection.fd, message)
        if written < 0:
            tcp.frames_lost += frames
            tcp_close(tcp, connection, CLOSED_FAILED)
            return
        if written == message.length + frames * FRAME_HEADER_BYTES:
            tcp.frames_sent += frames
            return
        if not connection.proven:
            # A stranger has no outbox, and half a frame is none.
            tcp.frames_lost += frames
            tcp_close(tcp, connection, CLOSED_STUCK)
            return
    whole = written // (message.segment + FRAME_HEADER_BYTES)
    tcp.frames_sent += whole
    _keep(tcp, connection, message, whole, written - whole * (message.segment + FRAME_HEADER_BYTES), monotonic_us())


cdef void _keep(Tcp *tcp, Connection *connection, const Message *message, int frame, int sent,
                int64_t now_us) noexcept nogil:
    """Put what is left of a message, from that frame on, into the outbox; `sent` bytes of the frame have left."""
    cdef bint was_empty = outbox_is_empty(&connection.outbox), kept
    cdef int32_t at = frame * message.segment, length
    while at < message.length:
        length = min(message.segment, message.length - at)
        if sent:
            kept = outbox_put_begun(&connection.outbox, message.data + at, length, sent, now_us)
        elif outbox_has_room(&connection.outbox, length, message.urgent, now_us):
            kept = outbox_put(&connection.outbox, message.data + at, length, message.urgent, now_us)
        else:
            tcp.frames_dropped += 1
            at += length
            continue
        if not kept:
            tcp_close(tcp, connection, CLOSED_NO_MEMORY)
            return
        tcp.frames_sent += 1
        sent = 0
        at += length
    if was_empty and not outbox_is_empty(&connection.outbox):
        poller_watch_writing(tcp.poller, connection.fd, connection, True)


cdef void tcp_flush(Tcp *tcp, Connection *connection, int64_t now_us) noexcept nogil:
    """The kernel has room again."""
    cdef iovec[MAX_PIECES] pieces
    cdef int written = tcp_write(connection.fd, pieces, outbox_pieces(&connection.outbox, pieces))
    if written < 0:
        tcp_close(tcp, connection, CLOSED_FAILED)
        return
    outbox_take(&connection.outbox, written, now_us)
    if outbox_is_empty(&connection.outbox):
        poller_watch_writing(tcp.poller, connection.fd, connection, False)

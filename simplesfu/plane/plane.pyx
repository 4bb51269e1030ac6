# cython: language_level=3
"""The plane's Python face (documented in plane.pyi). Arguments become C before the lock is taken, and answers
become Python after it is given back, so the plane's thread never waits for somebody who waits for the GIL."""
import os
import secrets
import socket

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from simplesfu.plane.changes cimport (
    RECV_STREAM, SEND_STREAM, TRANSPORT, Change, Kind, Limit, NewStream, NewTuple, Outgoing, Sessions, Source,
    add_recv_stream_to_transport, add_send_stream_to_transport, add_tuple_of_transport, ask_recv_stream,
    close_recv_stream, close_send_stream, close_transport, copy_recv_stream, copy_send_stream, copy_transport,
    feed_send_stream, find, forget_tuples_of_transport, give_sessions_to_transport, limit_incoming_of_transport,
    limit_send_stream, pause_recv_stream, pause_send_stream, send_to_transport,
)
from simplesfu.plane.events cimport EVENT_SLOTS, events_read
from simplesfu.plane.layers cimport TOP_TEMPORAL_LAYER
from simplesfu.plane.lock cimport Lock, lock_destroy, lock_give, lock_init, lock_take
from simplesfu.plane.loop cimport loop_run
from simplesfu.plane.parameters cimport fill_recv_stream, fill_send_stream
from simplesfu.plane.readings cimport plane_reading, recv_stream_reading, send_stream_reading, transport_reading
from simplesfu.plane.sender cimport sender_commit, sender_flush, sender_room
from simplesfu.plane.srtp cimport session_pointer
from simplesfu.plane.state cimport (
    MAX_TRANSPORT_TUPLES, RecvStream, SendStream, State, Transport, state_free, state_init,
)
from simplesfu.plane.streams cimport add_transport, remove_transport, transport_by_id
from simplesfu.plane.table cimport Key, bytes_key, table_get, table_pop, table_put
from simplesfu.plane.tcp cimport MAX_LISTENERS
from simplesfu.plane.udp cimport MAX_DATAGRAM_BYTES, Address, monotonic_us, parse_address

from simplesfu.plane.events import DtlsDatagram, StreamStarted, StreamStopped, StunRequest, TupleSelected
from simplesfu.plane.srtp import make_session
from simplesfu.unpatched import make_thread

Event = StunRequest | DtlsDatagram | StreamStarted | StreamStopped | TupleSelected
MAX_TUPLES = MAX_TRANSPORT_TUPLES
MAX_PACKETS = 65536            # of all streams together, 110 MB when all are in use
EVENTS_PER_READ = 256
KIND_NAMES = ("transport", "recv stream", "send stream")    # in the order of changes.pxd


class PlaneError(Exception):
    """A call that cannot be carried out."""


cdef class Plane:
    cdef State *state
    cdef Lock lock
    cdef object sockets, thread, sessions, ufrags
    cdef int event_fd
    cdef bint closed

    def __cinit__(self):
        lock_init(&self.lock)
        self.event_fd = -1

    def __init__(self, sockets, *, listeners=(), max_connections=1000, hold_us=1000, batching=True):
        fds = {}
        for sock in sockets:
            if sock.type != socket.SOCK_DGRAM or sock.family not in (socket.AF_INET, socket.AF_INET6):
                raise ValueError("the plane takes UDP sockets")
            if sock.family in fds:
                raise ValueError("the plane takes one socket of each address family")
            fds[sock.family] = sock.fileno()
        if not fds:
            raise ValueError("the plane needs a socket")
        if len(listeners) > MAX_LISTENERS or any(sock.type != socket.SOCK_STREAM for sock in listeners):
            raise ValueError("the plane takes one listening TCP socket of each address family")
        self.sockets = (*sockets, *listeners)
        self.sessions = {}
        self.ufrags = {}
        self.state = <State *>calloc(1, sizeof(State))
        if self.state == NULL:
            raise MemoryError
        cdef State *state = self.state
        state.hold_us = hold_us
        state.batching = batching
        for fd in fds.values():
            state.fds[state.fd_count] = fd
            state.fd_count += 1
        for sock in listeners:
            state.tcp.listeners[state.tcp.listener_count] = sock.fileno()
            state.tcp.listener_count += 1
        self.event_fd, event_write_fd = os.pipe()
        state.fds[state.fd_count], state.wake_fd = os.pipe()
        for fd in (self.event_fd, event_write_fd, state.fds[state.fd_count], state.wake_fd):
            os.set_blocking(fd, False)
        v4, v6 = fds.get(socket.AF_INET, -1), fds.get(socket.AF_INET6, -1)
        if state_init(state, secrets.randbits(63), MAX_PACKETS, max_connections, v4, v6, event_write_fd) != 0:
            self.close()
            raise MemoryError
        state.fds[state.fd_count + 1] = state.tcp.poller

    def start(self):
        if self.thread is not None or self.closed:
            raise PlaneError("the plane has been started before")
        # A daemon, since Python joins the others before any exit handler could tell this one to stop.
        self.thread = make_thread(self._run, "simplesfu-plane", daemon=True)
        self.thread.start()

    def _run(self):
        cdef State *state = self.state
        with nogil:
            loop_run(state, &self.lock)

    def close(self):
        cdef State *state = self.state
        if self.closed:
            return
        self.closed = True
        state.stopping = True
        os.write(state.wake_fd, b"\0")
        if self.thread is not None:
            self.thread.join()
        fds = (self.event_fd, state.events.wake_fd, state.wake_fd, state.fds[state.fd_count])
        with nogil:
            while state.transports != NULL:
                remove_transport(state, state.transports)
            state_free(state)
        self.sessions.clear()
        self.ufrags.clear()
        for fd in fds:
            os.close(fd)

    def __dealloc__(self):
        # Only close() frees what the thread uses: a plane that nobody closed still runs.
        if self.closed:
            free(self.state)
        lock_destroy(&self.lock)

    cdef State *_live(self) except NULL:
        if self.closed:
            raise PlaneError("the plane is closed")
        return self.state

    @property
    def thread_id(self):
        return self.thread.native_id or 0 if self.thread is not None else 0

    def fileno(self):
        self._live()
        return self.event_fd

    def read_events(self):
        cdef State *state = self._live()
        try:
            os.read(self.event_fd, EVENT_SLOTS)
        except BlockingIOError:
            pass
        events = events_read(&state.events, EVENTS_PER_READ)
        if len(events) == EVENTS_PER_READ:
            os.write(state.events.wake_fd, b"\0")      # there may be more: stay readable
        return events

    cdef bint _try(self, Kind kind, uint32_t id, Change change, void *arguments) except -1:
        """Do it under the lock; False when there is no such thing."""
        cdef State *state = self._live()
        cdef void *found
        with nogil:
            lock_take(&self.lock)
            found = find(state, kind, id)
            if found != NULL:
                change(state, found, arguments)
            lock_give(&self.lock)
        return found != NULL

    cdef int _do(self, Kind kind, uint32_t id, Change change, void *arguments) except -1:
        if not self._try(kind, id, change, arguments):
            raise PlaneError(f"no {KIND_NAMES[<int>kind]} {id}")
        return 0

    # gate

    def add_transport(self):
        cdef State *state = self._live()
        cdef uint32_t feedback_ssrc = secrets.randbits(32) | 1, transport
        with nogil:
            lock_take(&self.lock)
            transport = add_transport(state, feedback_ssrc)
            lock_give(&self.lock)
        if transport == 0:
            raise MemoryError
        return transport

    def remove_transport(self, uint32_t transport):
        for ufrag in [ufrag for ufrag, owner in self.ufrags.items() if owner == transport]:
            self.remove_ufrag(ufrag)
        self._try(TRANSPORT, transport, close_transport, NULL)
        self.sessions.pop(transport, None)

    def add_ufrag(self, uint32_t transport, str ufrag):
        cdef State *state = self._live()
        cdef bytes name = ufrag.encode()
        cdef Key key
        cdef Transport *found
        cdef int failed = 1
        if not name or b":" in name or not bytes_key(&key, name, len(name)):
            raise PlaneError(f"{ufrag!r} cannot be a user name fragment here (1..23 bytes without a colon)")
        with nogil:
            lock_take(&self.lock)
            found = transport_by_id(state, transport)
            if found != NULL and table_get(&state.by_ufrag, &key) == NULL:
                failed = table_put(&state.by_ufrag, &key, found)
            lock_give(&self.lock)
        if failed:
            raise PlaneError(f"no transport {transport}, or the user name fragment is in use")
        self.ufrags[ufrag] = transport

    def remove_ufrag(self, str ufrag):
        cdef State *state = self._live()
        cdef bytes name = ufrag.encode()
        cdef Key key
        if self.ufrags.pop(ufrag, None) is None or not bytes_key(&key, name, len(name)):
            return
        with nogil:
            lock_take(&self.lock)
            table_pop(&state.by_ufrag, &key)
            lock_give(&self.lock)

    def add_tuple(self, uint32_t transport, address, *, bint select):
        cdef NewTuple new_tuple
        parse_address(&new_tuple.address, address)
        new_tuple.select = select
        new_tuple.now_us = monotonic_us()
        self._do(TRANSPORT, transport, add_tuple_of_transport, &new_tuple)
        return new_tuple.changed != 0

    def remove_tuples(self, uint32_t transport):
        self._try(TRANSPORT, transport, forget_tuples_of_transport, NULL)

    def send(self, uint32_t transport, bytes data):
        cdef Outgoing outgoing = Outgoing(data=data, length=self._sendable(data), sent=False)
        self._try(TRANSPORT, transport, send_to_transport, &outgoing)
        return outgoing.sent != 0

    def send_to(self, address, bytes data):
        cdef State *state = self._live()
        cdef const uint8_t *bytes_out = data
        cdef int length = self._sendable(data)
        cdef Address parsed
        parse_address(&parsed, address)
        with nogil:
            lock_take(&self.lock)
            memcpy(sender_room(&state.sender), bytes_out, length)
            sender_commit(&state.sender, &parsed, length, True)
            sender_flush(&state.sender)
            lock_give(&self.lock)

    cdef int _sendable(self, bytes data) except -1:
        if not 0 < len(data) <= MAX_DATAGRAM_BYTES:
            raise PlaneError(f"a datagram has 1..{MAX_DATAGRAM_BYTES} bytes, not {len(data)}")
        return len(data)

    def set_srtp(self, uint32_t transport, str profile, bytes recv_key, bytes send_key):
        cdef Sessions sessions
        if transport in self.sessions:
            raise PlaneError(f"transport {transport} has its SRTP keys already")
        try:
            recv_session = make_session(profile, recv_key, inbound=True)
            send_session = make_session(profile, send_key, inbound=False)
        except ValueError as error:
            raise PlaneError(str(error)) from None
        sessions.recv_session = session_pointer(recv_session)
        sessions.send_session = session_pointer(send_session)
        self._do(TRANSPORT, transport, give_sessions_to_transport, &sessions)
        # pylibsrtp frees a session with its object, so they live until the transport has gone.
        self.sessions[transport] = (recv_session, send_session)

    def set_max_recv_bitrate(self, uint32_t transport, uint32_t bps):
        self._do(TRANSPORT, transport, limit_incoming_of_transport, &bps)

    # streams

    def add_recv_stream(self, uint32_t transport, **parameters):
        cdef RecvStream wanted
        fill_recv_stream(&wanted, parameters)
        return self._add_stream(transport, add_recv_stream_to_transport, &wanted)

    def add_send_stream(self, uint32_t transport, **parameters):
        cdef SendStream wanted
        fill_send_stream(&wanted, parameters)
        return self._add_stream(transport, add_send_stream_to_transport, &wanted)

    cdef uint32_t _add_stream(self, uint32_t transport, Change add, const void *wanted) except 0:
        cdef NewStream new_stream = NewStream(wanted=wanted, seed=secrets.randbits(63), conflict=False, stream=0)
        self._do(TRANSPORT, transport, add, &new_stream)
        if new_stream.conflict:
            raise PlaneError("another stream of this transport has that SSRC")
        if new_stream.stream == 0:
            raise MemoryError
        return new_stream.stream

    def remove_recv_stream(self, uint32_t recv_stream):
        self._try(RECV_STREAM, recv_stream, close_recv_stream, NULL)

    def pause_recv_stream(self, uint32_t recv_stream, bint paused):
        self._do(RECV_STREAM, recv_stream, pause_recv_stream, &paused)

    def request_keyframe(self, uint32_t recv_stream):
        self._do(RECV_STREAM, recv_stream, ask_recv_stream, NULL)

    def remove_send_stream(self, uint32_t send_stream):
        self._try(SEND_STREAM, send_stream, close_send_stream, NULL)

    def set_source(self, uint32_t send_stream, recv_stream):
        cdef Source source = Source(recv_stream=recv_stream or 0, done=False)
        self._try(SEND_STREAM, send_stream, feed_send_stream, &source)
        if not source.done:
            raise PlaneError(f"no send stream {send_stream} or no recv stream {recv_stream}")

    def pause_send_stream(self, uint32_t send_stream, bint paused):
        self._do(SEND_STREAM, send_stream, pause_send_stream, &paused)

    def limit_send_stream(self, uint32_t send_stream, *, max_temporal_layer, max_frame_rate):
        cdef Limit limit = Limit(max_temporal_layer=TOP_TEMPORAL_LAYER, max_frame_rate=max_frame_rate or 0)
        if max_temporal_layer is not None:
            limit.max_temporal_layer = min(max_temporal_layer, TOP_TEMPORAL_LAYER)
        self._do(SEND_STREAM, send_stream, limit_send_stream, &limit)

    # reading: what is read is copied under the lock and named after it

    def stats(self):
        cdef State *state = self._live()
        cdef State copy
        with nogil:
            lock_take(&self.lock)
            copy = state[0]
            lock_give(&self.lock)
        return plane_reading(&copy)

    def transport_stats(self, uint32_t transport):
        cdef Transport copy
        self._do(TRANSPORT, transport, copy_transport, &copy)
        return transport_reading(&copy, monotonic_us())

    def recv_stream_stats(self, uint32_t recv_stream):
        cdef RecvStream copy
        self._do(RECV_STREAM, recv_stream, copy_recv_stream, &copy)
        return recv_stream_reading(&copy, monotonic_us())

    def send_stream_stats(self, uint32_t send_stream):
        cdef SendStream copy
        self._do(SEND_STREAM, send_stream, copy_send_stream, &copy)
        return send_stream_reading(&copy, monotonic_us())

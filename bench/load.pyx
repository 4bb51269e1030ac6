# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# distutils: include_dirs = simplesfu/plane
"""The load generator: one thread without the GIL is the publisher and all viewers (documented in load.pyi).

It has a core of its own, so that what the server costs is not hidden by it. It sends by a timer, reads all packets that
come, and opens the SRTP of some viewers to see that they get what was sent.
"""
from libc.errno cimport EINTR, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

from simplesfu.plane.byteorder cimport load_u32, store_u16, store_u32
from simplesfu.plane.framing cimport (
    FRAME_UNFINISHED, MAX_FRAME_BYTES, Deframer, deframer_keep, deframer_next, deframer_resume,
)
from simplesfu.plane.rtp cimport RTP_OK, RtpView, rtp_parse
from simplesfu.plane.srtp cimport SRTP_OK, session_pointer, srtp

import os
import socket
from array import array
from typing import NamedTuple

cdef extern from "<time.h>" nogil:
    enum:
        CLOCK_MONOTONIC
        CLOCK_REALTIME
        CLOCK_THREAD_CPUTIME_ID
    struct timespec:
        long tv_sec
        long tv_nsec
    struct itimerspec:
        timespec it_interval
        timespec it_value
    int clock_gettime(int clock, timespec *time)

cdef extern from "<sys/timerfd.h>" nogil:
    enum:
        TFD_NONBLOCK
        TFD_TIMER_ABSTIME
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec *time, itimerspec *before)

cdef extern from "<sys/epoll.h>" nogil:
    enum:
        EPOLLIN
        EPOLL_CTL_ADD
    union epoll_data:
        uint32_t u32
    struct epoll_event:
        uint32_t events
        epoll_data data
    int epoll_create1(int flags)
    int epoll_ctl(int fd, int operation, int target, epoll_event *event)
    int epoll_wait(int fd, epoll_event *events, int count, int timeout_ms)

cdef extern from "<sys/socket.h>" nogil:
    enum:
        MSG_DONTWAIT
        MSG_TRUNC
        SOL_SOCKET
        SCM_TIMESTAMPNS
    struct iovec:
        void *iov_base
        size_t iov_len
    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    struct cmsghdr:
        int cmsg_level
        int cmsg_type
    cmsghdr *CMSG_FIRSTHDR(msghdr *message)
    unsigned char *CMSG_DATA(cmsghdr *message)
    int recvmmsg(int fd, mmsghdr *messages, unsigned int count, int flags, timespec *timeout)
    ssize_t send(int fd, const void *data, size_t length, int flags)
    ssize_t recv(int fd, void *data, size_t length, int flags)

cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    ssize_t read(int fd, void *data, size_t length)

cdef enum:
    RECV_BATCH = 32
    EVENT_BATCH = 64
    DATAGRAM_BYTES = 2048
    CONTROL_BYTES = 64
    MAX_STREAMS = 4
    CHUNK_BYTES = 65536
    PREFIX_BYTES = 2             # VP8: payload descriptor, and the frame tag's first byte
    START_DELAY_NS = 20000000
    QUIET_NS = 300000000         # nothing came for so long after the last packet was sent: the rest is lost
    TIMER = 0xFFFFFFFF
    PUBLISHER = 0xFFFFFFFE

cpdef enum:
    HEADER_BYTES = 24            # with two header extensions, as browsers send them
    LEAST_PAYLOAD_BYTES = 6      # the prefix, and the packet's number in the timetable


class Departure(NamedTuple):
    at_us: int
    stream: int
    payload_bytes: int
    marker: bool
    ts: int
    keyframe: bool


class Tally(NamedTuple):
    sent: int
    received: int
    opened: int
    spoilt: int
    latencies_us: array
    most_late_us: int
    elapsed_ns: int


cdef struct Packet:
    int64_t at_ns
    int64_t sent_ns              # realtime: kernel time stamps are
    int32_t payload_bytes
    uint32_t ts
    uint8_t stream
    bint marker
    bint keyframe

cdef struct Stream:
    uint32_t ssrc
    uint8_t payload_type
    uint8_t mid
    uint16_t seq

cdef struct Viewer:
    int fd
    void *session                # NULL: its packets are counted and not opened
    Deframer *deframer           # NULL: they come by UDP

cdef struct Count:
    int64_t sent
    int64_t received
    int64_t opened
    int64_t spoilt
    int64_t most_late_ns
    int64_t elapsed_ns


cdef inline int64_t _now_ns(int clock) noexcept nogil:
    cdef timespec now
    clock_gettime(clock, &now)
    return now.tv_sec * 1000000000 + now.tv_nsec


cdef class Generator:
    cdef int publisher, epoll, timer
    cdef int mid_ext, send_time_ext
    cdef void *session
    cdef Stream streams[MAX_STREAMS]
    cdef Viewer *viewers
    cdef int viewer_count, opened_count
    cdef object keep
    cdef Packet *packets
    cdef int packet_count
    cdef int32_t *latencies_us
    cdef int latency_count, latency_capacity
    cdef Count count
    cdef uint8_t template[DATAGRAM_BYTES + 256]
    cdef uint8_t *buffers
    cdef uint8_t *chunk
    cdef uint8_t[RECV_BATCH][CONTROL_BYTES] control
    cdef iovec[RECV_BATCH] vectors
    cdef mmsghdr[RECV_BATCH] messages

    def __cinit__(self, publisher, session, streams, viewers, *, int mid_ext, int send_time_ext):
        cdef int i
        self.epoll = self.timer = -1
        if len(streams) > MAX_STREAMS:
            raise ValueError(f"{len(streams)} streams; at most {MAX_STREAMS}")
        self.keep = (publisher, session, viewers)
        self.publisher = publisher.fileno()
        self.session = session_pointer(session)
        self.mid_ext = mid_ext
        self.send_time_ext = send_time_ext
        for i, (ssrc, payload_type, mid) in enumerate(streams):
            self.streams[i] = Stream(ssrc=ssrc, payload_type=payload_type, mid=ord(mid), seq=1)
        self.viewer_count = len(viewers)
        self.viewers = <Viewer *>calloc(max(1, self.viewer_count), sizeof(Viewer))
        self.buffers = <uint8_t *>malloc(RECV_BATCH * DATAGRAM_BYTES)
        self.chunk = <uint8_t *>malloc(MAX_FRAME_BYTES + CHUNK_BYTES)
        if self.viewers == NULL or self.buffers == NULL or self.chunk == NULL:
            raise MemoryError
        for i, (sock, viewer_session) in enumerate(viewers):
            self.viewers[i].fd = sock.fileno()
            if sock.type == socket.SOCK_STREAM:
                self.viewers[i].deframer = <Deframer *>calloc(1, sizeof(Deframer))
                if self.viewers[i].deframer == NULL:
                    raise MemoryError
            if viewer_session is not None:
                self.viewers[i].session = session_pointer(viewer_session)
                self.opened_count += 1
        random = os.urandom(sizeof(self.template))
        memcpy(self.template, <const uint8_t *>random, sizeof(self.template))
        self._open()

    def __dealloc__(self):
        cdef int i
        if self.viewers != NULL:
            for i in range(self.viewer_count):
                free(self.viewers[i].deframer)
        if self.epoll >= 0:
            close(self.epoll)
        if self.timer >= 0:
            close(self.timer)
        free(self.viewers)
        free(self.buffers)
        free(self.chunk)
        free(self.packets)
        free(self.latencies_us)

    cdef int _open(self) except -1:
        cdef int i
        self.epoll = epoll_create1(0)
        self.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)
        if self.epoll < 0 or self.timer < 0:
            raise OSError(errno, "epoll_create1 or timerfd_create")
        self._watch(self.timer, TIMER)
        self._watch(self.publisher, PUBLISHER)
        for i in range(self.viewer_count):
            self._watch(self.viewers[i].fd, i)
        memset(self.messages, 0, sizeof(self.messages))
        for i in range(RECV_BATCH):
            self.vectors[i].iov_base = self.buffers + i * DATAGRAM_BYTES
            self.vectors[i].iov_len = DATAGRAM_BYTES
            self.messages[i].msg_hdr.msg_iov = &self.vectors[i]
            self.messages[i].msg_hdr.msg_iovlen = 1
            self.messages[i].msg_hdr.msg_control = &self.control[i][0]
        return 0

    cdef int _watch(self, int fd, uint32_t name) except -1:
        cdef epoll_event event
        event.events = EPOLLIN
        event.data.u32 = name
        if epoll_ctl(self.epoll, EPOLL_CTL_ADD, fd, &event) != 0:
            raise OSError(errno, "epoll_ctl")
        return 0

    def play(self, departures):
        self._load(departures)
        with nogil:
            self._play()
        latencies = array("i", bytes(4 * self.latency_count))
        cdef int32_t[::1] view
        if self.latency_count:
            view = latencies
            memcpy(&view[0], self.latencies_us, self.latency_count * sizeof(int32_t))
        return Tally(
            self.count.sent, self.count.received, self.count.opened, self.count.spoilt, latencies,
            self.count.most_late_ns // 1000, self.count.elapsed_ns,
        )

    cdef int _load(self, departures) except -1:
        cdef int i
        free(self.packets)
        free(self.latencies_us)
        memset(&self.count, 0, sizeof(self.count))
        self.packet_count = len(departures)
        self.latency_count = 0
        self.latency_capacity = self.packet_count * self.opened_count
        self.packets = <Packet *>calloc(max(1, self.packet_count), sizeof(Packet))
        self.latencies_us = <int32_t *>malloc(max(1, self.latency_capacity) * sizeof(int32_t))
        if self.packets == NULL or self.latencies_us == NULL:
            raise MemoryError
        for i, (at_us, stream, payload_bytes, marker, ts, keyframe) in enumerate(departures):
            if not LEAST_PAYLOAD_BYTES <= payload_bytes <= DATAGRAM_BYTES - HEADER_BYTES - 148:
                raise ValueError(f"{payload_bytes} bytes of payload")
            self.packets[i] = Packet(
                at_ns=at_us * 1000, sent_ns=0, payload_bytes=payload_bytes, ts=ts & 0xFFFFFFFF, stream=stream,
                marker=marker, keyframe=keyframe,
            )
        return 0

    cdef void _play(self) noexcept nogil:
        cdef epoll_event[EVENT_BATCH] events
        cdef int64_t begin_ns = _now_ns(CLOCK_MONOTONIC) + START_DELAY_NS, now_ns, heard_ns = begin_ns
        cdef int64_t expected = <int64_t>self.packet_count * self.viewer_count
        cdef int next_packet = 0, i, count
        cdef uint64_t expirations
        while True:
            now_ns = _now_ns(CLOCK_MONOTONIC)
            next_packet = self._send_due(next_packet, begin_ns, now_ns)
            if next_packet == self.packet_count and (
                    self.count.received >= expected or now_ns - heard_ns > QUIET_NS):
                break
            if next_packet < self.packet_count:
                self._wake_at(begin_ns + self.packets[next_packet].at_ns)
            count = epoll_wait(self.epoll, events, EVENT_BATCH, 50)
            if count < 0 and errno != EINTR:
                break
            for i in range(count):
                if events[i].data.u32 == TIMER:
                    read(self.timer, &expirations, sizeof(expirations))
                elif events[i].data.u32 == PUBLISHER:
                    self._receive(self.publisher)       # the server's RTCP
                else:
                    self._read_viewer(&self.viewers[events[i].data.u32])
                # Reading many viewers takes a while; what is due meanwhile leaves on time.
                now_ns = _now_ns(CLOCK_MONOTONIC)
                heard_ns = now_ns
                next_packet = self._send_due(next_packet, begin_ns, now_ns)
        self.count.elapsed_ns = _now_ns(CLOCK_MONOTONIC) - begin_ns

    cdef void _wake_at(self, int64_t at_ns) noexcept nogil:
        cdef itimerspec when
        memset(&when, 0, sizeof(when))
        when.it_value.tv_sec = at_ns // 1000000000
        when.it_value.tv_nsec = at_ns % 1000000000
        timerfd_settime(self.timer, TFD_TIMER_ABSTIME, &when, NULL)

    cdef int _send_due(self, int next_packet, int64_t begin_ns, int64_t now_ns) noexcept nogil:
        while next_packet < self.packet_count and begin_ns + self.packets[next_packet].at_ns <= now_ns:
            self.count.most_late_ns = max(
                self.count.most_late_ns, now_ns - begin_ns - self.packets[next_packet].at_ns)
            self._send_packet(next_packet)
            next_packet += 1
        return next_packet

    cdef void _send_packet(self, int index) noexcept nogil:
        cdef uint8_t[DATAGRAM_BYTES] data
        cdef Packet *packet = &self.packets[index]
        cdef Stream *stream = &self.streams[packet.stream]
        cdef uint8_t *payload = data + HEADER_BYTES
        cdef int length = HEADER_BYTES + packet.payload_bytes
        data[0] = 0x90
        data[1] = <uint8_t>((0x80 if packet.marker else 0) | stream.payload_type)
        store_u16(data + 2, stream.seq)
        store_u32(data + 4, packet.ts)
        store_u32(data + 8, stream.ssrc)
        store_u32(data + 12, 0xBEDE0002)
        data[16] = <uint8_t>(self.mid_ext << 4)
        data[17] = stream.mid
        data[18] = <uint8_t>(self.send_time_ext << 4 | 2)
        memset(data + 19, 0, 5)
        stream.seq += 1
        payload[0] = 0x10
        payload[1] = 0 if packet.keyframe else 1
        store_u32(payload + PREFIX_BYTES, index)
        memcpy(payload + LEAST_PAYLOAD_BYTES, self.template + (index & 255),
               packet.payload_bytes - LEAST_PAYLOAD_BYTES)
        if srtp.protect(self.session, data, &length) != SRTP_OK:
            return
        packet.sent_ns = _now_ns(CLOCK_REALTIME)
        if send(self.publisher, data, length, 0) == length:
            self.count.sent += 1

    cdef int _receive(self, int fd) noexcept nogil:
        cdef int i
        for i in range(RECV_BATCH):
            self.messages[i].msg_hdr.msg_controllen = CONTROL_BYTES
        return recvmmsg(fd, self.messages, RECV_BATCH, MSG_DONTWAIT, NULL)

    cdef void _read_viewer(self, Viewer *viewer) noexcept nogil:
        cdef int count, i
        cdef uint8_t *data
        if viewer.deframer != NULL:
            self._read_stream(viewer)
            return
        count = self._receive(viewer.fd)
        for i in range(count):
            data = self.buffers + i * DATAGRAM_BYTES
            if self.messages[i].msg_len < 12 or 192 <= data[1] < 224:
                continue
            self.count.received += 1
            if viewer.session == NULL:
                continue
            if self.messages[i].msg_hdr.msg_flags & MSG_TRUNC:
                self.count.spoilt += 1
            else:
                self._open_packet(
                    viewer, data, self.messages[i].msg_len, _kernel_time_ns(&self.messages[i].msg_hdr))

    cdef void _read_stream(self, Viewer *viewer) noexcept nogil:
        """The kernel stamps no bytes of TCP: they count as received when they are read."""
        cdef int length = deframer_resume(viewer.deframer, self.chunk), at = 0, size
        cdef ssize_t count = recv(viewer.fd, self.chunk + length, CHUNK_BYTES, MSG_DONTWAIT)
        cdef int64_t received_ns = _now_ns(CLOCK_REALTIME)
        if count <= 0:
            return
        length += count
        while True:
            size = deframer_next(viewer.deframer, self.chunk, length, &at)
            if size == FRAME_UNFINISHED:
                deframer_keep(viewer.deframer, self.chunk + at, length - at)
                return
            if size < 12 or 192 <= self.chunk[at - size + 1] < 224:
                continue
            self.count.received += 1
            if viewer.session != NULL:
                memcpy(self.buffers, self.chunk + at - size, size)
                self._open_packet(viewer, self.buffers, size, received_ns)

    cdef void _open_packet(self, Viewer *viewer, uint8_t *data, int length, int64_t received_ns) noexcept nogil:
        cdef RtpView view
        cdef uint32_t index
        cdef const uint8_t *payload
        cdef Packet *packet
        self.count.spoilt += 1
        if srtp.unprotect(viewer.session, data, &length) != SRTP_OK:
            return
        if rtp_parse(data, length, &view) != RTP_OK or view.payload_length < LEAST_PAYLOAD_BYTES:
            return
        payload = view.data + view.header_length
        index = load_u32(payload + PREFIX_BYTES)
        if index >= <uint32_t>self.packet_count:
            return
        packet = &self.packets[index]
        if (view.payload_length != packet.payload_bytes or view.marker != packet.marker
                or memcmp(payload + LEAST_PAYLOAD_BYTES, self.template + (index & 255),
                          packet.payload_bytes - LEAST_PAYLOAD_BYTES)):
            return
        self.count.spoilt -= 1
        self.count.opened += 1
        if received_ns and self.latency_count < self.latency_capacity:
            self.latencies_us[self.latency_count] = <int32_t>((received_ns - packet.sent_ns) // 1000)
            self.latency_count += 1


def send_cost_us(sock, int count):
    cdef uint8_t[1130] data
    cdef int fd = sock.fileno(), _send
    cdef int64_t before_ns
    memset(data, 0, sizeof(data))
    with nogil:
        before_ns = _now_ns(CLOCK_THREAD_CPUTIME_ID)
        for _send in range(count):
            send(fd, data, sizeof(data), MSG_DONTWAIT)
        before_ns = _now_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns
    return before_ns / 1e3 / count


cdef int64_t _kernel_time_ns(msghdr *header) noexcept nogil:
    """When the kernel queued it for the viewer; 0 when it does not say."""
    cdef cmsghdr *control = CMSG_FIRSTHDR(header)
    cdef timespec at
    if control == NULL or control.cmsg_level != SOL_SOCKET or control.cmsg_type != SCM_TIMESTAMPNS:
        return 0
    memcpy(&at, CMSG_DATA(control), sizeof(at))
    return at.tv_sec * 1000000000 + at.tv_nsec

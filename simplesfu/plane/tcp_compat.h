/* The system calls of ICE-TCP: who is ready among thousands (epoll on Linux, kqueue on macOS and BSD), accepting, and
 * gather-writing of frames. All else is Cython. */
#ifndef SIMPLESFU_TCP_COMPAT_H
#define SIMPLESFU_TCP_COMPAT_H

#include "udp_compat.h"
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/epoll.h>
#else
#include <sys/event.h>
#endif

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* there SO_NOSIGPIPE does it */
#endif

#define READY_BATCH 32
#define MAX_FRAMES_PER_CALL 64

typedef struct {
    void *of;
    int readable;
    int writable;
} Ready;

/* A descriptor that is readable while one of those that it watches is ready; -1 when there can be none. */
static int poller_open(void) {
#if defined(__linux__)
    return epoll_create1(EPOLL_CLOEXEC);
#else
    return kqueue();
#endif
}

/* Watch a descriptor for reading, until poller_unwatch: closed it stays watched if a forked child has it. 0, or -1. */
static int poller_watch(int poller, int fd, void *of) {
#if defined(__linux__)
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = of};
    return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
#else
    struct kevent e;
    EV_SET(&e, fd, EVFILT_READ, EV_ADD, 0, 0, of);
    return kevent(poller, &e, 1, NULL, 0, NULL);
#endif
}

static int poller_unwatch(int poller, int fd) {
#if defined(__linux__)
    return epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
#else
    struct kevent e;
    EV_SET(&e, fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
    return kevent(poller, &e, 1, NULL, 0, NULL);
#endif
}

/* Watch it for writing too, or no longer. */
static int poller_watch_writing(int poller, int fd, void *of, int wanted) {
#if defined(__linux__)
    struct epoll_event e = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = of};
    return epoll_ctl(poller, EPOLL_CTL_MOD, fd, &e);
#else
    struct kevent e;
    EV_SET(&e, fd, EVFILT_WRITE, wanted ? EV_ADD : EV_DELETE, 0, 0, of);
    return kevent(poller, &e, 1, NULL, 0, NULL);
#endif
}

/* Up to READY_BATCH that are ready now; it never waits. Who is not among them is first the next time. */
static int poller_ready(int poller, Ready *ready) {
#if defined(__linux__)
    struct epoll_event e[READY_BATCH];
    int n = epoll_wait(poller, e, READY_BATCH, 0);
    for (int i = 0; i < n; i++) {
        ready[i].of = e[i].data.ptr;
        ready[i].readable = (e[i].events & ~(unsigned)EPOLLOUT) != 0;
        ready[i].writable = (e[i].events & EPOLLOUT) != 0;
    }
#else
    struct kevent e[READY_BATCH];
    struct timespec now = {0, 0};
    int n = kevent(poller, NULL, 0, e, READY_BATCH, &now);
    for (int i = 0; i < n; i++) {
        ready[i].of = e[i].udata;
        ready[i].readable = e[i].filter == EVFILT_READ;
        ready[i].writable = e[i].filter == EVFILT_WRITE;
    }
#endif
    return n < 0 ? 0 : n;
}

/* A connection that never blocks, sends small frames at once and keeps no more than `unsent_bytes` in the kernel; -1 when
 * nobody waits (`*nobody` is set) or none can be had. */
static int tcp_take_in(int listener, Address *from, int unsent_bytes, int *nobody) {
    socklen_t length = sizeof from->v6;
    int yes = 1;
    memset(from, 0, sizeof *from);
    *nobody = 0;
#if defined(__linux__)
    int fd = accept4(listener, &from->sa, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    int fd = accept(listener, &from->sa, &length);
#endif
    if (fd < 0) {
        *nobody = errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED || errno == EINTR;
        return -1;
    }
#if !defined(__linux__)
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
#endif
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
#ifdef TCP_NOTSENT_LOWAT
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
#endif
    return fd;
}

static inline int tcp_would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

/* The bytes read, 0 at the end of the stream, -1 when there is nothing yet, -2 when it has failed. */
static int tcp_receive(int fd, uint8_t *room, int size) {
    ssize_t n = recv(fd, room, (size_t)size, MSG_DONTWAIT);
    return n >= 0 ? (int)n : tcp_would_block() ? -1 : -2;
}

/* The bytes that the kernel took, maybe none; -1 when the connection has failed. */
static int tcp_write(int fd, struct iovec *v, int count) {
    struct msghdr h;
    memset(&h, 0, sizeof h);
    h.msg_iov = v;
    h.msg_iovlen = (size_t)count;
    ssize_t n = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n >= 0 ? (int)n : tcp_would_block() ? 0 : -1;
}

/* Write every segment of a message as a frame of its own (RFC 4571 §2), MAX_FRAMES_PER_CALL at most. */
static int tcp_write_frames(int fd, const Message *m) {
    struct iovec v[2 * MAX_FRAMES_PER_CALL];
    uint8_t lengths[MAX_FRAMES_PER_CALL][2];
    int frames = 0;
    for (int32_t at = 0; at < m->length && frames < MAX_FRAMES_PER_CALL; at += m->segment, frames++) {
        int32_t n = m->length - at < m->segment ? m->length - at : m->segment;
        lengths[frames][0] = (uint8_t)(n >> 8);
        lengths[frames][1] = (uint8_t)n;
        v[2 * frames] = (struct iovec){lengths[frames], 2};
        v[2 * frames + 1] = (struct iovec){m->data + at, (size_t)n};
    }
    return tcp_write(fd, v, 2 * frames);
}

#endif

/* The system calls of the plane, batched where the kernel can (Linux) and one by one where it cannot.
 * All else is Cython; this file is only what differs between platforms. */
#ifndef SIMPLESFU_UDP_COMPAT_H
#define SIMPLESFU_UDP_COMPAT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#if defined(__linux__)
#define HAVE_BATCH_CALLS 1
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#else
#define HAVE_BATCH_CALLS 0
#endif

/* Where a packet comes from or goes to. A TCP connection is an address like any other, but names itself as well: the
 * next one from the same place is another address. */
typedef struct {
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    uint32_t connection; /* 0: UDP */
} Address;

typedef struct {
    uint8_t *data;
    int32_t length;
    int32_t truncated;
    Address from;
} Datagram;

/* Consecutive datagrams for one destination, all of `segment` bytes but the last, which may be shorter. */
typedef struct {
    uint8_t *data;
    int32_t length;
    int32_t segment;
    int32_t urgent; /* on a TCP connection it passes by what is not */
    const Address *to;
} Message;

#define RECV_BATCH 64
#define SEND_BATCH 64

static inline socklen_t address_length(const Address *address) {
    return address->sa.sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static inline int address_family(const Address *address) { return address->sa.sa_family; }

/* The address as 24 bytes that compare equal exactly when the addresses do, connections included. */
static inline void address_key(const Address *address, uint8_t *key) {
    memset(key, 0, 24);
    if (address->sa.sa_family == AF_INET6) {
        key[0] = 6;
        memcpy(key + 2, &address->v6.sin6_port, 2);
        memcpy(key + 4, &address->v6.sin6_addr, 16);
    } else {
        key[0] = 4;
        memcpy(key + 2, &address->v4.sin_port, 2);
        memcpy(key + 4, &address->v4.sin_addr, 4);
    }
    memcpy(key + 20, &address->connection, 4);
}

/* One IPv4 address, or one /64 of IPv6, which is what a single customer has. */
static inline int address_same_network(const Address *a, const Address *b) {
    if (a->sa.sa_family != b->sa.sa_family) return 0;
    return a->sa.sa_family == AF_INET6 ? memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 8) == 0
                                       : a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

static inline void address_set(Address *address, int is_v6, const uint8_t *ip, int port) {
    memset(address, 0, sizeof *address);
    if (is_v6) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        memcpy(&address->v6.sin6_addr, ip, 16);
    } else {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        memcpy(&address->v4.sin_addr, ip, 4);
    }
}

static inline int address_get(const Address *address, uint8_t *ip, int *port) {
    if (address->sa.sa_family == AF_INET6) {
        memcpy(ip, &address->v6.sin6_addr, 16);
        *port = ntohs(address->v6.sin6_port);
        return 16;
    }
    memcpy(ip, &address->v4.sin_addr, 4);
    *port = ntohs(address->v4.sin_port);
    return 4;
}

static inline int64_t monotonic_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Wait until one of the descriptors is readable or the time is over; bit i of the answer is set when fds[i] is. */
static inline unsigned wait_readable(const int *fds, int count, int64_t timeout_us) {
    struct pollfd p[4];
    for (int i = 0; i < count; i++) {
        p[i].fd = fds[i];
        p[i].events = POLLIN;
        p[i].revents = 0;
    }
#if HAVE_BATCH_CALLS
    struct timespec t = {timeout_us / 1000000, (timeout_us % 1000000) * 1000};
    ppoll(p, (nfds_t)count, &t, NULL);
#else
    poll(p, (nfds_t)count, (int)((timeout_us + 999) / 1000));
#endif
    unsigned readable = 0;
    for (int i = 0; i < count; i++) readable |= (unsigned)(p[i].revents != 0) << i;
    return readable;
}

static inline int receive_one(int fd, Datagram *d, int capacity) {
    struct iovec v = {d->data, (size_t)capacity};
    struct msghdr h;
    memset(&h, 0, sizeof h);
    h.msg_name = &d->from;
    h.msg_namelen = sizeof d->from.v6;
    h.msg_iov = &v;
    h.msg_iovlen = 1;
    ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT);
    if (n < 0) return 0;
    d->length = (int32_t)n;
    d->truncated = (h.msg_flags & MSG_TRUNC) != 0;
    return 1;
}

/* Fill up to `count` (at most RECV_BATCH) datagrams; answers how many there were. */
static int receive_datagrams(int fd, Datagram *d, int count, int capacity, int batching) {
#if HAVE_BATCH_CALLS
    if (batching) {
        struct mmsghdr h[RECV_BATCH];
        struct iovec v[RECV_BATCH];
        for (int i = 0; i < count; i++) {
            v[i].iov_base = d[i].data;
            v[i].iov_len = (size_t)capacity;
            memset(&h[i].msg_hdr, 0, sizeof h[i].msg_hdr);
            h[i].msg_hdr.msg_name = &d[i].from;
            h[i].msg_hdr.msg_namelen = sizeof d[i].from.v6;
            h[i].msg_hdr.msg_iov = &v[i];
            h[i].msg_hdr.msg_iovlen = 1;
        }
        int n = recvmmsg(fd, h, (unsigned)count, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
            d[i].length = (int32_t)h[i].msg_len;
            d[i].truncated = (h[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        }
        return n < 0 ? 0 : n;
    }
#endif
    int n = 0;
    while (n < count && receive_one(fd, &d[n], capacity)) n++;
    return n;
}

/* Send every segment of a message by a call of its own; answers how many the kernel took. */
static int send_segments(int fd, const Message *m) {
    int sent = 0;
    for (int32_t at = 0; at < m->length; at += m->segment) {
        int32_t n = m->length - at < m->segment ? m->length - at : m->segment;
        if (sendto(fd, m->data + at, (size_t)n, MSG_DONTWAIT, &m->to->sa, address_length(m->to)) >= 0) sent++;
    }
    return sent;
}

static inline int segment_count(const Message *m) { return (m->length + m->segment - 1) / m->segment; }

/* Send up to SEND_BATCH messages. Answers how many datagrams the kernel took and sets `refused` to the number it did not.
 * `gso` is cleared when the kernel or the network device cannot cut segments. */
static int send_messages(int fd, const Message *m, int count, int batching, int *gso, int *refused) {
    int sent = 0, total = 0;
    for (int i = 0; i < count; i++) total += segment_count(&m[i]);
#if HAVE_BATCH_CALLS
    if (batching) {
        struct mmsghdr h[SEND_BATCH];
        struct iovec v[SEND_BATCH];
        union { char bytes[CMSG_SPACE(sizeof(uint16_t))]; struct cmsghdr align; } control[SEND_BATCH];
        for (int i = 0; i < count; i++) {
            v[i].iov_base = m[i].data;
            v[i].iov_len = (size_t)m[i].length;
            memset(&h[i].msg_hdr, 0, sizeof h[i].msg_hdr);
            h[i].msg_hdr.msg_name = (void *)m[i].to;
            h[i].msg_hdr.msg_namelen = address_length(m[i].to);
            h[i].msg_hdr.msg_iov = &v[i];
            h[i].msg_hdr.msg_iovlen = 1;
            if (m[i].length > m[i].segment) {
                uint16_t segment = (uint16_t)m[i].segment;
                memset(&control[i], 0, sizeof control[i]);
                h[i].msg_hdr.msg_control = control[i].bytes;
                h[i].msg_hdr.msg_controllen = sizeof control[i].bytes;
                struct cmsghdr *c = CMSG_FIRSTHDR(&h[i].msg_hdr);
                c->cmsg_level = SOL_UDP;
                c->cmsg_type = UDP_SEGMENT;
                c->cmsg_len = CMSG_LEN(sizeof segment);
                memcpy(CMSG_DATA(c), &segment, sizeof segment);
            }
        }
        int at = 0;
        while (at < count) {
            int n = *gso || m[at].length <= m[at].segment
                ? sendmmsg(fd, h + at, (unsigned)(count - at), MSG_DONTWAIT) : -1;
            if (n > 0) {
                for (int i = at; i < at + n; i++) sent += segment_count(&m[i]);
                at += n;
                continue;
            }
            /* The first of the rest failed. A full buffer is a refusal; a kernel that cannot cut it may take the pieces. */
            if (m[at].length > m[at].segment && (!*gso || (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS))) {
                if (*gso && (errno == EIO || errno == ENOPROTOOPT || errno == EOPNOTSUPP)) *gso = 0;
                sent += send_segments(fd, &m[at]);
            }
            at++;
        }
        *refused = total - sent;
        return sent;
    }
#endif
    for (int i = 0; i < count; i++) sent += send_segments(fd, &m[i]);
    *refused = total - sent;
    return sent;
}

#endif

# cython: language_level=3
"""Packets have the time of the wake-up that took them in, whoever looks at them."""
from libc.stdint cimport int64_t

from simplesfu.plane.connections cimport connections_receive, connections_sweep
from simplesfu.plane.fanout cimport fanout_flush
from simplesfu.plane.ingress cimport ingress_receive
from simplesfu.plane.lock cimport lock_give, lock_take
from simplesfu.plane.reports cimport reports_tick
from simplesfu.plane.sender cimport sender_flush
from simplesfu.plane.udp cimport RECV_BATCH, monotonic_us, wait_readable

cdef extern from * nogil:
    """
    #include <unistd.h>
    static inline void wake(int fd) { if (write(fd, "", 1) < 0) { /* full: the thread is awake anyhow */ } }
    static inline void drain(int fd) { char bytes[64]; while (read(fd, bytes, sizeof bytes) == sizeof bytes) { } }
    """
    void wake(int fd)
    void drain(int fd)

cdef enum:
    BATCHES_PER_WAKEUP = 4     # so that a flood cannot keep reports and callers waiting
    TICK_US = 10000            # how exactly NACKs and keyframe requests keep their times
    LAZY_TICK_US = 200000      # while nothing is asked for: ticks come along with packets, and wake nobody up


cdef void loop_hurry(State *state) noexcept nogil:
    if not state.urgent:
        state.urgent = True
        wake(state.wake_fd)


cdef void loop_run(State *state, Lock *lock) noexcept nogil:
    cdef int64_t timeout_us = 1, held_us, now_us
    cdef int i, _batch, count, waited_for = state.fd_count + (1 if state.tcp.poller < 0 else 2)
    cdef unsigned readable
    while not state.stopping:
        readable = wait_readable(state.fds, waited_for, timeout_us)
        lock_take(lock)
        now_us = monotonic_us()
        state.counters.wakeups += 1
        if readable >> state.fd_count & 1:
            drain(state.fds[state.fd_count])
        count = 0
        for i in range(state.fd_count):
            if not readable >> i & 1:
                continue
            for _batch in range(BATCHES_PER_WAKEUP):
                count = ingress_receive(state, state.fds[i], now_us)
                if count < RECV_BATCH:
                    break
        if readable >> (state.fd_count + 1) & 1:
            connections_receive(state, now_us)
        if now_us - state.ticked_us >= TICK_US:
            state.ticked_us = now_us
            state.urgent = reports_tick(state, now_us)
        held_us = fanout_flush(state, now_us, False)
        sender_flush(&state.sender)
        connections_sweep(state, now_us)
        timeout_us = state.ticked_us + (TICK_US if state.urgent else LAZY_TICK_US) - now_us
        if held_us >= 0 and held_us < timeout_us:
            timeout_us = held_us
        if timeout_us <= 0:
            timeout_us = 1
        lock_give(lock)

# cython: language_level=3
"""What the plane counts. Two sums balance at any moment (docs/counters.md):

    ingress: received = stun + dtls + rtcp + media + Σ ingress drops
    egress:  offered = forwarded + Σ egress drops
"""
from libc.stdint cimport uint64_t

cdef enum:
    DROP_EMPTY = 0
    DROP_OVERSIZE
    DROP_UNKNOWN_PROTOCOL
    DROP_STUN_MALFORMED
    DROP_STUN_NOT_A_REQUEST
    DROP_STUN_UNKNOWN_USERNAME
    DROP_STUN_RATE
    DROP_FOREIGN_TUPLE
    DROP_EVENTS_FULL
    DROP_NO_KEYS
    DROP_RTP_MALFORMED
    DROP_UNKNOWN_SSRC
    DROP_SRTP_AUTH
    DROP_SRTP_REPLAY
    DROP_UNKNOWN_PAYLOAD_TYPE
    DROP_RTX_EMPTY
    DROP_PRODUCER_PAUSED
    DROP_DUPLICATE
    DROP_TOO_OLD
    DROP_SEQUENCE_JUMP
    DROP_NO_MEMORY
    DROP_RTCP_RATE
    DROP_RTCP_SSRC_LIMIT
    DROP_SRTCP_AUTH
    DROP_SRTCP_REPLAY
    DROP_RTCP_MALFORMED
    INGRESS_DROPS

cdef enum:
    EGRESS_PAUSED = 0
    EGRESS_WAITING_KEYFRAME
    EGRESS_STALE
    EGRESS_LAYER
    EGRESS_NOT_CONNECTED
    EGRESS_SLOW_READER
    EGRESS_SEAL_FAILED
    EGRESS_DROPS

cdef struct Counters:
    uint64_t received
    uint64_t received_bytes
    uint64_t stun
    uint64_t dtls
    uint64_t rtcp
    uint64_t media
    uint64_t ingress_drops[INGRESS_DROPS]
    uint64_t offered
    uint64_t forwarded
    uint64_t forwarded_bytes
    uint64_t egress_drops[EGRESS_DROPS]
    uint64_t retransmitted
    uint64_t rtcp_sent
    uint64_t rebound           # tuples that media took over from another (NAT rebinds)
    uint64_t wakeups

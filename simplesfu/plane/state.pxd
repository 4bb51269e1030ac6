# cython: language_level=3
"""Everything the plane's thread works on. One owner per struct: the module that its comment names changes it."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from simplesfu.plane.counters cimport Counters
from simplesfu.plane.events cimport EventRing
from simplesfu.plane.packet cimport Packet, Pool
from simplesfu.plane.payload cimport TEMPORAL_LAYERS
from simplesfu.plane.rtcp cimport SenderInfo
from simplesfu.plane.sender cimport Sender
from simplesfu.plane.table cimport Key, Table
from simplesfu.plane.tcp cimport Tcp
from simplesfu.plane.udp cimport RECV_BATCH, Address, Datagram

cdef enum:
    MAX_TRANSPORT_TUPLES = 8
    MAX_RTCP_SSRCS = 32        # distinct RTCP sender SSRCs that one peer may use (libsrtp keeps state for each)
    MAX_REBINDS = 8            # new SSRCs that one RID may be taken over by
    MAX_PENDING = 64           # packets of one stream that wait for their fan-out
    CACHE_PACKETS = 512        # per video stream: 2 s at 3 Mbps; a power of two
    MAX_MISSING = 128          # sequence numbers of one stream that are asked for again
    RTX_PER_S = 1000           # retransmissions that one consumer can cause
    MAX_SPANS = 64             # past mappings of outgoing to incoming sequence numbers that RTX can still follow
    CNAME_BYTES = 64
    MID_BYTES = 32

cdef enum:
    KEYFRAME_NONE = 0
    KEYFRAME_PLI = 1
    KEYFRAME_FIR = 2

# A missing sequence number (recv_stream.pyx).
cdef struct Missing:
    uint64_t ext_seq
    int64_t asked_us           # 0: not yet
    int32_t tries

# A bucket that lets `rate` things a second through, and as many at once (limits.pxd).
cdef struct Bucket:
    int32_t tokens
    int64_t filled_us

# An address that proved itself by STUN (gate.pyx).
cdef struct Tuple:
    Key key
    Address address
    int64_t heard_us
    bint live

# One peer connection's ICE tuples, SRTP sessions and books (gate.pyx, SRTP sessions in srtp.pyx).
cdef struct Transport:
    uint32_t id
    Transport *previous
    Transport *next
    Tuple tuples[MAX_TRANSPORT_TUPLES]
    Tuple *selected            # NULL before the first one
    Address destination        # the selected tuple's address; messages under way point here
    void *recv_session         # srtp_t; NULL before the handshake has ended
    void *send_session
    RecvStream *recv_streams   # linked by next_of_transport
    SendStream *send_streams
    uint32_t feedback_ssrc     # sender SSRC of the RTCP that belongs to no send stream
    uint32_t rtcp_ssrcs[MAX_RTCP_SSRCS]
    int rtcp_ssrc_count
    Bucket stun_strangers      # binding requests from tuples not yet proven
    Bucket rtcp_budget
    int64_t next_report_us
    # REMB (remb.pyx)
    uint32_t max_recv_bitrate_bps
    uint32_t remb_bps
    uint64_t remb_octets       # received at the last estimate
    int64_t remb_us
    uint64_t downlink_bps      # what this peer's own REMB says that it can take
    # books
    int64_t received_us        # when it was heard of last, STUN included; 0: never
    uint64_t packets_received
    uint64_t bytes_received
    uint64_t packets_sent
    uint64_t bytes_sent

# One encoding coming in (recv_stream.pyx).
cdef struct RecvStream:
    uint32_t id
    RecvStream *next_of_transport
    RecvStream *previous
    RecvStream *next
    Transport *transport
    int codec
    bint video
    uint32_t clock_rate
    uint8_t payload_type
    int rtx_payload_type       # -1: none
    uint8_t router_payload_type
    uint32_t ssrc              # 0: not known yet
    uint32_t rtx_ssrc
    int rebinds
    uint8_t mid[MID_BYTES]
    uint8_t rid[MID_BYTES]
    int mid_length
    int rid_length
    uint8_t mid_ext
    uint8_t rid_ext
    uint8_t repaired_rid_ext
    uint8_t id_map[256]
    uint8_t send_time_ext
    bint nack
    int keyframe_request
    bint paused
    # sequence (RFC 3550 A.1)
    bint started
    bint living                # the engine knows that packets come
    uint32_t epoch
    uint64_t base_seq
    uint64_t max_seq
    uint16_t restart_seq       # the number that would confirm a restart
    bint restart_suspected
    uint64_t cycles_base       # ext_seq cycles that belong to earlier epochs
    # reports
    uint64_t packets
    uint64_t octets
    int64_t received_us        # when the last packet came; 0: none has
    int64_t keyframe_us        # when the last keyframe began; 0: none has
    uint64_t recovered         # came by RTX
    uint64_t lost_at_report
    uint64_t expected_at_report
    uint64_t received_in_epoch
    uint8_t fraction_lost
    double jitter
    int64_t transit
    uint32_t last_sr           # middle 32 bits of the sender's NTP time
    SenderInfo sender_info
    int64_t sender_info_us     # when it came; 0: never
    # temporal layers
    uint64_t pictures[TEMPORAL_LAYERS]         # that ended in each
    uint64_t measured_pictures[TEMPORAL_LAYERS]  # the same, when their rates were measured
    int64_t measured_us        # 0: not yet
    double frame_rates[TEMPORAL_LAYERS]        # a second, of each with those below it; 0: not known yet
    # repair
    Missing missing[MAX_MISSING]
    int missing_count
    int64_t keyframe_asked_us
    bint keyframe_wanted       # asked for within the throttle window: ask again at its end
    uint8_t fir_seq
    uint64_t keyframe_requests
    uint64_t nacks_sent
    uint64_t keyframes
    # what waits for the fan-out
    Packet *pending[MAX_PENDING]
    int pending_count
    int64_t pending_since_us
    bint pending_complete      # a marker came: nothing to wait for
    Packet **cache             # CACHE_PACKETS places by ext_seq; NULL for audio
    uint64_t oldest_cached     # no packet below this number is kept
    SendStream **outs
    int out_count
    int out_capacity
    int first_out              # who is served first moves on, for fairness

# How outgoing numbers mapped to incoming ones from `first_out_seq` on (send_stream.pyx).
cdef struct Span:
    uint64_t first_out_seq
    uint64_t seq_delta         # out = in + delta, modulo 2**64
    uint32_t ts_delta          # modulo 2**32
    uint32_t recv_stream
    uint16_t picture_delta     # modulo 2**15

cdef struct Resent:
    uint64_t out_seq
    int64_t sent_us

# What a packet goes out with (send_stream.pyx).
cdef struct Numbers:
    uint64_t seq
    uint32_t ts
    uint16_t picture_delta

# One consumer going out (send_stream.pyx).
cdef struct SendStream:
    uint32_t id
    SendStream *next_of_transport
    Transport *transport
    RecvStream *source         # whose packets leave
    RecvStream *target         # whose packets shall leave from the next keyframe on
    int codec
    bint video
    uint32_t clock_rate
    uint8_t payload_type
    uint32_t ssrc
    int rtx_payload_type       # -1: none
    uint32_t rtx_ssrc
    uint16_t rtx_seq
    uint16_t ext_mask
    uint8_t cname[CNAME_BYTES]
    int cname_length
    bint paused
    # rewriting
    bint started
    bint waiting               # for a packet to begin with
    uint32_t epoch             # of the source, when the mapping was made
    bint thinned               # a temporal layer is held back, or not joined again yet
    uint64_t first_in_seq      # where the mapping begins
    uint64_t span_in_seq       # where its newest span does
    uint64_t seq_delta         # of the newest span, as the next two
    uint32_t ts_delta
    uint16_t picture_delta
    uint64_t max_out_seq
    uint32_t max_out_ts
    uint16_t max_out_picture
    int64_t sent_us
    Span spans[MAX_SPANS]
    int span_count
    # temporal layers (layers.pyx)
    uint8_t max_temporal_layer
    double max_frame_rate      # 0: no limit
    uint8_t temporal_limit     # what follows from the two: no layer above it goes out
    uint8_t joined             # bit t: nothing of layer t has been held back since it could be joined last
    uint64_t joined_in_seq     # of the source, where that became so
    uint32_t skipped_ts        # of the picture held back last
    Resent *resent             # when each number was resent last, CACHE_PACKETS places; NULL without RTX
    Bucket rtx_budget
    # reports
    uint64_t packets
    uint64_t octets
    uint64_t rtx_packets
    uint64_t nacks_received
    uint64_t nacks_unanswered
    uint64_t plis_received
    int64_t next_report_us
    uint32_t report_ntp        # middle 32 bits of the last SR's NTP time
    int64_t report_us
    int64_t rtt_us             # 0: unknown
    uint8_t fraction_lost
    int32_t packets_lost
    uint32_t jitter

cdef struct State:
    int fds[4]                 # sockets, the end of the wake-up pipe that the thread reads, the poller of connections
    int fd_count               # of sockets
    int wake_fd                # the other end of it
    bint batching
    int64_t hold_us
    bint stopping
    uint32_t last_id
    Transport *transports
    RecvStream *recv_streams
    Table transports_by_id
    Table recv_by_id
    Table send_by_id
    Table by_tuple             # address, UDP or TCP → Transport
    Table by_ufrag             # → Transport
    Table by_recv_ssrc         # (transport id, SSRC) → RecvStream
    Table by_send_ssrc         # (transport id, SSRC) → SendStream
    Pool pool
    Packet *arrivals[RECV_BATCH]
    Datagram datagrams[RECV_BATCH]
    Sender sender
    Tcp tcp
    EventRing events
    Counters counters
    int64_t ticked_us
    bint urgent                # somebody is to be asked for something, so the next tick must not be late
    int64_t next_reports_us
    RecvStream *ready[256]     # streams with pending packets
    int ready_count

cdef int state_init(State *state, uint64_t seed, uint32_t max_packets, int max_connections, int fd_v4, int fd_v6,
                    int event_fd) noexcept nogil
cdef void state_free(State *state) noexcept nogil

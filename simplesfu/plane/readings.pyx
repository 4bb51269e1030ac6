# cython: language_level=3
"""What docs/counters.md explains, by the names it gives."""
from simplesfu.plane.layers cimport TOP_TEMPORAL_LAYER
from simplesfu.plane.payload cimport TEMPORAL_LAYERS

from simplesfu.plane.counters import EGRESS_DROP_NAMES, INGRESS_DROP_NAMES
from simplesfu.plane.tcp import CLOSED_REASON_NAMES


cdef dict plane_reading(const State *state):
    return {
        "ingress": {
            "received": state.counters.received,
            "received_bytes": state.counters.received_bytes,
            "stun": state.counters.stun,
            "dtls": state.counters.dtls,
            "rtcp": state.counters.rtcp,
            "media": state.counters.media,
        },
        "ingress_drops": {name: state.counters.ingress_drops[i] for i, name in enumerate(INGRESS_DROP_NAMES)},
        "egress": {
            "offered": state.counters.offered,
            "forwarded": state.counters.forwarded,
            "forwarded_bytes": state.counters.forwarded_bytes,
            "retransmitted": state.counters.retransmitted,
            "rtcp": state.counters.rtcp_sent,
        },
        "egress_drops": {name: state.counters.egress_drops[i] for i, name in enumerate(EGRESS_DROP_NAMES)},
        "sender": {
            "datagrams": state.sender.datagrams,
            "refused": state.sender.refused,
            "messages": state.sender.messages_sent,
            "calls": state.sender.calls,
            "segmentation": state.sender.gso,
        },
        "tcp": {
            "accepted": state.tcp.accepted,
            "not_accepted": state.tcp.not_accepted,
            "strangers": state.tcp.strangers.count,
            "proven": state.tcp.proven.count,
            "frames": state.tcp.frames_sent,
            "frames_dropped": state.tcp.frames_dropped,
            "frames_lost": state.tcp.frames_lost,
        },
        "tcp_closed": {name: state.tcp.closed_by_reason[i] for i, name in enumerate(CLOSED_REASON_NAMES)},
        "plane": {
            "wakeups": state.counters.wakeups,
            "rebound": state.counters.rebound,
            "packets_in_use": state.pool.in_use,
            "packets_allocated": state.pool.allocated,
        },
    }


cdef object _age_ms(int64_t since_us, int64_t now_us):
    """None for what has never happened."""
    return max(<int64_t>0, now_us - since_us) // 1000 if since_us else None


cdef object _protocol(const Transport *transport):
    """Of the address that its packets go to; None while there is none."""
    if transport.selected == NULL:
        return None
    return "tcp" if transport.destination.connection else "udp"


cdef dict transport_reading(const Transport *transport, int64_t now_us):
    return {
        "protocol": _protocol(transport),
        "packets_received": transport.packets_received,
        "bytes_received": transport.bytes_received,
        "packets_sent": transport.packets_sent,
        "bytes_sent": transport.bytes_sent,
        "last_received_age_ms": _age_ms(transport.received_us, now_us),
        "remb_bps": transport.remb_bps,
        "available_outgoing_bitrate_bps": transport.downlink_bps,
    }


cdef dict recv_stream_reading(const RecvStream *stream, int64_t now_us):
    return {
        "ssrc": stream.ssrc,
        "packets": stream.packets,
        "bytes": stream.octets,
        "recovered": stream.recovered,
        "packets_lost": stream.lost_at_report,
        "fraction_lost_256": stream.fraction_lost,
        "jitter_ticks": <int>stream.jitter,
        "missing": stream.missing_count,
        "nacks_sent": stream.nacks_sent,
        "keyframes": stream.keyframes,
        "last_packet_age_ms": _age_ms(stream.received_us, now_us),
        "last_keyframe_age_ms": _age_ms(stream.keyframe_us, now_us),
        "keyframe_requests": stream.keyframe_requests,
        "restarts": stream.epoch,
        "send_streams": stream.out_count,
        "frame_rate": stream.frame_rates[TEMPORAL_LAYERS - 1] if stream.video else None,
    }


cdef dict send_stream_reading(const SendStream *stream, int64_t now_us):
    return {
        "ssrc": stream.ssrc,
        "packets": stream.packets,
        "bytes": stream.octets,
        "rtx_packets": stream.rtx_packets,
        "nacks_received": stream.nacks_received,
        "nacks_unanswered": stream.nacks_unanswered,
        "keyframe_requests": stream.plis_received,
        "packets_lost": stream.packets_lost,
        "fraction_lost_256": stream.fraction_lost,
        "jitter_ticks": stream.jitter,
        "rtt_us": stream.rtt_us,
        "temporal_limit": stream.temporal_limit if stream.temporal_limit < TOP_TEMPORAL_LAYER else None,
        "paused": stream.paused,
        "waiting": stream.waiting,
        "waiting_for_keyframe": stream.video and stream.waiting and stream.target != NULL and not stream.paused,
        "last_sent_age_ms": _age_ms(stream.sent_us, now_us),
    }

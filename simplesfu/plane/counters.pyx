# cython: language_level=3
"""Counters by name."""

# In the order of the enums.
INGRESS_DROP_NAMES = (
    "empty", "oversize", "unknown_protocol",
    "stun_malformed", "stun_not_a_request", "stun_unknown_username", "stun_rate",
    "foreign_tuple", "events_full", "no_keys",
    "rtp_malformed", "unknown_ssrc", "srtp_auth", "srtp_replay", "unknown_payload_type", "rtx_empty",
    "producer_paused", "duplicate", "too_old", "sequence_jump", "no_memory",
    "rtcp_rate", "rtcp_ssrc_limit", "srtcp_auth", "srtcp_replay", "rtcp_malformed",
)
EGRESS_DROP_NAMES = ("paused", "waiting_keyframe", "stale", "layer", "not_connected", "slow_reader", "seal_failed")

assert len(INGRESS_DROP_NAMES) == INGRESS_DROPS
assert len(EGRESS_DROP_NAMES) == EGRESS_DROPS

"""ORTC's arithmetic of codecs and header extensions, with mediasoup's meaning: pure functions, no state.

    router_rtp_capabilities(codecs)                      what the router can carry
    validate_rtp_capabilities(capabilities)              is what a client says possible?
    validate_rtp_parameters(kind, params)
    validate_dtls_parameters(params)
    producer_mapping(params, router)                     a publisher's numbers → the router's
    consumable_rtp_parameters(router, mapping, …)        a producer in the router's numbers
    producer_type(params)                                "simple", "simulcast" or "svc"
    can_consume(consumable, capabilities)
    can_follow(consumable, mapping)                      may a producer go on as this?
    consumer_rtp_parameters(consumable, capabilities, …) what one receiver gets
"""
from simplesfu.control.ortc.capabilities import router_rtp_capabilities
from simplesfu.control.ortc.negotiation import (
    ProducerMapping,
    ProducerType,
    can_consume,
    can_follow,
    consumable_rtp_parameters,
    consumer_rtp_parameters,
    producer_mapping,
    producer_type,
)
from simplesfu.control.ortc.validation import (
    validate_dtls_parameters,
    validate_rtp_capabilities,
    validate_rtp_parameters,
)

__all__ = [
    "ProducerMapping",
    "ProducerType",
    "can_consume",
    "can_follow",
    "consumable_rtp_parameters",
    "consumer_rtp_parameters",
    "producer_mapping",
    "producer_type",
    "router_rtp_capabilities",
    "validate_dtls_parameters",
    "validate_rtp_capabilities",
    "validate_rtp_parameters",
]

"""Saying hello, transports, statistics."""
from __future__ import annotations

from typing import Any, Final

from simplesfu.control import ortc
from simplesfu.errors import AlreadyExists, LimitReached
from simplesfu.signaling.messages import (
    ConnectWebRtcTransport,
    CreateWebRtcTransport,
    HelloAnswer,
    Nothing,
    RestartIceAnswer,
    SetRtpCapabilities,
    StatsAnswer,
    TransportAnswer,
    TransportTarget,
)
from simplesfu.signaling.peers import Peers
from simplesfu.signaling.session import PeerSession

PROTOCOL_VERSION: Final = 1


def hello(peers: Peers, session: PeerSession, _: Nothing) -> HelloAnswer:
    return HelloAnswer(
        peer_id=session.id,
        protocol=PROTOCOL_VERSION,
        router_rtp_capabilities=peers.router.rtp_capabilities,
    )


def set_rtp_capabilities(peers: Peers, session: PeerSession, payload: SetRtpCapabilities) -> Nothing:
    ortc.validate_rtp_capabilities(payload.rtp_capabilities)
    peers.set_rtp_capabilities(session, payload.rtp_capabilities)
    return Nothing()


def create_webrtc_transport(peers: Peers, session: PeerSession, payload: CreateWebRtcTransport) -> TransportAnswer:
    if session.transport_to(payload.direction) is not None:
        raise AlreadyExists(f"there is a {payload.direction} transport already", "use that one, or close it first")
    limit = peers.config.max_transports_per_peer
    if len(session.transports) >= limit:
        raise LimitReached(f"a peer has {limit} transports at most", "close one that is not needed")
    transport = peers.router.create_webrtc_transport()
    peers.adopt_transport(session, transport, payload.direction)
    return TransportAnswer(
        id=transport.id,
        ice_parameters=transport.ice_parameters,
        ice_candidates=transport.ice_candidates,
        dtls_parameters=transport.dtls_parameters,
    )


def connect_webrtc_transport(_: Peers, session: PeerSession, payload: ConnectWebRtcTransport) -> Nothing:
    session.transport(payload.transport_id).transport.connect(payload.dtls_parameters)
    return Nothing()


def restart_ice(_: Peers, session: PeerSession, payload: TransportTarget) -> RestartIceAnswer:
    return RestartIceAnswer(ice_parameters=session.transport(payload.transport_id).transport.restart_ice())


def close_transport(_: Peers, session: PeerSession, payload: TransportTarget) -> Nothing:
    session.transport(payload.transport_id).transport.close()
    return Nothing()


def get_stats(_: Peers, session: PeerSession, __: Nothing) -> StatsAnswer:
    return StatsAnswer(
        transports=[
            _camel_case(entry.transport.stats()) | {"direction": entry.direction}
            for entry in session.transports.values()
        ],
        producers=[
            _camel_case(publication.producer.stats()) | {"label": publication.label}
            for publication in session.publications.values()
        ],
        consumers=[
            _camel_case(subscription.consumer.stats())
            | {"peerId": subscription.publication.publisher.id, "label": subscription.publication.label}
            for subscription in session.subscriptions.values()
        ],
    )


def _camel_case(stats: Any) -> Any:
    """Statistics are no Struct, as their fields are the plane's own."""
    if isinstance(stats, dict):
        return {_camel(key): _camel_case(value) for key, value in stats.items()}
    if isinstance(stats, list):
        return [_camel_case(one) for one in stats]
    return stats


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)

"""Saying hello, coming back, transports, statistics."""
from __future__ import annotations

from typing import Any, Final

from simplesfu.control import ortc
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import AlreadyExists, TooManyTransports
from simplesfu.signaling.messages import (
    ConnectWebRtcTransport,
    CreateWebRtcTransport,
    Heartbeat,
    Hello,
    HelloAnswer,
    Nothing,
    RestartIceAnswer,
    SetRtpCapabilities,
    SnapshotAnswer,
    StatsAnswer,
    TransportAnswer,
    TransportTarget,
)
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession
from simplesfu.signaling.sessions.snapshot import snapshot_of

PROTOCOL_VERSION: Final = 2


def hello(peers: Peers, session: PeerSession, payload: Hello) -> HelloAnswer:
    """Who came back is told again what it has missed, or where that is not known any longer, how things are."""
    missed = session.journal.since(payload.last_seq) if session.resumed else []
    session.repeat(missed or [])
    if payload.topology is not None:
        peers.set_topology(session, payload.topology)
    if payload.wants_data and not session.resumed:
        session.data.expect_consumers()
    return HelloAnswer(
        peer_id=session.id,
        protocol=PROTOCOL_VERSION,
        topology=session.topology,
        resumed=session.resumed,
        token=session.token,
        grace_period_ms=round(peers.config.grace_period_s * 1000),
        heartbeat_ms=round(peers.config.heartbeat_s * 1000),
        seq=session.journal.seq,
        router_rtp_capabilities=peers.router.rtp_capabilities,
        ice_servers=peers.ice_servers.of(session.id),
        ice_servers_lifetime_ms=peers.ice_servers.lifetime_ms,
        snapshot=snapshot_of(peers, session) if missed is None else None,
    )


def enter(_: Peers, __: PeerSession, ___: Nothing) -> Nothing:
    """All requests that need it do so; this one does nothing else."""
    return Nothing()


def heartbeat(_: Peers, session: PeerSession, payload: Heartbeat) -> Nothing:
    session.journal.confirm(payload.last_seq)
    return Nothing()


def get_snapshot(peers: Peers, session: PeerSession, _: Nothing) -> SnapshotAnswer:
    return SnapshotAnswer(snapshot=snapshot_of(peers, session), seq=session.journal.seq)


def set_rtp_capabilities(peers: Peers, session: PeerSession, payload: SetRtpCapabilities) -> Nothing:
    ortc.validate_rtp_capabilities(payload.rtp_capabilities)
    session.rtp_capabilities = payload.rtp_capabilities
    peers.offers.refresh_viewer(session, "disconnected")
    return Nothing()


def create_webrtc_transport(peers: Peers, session: PeerSession, payload: CreateWebRtcTransport) -> TransportAnswer:
    present = session.transport_to(payload.direction)
    replaced = session.transports.get(payload.replaces or "")
    if present is not None and present is not replaced:
        raise AlreadyExists(f"there is a {payload.direction} transport already",
                            "use that one, or name it as the one that this replaces")
    limit = peers.config.max_transports_per_peer
    if len(session.transports) >= limit:
        raise TooManyTransports(f"a peer has {limit} transports at most", "close those that were replaced")
    transport = peers.router.create_webrtc_transport()
    if present is not None:
        present.replaced = True
    peers.holdings.adopt_transport(session, transport, payload.direction)
    peers.holdings.sweep(session)
    return transport_answer(transport)


def transport_answer(transport: WebRtcTransport) -> TransportAnswer:
    return TransportAnswer(
        id=transport.id,
        ice_parameters=transport.ice_parameters,
        ice_candidates=transport.ice_candidates,
        dtls_parameters=transport.dtls_parameters,
        sctp_parameters=transport.data.parameters,
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
            _camel_case(publication.stats()) | {"label": publication.label}
            for publication in session.publications.values()
        ],
        consumers=[
            _camel_case(subscription.consumer.stats())
            | {
                "peerId": subscription.publication.publisher.id,
                "label": subscription.publication.label,
                "carrier": subscription.carrier,
            }
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

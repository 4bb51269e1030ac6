"""ICE servers, and trying the network without a call."""
from __future__ import annotations

from simplesfu.signaling.messages import (
    ConnectWebRtcTransport,
    IceServersAnswer,
    Nothing,
    TransportAnswer,
    TransportTarget,
)
from simplesfu.signaling.requests.connection import transport_answer
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession


def get_ice_servers(peers: Peers, session: PeerSession, _: Nothing) -> IceServersAnswer:
    servers = peers.ice_servers
    return IceServersAnswer(ice_servers=servers.of(session.id), ice_servers_lifetime_ms=servers.lifetime_ms)


def create_probe(peers: Peers, session: PeerSession, _: Nothing) -> TransportAnswer:
    session.probes.check_room()
    transport = peers.router.create_webrtc_transport()
    session.probes.adopt(transport, peers.clock)
    return transport_answer(transport)


def connect_probe(_: Peers, session: PeerSession, payload: ConnectWebRtcTransport) -> Nothing:
    session.probes.find(payload.transport_id).connect(payload.dtls_parameters)
    return Nothing()


def close_probe(_: Peers, session: PeerSession, payload: TransportTarget) -> Nothing:
    session.probes.find(payload.transport_id).close()
    return Nothing()

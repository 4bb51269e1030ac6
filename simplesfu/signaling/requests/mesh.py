"""Direct links between browsers: who wishes them, what the two tell each other, and how their link does."""
from __future__ import annotations

from simplesfu.errors import NotFound
from simplesfu.signaling.messages import Nothing, ReportLink, SetTopology, SignalTarget, TopologyAnswer
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession


def set_topology(peers: Peers, session: PeerSession, payload: SetTopology) -> TopologyAnswer:
    peers.set_topology(session, payload.topology)
    return TopologyAnswer(topology=session.topology)


def signal(peers: Peers, session: PeerSession, payload: SignalTarget) -> Nothing:
    peers.carriers.signal(session, peers.in_sight(session, payload.peer_id), payload.message)
    return Nothing()


def report_link(peers: Peers, session: PeerSession, payload: ReportLink) -> Nothing:
    other = peers.in_sight(session, payload.peer_id)
    if other is None:
        raise NotFound("no link to that peer", "it has left, or was never in sight")
    peers.carriers.reported(session, other, payload.state, payload.reason)
    return Nothing()

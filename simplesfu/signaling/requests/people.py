"""Rooms, and what one peer wishes about another."""
from __future__ import annotations

from simplesfu.control.layers import LayerLimit
from simplesfu.signaling.messages import (
    ConnectToPeerAnswer,
    JoinRoomAnswer,
    Nothing,
    PeerTarget,
    RoomTarget,
    SetPreferredLayers,
    TrackEntry,
)
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession


def connect_to_peer(peers: Peers, session: PeerSession, payload: PeerTarget) -> ConnectToPeerAnswer:
    """The same answer for every peer that is not in sight, whatever the reason. So with all wishes."""
    session.wishes.connect(peers.names_of(payload.peer_id), payload.label)
    peers.wishes_changed(session, payload.peer_id)
    publisher = peers.in_sight(session, payload.peer_id)
    if publisher is None:
        return ConnectToPeerAnswer(peer_id=payload.peer_id, tracks=[])
    offered = (one for one in session.offers.values() if one.publisher is publisher)
    return ConnectToPeerAnswer(
        peer_id=publisher.id,
        tracks=[
            TrackEntry(producer_id=one.id, label=one.label, kind=one.kind, paused=one.paused)
            for one in offered
            if payload.label in (None, one.label)
        ],
    )


def disconnect_from_peer(peers: Peers, session: PeerSession, payload: PeerTarget) -> Nothing:
    session.wishes.disconnect(peers.names_of(payload.peer_id), payload.label)
    peers.wishes_changed(session, payload.peer_id)
    return Nothing()


def pause_peer(peers: Peers, session: PeerSession, payload: PeerTarget) -> Nothing:
    session.wishes.pause(peers.names_of(payload.peer_id), payload.label)
    peers.wishes_changed(session, payload.peer_id)
    return Nothing()


def resume_peer(peers: Peers, session: PeerSession, payload: PeerTarget) -> Nothing:
    session.wishes.resume(peers.names_of(payload.peer_id), payload.label)
    peers.wishes_changed(session, payload.peer_id)
    return Nothing()


def set_preferred_layers(peers: Peers, session: PeerSession, payload: SetPreferredLayers) -> Nothing:
    limit = LayerLimit(
        spatial_layer=payload.spatial_layer,
        temporal_layer=payload.temporal_layer,
        max_frame_rate=payload.max_frame_rate,
    )
    session.wishes.prefer(peers.names_of(payload.peer_id), payload.label, limit)
    peers.wishes_changed(session, payload.peer_id)
    return Nothing()


def join_room(peers: Peers, session: PeerSession, payload: RoomTarget) -> JoinRoomAnswer:
    return JoinRoomAnswer(peer_ids=peers.join_room(session, payload.room_id))


def leave_room(peers: Peers, session: PeerSession, payload: RoomTarget) -> Nothing:
    peers.leave_room(session, payload.room_id)
    return Nothing()

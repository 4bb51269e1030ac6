"""Rooms, and the wishes of one peer about another."""
from __future__ import annotations

from simplesfu.signaling.messages import JoinRoomAnswer, Nothing, PeerTarget, RoomTarget
from simplesfu.signaling.peers import Peers
from simplesfu.signaling.session import PeerSession


def connect_to_peer(peers: Peers, session: PeerSession, payload: PeerTarget) -> Nothing:
    peers.want(session, payload.peer_id)
    return Nothing()


def disconnect_from_peer(peers: Peers, session: PeerSession, payload: PeerTarget) -> Nothing:
    peers.unwant(session, payload.peer_id)
    return Nothing()


def pause_peer(peers: Peers, session: PeerSession, payload: PeerTarget) -> Nothing:
    peers.pause(session, payload.peer_id)
    return Nothing()


def resume_peer(peers: Peers, session: PeerSession, payload: PeerTarget) -> Nothing:
    peers.resume(session, payload.peer_id)
    return Nothing()


def join_room(peers: Peers, session: PeerSession, payload: RoomTarget) -> JoinRoomAnswer:
    return JoinRoomAnswer(peer_ids=peers.join_room(session, payload.room_id))


def leave_room(peers: Peers, session: PeerSession, payload: RoomTarget) -> Nothing:
    peers.leave_room(session, payload.room_id)
    return Nothing()

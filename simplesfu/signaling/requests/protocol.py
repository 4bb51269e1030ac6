"""The table of requests, and the one way in which all of them are answered."""
from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from simplesfu.errors import BadRequest, Closed, SfuError, UnknownRequest
from simplesfu.signaling import messages as m
from simplesfu.signaling.data import messages as d
from simplesfu.signaling.requests import connection, data, explanation, media, mesh, network, people
from simplesfu.signaling.rights import authorization as rights
from simplesfu.signaling.rights.authorization import Authority, Right
from simplesfu.signaling.sessions.attendance import Attendance
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.replay import Answer
from simplesfu.signaling.sessions.session import Connection, PeerSession

NAMESPACE: Final = "/simplesfu"
MAX_PAYLOAD_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 64
"""Objects and lists within each other: what is passed on is written again by recursion."""

logger = logging.getLogger(__name__)


class Request(NamedTuple):
    """`right`: what the application has to allow before it is carried out; None: nothing."""

    payload: type[m.Message]
    answer: type[m.Message]
    carry_out: Callable[[Peers, PeerSession, Any], m.Message]
    right: Callable[[Peers, PeerSession, Any], Right | None] | None = None
    enters: bool = True
    """The peer is in the lobby from then on, where others see it, unless it is in a room."""
    repeatable: bool = False
    """It changes nothing: asked again it gets a fresh answer, whatever its id."""
    at_once: bool = False
    """It is about the connection, and waits for no other request."""
    cost: int = 1
    """How many requests it counts for (admission.py), as it tells many, or much."""


REQUESTS: Final[Mapping[str, Request]] = MappingProxyType({
    "hello": Request(m.Hello, m.HelloAnswer, connection.hello, enters=False, repeatable=True, at_once=True, cost=20),
    "heartbeat": Request(m.Heartbeat, m.Nothing, connection.heartbeat, enters=False, repeatable=True, at_once=True),
    "enter": Request(m.Nothing, m.Nothing, connection.enter),
    "getSnapshot": Request(m.Nothing, m.SnapshotAnswer, connection.get_snapshot, enters=False, repeatable=True,
                           cost=20),
    "setRtpCapabilities": Request(m.SetRtpCapabilities, m.Nothing, connection.set_rtp_capabilities, enters=False),
    "createWebRtcTransport": Request(m.CreateWebRtcTransport, m.TransportAnswer, connection.create_webrtc_transport),
    "connectWebRtcTransport": Request(m.ConnectWebRtcTransport, m.Nothing, connection.connect_webrtc_transport),
    "restartIce": Request(m.TransportTarget, m.RestartIceAnswer, connection.restart_ice),
    "closeTransport": Request(m.TransportTarget, m.Nothing, connection.close_transport),
    "getIceServers": Request(m.Nothing, m.IceServersAnswer, network.get_ice_servers, enters=False, repeatable=True),
    "createProbe": Request(m.Nothing, m.TransportAnswer, network.create_probe, enters=False),
    "connectProbe": Request(m.ConnectWebRtcTransport, m.Nothing, network.connect_probe, enters=False),
    "closeProbe": Request(m.TransportTarget, m.Nothing, network.close_probe, enters=False),
    "produce": Request(m.Produce, m.ProduceAnswer, media.produce, rights.produce),
    "publish": Request(m.Publish, m.ProduceAnswer, media.publish, rights.produce),
    "setMetadata": Request(m.SetMetadata, m.Nothing, media.set_metadata, rights.set_metadata, cost=10),
    "pauseProducer": Request(m.ProducerTarget, m.Nothing, media.pause_producer),
    "resumeProducer": Request(m.ProducerTarget, m.Nothing, media.resume_producer),
    "closeProducer": Request(m.ProducerTarget, m.Nothing, media.close_producer),
    "consume": Request(m.Consume, m.ConsumeAnswer, media.consume, rights.consume),
    "resumeConsumer": Request(m.ConsumerTarget, m.Nothing, media.resume_consumer),
    "closeConsumer": Request(m.ConsumerTarget, m.Nothing, media.close_consumer),
    "connectToPeer": Request(m.PeerTarget, m.ConnectToPeerAnswer, people.connect_to_peer),
    "disconnectFromPeer": Request(m.PeerTarget, m.Nothing, people.disconnect_from_peer),
    "pausePeer": Request(m.PeerTarget, m.Nothing, people.pause_peer),
    "resumePeer": Request(m.PeerTarget, m.Nothing, people.resume_peer),
    "setPreferredLayers": Request(m.SetPreferredLayers, m.Nothing, people.set_preferred_layers),
    "setTopology": Request(m.SetTopology, m.TopologyAnswer, mesh.set_topology, cost=10),
    "signal": Request(m.SignalTarget, m.Nothing, mesh.signal),
    "reportLink": Request(m.ReportLink, m.Nothing, mesh.report_link),
    "joinRoom": Request(m.RoomTarget, m.JoinRoomAnswer, people.join_room, rights.join, enters=False),
    "leaveRoom": Request(m.RoomTarget, m.Nothing, people.leave_room),
    "openData": Request(d.OpenData, m.Nothing, data.open_data, rights.data),
    "produceData": Request(d.ProduceData, d.ProduceDataAnswer, data.produce_data),
    "consumeData": Request(d.ConsumeData, d.ConsumeDataAnswer, data.consume_data),
    "explain": Request(m.TrackTarget, explanation.ExplainAnswer, explanation.explain_track, enters=False,
                       repeatable=True),
    "getStats": Request(m.Nothing, m.StatsAnswer, connection.get_stats, enters=False, repeatable=True, cost=10),
})


def cost_of(name: object) -> int:
    """How many requests one of that name counts for."""
    request = REQUESTS.get(name) if isinstance(name, str) else None
    return 1 if request is None else request.cost


class Responder:
    """Carries requests out on the engine's loop. Never raises: whatever goes wrong is an answer.

    Those of one session are carried out in their order. Nothing is awaited but an earlier one, and the application's
    word on a right.
    """

    def __init__(self, attendance: Attendance, authority: Authority | None = None) -> None:
        self._attendance = attendance
        self._peers = attendance.peers
        self._authority = authority
        self.internal_errors = 0
        self._logged: set[tuple[str, type[Exception]]] = set()

    async def respond(self, connection: Connection, name: object, arguments: Sequence[object]) -> Answer:
        try:
            request = _find(name)
            payload, request_id = _decode(arguments, request.payload)
            session = self._find_session(connection, payload)
            if request.at_once:
                return await self._carry_out(request, session, payload)
            self._attendance.token_arrived(session)
            if request.repeatable:
                request_id = None
            async with session.turn:
                answer = session.answers.find(request_id)
                if answer is None:
                    answer = await self._answer(str(name), request, session, payload)
                    session.answers.remember(request_id, answer)
                return answer
        except SfuError as error:
            return refusal(error)
        except Exception as error:
            return self.apologise(str(name), error)

    def _find_session(self, connection: Connection, payload: m.Message) -> PeerSession:
        if isinstance(payload, m.Hello):
            session = self._attendance.greet(connection, payload.token)
            if session.resumed and self._authority is not None:
                self._authority.came_back(session)
            return session
        return self._attendance.session_of(connection)

    async def _answer(self, name: str, request: Request, session: PeerSession, payload: m.Message) -> Answer:
        try:
            return await self._carry_out(request, session, payload)
        except SfuError as error:
            return refusal(error)
        except Exception as error:
            return self.apologise(name, error)

    async def _carry_out(self, request: Request, session: PeerSession, payload: m.Message) -> Answer:
        _check_open(session)
        if request.enters:
            self._peers.enter(session)
        if self._authority is not None and request.right is not None:
            right = request.right(self._peers, session, payload)
            if right is not None:
                await self._authority.check(session, right)
                _check_open(session)
        return {"ok": True, "data": msgspec.to_builtins(request.carry_out(self._peers, session, payload))}

    def apologise(self, name: str, error: Exception) -> Answer:
        """A bug of ours. The log gets each kind once, whoever keeps on provoking it."""
        self.internal_errors += 1
        kind = (name, type(error))
        if kind not in self._logged:
            self._logged.add(kind)
            logger.error("the request %r failed (further failures of the kind are only counted)", name, exc_info=error)
        return refusal(internal_error())


def internal_error() -> SfuError:
    """What a client is told of a bug of ours: nothing of it."""
    return SfuError("the server failed", "its log says why")


def refusal(error: SfuError) -> Answer:
    return {"ok": False, "error": error.as_wire()}


def _check_open(session: PeerSession) -> None:
    if session.closed:
        raise Closed("the session has ended", "connect again")


def _find(name: object) -> Request:
    request = REQUESTS.get(name) if isinstance(name, str) else None
    if request is None:
        raise UnknownRequest(f"no request {_shortened(repr(name))}", "docs/protocol.md lists them")
    return request


def _depth(given: object) -> int:
    """How many objects and lists are within each other at most."""
    depth, level = 0, [given]
    while level := [one for one in level if isinstance(one, dict | list | tuple)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _shortened(text: str, head: int = 120, tail: int = 80) -> str:
    """An error does not send back everything that it was sent. msgspec names the field at the end."""
    return text if len(text) <= head + tail else f"{text[:head]}…{text[-tail:]}"


def _decode(arguments: Sequence[object], payload: type[m.Message]) -> tuple[m.Message, str | None]:
    """The payload, and the request's id. Without an argument, or with null, the payload is an empty object.
    Raises BadRequest, whose message names the field."""
    if len(arguments) > 1:
        raise BadRequest(f"{len(arguments)} arguments came", "a request carries one object")
    given = arguments[0] if arguments and arguments[0] is not None else {}
    try:
        # What came was parsed already; written again it shows its size.
        written = msgspec.json.encode(given)
        if len(written) > MAX_PAYLOAD_BYTES:
            raise BadRequest(f"the payload has {len(written)} bytes", f"{MAX_PAYLOAD_BYTES} are allowed")
        if _depth(given) > MAX_DEPTH:
            raise BadRequest(f"the payload is nested more than {MAX_DEPTH} deep", "flatten it, or send it as a string")
        # And read again it can be passed on: Python's parser takes NaN and 1e999, which browsers' do not.
        given = msgspec.json.decode(written)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise BadRequest("the payload cannot be written as JSON", "send objects, lists, strings, numbers") from error
    try:
        return msgspec.convert(given, payload), msgspec.convert(given, m.Envelope).request_id
    except msgspec.ValidationError as error:
        raise BadRequest(_shortened(str(error)), "docs/protocol.md tells what the payload looks like") from error

"""The table of requests, and the one way in which all of them are answered."""
from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from simplesfu.errors import BadRequest, Closed, SfuError, UnknownRequest
from simplesfu.signaling import messages as m
from simplesfu.signaling.peers import Peers
from simplesfu.signaling.requests import connection, media, people
from simplesfu.signaling.session import PeerSession

NAMESPACE: Final = "/simplesfu"
MAX_PAYLOAD_BYTES: Final = 64 * 1024

Answer: TypeAlias = dict[str, Any]
"""{"ok": True, "data": …} or {"ok": False, "error": {"code", "message", "hint"}}"""

logger = logging.getLogger(__name__)


class Request(NamedTuple):
    payload: type[m.Message]
    answer: type[m.Message]
    carry_out: Callable[[Peers, PeerSession, Any], m.Message]


REQUESTS: Final[Mapping[str, Request]] = MappingProxyType({
    "hello": Request(m.Nothing, m.HelloAnswer, connection.hello),
    "setRtpCapabilities": Request(m.SetRtpCapabilities, m.Nothing, connection.set_rtp_capabilities),
    "createWebRtcTransport": Request(m.CreateWebRtcTransport, m.TransportAnswer, connection.create_webrtc_transport),
    "connectWebRtcTransport": Request(m.ConnectWebRtcTransport, m.Nothing, connection.connect_webrtc_transport),
    "restartIce": Request(m.TransportTarget, m.RestartIceAnswer, connection.restart_ice),
    "closeTransport": Request(m.TransportTarget, m.Nothing, connection.close_transport),
    "produce": Request(m.Produce, m.ProduceAnswer, media.produce),
    "pauseProducer": Request(m.ProducerTarget, m.Nothing, media.pause_producer),
    "resumeProducer": Request(m.ProducerTarget, m.Nothing, media.resume_producer),
    "closeProducer": Request(m.ProducerTarget, m.Nothing, media.close_producer),
    "consume": Request(m.Consume, m.ConsumeAnswer, media.consume),
    "resumeConsumer": Request(m.ConsumerTarget, m.Nothing, media.resume_consumer),
    "connectToPeer": Request(m.PeerTarget, m.Nothing, people.connect_to_peer),
    "disconnectFromPeer": Request(m.PeerTarget, m.Nothing, people.disconnect_from_peer),
    "pausePeer": Request(m.PeerTarget, m.Nothing, people.pause_peer),
    "resumePeer": Request(m.PeerTarget, m.Nothing, people.resume_peer),
    "joinRoom": Request(m.RoomTarget, m.JoinRoomAnswer, people.join_room),
    "leaveRoom": Request(m.RoomTarget, m.Nothing, people.leave_room),
    "getStats": Request(m.Nothing, m.StatsAnswer, connection.get_stats),
})


class Responder:
    """Carries requests out on the engine's loop. Never raises: whatever goes wrong is an answer."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self.internal_errors = 0
        self._logged: set[tuple[str, type[Exception]]] = set()

    def respond(self, session: PeerSession, name: object, arguments: Sequence[object]) -> Answer:
        try:
            request = _find(name)
            payload = _decode(arguments, request.payload)
            if session.closed:
                raise Closed("the peer has left", "connect again")
            # A peer that asks can listen too: only now may others' news be sent to it.
            self._peers.enter(session)
            data = request.carry_out(self._peers, session, payload)
        except SfuError as error:
            return refusal(error)
        except Exception as error:
            return self._apologise(str(name), error)
        return {"ok": True, "data": msgspec.to_builtins(data)}

    def _apologise(self, name: str, error: Exception) -> Answer:
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


def _find(name: object) -> Request:
    request = REQUESTS.get(name) if isinstance(name, str) else None
    if request is None:
        raise UnknownRequest(f"no request {_shortened(repr(name))}", "docs/protocol.md lists them")
    return request


def _shortened(text: str, head: int = 120, tail: int = 80) -> str:
    """An error does not send back everything that it was sent. msgspec names the field at the end."""
    return text if len(text) <= head + tail else f"{text[:head]}…{text[-tail:]}"


def _decode(arguments: Sequence[object], payload: type[m.Message]) -> m.Message:
    """Without an argument, or with null, it is an empty object. Raises BadRequest, whose message names the field."""
    if len(arguments) > 1:
        raise BadRequest(f"{len(arguments)} arguments came", "a request carries one object")
    given = arguments[0] if arguments and arguments[0] is not None else {}
    try:
        # What came was parsed already; written again it shows its size, and that it can be passed on to others.
        size_bytes = len(msgspec.json.encode(given))
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise BadRequest("the payload cannot be written as JSON", "send objects, lists, strings, numbers") from error
    if size_bytes > MAX_PAYLOAD_BYTES:
        raise BadRequest(f"the payload has {size_bytes} bytes", f"{MAX_PAYLOAD_BYTES} are allowed")
    try:
        return msgspec.convert(given, payload)
    except msgspec.ValidationError as error:
        raise BadRequest(_shortened(str(error)), "docs/protocol.md tells what the payload looks like") from error

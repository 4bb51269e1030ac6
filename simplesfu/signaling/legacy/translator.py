"""One client of the original, as a client of our protocol: what it asks is carried out as our requests, with rights,
limits and rooms like anybody's, and what its session is told goes on in the original's words.

    mediasoupSignaling {type, data}  ──▶ Translator.respond ──▶ Responder (requests/protocol.py)
    acknowledgement, pushes          ◀── Translator.told    ◀── PeerSession.notify

Its answers fit every form of the protocol: {success, …} beside the bare fields of the first. An error is the one of
our protocol, {error: {code, message, hint}}: the newer clients read its message.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from simplesfu.engine.tasks import TaskSet
from simplesfu.errors import AlreadyExists, BadRequest, NotFound, SfuError, UnknownRequest
from simplesfu.signaling.legacy import messages as m
from simplesfu.signaling.legacy.capabilities import assumed, shown_by
from simplesfu.signaling.legacy.consumers import Consumers, Push, recv_transport
from simplesfu.signaling.legacy.data import LABEL, LegacyDesk, listen
from simplesfu.signaling.legacy.dialect import SILENCE_S, Dialect, after
from simplesfu.signaling.legacy.lists import ListPusher, listed, roomed
from simplesfu.signaling.messages import Direction
from simplesfu.signaling.requests.protocol import Responder, refusal
from simplesfu.signaling.sessions.attendance import Attendance
from simplesfu.signaling.sessions.replay import Answer
from simplesfu.signaling.sessions.session import Connection, PeerSession

logger = logging.getLogger(__name__)


class Entry(NamedTuple):
    data: type[m.LegacyMessage]
    carry_out: Callable[[Translator, Any], Awaitable[dict[str, Any]]]


class RefusedError(Exception):
    """One of our requests was; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


class Translator:
    """On the engine's loop."""

    def __init__(self, connection: Connection, attendance: Attendance, responder: Responder, *, push: Push) -> None:
        self._connection = connection
        self._attendance = attendance
        self._peers = attendance.peers
        self._responder = responder
        self._push = push
        self._turn = asyncio.Lock()
        """Requests are carried out one after the other."""
        self._tasks = TaskSet()
        self._dialect = Dialect.UNKNOWN
        self._session: PeerSession | None = None
        self._desk = LegacyDesk()
        self._sent: set[str] = set()
        """MIME types."""
        clock = self._peers.clock
        self._consumers = Consumers(clock, lambda: self.session, ask=self._ask, push=push, later=self._later)
        self._lists = ListPusher(clock, self._list, partial(push, "availableProducers"))

    # what the client asks

    async def respond(self, arguments: Sequence[object]) -> Answer:
        """Never raises."""
        name = "mediasoupSignaling"
        try:
            asked = _convert(arguments[0] if arguments else None, m.Asked)
            entry = _ENTRIES.get(asked.type)
            if entry is None:
                raise UnknownRequest(f"no type {asked.type[:80]!r}", "docs/guide/legacy.md lists them")
            name = asked.type
            data = _convert({} if asked.data is None else asked.data, entry.data)
            async with self._turn:
                await self._begin()
                self._learn(asked.type, data)
                return {"success": True, **await entry.carry_out(self, data)}
        except RefusedError as refused:
            return refused.answer
        except SfuError as error:
            return refusal(error)
        except Exception as error:
            return self._responder.apologise(name, error)

    async def get_router_rtp_capabilities(self, _: m.Nothing) -> dict[str, Any]:
        """The first client numbers header extensions as an old Chromium did, and today's refuses what comes of it: it
        gets along without any. It reads the bare fields."""
        capabilities = msgspec.to_builtins(self._peers.router.rtp_capabilities)
        return {**capabilities, "headerExtensions": [], "routerRtpCapabilities": capabilities}

    async def create_transport(self, data: m.CreateTransport) -> dict[str, Any]:
        if data.producing == data.consuming:
            raise BadRequest("a transport is for producing or for consuming", "set one of the two")
        direction: Direction = "send" if data.producing else "recv"
        present = self.session.transport_to(direction)
        if present is not None:  # the client begins anew
            await self._ask("closeTransport", transportId=present.transport.id)
        info = await self._ask("createWebRtcTransport", direction=direction)
        if data.consuming:
            self._peers.clock.call_later(SILENCE_S, self._has_been_silent)
            self._consume_all()
        return {**info, "transportInfo": info}

    async def connect_transport(self, data: m.ConnectTransport) -> dict[str, Any]:
        await self._ask(
            "connectWebRtcTransport", transportId=data.transport_id, dtlsParameters=data.dtls_parameters
        )
        return {}

    async def produce(self, data: m.Produced) -> dict[str, Any]:
        label = data.app_data.get("label")
        new = shown_by(data.rtp_parameters) - self._sent
        if new:
            self._sent |= new
            await self._tell_capabilities()
        answer = await self._ask(
            "produce",
            transportId=data.transport_id,
            kind=data.kind,
            rtpParameters=data.rtp_parameters,
            label=data.kind if label in (None, "") else str(label),
            broadcast=bool(data.app_data.get("broadcast", True)),  # who does not know the word means the whole room
        )
        return {"id": answer["producerId"]}

    async def close_producer(self, data: m.ProducerNamed) -> dict[str, Any]:
        await self._ask("closeProducer", producerId=data.producer_id)
        return {}

    async def create_consumer(self, data: m.ProducerOf) -> dict[str, Any]:
        await self._consumers.consume(data.producer_id)
        return {}

    async def pause_consumer(self, data: m.ProducerNamed) -> dict[str, Any]:
        await self._consumers.pause(data.producer_id)
        return {"paused": True}

    async def resume_consumer(self, data: m.ProducerNamed) -> dict[str, Any]:
        await self._consumers.resume(data.producer_id)
        return {}

    async def close_consumer(self, data: m.ProducerNamed) -> dict[str, Any]:
        await self._consumers.close(data.producer_id)
        return {}

    async def join_room(self, data: m.Room) -> dict[str, Any]:
        await self._ask("joinRoom", roomId=data.name)
        return {}

    async def leave_room(self, data: m.Room) -> dict[str, Any]:
        await self._ask("leaveRoom", roomId=data.name)
        return {}

    async def produce_data(self, data: m.ProducedData) -> dict[str, Any]:
        await self._ask("openData", label=LABEL)
        answer = await self._ask(
            "produceData", transportId=data.transport_id, sctpStreamParameters=data.sctp_stream_parameters
        )
        transport = self.session.transport(data.transport_id).transport
        listen(self._peers.data, self.session, transport.data.producers[answer["dataProducerId"]])
        return {"id": answer["dataProducerId"]}

    async def create_data_consumer(self, data: m.ProducerOf) -> dict[str, Any]:
        peer = self._peers.in_sight(self.session, data.producing_peer_id)
        if peer is None or data.producer_id != peer.id:
            raise NotFound(f"no data of {data.producing_peer_id!r}", "availableProducers has what there is")
        outlet = self._desk.outlet(reliable=False)
        if outlet.carries(peer.id):
            return {}
        limit = self._peers.config.max_consumers_per_peer
        consumer = recv_transport(self.session).data.consume(reliable=False, label="data", protocol="", limit=limit)
        outlet.carry(peer.id, consumer)
        self._push("createDataConsumer", {
            "peerId": peer.id,
            "dataProducerId": peer.id,
            "id": consumer.id,
            "sctpStreamParameters": msgspec.to_builtins(consumer.sctp_stream_parameters),
            "label": consumer.label,
            "protocol": consumer.protocol,
            "appData": {},
        })
        return {}

    # what its session is told

    def told(self, event: str, payload: dict[str, Any]) -> None:
        """Comes from the midst of what happens, so it schedules what asks for more."""
        match event:
            case "peerConnection":
                self._appeared(payload["peerId"])
            case "peerDisconnection":
                self._vanished(payload["peerId"])
            case "producerAvailable":
                self._lists.changed()
                if self._dialect is Dialect.PUSHED:
                    self._later(self._consumers.consume(payload["producerId"]), "a consumer of a legacy client")
            case "producerUnavailable":
                self._lists.changed()
                self._consumers.ended(payload["producerId"])

    def _appeared(self, peer_id: str) -> None:
        """Whatever it has is offered to this client, which chooses itself."""
        self._later(self._ask("connectToPeer", peerId=peer_id), "a wish of a legacy client")
        if self._dialect is Dialect.ROOMED:
            self._push("peerConnection", [peer_id])
        self._lists.changed()

    def _vanished(self, peer_id: str) -> None:
        self._later(self._ask("disconnectFromPeer", peerId=peer_id), "a wish of a legacy client")
        if self._desk.outlet(reliable=False).drop(peer_id):
            self._push("dataConsumerClosed", {"producingPeerId": peer_id, "producerId": peer_id})
        if self._dialect is Dialect.ROOMED:
            self._push("peerDisconnection", [peer_id])
        self._lists.changed()

    # ---

    @property
    def session(self) -> PeerSession:
        assert self._session is not None, "_begin() comes first"
        return self._session

    async def _begin(self) -> None:
        """With the first request: a socket that has been there for long, before the media server was, is as good."""
        holder = self._peers.get(self._connection.application_sid)
        if holder is not None and holder.connection not in (self._connection, None):
            raise AlreadyExists("this socket speaks simplesfu's own protocol", "a page needs one client, old or new")
        session = self._attendance.session_of(self._connection)
        if session is self._session:
            return
        self._session = session
        self._peers.leave_lobby(session)
        session.data = self._desk
        await self._tell_capabilities()

    async def _tell_capabilities(self) -> None:
        capabilities = assumed(self._peers.router.rtp_capabilities, self._sent)
        await self._ask("setRtpCapabilities", rtpCapabilities=msgspec.to_builtins(capabilities))

    def _learn(self, request: str, data: object) -> None:
        knows_broadcast = not isinstance(data, m.Produced) or "broadcast" in data.app_data
        self._become(after(self._dialect, request, knows_broadcast=knows_broadcast))

    def _has_been_silent(self) -> None:
        if self._dialect is Dialect.UNKNOWN and not self.session.closed:
            self._become(Dialect.LISTED)

    def _become(self, dialect: Dialect) -> None:
        if dialect is self._dialect:
            return
        self._dialect = dialect
        if dialect.has_rooms:
            self._peers.leave_lobby(self.session)
        else:
            self.session.uses_lobby = True
            self._peers.enter(self.session)
        if dialect.list_period_s:
            self._lists.start(dialect.list_period_s)
        else:
            self._lists.stop()
        self._consume_all()

    def _consume_all(self) -> None:
        """What the newest client gets unasked."""
        if self._dialect is Dialect.PUSHED:
            for producer_id in self.session.offers:
                self._later(self._consumers.consume(producer_id), "a consumer of a legacy client")

    def _list(self) -> dict[str, Any] | None:
        if self.session.closed:
            return None
        if self._dialect is Dialect.ROOMED:
            return roomed(self.session.offers, (peer.id for peer in self._peers.all_in_sight(self.session)))
        return listed(self.session.offers)

    async def _ask(self, request: str, **payload: Any) -> Any:
        """The data of our answer. Raises RefusedError."""
        answer = await self._responder.respond(self._connection, request, [payload])
        if not answer["ok"]:
            raise RefusedError(answer)
        return answer["data"]

    def _later(self, work: Awaitable[object], name: str) -> None:
        async def run() -> None:
            try:
                await work
            except (RefusedError, SfuError) as error:
                logger.debug("%s: %s", name, error)

        self._tasks.spawn(run(), name)


def _convert(given: object, kind: type[m.LegacyMessage]) -> Any:
    """Raises BadRequest."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error)[:200], "docs/guide/legacy.md tells what it looks like") from error


_ENTRIES: Final[Mapping[str, Entry]] = {
    "getRouterRtpCapabilities": Entry(m.Nothing, Translator.get_router_rtp_capabilities),
    "createWebRtcTransport": Entry(m.CreateTransport, Translator.create_transport),
    "connectWebRtcTransport": Entry(m.ConnectTransport, Translator.connect_transport),
    "produce": Entry(m.Produced, Translator.produce),
    "closeProducer": Entry(m.ProducerNamed, Translator.close_producer),
    "createConsumer": Entry(m.ProducerOf, Translator.create_consumer),
    "pauseConsumer": Entry(m.ProducerNamed, Translator.pause_consumer),
    "resumeConsumer": Entry(m.ProducerNamed, Translator.resume_consumer),
    "closeConsumer": Entry(m.ProducerNamed, Translator.close_consumer),
    "joinRoom": Entry(m.Room, Translator.join_room),
    "leaveRoom": Entry(m.Room, Translator.leave_room),
    "produceData": Entry(m.ProducedData, Translator.produce_data),
    "createDataConsumer": Entry(m.ProducerOf, Translator.create_data_consumer),
}

"""Signalling without a socket: peers ask, and note what they are told, as the protocol has it."""
from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from simplesfu.config import MediaConfig
from simplesfu.signaling.requests.protocol import Responder
from simplesfu.signaling.sessions.attendance import Attendance
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession

from . import rtp
from .fake_engine import ScriptedEngine, scripted_router
from .signalling import RefusedError
from .stage import HandClock

UNTOLD = ("producerId", "transportId", "seq", "carrier")
DTLS = {"role": "client", "fingerprints": [{"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}]}


class House:
    """Peers around a real router whose engine is scripted. `events`: what the application hears."""

    def __init__(self, peers: Peers, engine: ScriptedEngine, clock: HandClock) -> None:
        self.peers = peers
        self.engine = engine
        self.clock = clock
        self.attendance = Attendance(peers)
        self.responder = Responder(self.attendance)
        self.events: list[tuple[str, Any]] = []
        self._ssrcs = itertools.count(100_000)
        self.capabilities: dict[str, Any] = msgspec.to_builtins(peers.router.rtp_capabilities)

    def connect(self, sid: str) -> HousePeer:
        """A socket with its media namespace, silent so far."""
        return HousePeer(self, sid)

    def enter(self, sid: str, *, room: str | None = None, **hello: Any) -> HousePeer:
        """One that has said hello and can receive, and that others see: in a room, or the lobby."""
        peer = self.connect(sid)
        peer.hello(**hello)
        peer.ask("setRtpCapabilities", rtpCapabilities=self.capabilities)
        if room is None:
            peer.ask("enter")
        else:
            peer.ask("joinRoom", roomId=room)
        return peer

    def next_ssrc(self) -> int:
        return next(self._ssrcs)

    def codec(self, mime_type: str) -> dict[str, Any]:
        return next(codec for codec in self.capabilities["codecs"] if codec["mimeType"] == mime_type)

    def heard(self) -> list[str]:
        """The names of the application's events since the last time."""
        names = [name for name, _ in self.events]
        self.events.clear()
        return names


class HouseLine:
    """A connection that keeps what it is told."""

    def __init__(self, application_sid: str) -> None:
        self.application_sid = application_sid
        self.over = False
        self.heard_us = 0
        self.disconnected = False
        self.told: list[tuple[str, dict[str, Any]]] = []

    def tell(self, event: str, payload: dict[str, Any]) -> None:
        assert not self.disconnected
        self.told.append((event, payload))

    def disconnect(self) -> None:
        self.disconnected = True


class HousePeer:
    """One client, over one socket or several in turn. `id` is what others know it by."""

    def __init__(self, house: House, sid: str) -> None:
        self.house = house
        self.id = sid
        self.line = HouseLine(sid)
        self.greeting: dict[str, Any] = {}

    @property
    def session(self) -> PeerSession:
        return self.house.peers.find(self.id)

    @property
    def notifications(self) -> list[tuple[str, dict[str, Any]]]:
        return self.line.told

    def answer(self, request: object, *arguments: object) -> dict[str, Any]:
        responding = self.house.responder.respond(self.line, request, arguments)
        try:
            responding.send(None)
        except StopIteration as end:
            answer: dict[str, Any] = end.value
            return answer
        raise AssertionError(f"{request} waits for something")

    def hello(self, **payload: Any) -> dict[str, Any]:
        self.greeting = self.ask("hello", **payload)
        self.id = self.greeting["peerId"]
        return self.greeting

    def lose_socket(self) -> None:
        self.house.attendance.lost(self.line)

    def come_back(self, sid: str, **changes: Any) -> dict[str, Any]:
        """Over another socket, with the token of the last hello; what this one answers."""
        last_seq = max((payload["seq"] for event, payload in self.line.told if event != "heartbeat"), default=0)
        self.line = HouseLine(sid)
        return self.hello(**({"token": self.greeting["token"], "lastSeq": last_seq} | changes))

    def leave(self) -> None:
        self.house.attendance.left(self.line)

    def ask(self, request: str, **payload: Any) -> Any:
        """The data of the answer; raises RefusedError when it is an error."""
        answer = self.answer(request, payload)
        if not answer["ok"]:
            raise RefusedError(**answer["error"])
        return answer["data"]

    def refused_code(self, request: str, **payload: Any) -> str:
        """The error's; fails when there is none."""
        answer = self.answer(request, payload)
        assert not answer["ok"], answer
        code: str = answer["error"]["code"]
        return code

    def told(self) -> list[tuple[str, ...]]:
        """What it was told since the last time: the event and its payload's values, without what is hard to foresee,
        and without what carries it."""
        told = [
            (event, *(str(value) for name, value in payload.items() if name not in UNTOLD))
            for event, payload in self.notifications
        ]
        self.notifications.clear()
        return told

    def transport(self, direction: str) -> str:
        """Its id; made when there is none."""
        entry = self.session.transport_to(direction)  # type: ignore[arg-type]
        return entry.transport.id if entry else self.ask("createWebRtcTransport", direction=direction)["id"]

    def produce(self, label: str, *, broadcast: bool = False, **changes: Any) -> str:
        """The id of a new VP8 producer."""
        payload = {
            "transportId": self.transport("send"),
            "kind": "video",
            "rtpParameters": rtp.video_parameters(self.house.codec("video/VP8"), self.house.next_ssrc(), mid=label[:8]),
            "label": label,
            "broadcast": broadcast,
        }
        producer_id: str = self.ask("produce", **(payload | changes))["producerId"]
        return producer_id

    def publish(self, label: str, *, broadcast: bool = True, **changes: Any) -> str:
        """The id of a new producer that only links carry."""
        payload = {"kind": "video", "label": label, "broadcast": broadcast} | changes
        producer_id: str = self.ask("publish", **payload)["producerId"]
        return producer_id

    def consume(self, producer_id: str, *, ready: bool = True) -> str:
        """The id of a new consumer."""
        consumer_id: str = self.ask("consume", transportId=self.transport("recv"), producerId=producer_id)["consumerId"]
        if ready:
            self.ask("resumeConsumer", consumerId=consumer_id)
        return consumer_id

    def consume_directly(self, producer_id: str, *, ready: bool = True) -> str:
        """The id of a new consumer on the link."""
        answer = self.ask("consume", producerId=producer_id)
        assert answer["rtpParameters"] is None
        if ready:
            self.ask("resumeConsumer", consumerId=answer["consumerId"])
        consumer_id: str = answer["consumerId"]
        return consumer_id

    def hears(self, *events: str) -> list[dict[str, Any]]:
        """What came of these events since the last time, without the numbers; the rest of what came is forgotten."""
        payloads = [
            {"event": event, **{name: value for name, value in payload.items() if name != "seq"}}
            for event, payload in self.notifications
            if event in events
        ]
        self.notifications.clear()
        return payloads

    def flows(self, consumer_id: str) -> bool:
        return not self.session.subscription(consumer_id).consumer.paused


@contextmanager
def open_house(**options: Any) -> Iterator[House]:
    config = MediaConfig(**options)
    with scripted_router(config) as (router, engine):
        clock = HandClock()
        peers = Peers(router, config, lambda event, info: house.events.append((event, info)), clock=clock)
        house = House(peers, engine, clock)
        yield house
        peers.close_all()
        assert not router.transports
        assert not router.producers

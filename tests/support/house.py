"""Signalling without a socket: peers ask, and note what they are told, as the protocol has it."""
from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from simplesfu.config import MediaConfig
from simplesfu.signaling.peers import Peers
from simplesfu.signaling.protocol import Responder

from . import rtp
from .fake_engine import ScriptedEngine, scripted_router
from .signalling import RefusedError

DTLS = {"role": "client", "fingerprints": [{"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}]}


class House:
    """Peers around a real router whose engine is scripted. `events`: what the application hears."""

    def __init__(self, peers: Peers, engine: ScriptedEngine) -> None:
        self.peers = peers
        self.engine = engine
        self.responder = Responder(peers)
        self.events: list[tuple[str, Any]] = []
        self._ssrcs = itertools.count(100_000)
        self.capabilities: dict[str, Any] = msgspec.to_builtins(peers.router.rtp_capabilities)

    def connect(self, peer_id: str) -> HousePeer:
        """Connected, and silent so far."""
        return HousePeer(self, peer_id)

    def enter(self, peer_id: str) -> HousePeer:
        """One that has said hello and can receive."""
        peer = self.connect(peer_id)
        peer.ask("hello")
        peer.ask("setRtpCapabilities", rtpCapabilities=self.capabilities)
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


class HousePeer:
    def __init__(self, house: House, peer_id: str) -> None:
        self.house = house
        self.id = peer_id
        self.notifications: list[tuple[str, dict[str, Any]]] = []
        self.session = house.peers.open(peer_id, lambda event, payload: self.notifications.append((event, payload)))

    def answer(self, request: object, *arguments: object) -> dict[str, Any]:
        return self.house.responder.respond(self.session, request, arguments)

    def ask(self, request: str, **payload: Any) -> Any:
        """The data of the answer; raises RefusedError when it is an error."""
        answer = self.answer(request, payload)
        if not answer["ok"]:
            raise RefusedError(**answer["error"])
        return answer["data"]

    def leave(self) -> None:
        self.house.peers.close(self.session)

    def told(self) -> list[tuple[str, ...]]:
        """What it was told since the last time: the event and its payload's values, without ids of producers."""
        told = [
            (event, *(str(value) for name, value in payload.items() if name not in ("producerId", "transportId")))
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

    def consume(self, producer_id: str, *, ready: bool = True) -> str:
        """The id of a new consumer."""
        consumer_id: str = self.ask("consume", transportId=self.transport("recv"), producerId=producer_id)["consumerId"]
        if ready:
            self.ask("resumeConsumer", consumerId=consumer_id)
        return consumer_id

    def flows(self, consumer_id: str) -> bool:
        return not self.session.subscription(consumer_id).consumer.paused


@contextmanager
def open_house(**options: Any) -> Iterator[House]:
    config = MediaConfig(**options)
    with scripted_router(config) as (router, engine):
        peers = Peers(router, config, lambda event, info: house.events.append((event, info)))
        house = House(peers, engine)
        yield house
        peers.close_all()
        assert not router.transports
        assert not router.producers

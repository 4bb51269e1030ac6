"""Peers with data channels over scripted associations, around real routing."""
from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from simplesfu.config import MediaConfig
from simplesfu.control.data_consumer import DataConsumer
from simplesfu.control.data_producer import DataProducer
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.signaling.data.parts import Assembly, DataPart, split
from simplesfu.signaling.sessions.peers import Peers
from simplesfu.types import SctpStreamParameters

from .fake_engine import ScriptedEngine, ScriptedLink, scripted_router
from .waiting import until

RELIABLE = SctpStreamParameters(stream_id=0, ordered=True)
LOSSY = SctpStreamParameters(stream_id=1, ordered=False, max_retransmits=1)
Message: TypeAlias = tuple[str, str | bytes, str]


class DataPeer:
    """A peer over scripted associations, with both channels from it; `make_recv()` opens those to it."""

    def __init__(self, stage: Stage, peer_id: str) -> None:
        self.stage = stage
        self.session = stage.peers.open(peer_id, peer_id)
        stage.peers.enter(self.session)
        stage.peers.data.open_label(self.session, "chat")
        self.numbers = {True: itertools.count(), False: itertools.count()}
        self.assemblies: dict[tuple[str, bool], Assembly] = {}
        self.read: dict[ScriptedLink, int] = {}
        self.messages: list[Message] = []
        self.producers: dict[bool, DataProducer] = {}
        self.consumers: dict[bool, DataConsumer] = {}
        self.make_send()

    def make_send(self) -> None:
        self.send, self.send_link = self.stage.transport()
        for parameters in (RELIABLE, LOSSY):
            producer = self.send.data.produce(parameters, "", "")
            self.stage.peers.data.adopt_producer(self.session, producer)
            self.producers[producer.reliable] = producer

    def make_recv(self) -> None:
        self.recv, self.recv_link = self.stage.transport()
        for reliable in (True, False):
            self.consume(reliable)

    def consume(self, reliable: bool = True) -> None:
        consumer = self.recv.data.consume(reliable=reliable, label="", protocol="")
        self.stage.peers.data.adopt_consumer(self.session, consumer)
        self.consumers[reliable] = consumer

    async def say(self, data: str | bytes, to: str = "", label: str = "chat", *, reliable: bool = True) -> None:
        number = next(self.numbers[reliable])
        for part in split(data, peer_id=to, label=label, message=number):
            await self.say_part(part, reliable=reliable)

    async def say_part(self, part: DataPart, *, reliable: bool = True) -> None:
        await self.send_link.sctp.observer.sctp_message(0 if reliable else 1, part.encode())  # type: ignore[union-attr]

    def got(self) -> list[Message]:
        """All messages so far, as (from, data, label)."""
        for link in self.stage.engine.links:
            if link.observer is not self.recv:
                continue
            fresh = link.sctp.sent[self.read.get(link, 0) :]
            self.read[link] = len(link.sctp.sent)
            for stream_id, encoded in fresh:
                part = DataPart.decode(encoded)
                assembly = self.assemblies.setdefault((part.peer_id, bool(stream_id)), Assembly())
                data = assembly.add(part)
                if data is not None:
                    self.messages.append((part.peer_id, data, part.label))
        return self.messages

    async def gets(self, messages: list[Message]) -> None:
        what = f"{self.session.id} gets {len(messages)}"
        await until(lambda: self.got() == messages, what, timeout_s=5, every_s=0.002)

    def told(self, event: str) -> list[dict[str, Any]]:
        return [told.payload for told in self.session.journal.since(0) or [] if told.event == event]


class Stage:
    def __init__(self, peers: Peers, engine: ScriptedEngine) -> None:
        self.peers = peers
        self.engine = engine

    @property
    def counts(self) -> dict[str, int]:
        return {name: count for name, count in self.peers.data.counts.items() if name not in ("received", "sent")}

    def newcomer(self, peer_id: str) -> DataPeer:
        """One who can send, and receives nothing yet."""
        return DataPeer(self, peer_id)

    def transport(self) -> tuple[WebRtcTransport, ScriptedLink]:
        transport = self.peers.router.create_webrtc_transport()
        return transport, self.engine.link_of(transport)


@asynccontextmanager
async def stage(*peer_ids: str) -> AsyncIterator[tuple[Stage, list[DataPeer]]]:
    config = MediaConfig()
    with scripted_router(config) as (router, engine):
        peers = Peers(router, config, lambda *_: None)
        made = Stage(peers, engine)
        everyone = [made.newcomer(peer_id) for peer_id in peer_ids]
        for one in everyone:
            one.make_recv()
        yield made, everyone
        peers.close_all()
        router.close()
        for link in engine.links:
            await asyncio.wait_for(link.tasks.close(), 5)
            assert link.sctp.held_bytes == 0, "a message was held and never released"

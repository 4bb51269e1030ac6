"""A client that does with links what docs/protocol.md asks of it, as far as that can be done without media."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Self

from . import rtp
from .wire_peer import WirePeer


class LinkBrowser(WirePeer):
    """It publishes one track to everybody, consumes all that it is offered, and holds on to the older consumer until it
    has the newer."""

    def __init__(self, url: str, topology: str) -> None:
        super().__init__(url, topology=topology)
        self.producer_id = ""
        self.consumers: dict[tuple[str, str], str] = {}
        """By producer and carrier."""
        self.links: dict[str, str] = {}
        """By peer: how far it has come; "connected" in the end."""
        self.signals: list[tuple[str, dict[str, Any]]] = []
        """Those that came, and from whom."""
        self._busy = False
        self._due: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._published = asyncio.Event()
        self._ssrc = iter(range(1, 1000))

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._working = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._working.cancel()
        with suppress(asyncio.CancelledError):
            await self._working
        await super().__aexit__(*error)

    async def join(self, room: str) -> None:
        await self.ask("joinRoom", roomId=room)
        for direction in ("send", "recv"):
            transport = await self.ask("createWebRtcTransport", direction=direction)
            self.transport_ids[direction] = transport["id"]
        answer = await self.ask("publish", **self._track())
        self.producer_id = answer["producerId"]
        self._published.set()

    async def _notified(self, event: str, payload: dict[str, Any]) -> None:
        last_seq = self.last_seq
        await super()._notified(event, payload)
        if self.last_seq > last_seq:
            self._due.put_nowait((event, payload))

    async def _work(self) -> None:
        while True:
            event, payload = await self._due.get()
            self._busy = True
            if (answer := getattr(self, f"_{event}", None)) is not None:
                await answer(payload)
            self._busy = False

    @property
    def idle(self) -> bool:
        """Whether it has done all that it was told to do."""
        return not self._busy and self._due.empty()

    def _track(self) -> dict[str, Any]:
        known = {"producerId": self.producer_id} if self.producer_id else {}
        return {"kind": "video", "label": "camera", "broadcast": True} | known

    async def _carriageChange(self, payload: dict[str, Any]) -> None:  # noqa: N802  (as on the wire; so are the others)
        await self._published.wait()  # the answer may come later
        assert payload["producerId"] == self.producer_id
        track = self._track()
        if payload["sfu"]:
            ssrc = next(self._ssrc)
            parameters = rtp.video_parameters(self.codec("video/VP8"), ssrc, mid=str(ssrc))
            track |= {"transportId": self.transport_ids["send"], "rtpParameters": parameters}
        answer = await self.ask("produce" if payload["sfu"] else "publish", **track)
        assert answer == {"producerId": self.producer_id}

    async def _producerAvailable(self, offer: dict[str, Any]) -> None:  # noqa: N802
        await self._published.wait()
        producer_id, carrier = offer["producerId"], offer["carrier"]
        transport = {"transportId": self.transport_ids["recv"]} if carrier == "sfu" else {}
        consumer = await self.ask("consume", producerId=producer_id, **transport)
        await self.ask("resumeConsumer", consumerId=consumer["consumerId"])
        self.consumers[producer_id, carrier] = consumer["consumerId"]
        older = self.consumers.pop((producer_id, "mesh" if carrier == "sfu" else "sfu"), None)
        if older is not None:
            await self.ask("closeConsumer", consumerId=older)

    async def _producerUnavailable(self, payload: dict[str, Any]) -> None:  # noqa: N802
        for carrier in ("sfu", "mesh"):
            self.consumers.pop((payload["producerId"], carrier), None)

    async def _carrierChange(self, payload: dict[str, Any]) -> None:  # noqa: N802
        peer_id = payload["peerId"]
        self.links[peer_id] = "wanted" if payload["carrier"] == "mesh" else "not wanted"
        if payload["carrier"] == "mesh" and self.peer_id < peer_id:
            await self.ask("signal", peerId=peer_id, message={"description": {"type": "offer"}})

    async def _signal(self, payload: dict[str, Any]) -> None:
        peer_id, message = payload["peerId"], payload["message"]
        self.signals.append((peer_id, message))
        assert self.links[peer_id] == "wanted"
        self.links[peer_id] = "connected"
        if message["description"]["type"] == "offer":
            await self.ask("signal", peerId=peer_id, message={"description": {"type": "answer"}})
        await self.ask("reportLink", peerId=peer_id, state="connected")

    def offers_from(self, peer_id: str) -> int:
        """Of links, not of tracks."""
        return sum(who == peer_id and message["description"]["type"] == "offer" for who, message in self.signals)

    def carriers_of(self, other: LinkBrowser) -> list[str]:
        """By which the other's track was offered, one after the other."""
        return [
            payload["carrier"]
            for event, payload in self.notifications
            if event == "producerAvailable" and payload["producerId"] == other.producer_id
        ]

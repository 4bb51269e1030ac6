"""The original's protocol as any Socket.IO client can speak it, with hand-made media."""

from __future__ import annotations

import random
from typing import Any, Self

import socketio

from . import rtp
from .waiting import until
from .wire import Wire, dtls_parameters
from .wire_peer import Stream

EVENT = "mediasoupSignaling"


def audio_parameters(codec: dict[str, Any], ssrc: int, *, mid: str) -> dict[str, Any]:
    names = ("mimeType", "clockRate", "channels")
    return {
        "mid": mid,
        "codecs": [{name: codec[name] for name in names} | {"payloadType": codec["preferredPayloadType"]}],
        "encodings": [{"ssrc": ssrc}],
    }


class LegacyWire:
    """One client; use as a context manager. `ask` gives the bare acknowledgement."""

    def __init__(self, url: str, *, auth: dict[str, Any] | None = None) -> None:
        self._url = url
        self._auth = auth
        self.sio = socketio.AsyncClient(reconnection=False)
        self.sio.on(EVENT, self._told)
        self.pushed: list[tuple[str, Any]] = []
        self.wires: dict[str, Wire] = {}
        self.transport_ids: dict[str, str] = {}
        self.capabilities: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        for wire in self.wires.values():
            wire.close()
        await self.sio.disconnect()

    async def connect(self) -> None:
        await self.sio.connect(self._url, transports=["websocket"], wait_timeout=10, auth=self._auth)

    @property
    def id(self) -> str:
        sid: str = self.sio.get_sid("/")
        return sid

    async def _told(self, message: dict[str, Any]) -> None:
        self.pushed.append((message["type"], message["data"]))

    async def ask(self, kind: str, /, **data: Any) -> Any:
        return await self.sio.call(EVENT, {"type": kind, "data": data} if data else {"type": kind}, timeout=10)

    async def ok(self, kind: str, /, **data: Any) -> Any:
        answer = await self.ask(kind, **data)
        assert answer.get("success"), (kind, answer)
        return answer

    async def refused(self, kind: str, /, **data: Any) -> dict[str, str]:
        answer = await self.ask(kind, **data)
        error: dict[str, str] = answer["error"]
        return error

    async def begin(self) -> Self:
        """As every generation does it: capabilities and both transports."""
        answer = await self.ok("getRouterRtpCapabilities")
        self.capabilities = answer["routerRtpCapabilities"]
        assert answer["codecs"] == self.capabilities["codecs"], "the first generation reads the bare fields"
        for direction in ("send", "recv"):
            info = await self.ok(
                "createWebRtcTransport",
                forceTcp=False,
                producing=direction == "send",
                consuming=direction == "recv",
                sctpCapabilities={"numStreams": {"OS": 1024, "MIS": 1024}},
            )
            assert info["id"] == info["transportInfo"]["id"]
            await self.ok("connectWebRtcTransport", transportId=info["id"], dtlsParameters=dtls_parameters())
            self.transport_ids[direction] = info["id"]
            self.wires[direction] = Wire(info)
        return self

    async def enter(self, room: str | None = None) -> Self:
        """Into a room, as the newest does; else into the list, as the first."""
        await self.begin()
        for wire in self.wires.values():
            await wire.connect()
        if room is not None:
            await self.ok("joinRoom", roomId=room)
        return self

    async def offer(self, label: object = "webcam", *, kind: str = "video", **app_data: Any) -> Any:
        """Produce; the acknowledgement."""
        ssrc = random.randrange(1, 2**32)
        mime_type = "video/VP8" if kind == "video" else "audio/opus"
        codec = next(one for one in self.capabilities["codecs"] if one["mimeType"] == mime_type)
        make = rtp.video_parameters if kind == "video" else audio_parameters
        return await self.ask(
            "produce",
            transportId=self.transport_ids["send"],
            kind=kind,
            rtpParameters=make(codec, ssrc, mid=f"{ssrc:x}"),
            appData={"label": label, **app_data},
        ) | {"ssrc": ssrc, "payloadType": codec["preferredPayloadType"]}

    async def produce(self, label: object = "webcam", **how: Any) -> Stream:
        answer = await self.offer(label, **how)
        assert "error" not in answer, answer
        return Stream(self.wires["send"], answer["payloadType"], answer["ssrc"], answer["id"])

    async def told(self, kind: str, holds: Any = lambda _: True, timeout_s: float = 8.0) -> Any:
        """Wait for a push of that type that fits; its data."""

        def find() -> Any:
            return next(([data] for name, data in self.pushed if name == kind and holds(data)), None)

        found = await until(find, f"{kind}; pushed so far: {[name for name, _ in self.pushed]}", timeout_s=timeout_s,
                            every_s=0.02)
        return found[0]

    async def listed(self, peer_id: str, producer_id: str) -> Any:
        """Wait until the first generation's list has it; its entry."""
        told = await self.told("availableProducers", lambda peers: producer_id in peers.get(peer_id, {}))
        return told[peer_id][producer_id]

    async def consume(self, peer_id: str, producer_id: str) -> dict[str, Any]:
        await self.ok("createConsumer", producingPeerId=peer_id, producerId=producer_id)
        return await self.handed(producer_id)

    async def handed(self, producer_id: str) -> dict[str, Any]:
        """The consumer that the server tells of, set up."""
        consumer: dict[str, Any] = await self.told("createConsumer", lambda data: data["producerId"] == producer_id)
        await self.ok("resumeConsumer", producerId=producer_id)
        return consumer

    def packets_of(self, consumer: dict[str, Any]) -> int:
        ssrc = consumer["rtpParameters"]["encodings"][0]["ssrc"]
        return sum(rtp.ssrc_of(packet) == ssrc for packet in self.wires["recv"].received_rtp)

    async def gets(self, consumer: dict[str, Any], packets: int = 30) -> None:
        before = self.packets_of(consumer)
        await until(lambda: self.packets_of(consumer) >= before + packets, "packets arrive", every_s=0.02)

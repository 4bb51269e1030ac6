"""A whole peer without a browser: signalling and hand-made media. Light enough to have hundreds of."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from . import rtp
from .in_process import MediaApp
from .passage import Passage, passage
from .server import MediaServer
from .signalling import SignallingClient
from .waiting import until
from .wire import Wire, dtls_parameters

FPS = 30
PACKETS_PER_FRAME = 3
ROOM = "light call"


class WirePeer(SignallingClient):
    def __init__(self, url: str, **how: Any) -> None:
        """`how`: as for SignallingClient."""
        super().__init__(url, **how)
        self.wires: dict[str, Wire] = {}
        self.replaced_wires: list[Wire] = []
        self.transport_ids: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self.ask("setRtpCapabilities", rtpCapabilities=self.capabilities)
        return self

    async def __aexit__(self, *error: object) -> None:
        for wire in (*self.replaced_wires, *self.wires.values()):
            wire.close()
        await super().__aexit__(*error)

    async def describe(self, direction: str, *, wire: type[Wire] = Wire, **payload: Any) -> Wire:
        """Create a transport and tell it our fingerprint; the wire, of that type, is not connected yet."""
        description = await self.ask("createWebRtcTransport", direction=direction, **payload)
        await self.ask("connectWebRtcTransport", transportId=description["id"], dtlsParameters=dtls_parameters())
        self.transport_ids[direction] = description["id"]
        if direction in self.wires:
            self.replaced_wires.append(self.wires[direction])
        self.wires[direction] = wire(description)
        return self.wires[direction]

    async def connect(self, direction: str) -> Wire:
        wire = await self.describe(direction)
        await wire.connect()
        return wire

    async def produce(
        self,
        label: str = "webcam",
        *,
        ssrc: int | None = None,
        broadcast: bool = True,
        more: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Stream:
        """Produce VP8 on the send transport. `changes` replace parts of rtpParameters, `more` parts of the request."""
        ssrc = ssrc if ssrc is not None else random.randrange(1, 2**32)
        codec = self.codec("video/VP8")
        # A MID of its own: the same label may be produced again while the first is still there.
        parameters = rtp.video_parameters(codec, ssrc, mid=f"{ssrc:x}") | changes
        request = {
            "transportId": self.transport_ids["send"],
            "kind": "video",
            "rtpParameters": parameters,
            "label": label,
            "broadcast": broadcast,
        }
        answer = await self.ask("produce", **(request | (more or {})))
        return Stream(self.wires["send"], codec["preferredPayloadType"], ssrc, answer["producerId"])

    async def see(self, label: str, publisher: SignallingClient) -> dict[str, Any]:
        """Consume the publisher's track of that label when it is offered; the answer to `consume`."""
        offer = await self.told("producerAvailable", peerId=publisher.peer_id, label=label)
        return await self.consume(offer["producerId"])

    def packets_of(self, consumer: dict[str, Any]) -> int:
        """How many have come so far."""
        ssrc = consumer["rtpParameters"]["encodings"][0]["ssrc"]
        return sum(rtp.ssrc_of(packet) == ssrc for packet in self.wires["recv"].received_rtp)

    async def gets(self, consumer: dict[str, Any], packets: int = 30) -> None:
        """Wait until so many more have come."""
        before = self.packets_of(consumer)
        await until(lambda: self.packets_of(consumer) >= before + packets, "packets arrive", timeout_s=5, every_s=0.02)

    async def consume(self, producer_id: str) -> dict[str, Any]:
        """Consume on the receive transport and start the flow; the answer to `consume`."""
        consumer: dict[str, Any] = await self.ask(
            "consume", transportId=self.transport_ids["recv"], producerId=producer_id
        )
        await self.ask("resumeConsumer", consumerId=consumer["consumerId"])
        return consumer


class Stream:
    """A VP8 stream paced as by a browser: 30 frames a second of a few packets, a keyframe when asked."""

    def __init__(self, wire: Wire, payload_type: int, ssrc: int, producer_id: str) -> None:
        self.wire = wire
        self.payload_type = payload_type
        self.ssrc = ssrc
        self.producer_id = producer_id
        self.next_seq = random.randrange(2**15)
        self.sent_ms: dict[int, float] = {}
        """When each frame was sent, by its number."""
        self._frame = itertools.count()

    def packet(self, payload: bytes, *, timestamp: int = 0, marker: bool = True, **more: Any) -> bytes:
        """The next packet of the stream, not sent."""
        packet = rtp.packet(self.payload_type, self.next_seq, timestamp, self.ssrc, payload, marker=marker, **more)
        self.next_seq += 1
        return packet

    def send_frame(self, *, keyframe: bool) -> None:
        """The last packet ends with the frame's number."""
        frame = next(self._frame)
        for number in range(PACKETS_PER_FRAME):
            first, last = number == 0, number == PACKETS_PER_FRAME - 1
            payload = rtp.vp8_payload(keyframe=keyframe) if first else b"\x00".ljust(596, b"\x5a") + frame.to_bytes(4)
            self.wire.send_rtp(self.packet(payload, timestamp=frame * 90000 // FPS, marker=last))
        self.sent_ms[frame] = time.time() * 1000

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Stream]:
        """Frames are sent meanwhile."""
        pump = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            pump.cancel()
            with suppress(asyncio.CancelledError):
                await pump

    async def run(self) -> None:
        """Send until cancelled."""
        due, read = time.monotonic(), 0
        for frame in itertools.count():
            fresh = self.wire.received_rtcp[read:]
            read += len(fresh)
            self.send_frame(keyframe=frame == 0 or any(map(rtp.asks_for_keyframe, fresh)))
            due += 1 / FPS
            await asyncio.sleep(max(0.0, due - time.monotonic()))


class LightCall:
    """One sends, one receives, and the frames that arrive are judged: the bystander of the hostile tests."""

    def __init__(
        self,
        server: MediaServer | MediaApp,
        sender: WirePeer,
        receiver: WirePeer,
        stream: Stream,
        consumer: dict[str, Any],
    ) -> None:
        self.server = server
        self.sender = sender
        self.receiver = receiver
        self.stream = stream
        self.consumer = consumer

    def arrived_ms(self) -> dict[int, float]:
        """When the last packet of each of its frames arrived, by the frame's number."""
        wire = self.receiver.wires["recv"]
        ssrc = self.consumer["rtpParameters"]["encodings"][0]["ssrc"]
        both = zip(wire.received_rtp, wire.arrivals_ms, strict=True)
        return {
            int.from_bytes(rtp.payload(packet)[-4:]): arrival
            for packet, arrival in both
            if packet[1] & 0x80 and rtp.ssrc_of(packet) == ssrc
        }

    def passage_since(self, start_ms: float) -> Passage:
        """Of the frames sent from then on, but for those of the last quarter second, which may still be under way."""
        end_ms = time.time() * 1000 - 250
        sent = {number: sent for number, sent in self.stream.sent_ms.items() if start_ms <= sent <= end_ms}
        return passage(sent, self.arrived_ms())

    async def flows(self, frames: int = 10) -> None:
        """Wait until so many more frames have arrived."""
        before = len(self.arrived_ms())
        await until(lambda: len(self.arrived_ms()) >= before + frames, "frames arrive", timeout_s=5)


@asynccontextmanager
async def light_call(server: MediaServer | MediaApp, room: str = ROOM, **how: Any) -> AsyncIterator[LightCall]:
    """`how`: as for SignallingClient."""
    async with WirePeer(server.url, **how) as sender, WirePeer(server.url, **how) as receiver:
        for peer in (sender, receiver):
            await peer.ask("joinRoom", roomId=room)
        await sender.connect("send")
        await receiver.connect("recv")
        stream = await sender.produce()
        available = await receiver.told("producerAvailable", producerId=stream.producer_id)
        consumer = await receiver.consume(available["producerId"])
        call = LightCall(server, sender, receiver, stream, consumer)
        async with stream.running():
            await call.flows()
            yield call

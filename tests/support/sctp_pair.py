"""Our SCTP association and aiortc's own, with a wire of queues between them."""
from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any

from aiortc import RTCDataChannel, RTCDataChannelParameters, RTCSctpTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities
from google_crc32c import value as crc32c

from simplesfu.engine.aiortc_bridge import SctpTransport
from simplesfu.engine.sctp import OutgoingStream

from .waiting import until


class WireEnd:
    """What an association wants of a DTLS transport. `loss` of what goes in is lost, by seeded dice."""

    state = "connected"
    connected = True
    _role = "client"

    def __init__(self, seed: int) -> None:
        self.other: WireEnd
        self.loss = 0.0
        self.after_batch: Callable[[], Awaitable[object]] | None = None
        self.sent: list[bytes] = []
        self._receiver: Any = None
        self._dice = random.Random(seed)
        self._inbox: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self.pump = asyncio.ensure_future(self._run())

    def _register_data_receiver(self, receiver: Any) -> None:
        self._receiver = receiver

    def _unregister_data_receiver(self, _receiver: Any) -> None:
        self._receiver = None

    async def _send_data(self, packet: bytes) -> None:
        self.sent.append(packet)
        if self._dice.random() >= self.loss:
            self.other._inbox.append(packet)
            self.other._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for _ in range(len(self._inbox)):
                packet = self._inbox.popleft()
                if self._receiver is not None:
                    await self._receiver._handle_data(packet)
            if self._inbox:
                self._wake.set()
            if self.after_batch is not None:
                await self.after_batch()
            await asyncio.sleep(0)


class SctpPair:
    """`ours` hears streams 0 and 1. `received`: what has come, (stream, message); with `holds` nothing is released."""

    def __init__(self, seed: int = 1) -> None:
        self.near, self.far = WireEnd(seed), WireEnd(seed + 1)
        self.near.other, self.far.other = self.far, self.near
        self.counts: Counter[str] = Counter()
        self.ours = SctpTransport(self.near, self.counts)  # type: ignore[arg-type]
        self.ours.observer = self
        self.ours.receivable |= {0, 1}
        self.ours.listen()
        self.theirs = RTCSctpTransport(self.far)  # type: ignore[arg-type]
        self.received: list[tuple[int, bytes]] = []
        self.holds = False
        self.ends = 0

    async def connect(self) -> None:
        await self.theirs.start(RTCSctpCapabilities(maxMessageSize=65536), 5000)
        await until(lambda: self.ours.established and self.theirs.state == "connected", "an association", every_s=0.002)

    def channel(self, stream_id: int = 0, **how: Any) -> RTCDataChannel:
        """Theirs."""
        parameters = RTCDataChannelParameters(label="data", negotiated=True, id=stream_id, **how)
        return RTCDataChannel(self.theirs, parameters)

    def stream(self, stream_id: int = 0, *, ordered: bool = True, max_retransmits: int | None = None) -> OutgoingStream:
        """Ours."""
        stream = OutgoingStream(stream_id, ordered=ordered, max_retransmits=max_retransmits)
        self.ours.streams.add(stream)
        return stream

    async def inject(self, *chunks: bytes, tag: int | None = None) -> None:
        """A packet of theirs, whatever is in it."""
        tag = self.ours._local_verification_tag if tag is None else tag
        header = (5000).to_bytes(2) * 2 + tag.to_bytes(4)
        body = b"".join(chunk + bytes(-len(chunk) % 4) for chunk in chunks)
        checksum = crc32c(header + bytes(4) + body).to_bytes(4, "little")
        await self.ours._handle_data(header + checksum + body)
        await self.near.after_batch()  # type: ignore[misc]

    async def close(self) -> None:
        self.ours.close()
        await self.theirs.stop()
        for end in (self.near, self.far):
            end.pump.cancel()
        await asyncio.gather(self.near.pump, self.far.pump, return_exceptions=True)

    # what our association tells

    async def sctp_message(self, stream_id: int, message: bytes) -> None:
        self.received.append((stream_id, message))
        if self.holds:
            self.ours.hold(message)

    def sctp_closed(self) -> None:
        self.ends += 1

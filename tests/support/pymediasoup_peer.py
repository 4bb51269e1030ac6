"""A peer made of pymediasoup (aiortc): somebody else's client, in the DTLS role that browsers do not take."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiortc import VideoStreamTrack
from aiortc.mediastreams import MediaStreamTrack
from av import VideoFrame
from pymediasoup import AiortcHandler, Device
from pymediasoup.models.transport import DtlsParameters
from pymediasoup.rtp_parameters import RtpCapabilities, RtpParameters
from pymediasoup.transport import Transport

from . import picture
from .signalling import SignallingClient


class PaintedTrack(VideoStreamTrack):
    """Thirty frames a second with a number painted in."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self._turn = 0

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        grey = picture.paint(self._number, self._turn)
        self._turn += 1
        frame = VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = pts, time_base
        return frame


class PymediasoupPeer(SignallingClient):
    """Publishes a painted number, and reads those of others."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(url)
        self.track = PaintedTrack(number)
        self.frames_ms: list[float] = []
        self.numbers: list[int | None] = []
        self._transports: list[Transport] = []
        self._pumps: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> PymediasoupPeer:
        await super().__aenter__()
        self.device = Device(handlerFactory=AiortcHandler.createFactory(tracks=[self.track]))
        await self.device.load(RtpCapabilities.model_validate(self.capabilities))
        await self.ask("setRtpCapabilities", rtpCapabilities=plain(self.device.rtpCapabilities))
        return self

    async def __aexit__(self, *error: object) -> None:
        for pump in self._pumps:
            pump.cancel()
        for transport in self._transports:
            await transport.close()
        await super().__aexit__(*error)

    async def _transport(self, direction: str) -> Transport:
        description = await self.ask("createWebRtcTransport", direction=direction)
        create = self.device.createSendTransport if direction == "send" else self.device.createRecvTransport
        transport = create(**description)

        @transport.on("connect")
        async def connect(dtls_parameters: DtlsParameters) -> None:
            await self.ask(
                "connectWebRtcTransport", transportId=description["id"], dtlsParameters=plain(dtls_parameters)
            )

        @transport.on("produce")
        async def produce(kind: str, rtp_parameters: RtpParameters, app_data: dict[str, Any]) -> str:
            answer = await self.ask(
                "produce",
                transportId=description["id"],
                kind=kind,
                rtpParameters=plain(rtp_parameters),
                label=app_data["label"],
                broadcast=True,
            )
            return str(answer["producerId"])

        @transport.on("producedata")
        async def produce_data(**told: Any) -> str:
            answer = await self.ask(
                "produceData",
                transportId=description["id"],
                sctpStreamParameters=plain(told["sctpStreamParameters"]),
                label=told["label"],
                protocol=told["protocol"],
            )
            return str(answer["dataProducerId"])

        self._transports.append(transport)
        return transport

    async def publish(self, label: str = "webcam") -> None:
        transport = await self._transport("send")
        await transport.produce(track=self.track, stopTracks=False, appData={"label": label})

    async def watch(self, producer_id: str) -> None:
        """Receive this producer; its frames are read from now on."""
        transport = await self._transport("recv")
        offer = await self.ask("consume", transportId=transport.id, producerId=producer_id)
        consumer = await transport.consume(
            id=offer["consumerId"], producerId=producer_id, kind=offer["kind"], rtpParameters=offer["rtpParameters"]
        )
        self._pumps.append(asyncio.create_task(self._read(consumer.track)))
        await self.ask("resumeConsumer", consumerId=offer["consumerId"])

    async def _read(self, track: MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            assert isinstance(frame, VideoFrame)
            self.frames_ms.append(time.monotonic() * 1000)
            self.numbers.append(picture.read(frame.to_ndarray(format="gray")))


def plain(model: Any) -> Any:
    return model.model_dump(mode="json", exclude_none=True)

"""Data by pymediasoup (aiortc): the protocol's page put into practice by another client than ours."""

from __future__ import annotations

import asyncio
import itertools

from pymediasoup.data_consumer import DataConsumer
from pymediasoup.data_producer import DataProducer
from pymediasoup.sctp_parameters import SctpStreamParameters
from pymediasoup.transport import Transport

from simplesfu.signaling.data.parts import Assembly, DataPart, split

from .messages import Seen
from .pymediasoup_peer import PymediasoupPeer
from .waiting import until

HIGH_BYTES = 256 * 1024


class PymediasoupDataPeer(PymediasoupPeer):
    """Sends over a reliable channel, and notes what comes over both."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(url, number)
        self.heard: list[Seen] = []
        self._producer: DataProducer
        self._recv: Transport
        self._numbers = itertools.count()

    async def open_data(self, label: str) -> None:
        await self.ask("openData", label=label)
        send = await self._transport("send")
        self._producer = await send.produceData(ordered=True, label="reliable", protocol="simplesfu")
        self._recv = await self._transport("recv")
        for reliable in (True, False):
            await self._consume(reliable)
        await until(lambda: self._producer.readyState == "open", "pymediasoup's channel is open")

    async def _consume(self, reliable: bool) -> None:
        answer = await self.ask("consumeData", transportId=self._recv.id, reliable=reliable)
        consumer: DataConsumer = await self._recv.consumeData(
            id=answer["dataConsumerId"],
            dataProducerId=answer["dataProducerId"],
            sctpStreamParameters=SctpStreamParameters(**answer["sctpStreamParameters"]),
            label=answer["label"],
            protocol=answer["protocol"],
        )
        assemblies: dict[str, Assembly] = {}

        @consumer.on("message")
        def heard(encoded: bytes) -> None:
            part = DataPart.decode(encoded)
            data = assemblies.setdefault(part.peer_id, Assembly()).add(part)
            if data is not None:
                self.heard.append(Seen.of(part.peer_id, data, part.label))

    async def send(self, data: str | bytes, *, label: str, to: str = "") -> None:
        for part in split(data, peer_id=to, label=label, message=next(self._numbers)):
            while self._producer.bufferedAmount > HIGH_BYTES:  # noqa: ASYNC110  (it has no event for this)
                await asyncio.sleep(0.005)
            self._producer.send(part.encode())

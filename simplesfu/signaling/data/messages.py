"""The shapes of docs/protocol.md that concern data: what sets the channels up. What they carry is in parts.py."""
from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from simplesfu.signaling.messages import Message, Name, Notification
from simplesfu.types import SctpStreamParameters

DataLabel = Annotated[str, Meta(max_length=128)]
"""What an application calls a kind of message; "" is one like any other."""

ChannelName = Annotated[str, Meta(max_length=128)]

DataEndReason = Literal["too_slow", "sctp_closed", "closed"]
"""`too_slow`: messages have waited too long for this peer to take them, and are lost."""


class ProduceData(Message):
    transport_id: Name
    sctp_stream_parameters: SctpStreamParameters
    label: ChannelName = ""
    protocol: ChannelName = ""


class PartNumber(Message):
    """Which part of which message (parts.py)."""

    message: int
    index: int


class ProduceDataAnswer(Message):
    """`received`: the last part that came over a reliable channel of this peer's, whatever transport that was on. What
    was sent after it has been lost with that transport, and can be sent again."""

    data_producer_id: str
    received: PartNumber | None


class ConsumeData(Message):
    transport_id: Name
    reliable: bool


class ConsumeDataAnswer(Message):
    data_consumer_id: str
    data_producer_id: str
    sctp_stream_parameters: SctpStreamParameters
    label: str
    protocol: str


class OpenData(Message):
    label: DataLabel


class DataConsumerClosed(Notification):
    event: ClassVar[str] = "dataConsumerClosed"
    data_consumer_id: str
    reason: DataEndReason


class DataProducerClosed(Notification):
    event: ClassVar[str] = "dataProducerClosed"
    data_producer_id: str
    reason: DataEndReason


class DataClosed(Notification):
    """What openData has allowed is not allowed any longer."""

    event: ClassVar[str] = "dataClosed"
    label: str

"""What the original's clients send with `mediasoupSignaling`. Fields that it has and nobody needs are left out."""
from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from simplesfu.signaling.messages import Name


class LegacyMessage(Struct, kw_only=True, rename="camel"):
    """Unknown fields are ignored, as everywhere."""


class Asked(LegacyMessage):
    """The envelope."""

    type: str
    data: Any = None


class Nothing(LegacyMessage):
    pass


class CreateTransport(LegacyMessage):
    producing: bool = False
    consuming: bool = False


class ConnectTransport(LegacyMessage):
    transport_id: Name
    dtls_parameters: dict[str, Any]


class Produced(LegacyMessage):
    """`appData`'s label may be anything, or missing; the newest form has no `broadcast`."""

    kind: str
    transport_id: Name
    rtp_parameters: dict[str, Any]
    app_data: dict[str, Any] = field(default_factory=dict)


class ProducedData(LegacyMessage):
    transport_id: Name
    sctp_stream_parameters: dict[str, Any]


class ProducerOf(LegacyMessage):
    """A track, or with createDataConsumer the data, of a peer."""

    producing_peer_id: Name
    producer_id: Name


class ProducerNamed(LegacyMessage):
    producer_id: Name


class Room(LegacyMessage):
    """The newest client, when it changes rooms, leaves `{roomId: {roomId}}`."""

    room_id: Name | dict[str, Name]

    @property
    def name(self) -> str:
        return self.room_id if isinstance(self.room_id, str) else self.room_id.get("roomId", "")

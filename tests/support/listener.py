"""What a client believes from what it is told, and nothing else; it is strict about the order."""

from __future__ import annotations

from typing import Any


class Listener:
    """The client's end of the notifications: its picture of others, kept up by differences alone."""

    def __init__(self) -> None:
        self.last_seq = 0
        self.sight: set[str] = set()
        self.offers: dict[str, dict[str, Any]] = {}
        """By producer id: the payload of producerAvailable, as changed since."""
        self.held: dict[str, str] = {}
        """By producer id: why the server does not forward it."""
        self.needed: dict[str, bool] = {}
        """Of tracks of its own: whether anybody needs them by the router, as it was told last."""
        self.on_links: dict[str, dict[str, Any]] = {}
        """By consumer id: what it is to send over its links."""
        self.carriers: dict[str, str] = {}
        """By peer: of whom it was told one."""
        self.rooms: list[str] = []
        """Only the client knows of its own moves; of the server's it is told."""
        self.taken_off: set[str] = set()
        """Producers of its own that the server has closed."""
        self.ended: dict[str, Any] | None = None

    def hear(self, event: str, payload: dict[str, Any]) -> None:
        """Fails when this cannot come now."""
        if event == "heartbeat":
            return
        if payload["seq"] <= self.last_seq:
            return  # repeated after a resume
        assert payload["seq"] == self.last_seq + 1, f"missed something before {event} {payload}"
        self.last_seq = payload["seq"]
        assert self.ended is None, f"{event} after the end"
        getattr(self, f"_{event}")(payload)

    def believe(self, snapshot: dict[str, Any], seq: int) -> None:
        """Take the whole picture anew."""
        self.sight = {entry["peerId"] for entry in snapshot["peers"]}
        self.offers = {offer["producerId"]: offer for offer in snapshot["offers"]}
        self.held = {entry["producerId"]: entry["held"] for entry in snapshot["consumers"] if entry["held"]}
        self.needed = {entry["producerId"]: entry["sfu"] for entry in snapshot["producers"]}
        self.on_links = {entry["consumerId"]: entry for entry in snapshot["linkConsumers"]}
        self.carriers = {entry["peerId"]: entry["carrier"] for entry in snapshot["links"]}
        self.rooms = list(snapshot["rooms"])
        self.last_seq = seq

    def _peerConnection(self, payload: dict[str, Any]) -> None:  # noqa: N802  (as on the wire; so are the others)
        assert payload["peerId"] not in self.sight, "there already"
        self.sight.add(payload["peerId"])

    def _peerDisconnection(self, payload: dict[str, Any]) -> None:  # noqa: N802
        peer_id = payload["peerId"]
        assert peer_id in self.sight, "was not there"
        assert not [offer for offer in self.offers.values() if offer["peerId"] == peer_id], "before its last track"
        assert not [due for due in self.on_links.values() if due["peerId"] == peer_id], "before its last consumer"
        self.sight.remove(peer_id)
        self.carriers.pop(peer_id, None)

    def _producerAvailable(self, payload: dict[str, Any]) -> None:  # noqa: N802
        assert payload["peerId"] in self.sight, "before its peer"
        if (known := self.offers.get(payload["producerId"])) is not None:
            assert payload["carrier"] != known["carrier"], "offered already"
            assert payload == known | {"carrier": payload["carrier"], "seq": payload["seq"]}, "something else is new"
            del self.offers[payload["producerId"]]
            self.held.pop(payload["producerId"], None)
        assert payload["carrier"] == self.carriers.get(payload["peerId"], "sfu"), "before its carrier"
        label = {"peerId": payload["peerId"], "label": payload["label"]}
        assert not any(label.items() <= offer.items() for offer in self.offers.values()), "two tracks of one label"
        self.offers[payload["producerId"]] = dict(payload)

    def _producerUnavailable(self, payload: dict[str, Any]) -> None:  # noqa: N802
        del self.offers[payload["producerId"]]
        self.held.pop(payload["producerId"], None)

    def _producerPaused(self, payload: dict[str, Any]) -> None:  # noqa: N802
        assert not self.offers[payload["producerId"]]["paused"], "paused already"
        self.offers[payload["producerId"]] |= {"paused": True}

    def _producerResumed(self, payload: dict[str, Any]) -> None:  # noqa: N802
        assert self.offers[payload["producerId"]]["paused"], "not paused"
        self.offers[payload["producerId"]] |= {"paused": False}

    def _producerMetadata(self, payload: dict[str, Any]) -> None:  # noqa: N802
        self.offers[payload["producerId"]] |= {"metadata": payload["metadata"]}

    def _producerClosed(self, payload: dict[str, Any]) -> None:  # noqa: N802
        assert payload["producerId"] not in self.taken_off, "told already"
        self.taken_off.add(payload["producerId"])

    def _consumerHeld(self, payload: dict[str, Any]) -> None:  # noqa: N802
        assert payload["producerId"] in self.offers
        assert payload["reason"] != self.held.get(payload["producerId"], ""), "nothing has changed"
        self.held[payload["producerId"]] = payload["reason"]
        if not payload["reason"]:
            del self.held[payload["producerId"]]

    def _carrierChange(self, payload: dict[str, Any]) -> None:  # noqa: N802
        assert payload["peerId"] in self.sight
        assert payload["carrier"] != self.carriers.get(payload["peerId"], "sfu"), "nothing has changed"
        self.carriers[payload["peerId"]] = payload["carrier"]

    def _carriageChange(self, payload: dict[str, Any]) -> None:  # noqa: N802
        assert payload["sfu"] != self.needed.get(payload["producerId"]), "nothing has changed"
        self.needed[payload["producerId"]] = payload["sfu"]

    def _linkConsumer(self, payload: dict[str, Any]) -> None:  # noqa: N802
        assert payload["peerId"] in self.sight
        known = self.on_links.get(payload["consumerId"])
        assert known is None or {**known, "seq": payload["seq"]} != payload, "nothing has changed"
        self.on_links[payload["consumerId"]] = payload

    def _linkConsumerClosed(self, payload: dict[str, Any]) -> None:  # noqa: N802
        del self.on_links[payload["consumerId"]]

    def _roomJoined(self, payload: dict[str, Any]) -> None:  # noqa: N802
        assert payload["roomId"] not in self.rooms
        self.rooms.append(payload["roomId"])

    def _roomLeft(self, payload: dict[str, Any]) -> None:  # noqa: N802
        self.rooms.remove(payload["roomId"])

    def _transportStateChange(self, _payload: dict[str, Any]) -> None:  # noqa: N802
        """Its own transports are the client's own business."""

    def _ended(self, payload: dict[str, Any]) -> None:
        self.ended = payload

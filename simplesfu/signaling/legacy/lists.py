"""The list of what there is (`availableProducers`), kept up to date at a client that chooses from it."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from simplesfu.signaling.sessions.clock import Clock, Timer
from simplesfu.signaling.sessions.session import Publication

SETTLE_S: Final = 0.02
"""What changes together is told once."""
REPEAT_S_PER_ENTRY: Final = 0.01
"""So that a hall of 500 tracks costs no more than one of 100."""


def listed(offers: Mapping[str, Publication]) -> dict[str, Any]:
    """The first form: {peerId: {producerId: {label, broadcast, peerId}}}."""
    peers: dict[str, Any] = {}
    for producer_id, offer in offers.items():
        peer_id = offer.publisher.id
        entry = {"label": offer.label, "broadcast": offer.broadcast, "peerId": peer_id}
        peers.setdefault(peer_id, {})[producer_id] = entry
    return peers


def roomed(offers: Mapping[str, Publication], talkers: Iterable[str]) -> dict[str, Any]:
    """The second form: {peerId: {producers: {…}, dataProducers: {…}}}. `talkers`: the peers whose messages can be had;
    each has one data producer, with the peer's own id."""
    tracks = listed(offers)
    data = {peer_id: {peer_id: {"label": "data", "peerId": peer_id}} for peer_id in talkers}
    return {
        peer_id: {"producers": tracks.get(peer_id, {}), "dataProducers": data.get(peer_id, {})}
        for peer_id in tracks | data
    }


class ListPusher:
    """Tells what has changed at once, and repeats the list from time to time as the original did: its client asks again
    for what it has not got. `make()` is the list now; None ends it all."""

    def __init__(
        self, clock: Clock, make: Callable[[], dict[str, Any] | None], push: Callable[[dict[str, Any]], None]
    ) -> None:
        self._clock = clock
        self._make = make
        self._push = push
        self._period_s = 0.0
        self._timer: Timer | None = None
        self._soon = False
        """The timer is for a change, and not to be put off."""
        self._told: dict[str, Any] = {}

    def start(self, period_s: float) -> None:
        self._period_s = period_s
        self.changed()

    def changed(self) -> None:
        if self._period_s and not self._soon:
            self._soon = True
            self._schedule(SETTLE_S)

    def stop(self) -> None:
        self._period_s = 0.0
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_later(delay_s, self._tell)

    def _tell(self) -> None:
        self._soon = False
        present = self._make()
        if present is None:
            return
        if present or self._told:  # an empty list is told once
            self._push(present)
        self._told = present
        entries = sum(len(entry) for entry in present.values())
        self._schedule(max(self._period_s, REPEAT_S_PER_ENTRY * entries))

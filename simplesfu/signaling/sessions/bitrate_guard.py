"""What is done about peers that do not keep to their bitrate. REMB asks; this does not."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

from simplesfu.signaling.sessions.peers import Peers
from simplesfu.signaling.sessions.session import PeerSession, Publication

PERIOD_S: Final = 2.0
STRIKES: Final = 5
TOLERANCE: Final = 2.0
"""Encoders overshoot, and REMB takes a while to arrive: so many times the limit, so many periods on end."""
LOWEST_LIMIT_BPS: Final = 100_000
"""The plane asks nobody for less."""

logger = logging.getLogger(__name__)


class BitrateGuard:
    """Ends the heaviest track of a peer that sends far more than it may for too long. On the engine's loop."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._received_bytes: WeakKeyDictionary[Publication, int] = WeakKeyDictionary()
        self._strikes: WeakKeyDictionary[PeerSession, int] = WeakKeyDictionary()
        self._checked_us = 0

    def start(self) -> None:
        """It goes on for as long as the loop does."""
        clock = self._peers.clock
        now_us = clock.now_us()
        if self._checked_us:
            self._check((now_us - self._checked_us) / 1e6)
        self._checked_us = now_us
        clock.call_later(PERIOD_S, self.start)

    def _check(self, passed_s: float) -> None:
        for session in self._peers.sessions():
            rates = {publication: octets * 8 / passed_s for publication, octets in self._new_bytes(session)}
            limit_bps = self._peers.bitrates.limit_of(session)
            if not limit_bps or sum(rates.values()) <= TOLERANCE * max(limit_bps, LOWEST_LIMIT_BPS):
                self._strikes.pop(session, None)
                continue
            self._strikes[session] = self._strikes.get(session, 0) + 1
            if self._strikes[session] >= STRIKES:
                heaviest = max(rates, key=lambda publication: rates[publication])
                logger.warning("peer %s sends %.0f kbps, and may send %.0f: its track %r is ended", session.id,
                               sum(rates.values()) / 1000, limit_bps / 1000, heaviest.label)
                self._peers.close_publication(heaviest, "too_much_bitrate")
                del self._strikes[session]

    def _new_bytes(self, session: PeerSession) -> Iterator[tuple[Publication, int]]:
        """Of each track since the last check; nothing of one that is new, or has moved to another transport."""
        for publication in list(session.publications.values()):
            if publication.routed is None:
                continue
            encodings: Any = publication.routed.stats()["encodings"]
            received = sum(encoding["bytes"] for encoding in encodings)
            before = self._received_bytes.get(publication, received)
            self._received_bytes[publication] = received
            yield publication, max(0, received - before)

"""Which tracks have to come to the router, as somebody gets them from there; their publishers are told."""
from __future__ import annotations

from functools import partial
from typing import Final

from simplesfu.signaling.messages import CarriageChange
from simplesfu.signaling.sessions.clock import Clock
from simplesfu.signaling.sessions.session import Publication

IDLE_S: Final = 3.0
"""Unneeded for so long before its publisher is told, so that it need not stop and begin again."""


class Carriage:
    """Whose topology is "sfu" always sends to the router, and is told so if it does not."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def review(self, publication: Publication) -> None:
        """Something has changed that may bear on it."""
        if publication.closed:
            publication.stop_idling()
        elif publication.needs_router or publication.publisher.topology == "sfu":
            publication.stop_idling()
            if not publication.told_sfu:
                self._tell(publication, True)
        elif publication.told_sfu and publication.idle is None:
            publication.idle = self._clock.call_later(IDLE_S, partial(self._tell, publication, False))

    @staticmethod
    def _tell(publication: Publication, sfu: bool) -> None:
        publication.idle = None
        publication.told_sfu = sfu
        publication.publisher.notify(CarriageChange(producer_id=publication.id, sfu=sfu))

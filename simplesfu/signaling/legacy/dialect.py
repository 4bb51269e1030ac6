"""Which of its three forms of the protocol a client speaks. None of them says so; what a client asks for shows it.

    listed   the first: lists {peer: {producer: …}}, from which the client chooses; no rooms
    roomed   the second: rooms, data, lists {peer: {producers, dataProducers}}
    pushed   the newest: rooms; whatever is in the room is consumed, unasked

Answers fit all three (translator.py), so nothing needs to be known before there is something to tell.
"""
from __future__ import annotations

from enum import Enum
from typing import Final


class Dialect(Enum):
    UNKNOWN = "unknown"
    LISTED = "listed"
    ROOMED = "roomed"
    PUSHED = "pushed"

    @property
    def has_rooms(self) -> bool:
        """Where nobody sees a peer that is in no room. A client that is not known yet may be on its way into one."""
        return self is not Dialect.LISTED

    @property
    def list_period_s(self) -> float:
        """How often the original repeated its lists; 0: it had none."""
        return {Dialect.LISTED: 5.0, Dialect.ROOMED: 1.0}.get(self, 0.0)


SILENCE_S: Final = 1.0
"""A client that has its receiving transport for so long, and says nothing, waits for a list: the newer ones have said
produceData or joinRoom by then."""


def after(dialect: Dialect, request: str, *, knows_broadcast: bool = True) -> Dialect:
    """What a request shows. `knows_broadcast`: whether a track of `produce` says that it is broadcast or not.

    The second form makes its data channel before anything else, the newest has none and knows no broadcast."""
    if dialect in (Dialect.ROOMED, Dialect.PUSHED):
        return dialect
    if request == "produceData":
        return Dialect.ROOMED
    if request == "joinRoom" or (request == "produce" and not knows_broadcast):
        return Dialect.PUSHED
    if request in ("produce", "createConsumer") and dialect is Dialect.UNKNOWN:
        return Dialect.LISTED
    return dialect

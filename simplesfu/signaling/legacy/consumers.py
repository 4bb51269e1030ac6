"""The tracks that one client of the original receives: it knows them by their producers, and says in the same words
that it is ready and that it takes a pause back."""
from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import NotFound
from simplesfu.signaling.sessions.clock import Clock
from simplesfu.signaling.sessions.session import PeerSession

ON_ITS_WAY_S: Final = 5.0
"""A client that asks again for a consumer which it has been handed, and has not resumed, is setting it up."""
FORGET_S: Final = 10.0
AFTER_THE_ANSWER_S: Final = 0.1

Push: TypeAlias = Callable[[str, object], None]
"""(type, data) of what the client is told."""

Later: TypeAlias = Callable[[Awaitable[object], str], None]
"""Have something done that nobody waits for; with its name, for the log."""


class Ask(Protocol):
    """One of our requests; the data of its answer."""

    async def __call__(self, request: str, **payload: Any) -> Any: ...


@dataclass(eq=False)
class Handed:
    """A consumer that the client has been told of."""

    consumer_id: str
    peer_id: str
    at_us: int
    resumed: bool = False
    """It has set it up: only then can it be told of its end."""
    ended: bool = False


class Consumers:
    """By producer id, all of it."""

    def __init__(
        self, clock: Clock, session: Callable[[], PeerSession], *, ask: Ask, push: Push, later: Later
    ) -> None:
        self._clock = clock
        self._session = session
        self._ask = ask
        self._push = push
        self._later = later
        self._handed: dict[str, Handed] = {}
        self._paused: dict[str, dict[str, str]] = {}
        """Which wish holds it."""

    async def consume(self, producer_id: str) -> None:
        now_us = self._clock.now_us()
        handed = self._handed.get(producer_id)
        is_setting_up = handed is not None and not (handed.resumed or handed.ended)
        if handed is not None and is_setting_up and now_us - handed.at_us < ON_ITS_WAY_S * 1_000_000:
            return
        transport_id = recv_transport(self._session()).id
        answer = await self._ask("consume", transportId=transport_id, producerId=producer_id)
        if producer_id not in self._session().offers:
            return  # it ended meanwhile
        self._handed[producer_id] = Handed(answer["consumerId"], answer["peerId"], now_us)
        self._push("createConsumer", {
            "peerId": answer["peerId"],
            "producerId": producer_id,
            "id": answer["consumerId"],
            "kind": answer["kind"],
            "rtpParameters": answer["rtpParameters"],
            "type": answer["type"],
            # The clients do nothing with `broadcast` but refuse to pause such a track.
            "appData": {"peerId": answer["peerId"], "label": answer["label"], "broadcast": False},
            "producerPaused": answer["producerPaused"],
        })

    async def pause(self, producer_id: str) -> None:
        """The wish comes before the consumer, if need be, and goes with the track."""
        track = self._track(producer_id)
        await self._ask("pausePeer", **track)
        self._paused[producer_id] = track

    async def resume(self, producer_id: str) -> None:
        """The first time says that the client has set it up, those after it take a pause back."""
        handed = self._handed.get(producer_id)
        if handed is None:
            raise NotFound(f"no consumer of {producer_id!r}", "say createConsumer first")
        if handed.ended:
            del self._handed[producer_id]
            self._clock.call_later(AFTER_THE_ANSWER_S, partial(self._tell_closed, producer_id, handed))
        elif not handed.resumed:
            await self._ask("resumeConsumer", consumerId=handed.consumer_id)
            handed.resumed = True
        elif (track := self._paused.pop(producer_id, None)) is not None:
            await self._ask("resumePeer", **track)

    async def close(self, producer_id: str) -> None:
        handed = self._handed.get(producer_id)
        if handed is None or handed.ended:
            raise NotFound(f"no consumer of {producer_id!r}", "it has ended, or was never there")
        await self._ask("closeConsumer", consumerId=handed.consumer_id)
        del self._handed[producer_id]

    def ended(self, producer_id: str) -> None:
        """The track is not for this client any longer."""
        track = self._paused.pop(producer_id, None)
        if track is not None:  # the client takes what comes under that label next for another track, which plays
            self._later(self._ask("resumePeer", **track), "a wish of a legacy client")
        handed = self._handed.get(producer_id)
        if handed is None:
            return
        if handed.resumed:
            del self._handed[producer_id]
            self._tell_closed(producer_id, handed)
        else:  # the first client would fail over a consumer that it has not set up yet
            handed.ended = True
            self._clock.call_later(FORGET_S, partial(self._forget, producer_id, handed))

    def _forget(self, producer_id: str, handed: Handed) -> None:
        if self._handed.get(producer_id) is handed:
            del self._handed[producer_id]

    def _tell_closed(self, producer_id: str, handed: Handed) -> None:
        self._push("consumerClosed", {"producingPeerId": handed.peer_id, "producerId": producer_id})

    def _track(self, producer_id: str) -> dict[str, str]:
        """Raises NotFound."""
        publication = self._session().offer(producer_id)
        return {"peerId": publication.publisher.id, "label": publication.label}


def recv_transport(session: PeerSession) -> WebRtcTransport:
    """Raises NotFound."""
    entry = session.transport_to("recv")
    if entry is None:
        raise NotFound("no transport for consuming", "say createWebRtcTransport first")
    return entry.transport

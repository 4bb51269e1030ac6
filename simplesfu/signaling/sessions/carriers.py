"""What carries the media of each pair of peers, and what the two browsers tell each other about their link.

topology.py chooses; this asks it when something has changed that matters, lets a choice for mesh settle, and tells.
"""
from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from simplesfu.control.signal import Signal
from simplesfu.errors import BadRequest, NotFound, TooManyRequests
from simplesfu.signaling.messages import CarrierChange, LinkState
from simplesfu.signaling.messages import Signal as Signalled
from simplesfu.signaling.sessions.clock import Clock
from simplesfu.signaling.sessions.info import CarrierInfo, Report
from simplesfu.signaling.sessions.link import Link
from simplesfu.signaling.sessions.rooms import Rooms, SightChange
from simplesfu.signaling.sessions.session import SIGNALS_PER_S, PeerSession
from simplesfu.signaling.sessions.topology import UNREACHABLE, Choice, End, choose

SWITCH_S: Final = 10.0
"""For so long after a change of carrier the older one may go on, until the newer one shows something."""
RETRY_S: Final = 60.0
"""After a link has failed."""
MAX_SIGNAL_BYTES: Final = 32 * 1024


class Carriers:
    """On the engine's loop. PeerSession.links is its to change.

    on_switch(one, other): their carrier has changed, and both have been told.
    on_switched(one, other): the time is over in which the older one could go on.
    """

    def __init__(
        self, sessions: Mapping[str, PeerSession], rooms: Rooms, report: Report, clock: Clock, *, settle_s: float
    ) -> None:
        self.on_switch: Signal[[PeerSession, PeerSession]] = Signal()
        self.on_switched: Signal[[PeerSession, PeerSession]] = Signal()
        self._sessions = sessions
        self._rooms = rooms
        self._report = report
        self._clock = clock
        self._settle_s = settle_s

    # what may change a choice

    def meet(self, one: PeerSession, other: PeerSession) -> None:
        """They have come into sight of each other, and nothing has flowed between them yet."""
        choice = self._choose(one, other)
        if choice.carrier == "mesh":
            self._carry(self._add_link(one, other), choice)

    def part(self, one: PeerSession, other: PeerSession) -> None:
        """They are out of sight of each other."""
        link = one.links.pop(other.id, None)
        if link is not None:
            del other.links[one.id]
            link.stop()

    def sight_changed(self, session: PeerSession, change: SightChange) -> None:
        """Who wishes "auto" may be alone with another now, or not any longer."""
        for peer in (session, *(self._sessions[peer_id] for peer_id in (*change.appeared, *change.vanished))):
            if peer.topology == "auto":
                alone_with = self._rooms.only_one_in_sight(peer.id)
                for other_id in dict.fromkeys([*peer.links, *([] if alone_with is None else [alone_with])]):
                    self._review(peer, self._sessions[other_id])

    def topology_changed(self, session: PeerSession) -> None:
        """What it was granted is something else."""
        for other_id in self._rooms.in_sight(session.id):
            self._review(session, self._sessions[other_id])

    def reported(self, session: PeerSession, other: PeerSession, state: LinkState, reason: str) -> None:
        """How their link does. Of one that carries nothing it makes no difference."""
        link = session.links.get(other.id)
        if link is None or link.carrier != "mesh":
            return
        failed_before = link.state == "failed"
        link.state, link.reason = state, reason
        if state != "failed":
            return
        if self._choose(session, other, reachable=False).carrier == "mesh":
            if not failed_before:
                self._tell(link, UNREACHABLE)
            return
        self._review(session, other)

    # between browsers

    def signal(self, sender: PeerSession, addressee: PeerSession | None, message: dict[str, Any]) -> None:
        """Hand it on, to the addressee alone. Raises BadRequest (too large), NotFound, TooManyRequests."""
        link = sender.links.get(addressee.id) if addressee is not None else None
        if link is None or addressee is None or not link.open:
            raise NotFound("no link to that peer", "signals pass while its carrier is mesh, and for a while after that")
        size_bytes = len(msgspec.json.encode(message))
        if size_bytes > MAX_SIGNAL_BYTES:
            raise BadRequest(f"message: it has {size_bytes} bytes as JSON", f"{MAX_SIGNAL_BYTES} are allowed")
        cost = 1 + size_bytes / 1024
        if not sender.signals.has_token(self._clock.now_us(), cost):
            raise TooManyRequests(f"more than {SIGNALS_PER_S} signals a second", "send fewer, or wait a second")
        sender.signals.take(cost)
        addressee.notify(Signalled(peer_id=sender.id, message=message))

    # ---

    def _choose(self, one: PeerSession, other: PeerSession, *, reachable: bool = True) -> Choice:
        return choose(self._end(one), self._end(other), reachable=reachable)

    def _end(self, session: PeerSession) -> End:
        return End(session.topology, self._rooms.only_one_in_sight(session.id) is not None)

    def _review(self, one: PeerSession, other: PeerSession) -> None:
        link = one.links.get(other.id)
        choice = self._choose(one, other, reachable=link is None or link.reachable)
        if choice.carrier == "mesh":
            link = link or self._add_link(one, other)
            if link.carrier == "sfu" and link.settling is None:
                link.settling = self._clock.call_later(self._settle_s, partial(self._settled, link))
        elif link is not None:
            link.stop_settling()
            if link.carrier == "mesh":
                self._switch(link, choice)

    def _settled(self, link: Link) -> None:
        """What has stopped it from becoming "mesh" has stopped the timer."""
        link.settling = None
        self._switch(link, self._choose(*self._ends(link)))

    def _retry(self, link: Link) -> None:
        link.retry = None
        self._review(*self._ends(link))

    def _switch(self, link: Link, choice: Choice) -> None:
        if choice.reason == "unreachable" and link.retry is None:
            link.retry = self._clock.call_later(RETRY_S, partial(self._retry, link))
        self._carry(link, choice)
        if link.switching is not None:
            link.switching.cancel()
        link.switching = self._clock.call_later(SWITCH_S, partial(self._switched, link))
        self.on_switch.emit(*self._ends(link))

    def _switched(self, link: Link) -> None:
        link.switching = None
        if link.carrier == "sfu":  # the browsers have closed it by now
            link.forget_state()
        self.on_switched.emit(*self._ends(link))

    def _carry(self, link: Link, choice: Choice) -> None:
        link.carrier = choice.carrier
        if link.state == "failed":
            link.forget_state()
        self._tell(link, choice)
        info = CarrierInfo(peer_ids=link.peer_ids, carrier=choice.carrier, reason=choice.reason)
        self._report("carrier_change", info)

    def _tell(self, link: Link, choice: Choice) -> None:
        one, other = self._ends(link)
        for session, peer_id in ((one, other.id), (other, one.id)):
            session.notify(CarrierChange(peer_id=peer_id, carrier=choice.carrier, reason=choice.reason))

    def _add_link(self, one: PeerSession, other: PeerSession) -> Link:
        link = Link(peer_ids=(one.id, other.id))
        one.links[other.id] = other.links[one.id] = link
        return link

    def _ends(self, link: Link) -> tuple[PeerSession, PeerSession]:
        one, other = link.peer_ids
        return self._sessions[one], self._sessions[other]

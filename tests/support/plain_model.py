"""What a call is, in as few words as possible: sets and sentences, nothing kept that can be worked out.

The state-machine test compares the server with this after every step. It is slow on purpose where that is clearer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

LOBBY = None

Wish = tuple[str, str | None]
"""Any name of a peer, and a label, or None for all of its tracks."""


@dataclass(eq=False)
class Track:
    producer_id: str
    owner: Person
    label: str
    kind: str
    broadcast: bool
    routed: bool = True
    """It comes to the server."""
    muted: bool = False
    """By its publisher."""
    metadata: dict[str, object] = field(default_factory=dict)

    @property
    def silenced(self) -> bool:
        """By the server."""
        return not self.owner.silenced.isdisjoint((self.label, None))


@dataclass(eq=False)
class Person:
    names: list[str]
    """Its id, and then its aliases."""
    topology: str = "sfu"
    online: bool = True
    entered: bool = False
    rooms: list[str] = field(default_factory=list)
    exiled: bool = False
    """Out of its last room by the server's will: not even in the lobby."""
    tracks: dict[str, Track] = field(default_factory=dict)
    silenced: set[str | None] = field(default_factory=set)
    """Labels under which the server forwards nothing of it; None: under no label at all."""
    taken_off: set[str] = field(default_factory=set)
    """Producers of its own that the server has closed."""
    wanted: set[Wish] = field(default_factory=set)
    """connectToPeer was said."""
    paused: set[Wish] = field(default_factory=set)
    layers: dict[Wish, int] = field(default_factory=dict)
    """The highest spatial layer, by wish."""
    denied: set[Track] = field(default_factory=set)
    """What the application does not let it consume. What it was refused when it asked may stay offered for a while, so
    that the refusal is what it hears first."""
    consumed: set[tuple[str, str]] = field(default_factory=set)
    """Producers for which there is a consumer, and by what carrier."""

    @property
    def id(self) -> str:
        return self.names[0]

    capable: bool = False
    """It has told what it can receive."""
    placed: set[str] = field(default_factory=set)
    """Rooms where the server has put it, which no right is needed for."""

    def says_of(self, wishes: Iterable[Wish], track: Track) -> bool:
        """Whether a wish covers the track, by whatever name of its owner it was said."""
        return any((name, label) in wishes for name in track.owner.names for label in (None, track.label))

    def layer_limit(self, track: Track) -> int | None:
        """The lowest of those that cover the track."""
        return min((limit for wish, limit in self.layers.items() if self.says_of([wish], track)), default=None)

    def lose_room(self, room: str) -> None:
        """By the server's will."""
        self.placed.discard(room)
        if room in self.rooms:
            self.rooms.remove(room)
            self.exiled = not self.rooms

    def lose_track(self, label: str) -> None:
        """By the server's will."""
        self.taken_off.add(self.tracks.pop(label).producer_id)

    def enter(self) -> None:
        if not self.entered:
            self.entered = True
            self.rooms = sorted(self.placed)


class Call:
    """Everybody who is there, attached or within grace."""

    def __init__(self) -> None:
        self.people: list[Person] = []
        self.locked: set[str] = set()
        self.forbidden: set[tuple[str, str]] = set()
        """("join", room), ("produce", label), ("consume", label): what the application refuses at present."""
        self.withheld: set[str] = set()
        """Labels that its subscription policy does not forward."""

    def may(self, action: str, what: str) -> bool:
        return (action, what) not in self.forbidden

    def names_of(self, name: str) -> list[str]:
        """All that the same person goes by, its id first."""
        return next((person.names for person in self.people if name in person.names), [name])

    def members(self, room: str | None) -> list[Person]:
        if room is LOBBY:
            return [one for one in self.people if one.entered and not one.rooms and not one.exiled]
        return [one for one in self.people if room in one.rooms]

    def sees(self, viewer: Person, other: Person) -> bool:
        return viewer is not other and any(
            viewer in self.members(place) and other in self.members(place) for place in (LOBBY, *viewer.rooms)
        )

    def sight(self, viewer: Person) -> set[str]:
        return {other.id for other in self.people if self.sees(viewer, other)}

    def carrier(self, one: Person, other: Person) -> str:
        """When things have been as they are for a while."""
        pair = (one, other)
        if any(person.topology == "sfu" for person in pair):
            return "sfu"
        if all(person.topology == "mesh" for person in pair):
            return "mesh"
        return "sfu" if any(one.topology == "auto" and len(self.sight(one)) > 1 for one in pair) else "mesh"

    def due(self, viewer: Person) -> list[Track]:
        """What the viewer is to have, if something carries it."""
        return [
            track
            for publisher in self.people
            if viewer.capable and self.sees(viewer, publisher)
            for track in publisher.tracks.values()
            if (track.broadcast or viewer.says_of(viewer.wanted, track)) and track not in viewer.denied
        ]

    def offers(self, viewer: Person) -> dict[str, Track]:
        """By producer id."""
        return {
            track.producer_id: track
            for track in self.due(viewer)
            if track.routed or self.carrier(viewer, track.owner) == "mesh"
        }

    def consumable(self, viewer: Person) -> set[tuple[str, str]]:
        return {(one.producer_id, self.carrier(viewer, one.owner)) for one in self.offers(viewer).values()}

    def needs_router(self, track: Track) -> bool:
        return track.owner.topology == "sfu" or any(
            track in self.due(viewer) and self.carrier(viewer, track.owner) == "sfu"
            for viewer in self.people
            if viewer is not track.owner
        )

    def on_links(self, publisher: Person) -> set[tuple[str, str, bool, int | None]]:
        """What the publisher is to send over links: which track, to whom, whether held, up to which layer."""
        return {
            (track.producer_id, viewer.id, self.holds(viewer, track) or track.muted, viewer.layer_limit(track))
            for track in publisher.tracks.values()
            for viewer in self.people
            if (track.producer_id, "mesh") in viewer.consumed
        }

    def holds(self, viewer: Person, track: Track) -> bool:
        """Either the viewer or the server does."""
        return viewer.says_of(viewer.paused, track) or bool(self.held(track))

    def flowing(self, viewer: Person) -> set[str]:
        """What the server would forward to the viewer if packets came."""
        return {
            producer_id
            for producer_id, track in self.offers(viewer).items()
            if (producer_id, self.carrier(viewer, track.owner)) in viewer.consumed and not self.holds(viewer, track)
        }

    def held(self, track: Track) -> str:
        """By the server's will, and why."""
        return "server" if track.silenced else "policy" if track.label in self.withheld else ""

    def forget_what_ended(self) -> None:
        """A consumer lives as long as its offer."""
        for viewer in self.people:
            viewer.consumed &= self.consumable(viewer)

    def apply_rights(self) -> None:
        """What is refused now is taken away now, and what is allowed again is given back."""
        for person in self.people:
            for room in [room for room in person.rooms if room not in person.placed and not self.may("join", room)]:
                person.lose_room(room)
            for label in [label for label in person.tracks if not self.may("produce", label)]:
                person.lose_track(label)
        for person in self.people:
            asked = person.denied | set(self.offers(person).values())
            person.denied = {track for track in asked if not self.may("consume", track.label)}

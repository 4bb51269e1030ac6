"""Whether both ends of a call have the same written down: the pages, the server's peers, its snapshots, the wishes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .caller import Caller
from .server import MediaServer
from .waiting import until

Track = tuple[str, str]
"""Whose, and its label."""


@dataclass
class Wishes:
    """What a caller has asked for about others, by their peer ids."""

    connected: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)
    paused_tracks: set[Track] = field(default_factory=set)

    def holds(self, track: Track) -> bool:
        return track[0] in self.paused or track in self.paused_tracks


async def disagreements(
    server: MediaServer, callers: Sequence[Caller], wishes: Mapping[str, Wishes] | None = None
) -> list[str]:
    """Of callers who share one room and no other. Lists are compared, not sets: nothing is there twice."""
    found: list[str] = []

    def compare(what: str, *accounts: list[Any]) -> None:
        told = [sorted(account) for account in accounts]
        if any(account != told[0] for account in told[1:]):
            found.append(f"{what}: {' ≠ '.join(map(str, told))}")

    peers = await server.peers()
    ids = [caller.peer_id for caller in callers]
    compare("the server's peers", list(peers), ids)
    if found:
        return found
    for caller in callers:
        who, me, page = f"caller {caller.number}", peers[caller.peer_id], await caller.books()
        snapshot = await caller.snapshot()
        wish = (wishes or {}).get(caller.peer_id, Wishes())
        others = [other for other in ids if other != caller.peer_id]
        compare(f"{who}: its id", [page["peerId"]], [caller.peer_id])
        compare(f"{who}: in sight", page["peers"], [peer["peerId"] for peer in snapshot["peers"]], others)
        compare(f"{who} sends", page["published"], labels(me["producers"]), labels(snapshot["producers"]))
        due = [
            (other, producer["label"])
            for other in others
            for producer in peers[other]["producers"]
            if producer["broadcast"] or other in wish.connected
        ]
        received = [(consumer["publisher_id"], consumer["label"]) for consumer in me["consumers"]]
        compare(f"{who} receives", tracks(page["tracks"]), received, tracks(snapshot["offers"]), due)
        compare(
            f"{who}: its consumers",
            [consumer["consumerId"] for consumer in snapshot["consumers"]],
            [consumer["id"] for consumer in me["consumers"]],
        )
        held = [(consumer["publisher_id"], consumer["label"]) for consumer in me["consumers"] if consumer["paused"]]
        compare(f"{who} holds", held, [track for track in due if wish.holds(track)])
    return found


def labels(producers: list[dict[str, Any]]) -> list[str]:
    return [producer["label"] for producer in producers]


def tracks(entries: list[dict[str, Any]]) -> list[Track]:
    return [(entry["peerId"], entry["label"]) for entry in entries]


async def books_agree(
    server: MediaServer, callers: Sequence[Caller], wishes: Mapping[str, Wishes] | None = None, timeout_s: float = 20.0
) -> None:
    """Wait until they do."""
    found: list[str] = []

    async def agreed() -> bool:
        nonlocal found
        found = await disagreements(server, callers, wishes)
        return not found

    try:
        await until(agreed, "both ends' books agree", timeout_s=timeout_s, every_s=0.3)
    except AssertionError:
        raise AssertionError("the books do not agree:\n" + "\n".join(found)) from None


async def flows_as_wished(caller: Caller, wishes: Wishes, muted: Collection[Track] = (), seconds: float = 1.5) -> None:
    """What the caller sees: every picture moves, but for those it holds and those that are muted."""

    moving: dict[Any, bool] = {}

    async def as_wished() -> bool:
        nonlocal moving
        moving = {tuple(key.split("/", 1)): seen.frames > 0 for key, seen in (await caller.watch(seconds)).items()}
        return all(moves is (track not in muted and not wishes.holds(track)) for track, moves in moving.items())

    try:
        await until(as_wished, "pictures move as wished", timeout_s=10)
    finally:
        shown = {"/".join(track): "moves" if moves else "still" for track, moves in moving.items()}
        print(f"caller {caller.number}: {shown}; holds {sorted(wishes.paused)} {sorted(wishes.paused_tracks)}")


async def promises_kept(callers: Sequence[Caller], timeout_s: float = 35.0) -> None:
    """Wait until all that was started has settled, within the client's patience; all of it must have been fulfilled."""
    outcomes: list[dict[str, Any]] = []

    async def settled() -> bool:
        nonlocal outcomes
        outcomes = [outcome for caller in callers for outcome in await caller.outcomes()]
        return not any(outcome["state"] == "pending" for outcome in outcomes)

    try:
        await until(settled, "every promise settled", timeout_s=timeout_s)
    finally:
        longest_s = max((outcome.get("tookMs", 0) for outcome in outcomes), default=0) / 1000
        print(f"{len(outcomes)} promises, the longest took {longest_s:.1f} s")
        for outcome in outcomes:
            if outcome["state"] != "fulfilled":
                print("  ", outcome)
    assert all(outcome["state"] == "fulfilled" for outcome in outcomes)

"""Who sees whom follows from who is where."""
from __future__ import annotations

import random

import pytest

from simplesfu.errors import NotFound
from simplesfu.signaling.sessions.rooms import Rooms


def rooms_with(*peers: str) -> Rooms:
    rooms = Rooms()
    for peer in peers:
        rooms.add(peer)
    return rooms


def test_the_lobby_counts_as_a_room() -> None:
    rooms = rooms_with("a", "b")
    assert rooms.add("c") == (("a", "b"), ())
    assert list(rooms.in_sight("a")) == ["b", "c"]
    assert rooms.rooms_of("a") == ()


def test_the_first_room_takes_a_peer_out_of_the_lobby() -> None:
    rooms = rooms_with("a", "b", "c")
    assert rooms.join("a", "kitchen") == ((), ("b", "c"))
    assert rooms.join("b", "kitchen") == (("a",), ("c",))
    assert rooms.members("kitchen") == ("a", "b")
    assert not rooms.in_sight("c")


def test_who_shares_two_rooms_stays_in_sight_when_one_is_left() -> None:
    rooms = rooms_with("a", "b")
    for room in ("kitchen", "garden"):
        rooms.join("a", room)
        rooms.join("b", room)
    assert rooms.leave("a", "kitchen") == ((), ())
    assert rooms.sees("a", "b")
    assert rooms.leave("a", "garden") == ((), ("b",))
    assert not rooms.sees("b", "a")


def test_leaving_the_last_room_leads_back_to_the_lobby() -> None:
    rooms = rooms_with("a", "b")
    rooms.join("a", "kitchen")
    assert rooms.leave("a", "kitchen") == (("b",), ())
    assert rooms.rooms_of("a") == ()


def test_a_peer_can_come_into_rooms_at_once_without_a_stop_in_the_lobby() -> None:
    rooms = rooms_with("a", "b")
    rooms.join("b", "kitchen")
    assert rooms.add("c", ["kitchen", "garden"]) == (("b",), ())
    assert rooms.rooms_of("c") == ("kitchen", "garden")
    assert not rooms.sees("a", "c")


def test_who_is_taken_out_of_the_last_room_can_be_kept_out_of_the_lobby_too() -> None:
    rooms = rooms_with("a", "b", "c")
    for peer in ("a", "b"):
        rooms.join(peer, "kitchen")
    assert rooms.leave("a", "kitchen", to_lobby=False) == ((), ("b",))
    assert not rooms.in_sight("a")
    assert rooms.join("a", "kitchen") == (("b",), ())


def test_locks() -> None:
    rooms = Rooms()
    rooms.lock("kitchen", True)
    rooms.lock("kitchen", True)
    assert rooms.is_locked("kitchen")
    assert not rooms.is_locked("garden")
    rooms.lock("kitchen", False)
    rooms.lock("kitchen", False)
    assert not rooms.is_locked("kitchen")


def test_joining_again_changes_nothing() -> None:
    rooms = rooms_with("a", "b")
    rooms.join("a", "kitchen")
    assert rooms.join("a", "kitchen") == ((), ())
    assert rooms.members("kitchen") == ("a",)


def test_leaving_a_room_one_is_not_in() -> None:
    rooms = rooms_with("a", "b")
    rooms.join("b", "kitchen")
    for peer in ("a", "one who has not entered"):
        for room in ("kitchen", "no such room"):
            with pytest.raises(NotFound):
                rooms.leave(peer, room)


def test_removing_tells_who_loses_sight_and_leaves_nothing_behind() -> None:
    rooms = rooms_with("a", "b", "c")
    rooms.join("a", "kitchen")
    rooms.join("b", "kitchen")
    assert rooms.remove("a") == ((), ("b",))
    assert rooms.remove("a") == ((), ())
    rooms.remove("b")
    rooms.remove("c")
    assert vars(rooms) == {"_members": {}, "_rooms": {}, "_locked": set(), "on_change": rooms.on_change}


def test_nobody_sees_themselves_or_a_stranger() -> None:
    rooms = rooms_with("a")
    assert not rooms.sees("a", "a")
    assert not rooms.sees("a", "stranger")
    assert not rooms.sees("stranger", "a")


def test_sight_is_mutual_and_changes_tell_the_whole_difference() -> None:
    """A random walk: what the changes add up to is what in_sight says."""
    walk = random.Random(1)
    peers = [f"peer{n}" for n in range(8)]
    rooms, told = Rooms(), {peer: set[str]() for peer in peers}
    for peer in peers:
        for other in rooms.add(peer).appeared:
            told[peer].add(other)
            told[other].add(peer)
    moves = 0
    for _ in range(2000):
        peer, room = walk.choice(peers), walk.choice("xyz")
        leaves = room in rooms.rooms_of(peer)
        change = rooms.leave(peer, room) if leaves else rooms.join(peer, room)
        moves += len(change.appeared) + len(change.vanished)
        for other in change.appeared:
            assert other not in told[peer]
            told[peer].add(other)
            told[other].add(peer)
        for other in change.vanished:
            told[peer].remove(other)
            told[other].remove(peer)
        for one in peers:
            assert told[one] == set(rooms.in_sight(one))
            assert all(rooms.sees(one, other) == (other in told[one]) for other in peers)
    print(f"{moves} changes of sight in 2000 moves")
    assert moves > 1000

"""What carries the media of a pair, for all wishes and all crowds: the choice, and how it settles."""
from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.house import House, HousePeer, open_house
from support.links import SETTLE_S, carriers

from simplesfu.signaling.sessions.topology import Choice, End, choose

ENDS = st.builds(End, st.sampled_from(["sfu", "mesh", "auto"]), st.booleans())
RANK = {"sfu": 0, "auto": 1, "mesh": 2}
"""How far a wish goes towards mesh."""


@given(ENDS, ENDS, st.booleans())
def test_the_order_of_the_two_makes_no_difference(one: End, other: End, reachable: bool) -> None:
    assert choose(one, other, reachable=reachable) == choose(other, one, reachable=reachable)


@given(ENDS, ENDS, ENDS, st.booleans(), st.booleans())
def test_nobody_gets_mesh_by_less(one: End, less: End, other: End, reachable: bool, less_reachable: bool) -> None:
    """Who wishes less, has more people in sight or a link that failed never has mesh where it would not have had it."""
    if RANK[less.wish] <= RANK[one.wish] and less.alone <= one.alone and less_reachable <= reachable:
        lesser = choose(less, other, reachable=less_reachable).carrier
        assert lesser == "sfu" or choose(one, other, reachable=reachable).carrier == "mesh"


@given(ENDS, ENDS, st.booleans())
def test_one_word_against_it_is_enough(one: End, other: End, reachable: bool) -> None:
    choice = choose(one, other, reachable=reachable)
    if "sfu" in (one.wish, other.wish):
        assert choice.carrier == "sfu"
    elif one.wish == other.wish == "mesh":
        assert choice == Choice("mesh", "asked")
    elif not reachable:
        assert choice.carrier == "sfu"


class Crowd:
    """Peers that come and go by chance. After each moment of time the choices are compared with what holds."""

    def __init__(self, house: House, dice: random.Random) -> None:
        self.house = house
        self.dice = dice
        self.peers: dict[str, HousePeer] = {}
        self.numbers = iter(range(10_000))
        self.now_s = 0.0
        self.mesh_due: dict[tuple[str, str], float] = {}
        """By pair: since when mesh has been the choice; long since, when the two have met with it."""
        self.met: set[tuple[str, str]] = set()

    def move(self) -> None:
        dice, count = self.dice, len(self.peers)
        if count < 2 or (count < 4 and dice.random() < 0.4):
            name = f"p{next(self.numbers)}"
            wish = dice.choice(["auto", "auto", "auto", "mesh", "sfu"])
            self.peers[name] = self.house.enter(name, room="hall", topology=wish)
        else:
            name = dice.choice(list(self.peers))
            if dice.random() < 0.7:
                self.peers.pop(name).leave()
            else:
                self.peers[name].hello(topology=dice.choice(["auto", "mesh", "sfu"]))
        self.note()

    def pairs(self) -> list[tuple[str, str]]:
        return list(combinations(sorted(self.peers), 2))

    def chosen(self, pair: tuple[str, str]) -> str:
        """Everybody is in one room."""
        ends = [End(self.peers[name].session.topology, len(self.peers) == 2) for name in pair]
        return choose(*ends).carrier

    def note(self) -> None:
        pairs = self.pairs()
        due = [pair for pair in pairs if self.chosen(pair) == "mesh"]
        self.mesh_due = {
            pair: self.mesh_due.get(pair, self.now_s if pair in self.met else -SETTLE_S) for pair in due
        }
        self.met = set(pairs)

    def check(self) -> None:
        for pair in self.pairs():
            first, second = pair
            carrier = carriers(self.peers[first]).get(second, "sfu")
            assert carrier == carriers(self.peers[second]).get(first, "sfu"), "both believe the same"
            since = self.mesh_due.get(pair)
            if since is None:
                assert carrier == "sfu", "at once"
            elif self.now_s - since >= SETTLE_S:
                assert carrier == "mesh", "from the start, or in the end"
            else:
                assert carrier == "sfu", "not yet"

    def pass_time(self) -> None:
        seconds = self.dice.choice([0.0, 0.5, 2.0, 4.0, 6.0])
        self.house.clock.pass_time(seconds)
        self.now_s += seconds


@pytest.mark.parametrize("seed", range(12))
def test_carriers_settle(seed: int) -> None:
    with open_house(max_joins_per_second=1000) as house:
        crowd = Crowd(house, random.Random(seed))
        meshes = 0
        for _ in range(60):
            crowd.move()
            crowd.check()
            crowd.pass_time()
            crowd.check()
            meshes += len(crowd.mesh_due)
        print(f"{meshes} times a pair was to have mesh")
        assert meshes > 5

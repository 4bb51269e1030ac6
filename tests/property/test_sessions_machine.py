"""Random lives of a few peers: after every step the server, a plain model and what each client was told agree.

The server is the real one down to the plane, but for sockets, which are the test's, and time, which passes when the
test says so. So every run is the same, and what hypothesis finds it can make small. Its examples like to repeat
themselves, so many more lives are made by plain chance.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from support.lives import Lives

WHO = ["ann", "ben", "cat"]
ROOM = ["red", "blue"]
LABEL = ["cam", "mic"]
ANY_LABEL = [None, *LABEL]
SOCKET = [f"socket{number}" for number in (0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7)]
"""The first are the ids of those who come first; of the others every one is some peer's name, sooner or later."""
WISH = ["connectToPeer", "connectToPeer", "disconnectFromPeer", "pausePeer", "pausePeer", "resumePeer"]
RIGHT = [("join", "red"), ("join", "blue"), ("produce", "cam"), ("consume", "cam"), ("consume", "mic")]
WHICH = list(range(6))
ON = [False, True]
TOPOLOGY = ["sfu", "auto", "auto", "mesh"]
USUALLY = [True, True, True, False]
TIMES = [1, 1, 2, 3]
"""How often a request is sent, with the same id."""

Deeds = dict[str, dict[str, Sequence[Any]]]
"""Methods of Lives, and what their arguments may be."""
Deed = tuple[str, dict[str, Any]]

ADDING: Deeds = {
    "add_track": {"who": WHO, "label": LABEL, "kind": ["video", "audio"], "broadcast": ON, "times": TIMES},
    "add_track_to_links": {"who": WHO, "label": LABEL, "kind": ["video", "audio"], "broadcast": ON, "times": TIMES},
}
PUBLISHING: Deeds = {
    "add_track_badly": {"who": WHO, "label": LABEL},
    "remove_track": {"which": WHICH, "times": TIMES},
    "mute": {"which": WHICH, "on": ON, "times": TIMES},
    "describe": {"which": WHICH, "page": [0, 1]},
    "rebuild_transports": {"who": WHO},
    "bring_to_router": {"which": WHICH, "times": TIMES},
    "take_from_router": {"which": WHICH, "times": TIMES},
}
WISHING: Deeds = {
    "wish": {"who": WHO, "wish": WISH, "name": SOCKET, "label": ANY_LABEL, "times": TIMES},
    "prefer_layers": {"who": WHO, "name": SOCKET, "label": ANY_LABEL, "layer": [None, 0, 1], "times": TIMES},
    "consume": {"who": WHO},
}
MOVING: Deeds = {
    "join": {"who": WHO, "room": ROOM, "times": TIMES},
    "leave_room": {"who": WHO, "room": ROOM, "times": TIMES},
    "enter": {"who": WHO, "times": TIMES},
    "tell_capabilities": {"who": WHO, "times": TIMES},
}
COMING_BACK: Deeds = {
    "arrive": {"who": WHO, "able": USUALLY, "room": [None, "red", "red"], "topology": TOPOLOGY, "times": TIMES},
    "change_topology": {"who": WHO, "topology": TOPOLOGY, "times": TIMES},
    "say_hello_again": {"who": WHO, "topology": TOPOLOGY},
    "lose_socket": {"who": WHO},
    "come_back": {"who": WHO, "repeat_all": ON},
    "come_with_an_old_token": {"who": WHO},
}
RULING: Deeds = {
    "silence": {"who": WHO, "label": ANY_LABEL, "on": ON},
    "close_track": {"which": WHICH},
    "place": {"who": WHO, "room": ROOM},
    "change_policy": {"label": LABEL, "on": ON},
    "change_rights": {"what": RIGHT, "on": USUALLY},
}
ENDING: Deeds = {
    "leave": {"who": WHO},
    "grace_is_over": {},
    "kick": {"who": WHO},
    "displace": {"who": WHO, "room": ROOM},
    "lock": {"room": ROOM, "on": ON},
    "close_room": {"room": ROOM},
}


# by chance

LIVELY = [*[ADDING] * 5, *[PUBLISHING] * 3, *[WISHING] * 7, *[MOVING] * 3, *[COMING_BACK] * 4, *[RULING] * 2, ENDING]
"""Without most of them there is little to see of the others."""


def deeds_of(seed: int, number: int) -> list[Deed]:
    """All arrive; what follows is chance."""
    dice = random.Random(seed)
    deeds: list[Deed] = [
        ("arrive", {"who": who, "able": True, "room": "red", "topology": dice.choice(TOPOLOGY), "times": 1})
        for who in WHO
    ]
    for _ in range(number):
        method, arguments = dice.choice(list(dice.choice(LIVELY).items()))
        deeds.append((method, {name: dice.choice(values) for name, values in arguments.items()}))
    return deeds


def live(deeds: list[Deed]) -> Lives:
    lives = Lives(eager=True)
    try:
        for method, arguments in deeds:
            getattr(lives, method)(**arguments)
            lives.all_agree()
    finally:
        lives.end()
    return lives


def fails(deeds: list[Deed]) -> bool:
    try:
        live(deeds)
    except Exception:
        return True
    return False


def shortened(deeds: list[Deed]) -> list[Deed]:
    """What is left of a life that fails when everything is left out that need not be."""
    for chunk in (32, 8, 1, 1):
        at = 0
        while at < len(deeds):
            less = deeds[:at] + deeds[at + chunk :]
            if fails(less):
                deeds = less
            else:
                at += chunk
    return deeds


def live_or_tell(seed: int, number: int) -> Lives:
    deeds = deeds_of(seed, number)
    try:
        return live(deeds)
    except Exception:
        print(f"the life of seed {seed}, shortened:", *shortened(deeds), sep="\n    ")
        raise


def test_lives_by_chance() -> None:
    seen: Counter[str] = Counter()
    for seed in range(40):
        seen += live_or_tell(seed, 100).seen
    print(dict(seen))
    for what in ("direct", "flowing", "held", "paused", "denied", "offline", "aliases", "exiled", "limited"):
        assert seen[what] > 20, f"{what}: hardly ever, so hardly tested"


@pytest.mark.slow
def test_many_lives_by_chance() -> None:
    for seed in range(1000, 1200):
        live_or_tell(seed, 150)


# by hypothesis


def deed(deeds: Deeds) -> st.SearchStrategy[Deed]:
    return st.one_of(
        st.tuples(
            st.just(method),
            st.fixed_dictionaries({name: st.sampled_from(values) for name, values in arguments.items()}),
        )
        for method, arguments in deeds.items()
    )


class Sessions(RuleBasedStateMachine):
    @initialize(
        entering=st.lists(st.tuples(st.sampled_from([None, "red"]), st.sampled_from(TOPOLOGY)), min_size=3, max_size=3),
        eager=st.booleans(),
    )
    def some_are_here(self, entering: list[tuple[str | None, str]], eager: bool) -> None:
        self.lives = Lives(eager=eager)
        for who, (room, topology) in zip(WHO, entering, strict=True):
            self.lives.arrive(who, True, room, topology, 1)
            self.lives.enter(who, 1)

    def teardown(self) -> None:
        self.lives.end()

    @rule(done=deed(ADDING | PUBLISHING))
    def publish(self, done: Deed) -> None:
        self.do(done)

    @rule(done=deed(WISHING))
    def wish(self, done: Deed) -> None:
        self.do(done)

    @rule(done=deed(MOVING))
    def move(self, done: Deed) -> None:
        self.do(done)

    @rule(done=deed(COMING_BACK))
    def come_back(self, done: Deed) -> None:
        self.do(done)

    @rule(done=deed(RULING))
    def decree(self, done: Deed) -> None:
        self.do(done)

    @rule(done=deed(ENDING))
    def end(self, done: Deed) -> None:
        self.do(done)

    def do(self, done: Deed) -> None:
        method, arguments = done
        getattr(self.lives, method)(**arguments)

    @invariant()
    def all_agree(self) -> None:
        self.lives.all_agree()


QUICK = settings(
    max_examples=60,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=400, stateful_step_count=80)


def test_lives_by_hypothesis() -> None:
    run_state_machine_as_test(Sessions, settings=QUICK)


@pytest.mark.slow
def test_many_lives_by_hypothesis() -> None:
    run_state_machine_as_test(Sessions, settings=LONG)

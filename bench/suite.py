"""Which runs there are, and in which order: every kind once, then every kind again in the reverse order, so that a slow
minute of the machine touches all of them."""
from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bench.accounting import yardstick_us
from bench.forwarding import Forwarding, Scenario, measure
from bench.relay import Relaying, measure_relay
from bench.traffic import bursts, captured

BURST_VIEWERS: Final = (10, 50, 200)
FRAME_PACKETS: Final = (4, 10)
HOLD_VIEWERS: Final = 50
HOLDS_US: Final = (0, 500, 1000, 2000)
RELAY_VIEWERS: Final = (1, 3, 6)
TCP_VIEWERS: Final = (6, 50)


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    repeats: int
    seconds: float
    burst_viewers: Sequence[int] = BURST_VIEWERS
    holds_us: Sequence[int] = HOLDS_US
    relay_viewers: Sequence[int] = RELAY_VIEWERS
    tcp_viewers: Sequence[int] = TCP_VIEWERS


FULL: Final = Extent(repeats=3, seconds=3.0)
QUICK: Final = Extent(
    repeats=1, seconds=1.5, burst_viewers=(10, 200), holds_us=(0, 1000), relay_viewers=(3,), tcp_viewers=(50,)
)


@dataclass
class Repeated:
    """All runs of one scenario."""

    scenario: Scenario
    group: str
    runs: list[Forwarding] = field(default_factory=list)


@dataclass
class RepeatedRelay:
    viewers: int
    runs: list[Relaying] = field(default_factory=list)


@dataclass
class Results:
    forwarding: list[Repeated]
    relay: list[RepeatedRelay]
    yardstick_us: list[float] = field(default_factory=list)
    """One before every run."""

    def group(self, name: str) -> list[Repeated]:
        return [each for each in self.forwarding if each.group == name]


Step: TypeAlias = tuple[str, Callable[[], None]]


def plan(extent: Extent, server_core: int) -> tuple[Results, list[Step]]:
    """Results still empty, and the steps, each with its name, that fill them."""
    results = Results(list(_scenarios(extent)), [RepeatedRelay(viewers) for viewers in extent.relay_viewers])
    kinds = [
        *(_forwarding_step(each, extent, server_core) for each in results.forwarding),
        *(_relay_step(each, extent, server_core) for each in results.relay),
    ]
    steps = [
        (name, _after_yardstick(step, results, server_core))
        for repeat in range(extent.repeats)
        for name, step in (kinds if repeat % 2 == 0 else reversed(kinds))
    ]
    return results, steps


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Minimum, median, maximum."""
    return min(values), statistics.median(values), max(values)


def _scenarios(extent: Extent) -> Iterator[Repeated]:
    for frame_packets in FRAME_PACKETS:
        for viewers in extent.burst_viewers:
            yield Repeated(Scenario(bursts(frame_packets), viewers), "bursts")
    for hold_us in extent.holds_us:
        yield Repeated(Scenario(captured(audio=False), HOLD_VIEWERS, hold_us), "hold")
    for viewers in (*extent.relay_viewers, HOLD_VIEWERS):
        yield Repeated(Scenario(captured(), viewers), "call")
    for viewers in extent.tcp_viewers:
        yield Repeated(Scenario(captured(), viewers, tcp=True), "tcp")


def _forwarding_step(repeated: Repeated, extent: Extent, server_core: int) -> Step:
    scenario = repeated.scenario
    return (
        f"simplesfu: {scenario.traffic.name}, {scenario.viewers} viewers{' by TCP' if scenario.tcp else ''}",
        lambda: repeated.runs.append(measure(scenario, server_core=server_core, seconds=extent.seconds)),
    )


def _relay_step(repeated: RepeatedRelay, extent: Extent, server_core: int) -> Step:
    return (
        f"aiortc MediaRelay: {repeated.viewers} viewers",
        lambda: repeated.runs.append(measure_relay(repeated.viewers, server_core=server_core, seconds=extent.seconds)),
    )


def _after_yardstick(step: Callable[[], None], results: Results, server_core: int) -> Callable[[], None]:
    def run() -> None:
        results.yardstick_us.append(yardstick_us(server_core))
        step()

    return run

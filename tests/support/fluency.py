"""How fluent a picture was, from the times at which its frames were shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Pause = tuple[float, float]
"""Start and end, in ms."""
ARRIVES_WITHIN_MS = 300
"""What its sender painted late is late at the viewer, too: that long after."""


@dataclass(frozen=True)
class Fluency:
    """`freezes`: the gaps (ms) over max(3 × mean interval, mean + 150 ms), as in W3C webrtc-stats' freezeCount, but for
    those while the machine stood still. `longest_gap_ms` leaves those out as well."""

    frames: int
    fps: float
    longest_gap_ms: float
    freezes: tuple[float, ...]

    def __str__(self) -> str:
        frozen = f"{len(self.freezes)} freezes {[round(gap) for gap in self.freezes]}" if self.freezes else "no freeze"
        return f"{self.fps:.1f} fps, longest gap {self.longest_gap_ms:.0f} ms, {frozen}"


def fluency(times_ms: Sequence[float], start_ms: float, end_ms: float, pauses: Sequence[Pause] = ()) -> Fluency:
    """Judge the window [start, end]. Its edges count, so that a picture which stops for good is a freeze too."""
    shown = sorted(time for time in times_ms if start_ms <= time <= end_ms)
    span = end_ms - start_ms
    if not shown:
        return Fluency(0, 0.0, span, (span,))
    gaps = [
        later - earlier
        for earlier, later in pairwise([start_ms, *shown, end_ms])
        if not excused(earlier, later, pauses)
    ]
    mean = span / len(shown)
    usual = min(mean, 1000 / 10)  # a long freeze must not excuse itself by raising the mean
    limit = max(3 * usual, usual + 150)
    longest = max(gaps, default=0.0)
    return Fluency(len(shown), len(shown) / span * 1000, longest, tuple(gap for gap in gaps if gap > limit))


def excused(earlier: float, later: float, pauses: Sequence[Pause]) -> bool:
    """By a pause in its course that is at least half as long: a short one does not make a long gap."""
    return any(
        start < later and earlier < end + ARRIVES_WITHIN_MS and end - start >= (later - earlier) / 2
        for start, end in pauses
    )

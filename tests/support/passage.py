"""What became of frames on their way through the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Passage:
    """`delays_ms`: of the frames that arrived, from the call that sent the last packet to the kernel's receipt."""

    sent: int
    delays_ms: tuple[float, ...]

    @property
    def lost(self) -> int:
        return self.sent - len(self.delays_ms)

    @property
    def longest_ms(self) -> float:
        return max(self.delays_ms, default=float("inf"))

    def __str__(self) -> str:
        if not self.delays_ms:
            return f"none of {self.sent} frames arrived"
        times = f"{median(self.delays_ms):.2f} ms (median), {self.longest_ms:.1f} ms at most"
        return f"{self.sent} frames, {self.lost} lost, under way for {times}"


def passage(sent_ms: Mapping[int, float], arrived_ms: Mapping[int, float]) -> Passage:
    """Both by the frames' numbers."""
    return Passage(
        len(sent_ms), tuple(arrived_ms[number] - sent for number, sent in sent_ms.items() if number in arrived_ms)
    )

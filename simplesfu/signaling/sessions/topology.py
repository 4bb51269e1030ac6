"""What carries the media of two peers: a decision only, made from facts that are handed in."""
from __future__ import annotations

from typing import Final, NamedTuple

from simplesfu.signaling.messages import Carrier, CarrierReason, Topology


class End(NamedTuple):
    """One of two peers in sight of each other: what it was granted, and whether it sees nobody but the other."""

    wish: Topology
    alone: bool


class Choice(NamedTuple):
    """`reason`: what those who had the other carrier so far are told."""

    carrier: Carrier
    reason: CarrierReason


UNREACHABLE: Final = Choice("mesh", "unreachable")
"""They insist, though their link has failed: nothing carries their media until it is mended."""


def choose(one: End, other: End, *, reachable: bool = True) -> Choice:
    """`reachable`: no link of theirs has failed lately. The order of the two makes no difference."""
    ends = (one, other)
    if any(end.wish == "sfu" for end in ends):
        return Choice("sfu", "topology_changed")
    if all(end.wish == "mesh" for end in ends):
        return Choice("mesh", "asked")
    if any(end.wish == "auto" and not end.alone for end in ends):
        return Choice("sfu", "third_peer")
    return Choice("mesh", "two_peers") if reachable else Choice("sfu", "unreachable")

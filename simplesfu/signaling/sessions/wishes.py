"""What one peer wants of others: kept by (peer[, label]), whether that peer is there, was ever there, or is to come."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from simplesfu.control.layers import NO_LIMIT, LayerLimit
from simplesfu.errors import TooManyWishes

Label: TypeAlias = str | None
"""None: all tracks of the peer."""

W = TypeVar("W")
Kind: TypeAlias = dict[tuple[str, Label], W]


class Wishes:
    """`names` are all ids of one peer, its own first; a wish holds whichever of them it was said with.

    A wish about all tracks and one about a single track stand beside each other, and each is taken back as it was said:
    a track is wanted, or paused, when either says so, and of two limits the tighter one counts.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._connected: Kind[None] = {}
        self._paused: Kind[None] = {}
        self._layers: Kind[LayerLimit] = {}

    def __len__(self) -> int:
        return len(self._connected) + len(self._paused) + len(self._layers)

    def connect(self, names: Sequence[str], label: Label) -> None:
        """Raises TooManyWishes, as the others do that add one."""
        self._set(self._connected, names, label, None)

    def disconnect(self, names: Sequence[str], label: Label) -> None:
        _drop(self._connected, names, label)

    def pause(self, names: Sequence[str], label: Label) -> None:
        self._set(self._paused, names, label, None)

    def resume(self, names: Sequence[str], label: Label) -> None:
        _drop(self._paused, names, label)

    def prefer(self, names: Sequence[str], label: Label, limit: LayerLimit) -> None:
        """NO_LIMIT takes the wish back."""
        if limit == NO_LIMIT:
            _drop(self._layers, names, label)
        else:
            self._set(self._layers, names, label, limit)

    def wants(self, names: Sequence[str], label: str) -> bool:
        return bool(_find(self._connected, names, label))

    def pauses(self, names: Sequence[str], label: str) -> bool:
        return bool(_find(self._paused, names, label))

    def limit(self, names: Sequence[str], label: str) -> LayerLimit:
        limit = NO_LIMIT
        for wish in _find(self._layers, names, label):
            limit = limit.tighter(wish)
        return limit

    def _set(self, wishes: Kind[W], names: Sequence[str], label: Label, wish: W) -> None:
        said_before = any((name, label) in wishes for name in names)
        if not said_before and len(self) >= self._limit:
            raise TooManyWishes(f"a peer has {self._limit} wishes about others at most",
                                "take back those about peers that have left: disconnectFromPeer, resumePeer")
        # Kept by the peer's own id from now on: with that it comes back, though its sockets' ids be forgotten.
        _drop(wishes, names, label)
        wishes[names[0], label] = wish


def _find(wishes: Kind[W], names: Sequence[str], label: str) -> list[W]:
    """What is wished for one track."""
    return [wishes[key] for name in names for key in ((name, None), (name, label)) if key in wishes]


def _drop(wishes: Kind[W], names: Sequence[str], label: Label) -> None:
    for name in names:
        wishes.pop((name, label), None)

"""What a track is on its way in, and on its way out."""
from __future__ import annotations

from abc import ABC, abstractmethod

from simplesfu.control.ids import new_id
from simplesfu.control.signal import Signal
from simplesfu.errors import Closed


class Flow(ABC):
    """It can be paused, and it closes once, with what hangs on it.

    flow_id: of one that was there before and is the same to those who know it; None: a new one.
    on_close(reason): when that is done.
    """

    def __init__(self, *, paused: bool, flow_id: str | None = None) -> None:
        self.id = flow_id or new_id()
        self.paused = paused
        self.closed = False
        self.on_close: Signal[[str]] = Signal()

    def pause(self) -> None:
        """Forward nothing. Raises Closed."""
        self._set_paused(True)

    def resume(self) -> None:
        """Go on: video with a keyframe, which the plane asks for. Raises Closed."""
        self._set_paused(False)

    def close(self) -> None:
        """A second call does nothing."""
        self._close("closed")

    def transport_closed(self) -> None:
        self._close("transport_closed")

    @abstractmethod
    def _hold(self, paused: bool) -> None:
        """Tell the plane."""

    @abstractmethod
    def _release(self) -> None:
        """Let go of all that the plane and others have of it."""

    def _set_paused(self, paused: bool) -> None:
        self._check_open()
        if paused != self.paused:
            self.paused = paused
            self._hold(paused)

    def _close(self, reason: str) -> None:
        if self.closed:
            return
        self.closed = True
        self._release()
        self.on_close.emit(reason)

    def _check_open(self) -> None:
        if self.closed:
            raise Closed(f"the {type(self).__name__.lower()} has closed")

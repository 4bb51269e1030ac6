"""What the server knows of two peers that have, had or are to have a direct link of their browsers."""
from __future__ import annotations

from dataclasses import dataclass

from simplesfu.signaling.messages import Carrier, LinkState
from simplesfu.signaling.sessions.clock import Timer


@dataclass(eq=False, kw_only=True)
class Link:
    """One for each pair, known to both; it is gone when they are out of each other's sight."""

    peer_ids: tuple[str, str]
    carrier: Carrier = "sfu"
    """What carries their media."""
    state: LinkState = "connecting"
    """As the one has said who spoke last."""
    reason: str = ""
    """Why it has failed, in the browser's words."""
    settling: Timer | None = None
    """Runs while it may become "mesh", if things stay as they are."""
    switching: Timer | None = None
    """Runs after a change of carrier, while the older one may still carry something."""
    retry: Timer | None = None
    """Runs while it is not tried again, as it has failed."""

    @property
    def reachable(self) -> bool:
        return self.retry is None and self.state != "failed"

    @property
    def open(self) -> bool:
        """Signals pass."""
        return self.carrier == "mesh" or self.switching is not None

    def forget_state(self) -> None:
        self.state, self.reason = "connecting", ""

    def stop_settling(self) -> None:
        if self.settling is not None:
            self.settling.cancel()
            self.settling = None

    def stop(self) -> None:
        """All that runs."""
        self.stop_settling()
        for timer in (self.switching, self.retry):
            if timer is not None:
                timer.cancel()

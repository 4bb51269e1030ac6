"""Notices sockets that are open and dead: Socket.IO itself takes 45 s for that."""
from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simplesfu.signaling.sessions.attendance import Attendance
from simplesfu.signaling.sessions.clock import Timer

SILENT_INTERVALS: Final = 3
TICKS_PER_INTERVAL: Final = 6


class Heartbeats:
    """On the engine's loop. Asks all clients every interval whether they are there; whoever has said nothing for three
    of them has lost its socket.

    Clients are heard by the application's side. While that is blocked nobody can be heard, and silence means nothing:
    `probe(reply)` has it call `reply`, which it should do within an interval. Likewise after the whole process stood
    still: what came meanwhile waits to be read. `silent()` is called for each connection that is given up.
    """

    def __init__(
        self, attendance: Attendance, probe: Callable[[Callable[[], None]], None], silent: Callable[[], None]
    ) -> None:
        self._attendance = attendance
        self._clock = attendance.peers.clock
        self._interval_s = attendance.peers.config.heartbeat_s
        self._interval_us = round(self._interval_s * 1_000_000)
        self._probe = probe
        self._silent = silent
        self._probed_us: int | None = None
        self._forgiven_us = 0
        self._ticks = 0
        self._ticked_us = 0
        self._timer: Timer | None = None

    def start(self) -> None:
        self._timer = self._clock.call_later(self._interval_s / TICKS_PER_INTERVAL, self._tick)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self.start()
        now_us = self._clock.now_us()
        if self._ticks and now_us - self._ticked_us > self._interval_us // 2:
            self._forgiven_us = now_us
        self._ticked_us = now_us
        carried = self._attendance.carried
        if carried:
            self._look_after_application(now_us)
        self._ticks += 1
        asks = self._ticks % TICKS_PER_INTERVAL == 0
        limit_us = SILENT_INTERVALS * self._interval_us
        for connection, session in carried:
            if now_us - max(connection.heard_us, self._forgiven_us) > limit_us:
                self._silent()
                self._attendance.lost(connection)
                connection.disconnect()
            elif asks:
                connection.tell("heartbeat", {"seq": session.journal.seq})

    def _look_after_application(self, now_us: int) -> None:
        if self._probed_us is None:
            self._probed_us = now_us
            self._probe(self._answered)
        elif now_us - self._probed_us > self._interval_us:
            self._forgiven_us = now_us

    def _answered(self) -> None:
        self._probed_us = None

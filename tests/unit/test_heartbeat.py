"""Silence, and what only looks like it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from simplesfu.signaling.attachment.heartbeat import SILENT_INTERVALS, TICKS_PER_INTERVAL, Heartbeats

INTERVAL_S = 3.0
TICK_S = INTERVAL_S / TICKS_PER_INTERVAL


class Situation:
    """One connection, and a clock that is moved by hand. The application answers at once."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.connection = Mock(heard_us=self.now_us())
        self.attendance = Mock(carried=[(self.connection, SimpleNamespace(journal=SimpleNamespace(seq=7)))])
        self.attendance.peers = SimpleNamespace(clock=self, config=SimpleNamespace(heartbeat_s=INTERVAL_S))
        self.silent = Mock()
        self._tick: Callable[[], Any] = Mock()
        Heartbeats(self.attendance, lambda answered: answered(), self.silent).start()

    def now_us(self) -> int:
        return round(self.now_s * 1_000_000)

    def call_later(self, _delay_s: float, callback: Callable[[], Any]) -> Mock:
        self._tick = callback
        return Mock()

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.stand_still(TICK_S)

    def stand_still(self, seconds: float) -> None:
        """The process gets no processor for so long; then it ticks once."""
        self.now_s += seconds
        self._tick()


def test_who_says_nothing_for_three_intervals_is_given_up() -> None:
    situation = Situation()
    situation.pass_time(SILENT_INTERVALS * INTERVAL_S)
    assert not situation.silent.called
    assert situation.connection.tell.call_count == SILENT_INTERVALS
    situation.pass_time(TICK_S)
    situation.attendance.lost.assert_called_once_with(situation.connection)
    assert situation.silent.called


def test_what_came_while_the_process_stood_still_is_heard_first() -> None:
    situation = Situation()
    situation.pass_time(2 * INTERVAL_S)
    situation.stand_still(2 * INTERVAL_S)
    assert not situation.silent.called, "its answer waits to be read"
    situation.connection.heard_us = situation.now_us()
    situation.pass_time(SILENT_INTERVALS * INTERVAL_S)
    assert not situation.silent.called


def test_who_is_silent_after_the_process_stood_still_too_is_given_up() -> None:
    situation = Situation()
    situation.stand_still(60)
    situation.pass_time(SILENT_INTERVALS * INTERVAL_S + TICK_S)
    assert situation.silent.called

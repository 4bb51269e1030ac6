"""Signals: everybody is called, whatever the others do."""
from __future__ import annotations

import logging

import pytest

from simplesfu.control.signal import Signal


def test_calls_in_the_order_of_connection() -> None:
    signal: Signal[[str]] = Signal()
    heard: list[tuple[int, str]] = []
    for n in range(3):
        signal.connect(lambda text, n=n: heard.append((n, text)))
    signal.emit("x")
    assert heard == [(0, "x"), (1, "x"), (2, "x")]


def test_one_that_raises_is_logged_and_the_rest_are_called(caplog: pytest.LogCaptureFixture) -> None:
    signal: Signal[[]] = Signal()
    heard: list[str] = []

    def faulty() -> None:
        raise RuntimeError("a fault of the listener")

    signal.connect(faulty)
    signal.connect(lambda: heard.append("still called"))
    with caplog.at_level(logging.ERROR):
        signal.emit()
    assert heard == ["still called"]
    assert "a fault of the listener" in caplog.text


def test_disconnect_undoes_that_connection_alone_and_may_be_repeated() -> None:
    signal: Signal[[]] = Signal()
    heard: list[str] = []

    def callback() -> None:
        heard.append("called")

    first, _second = signal.connect(callback), signal.connect(callback)
    first()
    first()
    signal.emit()
    assert heard == ["called"]


def test_changes_made_by_a_callback() -> None:
    signal: Signal[[]] = Signal()
    heard: list[str] = []

    def first() -> None:
        heard.append("first")
        disconnect_second()
        signal.connect(lambda: heard.append("late"))

    signal.connect(first)
    disconnect_second = signal.connect(lambda: heard.append("second"))
    signal.emit()
    assert heard == ["first"]
    signal.emit()
    assert heard == ["first", "first", "late"]

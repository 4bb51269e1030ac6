"""The way from one thread to another: bounded, in order, never waited for."""
from __future__ import annotations

import threading

import pytest

from simplesfu.signaling.application.mailbox import Mailbox


def test_a_mailbox_wakes_its_reader_once_and_keeps_the_order() -> None:
    woken: list[str] = []
    mailbox: Mailbox[int] = Mailbox(10, lambda: woken.append("wake"), lambda: woken.append("overflow"))
    for number in range(3):
        mailbox.put(number)
    assert woken == ["wake"]
    assert [mailbox.take(), mailbox.take(), mailbox.take(), mailbox.take()] == [0, 1, 2, None]
    mailbox.put(3)
    assert woken == ["wake", "wake"]


def test_a_full_mailbox_tells_once_and_takes_nothing_until_it_is_empty() -> None:
    woken: list[str] = []
    mailbox: Mailbox[int] = Mailbox(2, lambda: woken.append("wake"), lambda: woken.append("overflow"))
    for number in range(5):
        mailbox.put(number)
    assert woken == ["wake", "overflow"]
    assert mailbox.take() == 0
    mailbox.put(5)
    assert [mailbox.take(), mailbox.take()] == [1, None]
    mailbox.put(6)
    assert [mailbox.take(), mailbox.take()] == [6, None]


def test_a_mailbox_between_two_threads_loses_nothing() -> None:
    read: list[int] = []
    wakes = threading.Semaphore(0)
    mailbox: Mailbox[int] = Mailbox(1_000_000, wakes.release, lambda: pytest.fail("no overflow"))

    def reader() -> None:
        while len(read) < 50_000:
            assert wakes.acquire(timeout=10)
            while (item := mailbox.take()) is not None:
                read.append(item)

    thread = threading.Thread(target=reader)
    thread.start()
    for number in range(50_000):
        mailbox.put(number)
    thread.join()
    assert read == list(range(50_000))

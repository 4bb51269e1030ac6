"""Waiting for the engine in a program that gevent has patched, or that has gevent's hub without being patched."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
if "patched" in sys.argv:
    from gevent import monkey
    monkey.patch_all()
import asyncio, os, time
import gevent, socketio
from concurrent.futures import CancelledError, TimeoutError
from simplesfu import MediaManager
from simplesfu.errors import Closed

media = MediaManager(socketio.Server(async_mode="gevent"), listen=("127.0.0.1", 0))
engine = media._engine
threads = len(os.listdir("/proc/self/task"))
assert media.peers == {} and media.send("nobody hears it").result(5) is None

# nothing else runs in the hub: that is no deadlock
assert engine.run(asyncio.sleep(0.1, "slept")).result() == "slept"

turns = []
def take_turns():
    while True:
        turns.append(0)
        gevent.sleep(0.01)
other = gevent.spawn(take_turns)

future = engine.run(asyncio.sleep(10))
try:
    future.result(0.3)
except TimeoutError:
    assert len(turns) > 15, "the other greenlets stood still"
else:
    raise AssertionError("no TimeoutError")
assert future.cancel()
waits = gevent.spawn(engine.run(asyncio.sleep(0.2, 1 / 3)).result)
assert waits.get() == 1 / 3
error = engine.run(asyncio.wait_for(asyncio.sleep(10), 0.1)).exception(5)
assert isinstance(error, TimeoutError), error

# many at once, from many greenlets
assert sum(each.get() for each in [gevent.spawn(lambda: engine.run(asyncio.sleep(0, 1)).result(5))
                                   for _ in range(500)]) == 500
if "close" in sys.argv:
    cut = engine.run(asyncio.sleep(10))
    media.close()
    try:
        cut.result(5)
    except CancelledError:
        pass
    try:
        media.send("too late")
    except Closed as closed:
        print(closed)
    deadline = time.monotonic() + 5
    while len(os.listdir("/proc/self/task")) != threads - 2:  # one that has ended is still there for a moment
        assert time.monotonic() < deadline, "the engine's threads are still there"
        gevent.sleep(0.01)
print("well")
"""


@pytest.mark.slow
@pytest.mark.parametrize("close", [True, False], ids=["closed", "left-open"])
@pytest.mark.parametrize("patched", [True, False], ids=["patched", "unpatched"])
def test_a_greenlet_waits_and_the_others_go_on(*, patched: bool, close: bool) -> None:
    argv = ["patched"] * patched + ["close"] * close
    command = [sys.executable, "-c", PROGRAM, *argv]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    print(ran.stdout, ran.stderr)
    assert (ran.returncode, ran.stdout.splitlines()[-1:], ran.stderr) == (0, ["well"], "")

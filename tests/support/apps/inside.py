"""What a test application tells about its own process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from simplesfu import MediaManager
from simplesfu.signaling.application.events import EVENTS

PAGE = Path(__file__).parents[1] / "page"
PAGE_TYPES = {".html": "text/html", ".js": "text/javascript"}
CALL_OBJECTS = (
    *("PeerSession", "PeerTransport", "Publication", "Subscription"),
    *("WebRtcTransport", "Producer", "Consumer"),
    *("DataTransport", "DataProducer", "DataConsumer", "DataDesk"),
    *("Link", "IceLite", "DtlsTransport", "SctpTransport"),
)


def log_everything() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


def process_figures() -> dict[str, Any]:
    """Open files, threads, unfinished tasks, resident bytes, and the live objects of the package by class."""
    gc.collect()
    everything = gc.get_objects()
    kinds = map(type, everything)
    ours = Counter(kind.__name__ for kind in kinds if str(kind.__module__).startswith("simplesfu."))
    process = psutil.Process()
    return {
        "fds": len(os.listdir("/proc/self/fd")) - 1,
        "threads": process.num_threads(),
        "python_threads": sorted(thread.name for thread in threading.enumerate()),
        "tasks": dict(
            Counter(
                thing.get_coro().__qualname__
                for thing in everything
                if isinstance(thing, asyncio.Task) and not thing.done()
            )
        ),
        "rss_bytes": process.memory_info().rss,
        "objects": dict(ours),
        "live": {name: ours[name] for name in CALL_OBJECTS},
    }


def note_events(media: MediaManager) -> list[dict[str, Any]]:
    """Every event of the application from now on: {event, at (time.time()), peer_id, label}, added as they happen."""
    heard: list[dict[str, Any]] = []

    def note(event: str, info: Any) -> None:
        peer_id = getattr(info, "peer_id", None) or getattr(info, "id", "")
        who = {"peer_id": peer_id, "label": getattr(info, "label", "")}
        heard.append({"event": event, "at": time.time(), **who})

    for event in EVENTS:
        if event != "data":  # messages are noted where a test is about them
            media.on(event, partial(note, event))
    return heard


def burn(seconds: float) -> int:
    """Keep the interpreter lock as busy as pure Python can."""
    rounds, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        rounds += sum(range(100))
    return rounds

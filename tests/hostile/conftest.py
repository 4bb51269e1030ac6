"""The bystander: a call that must not notice what happens around it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest_asyncio
from support.server import MediaServer, running
from support.wire_peer import LightCall, light_call

MAX_DELAY_MS = 500
MAX_LOSS = 0.01
MAX_LOG_LINES = 50
MAX_GROWTH_BYTES = 30 << 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def call() -> AsyncIterator[LightCall]:
    """One server and one call for all tests of a file: what one attack leaves behind, the next test feels."""
    async with running(MediaServer()) as server, light_call(server) as call:
        yield call


@pytest_asyncio.fixture(loop_scope="module")
async def bystander(call: LightCall) -> AsyncIterator[LightCall]:
    """A running call. At the end: its frames came through in time, the log is small, the memory is where it was."""
    server = call.server
    before, logged, start_ms = await server.stats(), len(server.lines), time.time() * 1000
    yield call
    await call.flows()
    seen = call.passage_since(start_ms)
    growth = (await server.stats())["rss_bytes"] - before["rss_bytes"]
    lines = server.lines[logged:]
    print(f"the bystander: {seen}; memory +{growth / 2**20:.1f} MB; {len(lines)} lines logged")
    assert seen.longest_ms < MAX_DELAY_MS
    assert seen.lost <= 1 + seen.sent * MAX_LOSS
    assert growth < MAX_GROWTH_BYTES
    assert len(lines) < MAX_LOG_LINES, "\n".join(lines[:100])

"""A peer that falls silent: its media ends a grace period after its consent, though its socket is still there."""

from __future__ import annotations

import time

import pytest
from support.factories import Serve
from support.wire_peer import light_call

CONSENT_TIMEOUT_S = 3
GRACE_PERIOD_S = 2


@pytest.mark.slow
async def test_media_ends_a_grace_period_after_consent(serve: Serve) -> None:
    server = await serve(consent_timeout_s=CONSENT_TIMEOUT_S, grace_period_s=GRACE_PERIOD_S)
    async with light_call(server) as call:
        silent_since = time.monotonic()
        call.sender.wires["send"].fall_silent()
        failed = await call.sender.told("transportStateChange", state="failed")
        noticed = time.monotonic()
        print(f"noticed after {noticed - silent_since:.1f} s: {failed}")
        assert CONSENT_TIMEOUT_S - 2.5 <= noticed - silent_since <= CONSENT_TIMEOUT_S + 2
        assert (await call.receiver.ask("getStats"))["consumers"], "the sender has had no time to mend it yet"
        closed = await call.sender.told("transportStateChange", state="closed")
        gone = await call.receiver.told("producerUnavailable", producerId=call.stream.producer_id)
        waited_s = time.monotonic() - noticed
        print(f"given up {waited_s:.1f} s later: {closed}, {gone}")
        assert GRACE_PERIOD_S - 0.2 <= waited_s <= GRACE_PERIOD_S + 3
        assert (await call.receiver.ask("getStats"))["consumers"] == []

"""A peer that falls silent: its media ends when its consent does, though its socket is still there."""

from __future__ import annotations

import time

from support.factories import Serve
from support.wire_peer import light_call

CONSENT_TIMEOUT_S = 3


async def test_media_ends_with_consent(serve: Serve) -> None:
    async with light_call(await serve(consent_timeout_s=CONSENT_TIMEOUT_S)) as call:
        silent_since = time.monotonic()
        call.sender.wires["send"].fall_silent()
        failed = await call.sender.told("transportStateChange", state="failed")
        noticed_s = time.monotonic() - silent_since
        print(f"noticed after {noticed_s:.1f} s: {failed}")
        assert CONSENT_TIMEOUT_S - 2.5 <= noticed_s <= CONSENT_TIMEOUT_S + 2
        gone = await call.receiver.told("producerUnavailable", producerId=call.stream.producer_id)
        print(gone)
        stats = await call.receiver.ask("getStats")
        assert stats["consumers"] == []

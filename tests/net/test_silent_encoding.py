"""A simulcast sender that stops its better encoding: viewers go down to the other one, and up again when it is back."""

from __future__ import annotations

import itertools

import pytest
from support import rtp
from support.factories import Serve
from support.waiting import until
from support.wire_peer import Stream, WirePeer

LOW_SSRC, HIGH_SSRC = 0x1001, 0x2002
FIRST_HIGH_FRAME = 1_000_000
"""Frames of the better encoding count from here, so that a viewer can tell them."""


@pytest.mark.slow
async def test_viewers_go_down_with_what_stops_and_up_with_what_returns(serve: Serve) -> None:
    server = await serve()
    async with WirePeer(server.url) as sender, WirePeer(server.url) as receiver:
        for peer in (sender, receiver):
            await peer.ask("joinRoom", roomId="silence")
        wire, view = await sender.connect("send"), await receiver.connect("recv")
        low = await sender.produce(ssrc=LOW_SSRC, encodings=[{"ssrc": LOW_SSRC}, {"ssrc": HIGH_SSRC}])
        high = Stream(wire, low.payload_type, HIGH_SSRC, low.producer_id)
        high._frame = itertools.count(FIRST_HIGH_FRAME)
        consumer = await receiver.see("webcam", sender)

        def frames() -> list[tuple[int, float]]:
            """(number, when it arrived in ms), the newest last."""
            return [(int.from_bytes(rtp.payload(packet)[-4:]), arrival)
                    for packet, arrival in zip(view.received_rtp, view.arrivals_ms, strict=True) if packet[1] & 0x80]

        def newest_is_high() -> bool:
            return bool(frames()) and frames()[-1][0] >= FIRST_HIGH_FRAME

        async with low.running():
            await receiver.gets(consumer)
            assert not newest_is_high()
            for turn in range(2):
                async with high.running():
                    await until(newest_is_high, "the better encoding", every_s=0.02)
                    await receiver.gets(consumer)
                await until(lambda: not newest_is_high(), "the other encoding", every_s=0.02)
                last_high = max(arrival for number, arrival in frames() if number >= FIRST_HIGH_FRAME)
                gap_ms = next(arrival for _, arrival in frames() if arrival > last_high) - last_high
                print(f"turn {turn}: {gap_ms:.0f} ms from the last better frame to the first of the other")
                assert gap_ms < 1500 + 2500  # a processor shared with others
                await receiver.gets(consumer)
        seqs = sorted(int.from_bytes(packet[2:4]) for packet in view.received_rtp)
        assert len(seqs) == len(set(seqs))
        gaps = [b - a for a, b in itertools.pairwise(seqs) if b != a + 1]
        assert not gaps, "the viewer was left with a gap"
        print(f"{len(seqs)} packets without a gap")

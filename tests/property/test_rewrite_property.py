"""Whatever a publisher and a network do, a viewer sees one unbroken stream, and every packet is accounted for."""
from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.plane_call import KEYFRAME, PlaneCall, Viewer, plane_call, unwrapped
from support.srtp_peer import wait_until

from simplesfu.plane import rtcp, rtp

# A frame: packets, is it a keyframe, which of its packets are lost, is it sent backwards.
frames = st.tuples(st.integers(1, 5), st.booleans(), st.sets(st.integers(0, 4), max_size=2), st.booleans())
steps = st.lists(
    st.one_of(
        frames.map(lambda frame: ("frame", frame)),
        st.just(("pause", None)),
        st.just(("resume", None)),
        st.integers(0, 2**32 - 1).map(lambda ts: ("restart", ts)),
    ),
    min_size=4,
    max_size=30,
)


@dataclass
class Source:
    """The publisher's side, and what a viewer must make of it."""

    seq: int
    ts: int
    sent: int = 0
    restarting: bool = False
    payloads: list[bytes] = field(default_factory=list)

    def send_frame(self, call: PlaneCall, packets: int, keyframe: bool, lost: set[int], backwards: bool) -> None:
        if self.restarting:
            # Two numbers in sequence confirm a restart; the first of them is not passed on.
            lost, backwards, packets = set(), False, max(packets, 3)
        order = list(range(packets))
        for i in reversed(order) if backwards else order:
            if i in lost:
                continue
            body = b"%d/%d" % (self.seq + i, self.ts)
            is_first = i == (1 if self.restarting else 0)
            call.publisher.send(call.packet(self.seq + i, self.ts, keyframe=keyframe and is_first,
                                            marker=i == packets - 1, body=body))
            self.sent += 1
        self.restarting = False
        self.seq += packets
        self.ts += 3000


def received(viewer: Viewer, call: PlaneCall, count: int) -> list[rtp.RtpPacket]:
    wait_until(
        lambda: call.plane.send_stream_stats(viewer.send_stream)["packets"] >= count, f"{count} packets forwarded"
    )
    packets = [viewer.peer.receive_rtp() for _ in range(count)]
    assert None not in packets
    return packets


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=st.integers(0, 65535), ts=st.integers(0, 2**32 - 1), steps=steps)
def test_one_unbroken_stream(start: int, ts: int, steps: list[tuple[str, object]]) -> None:
    with plane_call(hold_us=0, nack=False) as call:
        viewer = call.add_viewer()
        source = Source(start, ts)
        source.send_frame(call, 2, True, set(), False)
        for kind, argument in steps:
            if kind == "frame":
                source.send_frame(call, *argument)
            else:
                wait_until(lambda: call.plane.stats()["ingress"]["received"] == source.sent, "all packets taken in")
                if kind == "restart" and not source.restarting:
                    source.seq, source.ts, source.restarting = source.seq + 10000, argument, True
                elif kind != "restart":
                    call.plane.pause_send_stream(viewer.send_stream, kind == "pause")
        wait_until(lambda: call.plane.stats()["ingress"]["received"] == source.sent, "all packets taken in")
        stats = call.plane.stats()
        count = stats["egress"]["forwarded"]
        packets = received(viewer, call, count)

        seqs = unwrapped([p.seq for p in packets], 16)
        assert len(set(seqs)) == count, f"a sequence number came twice: {seqs}"
        ordered = [packet for _, packet in sorted(zip(seqs, packets, strict=True), key=lambda pair: pair[0])]
        stamps = unwrapped([p.ts for p in ordered], 32)
        assert stamps == sorted(stamps), f"time went back: {stamps}"

        # A gap can only be what the network lost: between two neighbours of one unbroken mapping the numbers that the
        # publisher gave say how many are missing; where a mapping begins there is no gap at all.
        for (a, b), (seq_a, seq_b) in zip(pairwise(ordered), pairwise(sorted(seqs)), strict=True):
            in_a, in_b = (int(p.payload[5:].split(b"/")[0]) for p in (a, b))
            begins = b.payload.startswith(KEYFRAME)
            assert seq_b - seq_a == in_b - in_a or (begins and seq_b - seq_a == 1), (
                f"{in_a} → {in_b} went out as {seq_a} → {seq_b}")

        for packet in packets[-20:]:
            viewer.peer.send(rtcp.pack_nack(1, viewer.ssrc, [packet.seq]))
        if call.plane.send_stream_stats(viewer.send_stream)["paused"]:
            return
        again = {p.payload[:2]: p for p in (viewer.peer.receive_rtp() for _ in packets[-20:]) if p}
        for packet in packets[-20:]:
            answer = again[packet.seq.to_bytes(2, "big")]
            assert (answer.payload[2:], answer.ts, answer.marker) == (packet.payload, packet.ts, packet.marker)

"""Whatever temporal layers a viewer may have, it gets one unbroken stream, all of which it can decode."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.plane_call import PT, SSRC, PlaneCall, Viewer, plane_call, unwrapped
from support.srtp_peer import wait_until

from simplesfu.plane import rtcp, rtp
from simplesfu.plane.payload import parse

TOP = 3  # of VP8's temporal layers

# A picture: its layer, can that be joined here, is it a keyframe; its packets, which are lost, are they sent backwards,
# or only after the next picture.
pictures = st.tuples(
    st.integers(0, TOP), st.booleans(), st.integers(0, 9).map(lambda n: n == 0), st.integers(1, 3),
    st.sets(st.integers(0, 2), max_size=2), st.sampled_from([*["in order"] * 4, "backwards", "late"]),
)
steps = st.lists(
    st.one_of(
        st.lists(pictures, min_size=1, max_size=8).map(lambda some: ("pictures", some)),
        st.one_of(st.none(), st.integers(0, TOP)).map(lambda layer: ("limit", layer)),
        st.sampled_from([("pause", True), ("pause", False)]),
    ),
    min_size=4, max_size=25,
)


@dataclass(frozen=True)
class Picture:
    number: int
    temporal_layer: int
    sync: bool
    keyframe: bool
    seqs: range
    lost: frozenset[int]
    order: str
    limit: int
    pauses: int
    """of the viewer so far; while odd it is paused"""

    @property
    def is_gone(self) -> bool:
        return set(self.seqs) <= self.lost


@dataclass
class Publisher:
    """Sends VP8 in temporal layers (RFC 7741 §4.2), and notes what became of it on the way, and what its viewer might
    have at that time."""

    call: PlaneCall
    viewer: Viewer
    seq: int
    long_ids: bool
    pictures: list[Picture] = field(default_factory=list)
    sent: int = 0
    limit: int = TOP
    pauses: int = 0
    late: list[bytes] = field(default_factory=list)

    def send(self, layer: int, sync: bool, keyframe: bool, packets: int, lost: set[int], order: str) -> None:
        if keyframe and order == "late":
            order = "in order"  # a viewer may begin with it, and asks again for what has passed meanwhile
        picture = Picture(
            len(self.pictures), 0 if keyframe else layer, sync and layer > 0 and not keyframe, keyframe,
            range(self.seq, self.seq + packets), frozenset(self.seq + i for i in lost if i < packets), order,
            self.limit, self.pauses,
        )
        self.pictures.append(picture)
        self.seq += packets
        arriving = [self._packet(picture, seq) for seq in picture.seqs if seq not in picture.lost]
        late, self.late = self.late, arriving if order == "late" else []
        for packet in [*(arriving[::-1] if order == "backwards" else arriving if order == "in order" else []), *late]:
            self.call.publisher.send(packet)
            self.sent += 1

    def settle(self) -> None:
        """All is sent, and taken in."""
        for packet in self.late:
            self.call.publisher.send(packet)
        self.sent += len(self.late)
        self.late = []
        wait_until(lambda: self.call.plane.stats()["ingress"]["received"] == self.sent, "all packets taken in")

    def _packet(self, picture: Picture, seq: int) -> bytes:
        picture_id = picture.number + 120
        start = bytes([0x90 if seq == picture.seqs[0] else 0x80, 0xE0])
        coded_id = (0x8000 | picture_id).to_bytes(2, "big") if self.long_ids else bytes([picture_id & 0x7F])
        tl0 = sum(each.temporal_layer == 0 for each in self.pictures) & 0xFF
        layer = picture.temporal_layer << 6 | picture.sync << 5
        payload = start + coded_id + bytes([tl0, layer, not picture.keyframe]) + b"/%d/%d" % (seq, picture.number)
        ts = (3000 * picture.number + 2**32 - 30000) % 2**32
        return rtp.pack(payload_type=PT, seq=seq & 0xFFFF, ts=ts, ssrc=SSRC, marker=seq == picture.seqs[-1],
                        payload=payload)

    def take_step(self, kind: str, argument: object) -> None:
        if kind == "pictures":
            for picture in argument:  # type: ignore[attr-defined]
                self.send(*picture)
            return
        self.settle()
        if kind == "limit":
            self.limit = TOP if argument is None else argument  # type: ignore[assignment]
            self.call.plane.limit_send_stream(
                self.viewer.send_stream, max_temporal_layer=argument, max_frame_rate=None)
        elif argument != self.pauses % 2:
            self.pauses += 1
            self.call.plane.pause_send_stream(self.viewer.send_stream, bool(argument))


@dataclass(frozen=True)
class Got:
    seq: int
    picture_id: int
    in_seq: int
    number: int
    packet: rtp.RtpPacket


def receive(publisher: Publisher) -> list[Got]:
    """What was forwarded, in the order of its sequence numbers."""
    call, viewer = publisher.call, publisher.viewer
    publisher.settle()
    packets = [viewer.peer.receive_rtp() for _ in range(call.plane.stats()["egress"]["forwarded"])]
    assert None not in packets
    seqs = unwrapped([packet.seq for packet in packets], 16)
    assert len(set(seqs)) == len(seqs), f"a sequence number came twice: {seqs}"
    ordered = sorted(zip(seqs, packets, strict=True), key=lambda pair: pair[0])
    read = [parse("vp8", packet.payload) for _, packet in ordered]
    ids = unwrapped([payload.picture_id or 0 for payload in read], 15 if publisher.long_ids else 7)
    got = []
    for (seq, packet), picture_id in zip(ordered, ids, strict=True):
        in_seq, number = (int(part) for part in packet.payload.split(b"/")[-2:])
        got.append(Got(seq, picture_id, in_seq, number, packet))
    return got


def check_numbers(got: list[Got], pictures: list[Picture]) -> None:
    """Numbers go up as the publisher's did, and a gap can only be what was lost or came out of its order."""
    late = {picture.number for picture in pictures if picture.order == "late"}
    for a, b in pairwise(got):
        assert a.in_seq < b.in_seq, "out of order"
        between = range(a.in_seq + 1, b.in_seq)
        gaps = sum(seq in picture.lost or picture.order == "backwards" or picture.number in late
                   for picture in pictures[a.number:b.number + 1] for seq in picture.seqs if seq in between)
        assert 1 <= b.seq - a.seq <= 1 + gaps, f"{a} → {b}"
        gone = sum(picture.is_gone or picture.number in late for picture in pictures[a.number + 1:b.number])
        assert (b.number > a.number) <= b.picture_id - a.picture_id <= (b.number > a.number) + gone, f"{a} → {b}"


def check_decodable(forwarded: set[int], pictures: list[Picture]) -> None:
    """What a picture refers to has gone out before it, or was lost or late on the way to the server."""
    latest: dict[int, Picture] = {}
    for picture in pictures:
        if picture.keyframe:
            latest = {}
        elif picture.number in forwarded:
            needed = [0] if picture.sync else range(picture.temporal_layer + 1)
            for needs in (latest[layer] for layer in needed if layer in latest):
                assert needs.number in forwarded or needs.lost or needs.order == "late", f"{picture} needs {needs}"
        latest[picture.temporal_layer] = picture


def check_complete(forwarded: set[int], pictures: list[Picture]) -> None:
    """Nothing above the limit, and all below it that has been so since a keyframe."""
    whole_up_to, pauses = -1, 0
    for picture in pictures:
        if picture.pauses > pauses or picture.keyframe:
            in_order = not picture.lost and picture.order == "in order"
            begins = picture.keyframe and in_order and picture.pauses % 2 == 0
            whole_up_to, pauses = TOP if begins else -1, picture.pauses
        whole_up_to = min(whole_up_to, picture.limit)
        if picture.number in forwarded:
            assert picture.temporal_layer <= picture.limit
            assert picture.pauses % 2 == 0
        elif picture.order != "late" and not picture.is_gone:
            assert picture.temporal_layer > whole_up_to, f"{picture} was held back"


KEPT_BACK_BACKWARDS = (3, True, False, 3, set(), "backwards")
"""Its numbers are given up one by one, and given anew to what begins after a pause."""
LATE_FOR_A_JOIN = [(1, False, False, 1, set(), "late"), (1, True, False, 1, set(), "in order")]
"""The first comes when its layer is joined again, but refers to what was held back before."""


@example(0, True, [("limit", 0), ("pictures", [KEPT_BACK_BACKWARDS]), ("pause", True), ("pause", False),
                   ("pictures", [(0, False, True, 1, set(), "in order")])])
@example(0, True, [("limit", 0), ("pictures", [(1, False, False, 1, set(), "in order")]), ("limit", None),
                   ("pictures", LATE_FOR_A_JOIN)])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=st.integers(0, 65535), long_ids=st.booleans(), steps=steps)
def test_one_unbroken_stream(start: int, long_ids: bool, steps: list[tuple[str, object]]) -> None:
    with plane_call(hold_us=0, nack=False) as call:
        publisher = Publisher(call, call.add_viewer(), start, long_ids)
        publisher.send(0, False, True, 2, set(), "in order")
        for kind, argument in steps:
            publisher.take_step(kind, argument)
        got = receive(publisher)
        pictures, forwarded = publisher.pictures, {each.number for each in got}
        check_numbers(got, pictures)
        check_decodable(forwarded, pictures)
        check_complete(forwarded, pictures)

        viewer = publisher.viewer
        if publisher.pauses % 2:
            return
        for each in got[-20:]:
            viewer.peer.send(rtcp.pack_nack(1, viewer.ssrc, [each.packet.seq]))
        again = {}
        for _ in got[-20:]:
            answer = viewer.peer.receive_rtp()
            assert answer is not None, f"only {len(again)} NACKs were answered"
            again[answer.payload[:2]] = answer.payload[2:]
        assert again == {each.packet.seq.to_bytes(2, "big"): each.packet.payload for each in got[-20:]}

"""RTP headers: what must hold for any packet, and for any bytes. aiortc's parser is the second opinion."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from aiortc import rtp as aiortc_rtp
from hypothesis import event, given
from hypothesis import strategies as st

from simplesfu.plane import rtp

SEND_TIME_BYTES = 3
PADDING_BIT = 0x20
router_ids = st.integers(1, 14)
id_maps = st.dictionaries(st.integers(1, 255), router_ids) | st.dictionaries(router_ids, router_ids)
Elements = Sequence[tuple[int, bytes]]


def uints(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


def element_lists(two_byte: bool) -> st.SearchStrategy[list[tuple[int, bytes]]]:
    if two_byte:
        return st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=40)), max_size=6)
    return st.lists(st.tuples(router_ids, st.binary(min_size=1, max_size=16)), max_size=6)


@st.composite
def packets(draw: st.DrawFn) -> rtp.RtpPacket:
    two_byte = draw(st.booleans())
    extensions = tuple(draw(element_lists(two_byte)))
    return rtp.RtpPacket(
        payload_type=draw(uints(7)),
        seq=draw(uints(16)),
        ts=draw(uints(32)),
        ssrc=draw(uints(32)),
        payload=draw(st.binary(max_size=50)),
        marker=draw(st.booleans()),
        csrcs=tuple(draw(st.lists(uints(32), max_size=15))),
        extensions=extensions,
        two_byte=two_byte and bool(extensions),
        padding=draw(uints(8)),
    )


@st.composite
def packets_of_wild_bytes(draw: st.DrawFn) -> bytes:
    """Often good up to the extension elements, which are anything."""
    first = draw(st.sampled_from([0x80, 0x90, 0x93]) | st.integers(0x80, 0xBF) | uints(8))
    profile = draw(st.sampled_from([0xBEDE, 0x1000]) | uints(16))
    block = draw(st.binary(max_size=40))
    block += bytes(-len(block) % 4)
    words = draw(st.integers(0, 12)) if draw(st.integers(0, 4)) == 0 else len(block) // 4
    fixed = struct.pack("!BBHLL", first, draw(uints(8)), draw(uints(16)), draw(uints(32)), draw(uints(32)))
    return fixed + bytes(4 * (first & 0x0F)) + struct.pack("!HH", profile, words) + block + draw(st.binary(max_size=20))


wild_bytes = packets_of_wild_bytes() | st.binary(max_size=60)


def pack(packet: rtp.RtpPacket) -> bytes:
    return rtp.pack(**packet._asdict())


def renumbered(elements: Elements, id_map: dict[int, int]) -> dict[int, bytes]:
    """The elements that stay, by router id: of several with one router id the first."""
    kept: dict[int, bytes] = {}
    for sender_id, value in elements:
        if sender_id in id_map:
            kept.setdefault(id_map[sender_id], value)
    return kept


def check_rewritten(rewritten: rtp.Rewritten, elements: dict[int, bytes], send_time_id: int) -> None:
    assert rewritten.ext_mask == sum(1 << router_id for router_id in elements)
    if len(elements.get(send_time_id, b"")) == SEND_TIME_BYTES:
        assert rewritten.send_time_offset > 0
        assert rewritten.data[rewritten.send_time_offset :][:SEND_TIME_BYTES] == elements[send_time_id]
    else:
        assert rewritten.send_time_offset == 0


@given(packets())
def test_parse_undoes_pack(packet: rtp.RtpPacket) -> None:
    assert rtp.parse(pack(packet)) == packet


@given(packets(), id_maps, uints(7), router_ids)
def test_normalise_keeps_the_payload_and_what_is_mapped(
    packet: rtp.RtpPacket, id_map: dict[int, int], payload_type: int, send_time_id: int
) -> None:
    rewritten = rtp.normalise(pack(packet), id_map, payload_type, send_time_id)
    kept = renumbered(packet.extensions, id_map)
    assert rtp.parse(rewritten.data) == packet._replace(
        payload_type=payload_type,
        csrcs=(),
        extensions=tuple(kept.items()),
        two_byte=packet.two_byte and bool(kept),
    )
    check_rewritten(rewritten, kept, send_time_id)
    for router_id, value in kept.items():
        assert rtp.extension(rewritten.data, router_id) == value


@given(wild_bytes, id_maps, router_ids)
def test_normalise_makes_good_packets_of_any_it_takes(data: bytes, id_map: dict[int, int], send_time_id: int) -> None:
    try:
        before = rtp.parse(data)
    except rtp.ParseError:
        return
    rewritten = rtp.normalise(data, id_map, 96, send_time_id)
    after = rtp.parse(rewritten.data)
    kept = renumbered(before.extensions, id_map)
    event(f"{len(kept)} of {len(before.extensions)} elements kept")
    assert dict(after.extensions) == kept
    assert (after.payload, after.padding, after.seq) == (before.payload, before.padding, before.seq)
    assert len(rewritten.data) <= len(data)
    check_rewritten(rewritten, kept, send_time_id)
    same = {router_id: router_id for router_id in range(1, 15)}
    assert rtp.normalise(rewritten.data, same, 96, send_time_id) == rewritten, "there is nothing left to do"


@given(packets(), st.frozensets(router_ids), router_ids)
def test_strip_keeps_the_payload_and_what_is_understood(
    packet: rtp.RtpPacket, keep: frozenset[int], send_time_id: int
) -> None:
    stripped = rtp.strip(pack(packet), keep, send_time_id)
    kept = renumbered(packet.extensions, {router_id: router_id for router_id in keep})
    assert rtp.parse(stripped.data) == packet._replace(
        csrcs=(), extensions=tuple(kept.items()), two_byte=packet.two_byte and bool(kept)
    )
    check_rewritten(stripped, kept, send_time_id)


@given(packets(), uints(7), uints(16), uints(32))
def test_unwrap_undoes_wrap(packet: rtp.RtpPacket, payload_type: int, seq: int, ssrc: int) -> None:
    payload = struct.pack("!H", packet.seq) + packet.payload
    rtx = packet._replace(payload_type=payload_type, seq=seq, ssrc=ssrc, payload=payload)
    unwrapped = rtp.unwrap_rtx(pack(rtx), packet.ssrc, packet.payload_type)
    assert unwrapped is not None
    assert rtp.parse(unwrapped) == packet


@given(packets(), uints(7), uints(16), uints(32))
def test_unwraps_what_aiortc_wraps(packet: rtp.RtpPacket, payload_type: int, seq: int, ssrc: int) -> None:
    plain = packet._replace(extensions=(), two_byte=False, padding=0)
    rtx = aiortc_rtp.wrap_rtx(
        aiortc_rtp.RtpPacket.parse(pack(plain)), payload_type=payload_type, sequence_number=seq, ssrc=ssrc
    )
    assert rtp.unwrap_rtx(rtx.serialize(), packet.ssrc, packet.payload_type) == pack(plain)


@given(packets())
def test_aiortc_reads_what_pack_writes(packet: rtp.RtpPacket) -> None:
    check_same(aiortc_rtp.RtpPacket.parse(pack(packet)), packet)


@given(element_lists(two_byte=False) | element_lists(two_byte=True))
def test_reads_the_elements_that_aiortc_writes(elements: list[tuple[int, bytes]]) -> None:
    profile, block = aiortc_rtp.pack_header_extensions(elements)
    data = struct.pack("!BBHLLHH", 0x90, 96, 1, 2, 3, profile, len(block) // 4) + block
    assert rtp.parse(data).extensions == tuple(elements)


@given(wild_bytes)
def test_takes_what_aiortc_takes(data: bytes) -> None:
    try:
        theirs = aiortc_rtp.RtpPacket.parse(data)
    except ValueError as error:
        if "header extension" in str(error):
            # aiortc refuses the whole packet for a fault in an element, and before it has looked at the padding.
            event("the elements are wrong")
            if not data[0] & PADDING_BIT:
                rtp.parse(data)
        else:
            event("refused")
            check_refused(data)
    else:
        event("taken")
        check_same(theirs, rtp.parse(data))


@given(st.sampled_from([0xBEDE, 0x1000]), st.binary(max_size=60))
def test_reads_the_elements_that_aiortc_reads(profile: int, block: bytes) -> None:
    block += bytes(-len(block) % 4)
    ours = rtp.parse(struct.pack("!BBHLLHH", 0x90, 96, 1, 2, 3, profile, len(block) // 4) + block).extensions
    try:
        theirs = aiortc_rtp.unpack_header_extensions(profile, block)
    except ValueError:
        theirs = list(ours)
    if profile == 0xBEDE:
        # RFC 8285 §4.2: these end the block; aiortc reads on.
        stop = next((i for i, (ext_id, _) in enumerate(theirs) if ext_id in (0, 15)), len(theirs))
        theirs = theirs[:stop]
    assert list(ours) == theirs


def check_refused(data: bytes) -> None:
    try:
        packet = rtp.parse(data)
    except rtp.ParseError:
        return
    raise AssertionError(f"took {data.hex()} as {packet}")


def check_same(theirs: aiortc_rtp.RtpPacket, ours: rtp.RtpPacket) -> None:
    assert (theirs.payload_type, theirs.sequence_number, theirs.timestamp, theirs.ssrc) == ours[:4]
    assert (theirs.payload, theirs.marker, theirs.padding_size) == (ours.payload, ours.marker, ours.padding)
    assert tuple(theirs.csrc) == ours.csrcs

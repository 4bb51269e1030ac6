"""RTP headers, byte for byte."""

from __future__ import annotations

import struct

import pytest

from simplesfu.plane import rtp

ONE_BYTE = 0xBEDE
TWO_BYTE = 0x1000
SEND_TIME = b"\x12\x34\x56"


def packet(block: bytes = b"", profile: int = ONE_BYTE, payload: bytes = b"payload", first: int = 0x90) -> bytes:
    """A packet around a raw extension block, which may be wrong in any way but its length."""
    assert len(block) % 4 == 0
    return struct.pack("!BBHLLHH", first, 96, 7, 8, 9, profile, len(block) // 4) + block + payload


PLAIN = struct.pack("!BBHLL", 0x80, 0xE0, 0xFFFE, 0xDEADBEEF, 0xFEEDFACE)
BARE_PACKET = bytes.fromhex("8060 0007 00000008 00000009")


def test_reads_every_field() -> None:
    data = bytes.fromhex("b2 e1 fffe deadbeef feedface 00000001 ffffffff bede0002 31 aabb 10 cc 000000 7879 000003")
    assert rtp.parse(data) == rtp.RtpPacket(
        payload_type=0x61,
        seq=0xFFFE,
        ts=0xDEADBEEF,
        ssrc=0xFEEDFACE,
        payload=b"xy",
        marker=True,
        csrcs=(1, 0xFFFFFFFF),
        extensions=((3, b"\xaa\xbb"), (1, b"\xcc")),
        two_byte=False,
        padding=3,
    )


@pytest.mark.parametrize(
    ("data", "lie"),
    [
        (b"", "nothing"),
        (PLAIN[:11], "shorter than a header"),
        (b"\x40" + PLAIN[1:], "version 1"),
        (b"\xc0" + PLAIN[1:], "version 3"),
        (b"\x81" + PLAIN[1:] + b"abc", "a CSRC that is not there"),
        (b"\x8f" + PLAIN[1:] + bytes(59), "15 CSRCs, one byte short"),
        (b"\x90" + PLAIN[1:] + b"\xbe\xde\x00", "half an extension header"),
        (b"\x90" + PLAIN[1:] + b"\xbe\xde\x00\x01\x10\x00\x00", "an extension block one byte short"),
        (b"\x90" + PLAIN[1:] + b"\xbe\xde\xff\xff", "the longest extension block"),
        (b"\xa0" + PLAIN[1:], "padding in an empty packet"),
        (b"\xa0" + PLAIN[1:] + b"ab\x00", "padding of 0 bytes"),
        (b"\xa0" + PLAIN[1:] + b"ab\x04", "padding that reaches into the header"),
        (b"\xb0" + PLAIN[1:] + b"\xbe\xde\x00\x01\x10\x00\x00\x02\x03", "padding that reaches into the extensions"),
    ],
)
def test_catches_a_lie(data: bytes, lie: str) -> None:
    with pytest.raises(rtp.ParseError):
        rtp.parse(data)
    with pytest.raises(rtp.ParseError):
        rtp.normalise(data, {}, 96)
    print(f"refused: {lie}")


def test_takes_packets_at_the_limit() -> None:
    assert rtp.parse(PLAIN).payload == b""
    assert rtp.parse(b"\xa0" + PLAIN[1:] + b"ab\x03")[4:] == (b"", True, (), (), False, 3)
    assert rtp.parse(b"\x8f" + PLAIN[1:] + bytes(60)).csrcs == (0,) * 15
    assert rtp.parse(packet(payload=b"")).extensions == ()


@pytest.mark.parametrize(
    ("profile", "block", "expected"),
    [
        (ONE_BYTE, "10aa 21bbbb 000000", [(1, "aa"), (2, "bbbb")]),
        (ONE_BYTE, "00 10aa 0000 20bb 00", [(1, "aa"), (2, "bb")]),
        (ONE_BYTE, "10aa f0bb 20cc 0000", [(1, "aa")]),  # id 15 stops
        (ONE_BYTE, "10aa 01bbcc 20dd 00", [(1, "aa")]),  # id 0 with a length stops
        (ONE_BYTE, "10aa 23bb", [(1, "aa")]),  # runs over the end
        (ONE_BYTE, "10aa 00 20", [(1, "aa")]),
        (ONE_BYTE, "1f" + "55" * 16 + "000000", [(1, "55" * 16)]),
        (TWO_BYTE, "0101aa 0f02bbbb 00", [(1, "aa"), (15, "bbbb")]),
        (TWO_BYTE, "0000 ff00 0101aa 00", [(255, ""), (1, "aa")]),
        (TWO_BYTE, "0101aa 02", [(1, "aa")]),  # no length
        (TWO_BYTE, "0101aa 0203bbbb 00", [(1, "aa"), (2, "bbbb00")]),
        (TWO_BYTE, "0101aa 0204bbbb 00", [(1, "aa")]),  # runs over the end
        (0x100F, "0101aa 00", [(1, "aa")]),
        (0x1010, "0101aa 00", []),  # neither form
        (0xBEDD, "10aa 0000", []),
    ],
)
def test_walks_the_elements(profile: int, block: str, expected: list[tuple[int, str]]) -> None:
    data = packet(bytes.fromhex(block), profile)
    parsed = rtp.parse(data)
    assert [(ext_id, value.hex()) for ext_id, value in parsed.extensions] == expected
    assert parsed.payload == b"payload"
    for ext_id, value in expected:
        assert rtp.extension(data, ext_id) == bytes.fromhex(value)
    assert rtp.extension(data, 14) is None


def test_normalise_keeps_what_is_mapped_under_the_routers_ids() -> None:
    data = rtp.pack(
        payload_type=111,
        seq=65535,
        ts=1,
        ssrc=2,
        payload=b"opus",
        marker=True,
        csrcs=(3, 4),
        extensions=[(1, b"mid"), (5, b"level"), (3, SEND_TIME)],
        padding=9,
    )
    rewritten = rtp.normalise(data, {1: 14, 3: 6, 9: 2}, 100, 6)
    parsed = rtp.parse(rewritten.data)
    assert parsed == rtp.parse(data)._replace(payload_type=100, csrcs=(), extensions=((14, b"mid"), (6, SEND_TIME)))
    assert rewritten.ext_mask == 1 << 14 | 1 << 6
    assert rewritten.data[rewritten.send_time_offset :][:3] == SEND_TIME
    assert rewritten.data.endswith(data[-13:]), "payload and padding"


def test_normalise_drops_an_empty_block() -> None:
    data = packet(bytes.fromhex("10aa20bb"), payload=b"xy")
    assert rtp.normalise(data, {3: 1}, 97) == (bytes.fromhex("8061 0007 00000008 00000009") + b"xy", 0, 0)
    assert rtp.normalise(packet(), {3: 1}, 96) == (BARE_PACKET + b"payload", 0, 0)
    foreign = packet(b"what ever is here ..", profile=0x5555)
    assert rtp.normalise(foreign, {7: 1}, 96).data == BARE_PACKET + b"payload"


def test_normalise_changes_nothing_that_is_right_already() -> None:
    data = packet(bytes.fromhex("32123456 10aa 0000"))
    assert rtp.normalise(data, {3: 3, 1: 1}, 96, 3) == (data, 1 << 3 | 1 << 1, 17)


def test_normalise_keeps_the_first_of_two_elements_with_one_id() -> None:
    twice = packet(bytes.fromhex("10aa 20bb 10cc 0000"))
    assert rtp.parse(rtp.normalise(twice, {1: 4, 2: 5}, 96).data).extensions == ((4, b"\xaa"), (5, b"\xbb"))
    assert rtp.parse(rtp.normalise(twice, {1: 4, 2: 4}, 96).data).extensions == ((4, b"\xaa"),)


def test_normalise_keeps_what_comes_before_a_fault() -> None:
    broken = packet(bytes.fromhex("10aa 20bb 3fcc 0000"))
    rewritten = rtp.normalise(broken, {1: 1, 2: 2, 3: 3}, 96)
    assert rtp.parse(rewritten.data) == rtp.parse(broken)
    assert rewritten.ext_mask == 0b110


def test_normalise_keeps_the_two_byte_form() -> None:
    data = packet(bytes.fromhex("c800 c903123456 ca01aa 0000"), profile=0x1007)
    rewritten = rtp.normalise(data, {200: 1, 201: 2}, 96, 2)
    assert rewritten.data[12:24] == bytes.fromhex("10000002 0100 0203123456 00")
    assert rewritten.send_time_offset == 20


@pytest.mark.parametrize("value", [b"\x01\x02", b"\x01\x02\x03\x04"])
def test_a_send_time_of_another_size_is_no_send_time(value: bytes) -> None:
    data = rtp.pack(payload_type=96, seq=1, ts=2, ssrc=3, extensions=[(3, value)])
    rewritten = rtp.normalise(data, {3: 3}, 96, 3)
    assert (rewritten.ext_mask, rewritten.send_time_offset) == (1 << 3, 0)


@pytest.mark.parametrize("id_map", [{1: 15}, {1: 0}, {0: 1}, {256: 1}])
def test_normalise_refuses_ids_out_of_range(id_map: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="router ids"):
        rtp.normalise(PLAIN, id_map, 96)


@pytest.mark.parametrize("two_byte", [False, True])
def test_strip_keeps_what_a_receiver_understands(two_byte: bool) -> None:
    extensions = [(1, b"mid"), (2, SEND_TIME), (3, b"x"), (4, b"level")]
    data = rtp.pack(
        payload_type=96, seq=1, ts=2, ssrc=3, payload=b"video", extensions=extensions, two_byte=two_byte, padding=4
    )
    for keep in [(), (1,), (2,), (2, 4), (1, 3), (1, 2, 3, 4), (1, 2, 3, 4, 5), (9,)]:
        stripped = rtp.strip(data, keep, 2)
        kept = tuple((ext_id, value) for ext_id, value in extensions if ext_id in keep)
        assert rtp.parse(stripped.data) == rtp.parse(data)._replace(extensions=kept, two_byte=two_byte and bool(kept))
        assert (stripped.data[stripped.send_time_offset :][:3] == SEND_TIME) == (2 in keep)
        assert (stripped.send_time_offset != 0) == (2 in keep)


def test_unwraps_rtx() -> None:
    data = rtp.pack(
        payload_type=97,
        seq=500,
        ts=2,
        ssrc=3,
        payload=b"\xff\xfevideo",
        marker=True,
        csrcs=(8,),
        extensions=[(1, b"mid")],
        padding=5,
    )
    unwrapped = rtp.unwrap_rtx(data, 0xCAFE, 96)
    assert unwrapped is not None
    expected = rtp.parse(data)._replace(payload_type=96, seq=0xFFFE, ssrc=0xCAFE, payload=b"video")
    assert rtp.parse(unwrapped) == expected
    assert rtp.extension(unwrapped, 1) == b"mid"


@pytest.mark.parametrize("payload", [b"", b"\x00"])
@pytest.mark.parametrize("padding", [0, 200])
def test_an_rtx_packet_without_a_sequence_number_holds_nothing(payload: bytes, padding: int) -> None:
    data = rtp.pack(payload_type=97, seq=1, ts=2, ssrc=3, payload=payload, padding=padding)
    assert rtp.unwrap_rtx(data, 4, 96) is None


def test_an_rtx_packet_of_an_empty_packet() -> None:
    data = rtp.pack(payload_type=97, seq=1, ts=2, ssrc=3, payload=b"\x00\x09")
    assert rtp.unwrap_rtx(data, 4, 96) == rtp.pack(payload_type=96, seq=9, ts=2, ssrc=4)


@pytest.mark.parametrize("element", [(15, b"x"), (1, b""), (1, bytes(17)), (0, b"x")])
def test_pack_refuses_what_the_one_byte_form_cannot_carry(element: tuple[int, bytes]) -> None:
    with pytest.raises(ValueError, match="two-byte form"):
        rtp.pack(payload_type=96, seq=1, ts=2, ssrc=3, extensions=[element])

"""RTP and RTCP as the hand-made wires send them."""

from __future__ import annotations

import struct
from typing import Any

MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"


def packet(
    payload_type: int,
    seq: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    *,
    marker: bool = False,
    extensions: bytes = b"",
    first_byte: int = 0x80,
) -> bytes:
    """An RTP packet (RFC 3550 §5.1); `extensions` is the whole block with its own header, if any."""
    first = first_byte | (0x10 if extensions else 0)
    header = struct.pack("!BBHII", first, payload_type | marker << 7, seq & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return header + extensions + payload


def ssrc_of(packet: bytes) -> int:
    ssrc: int = struct.unpack_from("!I", packet, 8)[0]
    return ssrc


def payload(packet: bytes) -> bytes:
    """Without header, extensions and padding (RFC 3550 §5.1 and §5.3.1)."""
    start = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4])
    return packet[start : len(packet) - (packet[-1] if packet[0] & 0x20 else 0)]


def vp8_payload(*, keyframe: bool, size: int = 600) -> bytes:
    """A whole VP8 frame in one packet as far as a forwarder looks (RFC 7741 §4.2 and §4.3)."""
    descriptor = b"\x10"  # start of partition 0
    tag = b"\x10\x02\x00" + b"\x9d\x01\x2a" + struct.pack("<HH", 320, 180) if keyframe else b"\x11\x02\x00"
    return (descriptor + tag).ljust(size, b"\xa5")


def nack(sender_ssrc: int, media_ssrc: int, seqs: list[int]) -> bytes:
    """A generic NACK (RFC 4585 §6.2.1), one item a sequence number."""
    items = b"".join(struct.pack("!HH", seq, 0) for seq in seqs)
    return struct.pack("!BBHII", 0x81, 205, 2 + len(seqs), sender_ssrc, media_ssrc) + items


def pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    """A picture loss indication (RFC 4585 §6.3.1)."""
    return struct.pack("!BBHII", 0x81, 206, 2, sender_ssrc, media_ssrc)


def video_parameters(codec: dict[str, Any], ssrc: int, *, mid: str = "0") -> dict[str, Any]:
    """The rtpParameters of a one-layer producer that uses the router's own numbers."""
    return {
        "mid": mid,
        "codecs": [
            {
                "mimeType": codec["mimeType"],
                "payloadType": codec["preferredPayloadType"],
                "clockRate": codec["clockRate"],
                "parameters": codec.get("parameters", {}),
                "rtcpFeedback": codec.get("rtcpFeedback", []),
            }
        ],
        "headerExtensions": [],
        "encodings": [{"ssrc": ssrc}],
        "rtcp": {"cname": f"wire-{ssrc}", "reducedSize": True, "mux": True},
    }


def asks_for_keyframe(compound: bytes) -> bool:
    """Whether a compound RTCP packet holds a PLI or a FIR (RFC 4585 §6.3.1, RFC 5104 §4.3.1)."""
    at = 0
    while at + 4 <= len(compound):
        first, kind, words = struct.unpack_from("!BBH", compound, at)
        if kind == 206 and first & 0x1F in (1, 4):
            return True
        at += 4 + 4 * words
    return False

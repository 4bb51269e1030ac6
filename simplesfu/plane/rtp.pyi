"""RTP headers for tests and tools; the plane calls the C functions below these."""
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

class ParseError(ValueError):
    """The bytes are no RTP or RTCP packet."""

class RtpPacket(NamedTuple):
    """What RFC 3550 §5.1 puts in a packet. `extensions` are the (id, value) of RFC 8285, in order, up to the first
    fault; `padding` counts its own count byte."""
    payload_type: int
    seq: int
    ts: int
    ssrc: int
    payload: bytes
    marker: bool
    csrcs: tuple[int, ...]
    extensions: tuple[tuple[int, bytes], ...]
    two_byte: bool
    padding: int

class Rewritten(NamedTuple):
    """Bit i of `ext_mask` is set when an element has router id i. `send_time_offset` is where abs-send-time's three
    bytes are, 0 when there are none."""
    data: bytes
    ext_mask: int
    send_time_offset: int

def parse(data: bytes) -> RtpPacket:
    """Raises ParseError."""

def extension(data: bytes, ext_id: int) -> bytes | None:
    """The value of the first element with that id. Raises ParseError."""

def normalise(data: bytes, id_map: Mapping[int, int], payload_type: int, send_time_id: int = 0) -> Rewritten:
    """The packet with that payload type, without CSRCs, and with only those extensions that `id_map` names, under
    the router ids (1..14) it gives them. Raises ParseError; ValueError for an id out of range."""

def strip(data: bytes, keep: Collection[int], send_time_id: int = 0) -> Rewritten:
    """A packet with router ids, of which only those in `keep` stay. Raises ParseError."""

def unwrap_rtx(data: bytes, ssrc: int, payload_type: int) -> bytes | None:
    """The retransmitted packet (RFC 4588 §4); None when there is none inside. Raises ParseError."""

def pack(
    *,
    payload_type: int,
    seq: int,
    ts: int,
    ssrc: int,
    payload: bytes = b"",
    marker: bool = False,
    csrcs: Sequence[int] = (),
    extensions: Sequence[tuple[int, bytes]] = (),
    two_byte: bool = False,
    padding: int = 0,
) -> bytes:
    """Takes the fields of RtpPacket. Raises ValueError for an extension that the one-byte form cannot carry
    (ids 1..14, values of 1..16 bytes)."""

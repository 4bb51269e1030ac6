"""RTCP for tests and tools; the plane calls the C functions below these."""
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

class Report(NamedTuple):
    """A report block (RFC 3550 §6.4.1). `fraction_lost` is in 1/256, `jitter` in RTP ticks, `last_sr` the middle
    32 bits of an NTP time, `delay_since_last_sr` in 1/65536 s."""
    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_seq: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int

class SenderReport(NamedTuple):
    """`ntp_time` is 32.32 fixed point."""
    ssrc: int
    ntp_time: int
    rtp_time: int
    packet_count: int
    octet_count: int
    reports: tuple[Report, ...] = ()

class ReceiverReport(NamedTuple):
    ssrc: int
    reports: tuple[Report, ...] = ()

class Nack(NamedTuple):
    sender_ssrc: int
    media_ssrc: int
    seqs: tuple[int, ...]

class Pli(NamedTuple):
    sender_ssrc: int
    media_ssrc: int

class Fir(NamedTuple):
    """`requests` are (media SSRC, request's sequence number)."""
    sender_ssrc: int
    requests: tuple[tuple[int, int], ...]

class Remb(NamedTuple):
    sender_ssrc: int
    bps: int

class Other(NamedTuple):
    """A packet that the plane walks over. `format` is the header's five bits: a count or a message type;
    `sender_ssrc` is 0 where that kind has none."""
    packet_type: int
    format: int
    sender_ssrc: int

RtcpPacket: TypeAlias = SenderReport | ReceiverReport | Nack | Pli | Fir | Remb | Other

def parse(data: bytes) -> list[RtcpPacket]:
    """The packets of a compound. Raises ParseError (of simplesfu.plane.rtp)."""

def pack_sr(
    ssrc: int, *, ntp_time: int, rtp_time: int, packet_count: int, octet_count: int, reports: Sequence[Report] = (),
) -> bytes:
    """Raises ValueError for more than 31 reports, as does pack_rr."""

def pack_rr(ssrc: int, reports: Sequence[Report] = ()) -> bytes: ...
def pack_sdes(ssrc: int, cname: str) -> bytes:
    """One chunk with a CNAME. Raises ValueError when it is over 255 bytes of UTF-8."""

def pack_pli(sender_ssrc: int, media_ssrc: int) -> bytes: ...
def pack_fir(sender_ssrc: int, media_ssrc: int, seq: int) -> bytes: ...
def pack_nack(sender_ssrc: int, media_ssrc: int, seqs: Sequence[int]) -> bytes:
    """`seqs`: 1..64, ascending in serial order (65535 comes before 0). Raises ValueError for another number of them."""

def pack_remb(sender_ssrc: int, bps: int, ssrcs: Sequence[int]) -> bytes:
    """`bps` is rounded down to 18 significant bits. Raises ValueError for more than 255 SSRCs."""

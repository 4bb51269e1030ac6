"""What the plane tells the engine."""
from typing import NamedTuple, TypeAlias

class TcpAddress(NamedTuple):
    """The client's end of one TCP connection, which no other connection from the same place ever equals."""
    host: str
    port: int
    connection: int

Address: TypeAlias = tuple[str, int] | TcpAddress
"""IP literal and port of UDP, or a TCP connection."""

class StunRequest(NamedTuple):
    """A binding request whose USERNAME names a live transport; its MESSAGE-INTEGRITY is still to be checked."""
    transport: int
    address: Address
    data: bytes

class DtlsDatagram(NamedTuple):
    """A DTLS record (first byte 20..63) that came from one of the transport's authenticated tuples."""
    transport: int
    data: bytes

class StreamStarted(NamedTuple):
    """A recv stream got its first packet (its SSRC may have been learned from MID and RID), or the first one since
    StreamStopped."""
    recv_stream: int
    ssrc: int

class StreamStopped(NamedTuple):
    """A recv stream that had started has got nothing for 1.2 s."""
    recv_stream: int

class TupleSelected(NamedTuple):
    """Media came from another authenticated tuple than before, and the answers go there now (a NAT rebind)."""
    transport: int
    address: Address

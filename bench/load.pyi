"""The load generator: the publisher and all viewers of one call, in one thread without the GIL."""
import socket
from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

from pylibsrtp import Session

HEADER_BYTES: Final[int]
"""Bytes of RTP header and header extensions (MID and abs-send-time) in front of every payload."""
LEAST_PAYLOAD_BYTES: Final[int]

class Departure(NamedTuple):
    """A packet to send, `at_us` after the start."""

    at_us: int
    stream: int
    payload_bytes: int
    marker: bool
    ts: int
    keyframe: bool

class Tally(NamedTuple):
    """`received`: RTP packets over all viewers. `opened`, `spoilt`: of the viewers with a session, those that were what
    was sent and those that were not. `latencies_us`: from the publisher's send call to the kernel's receive time stamp
    (to the viewer's read call when it came by TCP), for each opened one. `most_late_us`: how far the generator itself
    fell behind its timetable."""

    sent: int
    received: int
    opened: int
    spoilt: int
    latencies_us: array[int]
    most_late_us: int
    elapsed_ns: int

class Generator:
    """`publisher` is connected to the server and seals with `session`; `streams` are (SSRC, payload type, MID of one
    letter), `viewers` (UDP socket or TCP connection, the session that opens what it gets, or None). Sockets are not
    closed here."""
    def __init__(
        self,
        publisher: socket.socket,
        session: Session,
        streams: Sequence[tuple[int, int, str]],
        viewers: Sequence[tuple[socket.socket, Session | None]],
        *,
        mid_ext: int,
        send_time_ext: int,
    ) -> None: ...
    def play(self, departures: Sequence[Departure]) -> Tally:
        """Send these, in order of time, and read until all viewers have got all or nothing has come for 300 ms."""

def send_cost_us(sock: socket.socket, count: int) -> float:
    """CPU time of one plain send() of 1130 B on a connected UDP socket."""

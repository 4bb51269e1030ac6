"""The native plane's Python face. Methods are thread-safe, brief, and wait for the plane without the GIL."""
import socket
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from simplesfu.plane.events import Address as Address
from simplesfu.plane.events import DtlsDatagram as DtlsDatagram
from simplesfu.plane.events import StreamStarted as StreamStarted
from simplesfu.plane.events import StreamStopped as StreamStopped
from simplesfu.plane.events import StunRequest as StunRequest
from simplesfu.plane.events import TcpAddress as TcpAddress
from simplesfu.plane.events import TupleSelected as TupleSelected

Event = StunRequest | DtlsDatagram | StreamStarted | StreamStopped | TupleSelected

MAX_TUPLES: Final[int]
"""Authenticated tuples a transport may have at once; a further one takes the place of the one silent for longest."""

class PlaneError(Exception):
    """A call that cannot be carried out: an id that is not live, an SSRC that is taken, keys of the wrong length.
    Parameters out of their range are a ValueError, wrong names a TypeError."""

class Plane:
    """Sockets, streams and the thread that moves packets between them (Linux: recvmmsg and UDP_SEGMENT).

    `sockets` are bound, non-blocking UDP sockets (at most one of each family); the plane does not close them.
    `listeners` are bound, listening, non-blocking TCP sockets for clients that UDP does not reach (RFC 6544), one of
    each family at most; `max_connections`: how many may be connected.
    `hold_us`: how long packets of an unfinished video frame wait for the rest of it, to share a send call.
    `batching`: False forces plain recvfrom/sendto (what kernels without the batch calls do).
    """
    def __init__(
        self, sockets: Sequence[socket.socket], *, listeners: Sequence[socket.socket] = (), max_connections: int = 1000,
        hold_us: int = 1000, batching: bool = True,
    ) -> None: ...
    def start(self) -> None: ...
    def close(self) -> None:
        """Stop the thread, close every transport and stream, give back all memory. A second call does nothing."""
    @property
    def thread_id(self) -> int:
        """Native id of the plane's thread, for CPU accounting; 0 before start()."""
    def fileno(self) -> int:
        """Readable while events wait."""
    def read_events(self) -> list[Event]: ...

    # gate
    def add_transport(self) -> int: ...
    def remove_transport(self, transport: int) -> None:
        """Also removes its streams, tuples and user names. An unknown id is ignored."""
    def add_ufrag(self, transport: int, ufrag: str) -> None: ...
    def remove_ufrag(self, ufrag: str) -> None: ...
    def add_tuple(self, transport: int, address: Address, *, select: bool) -> bool:
        """Let packets from `address` through to the transport. True when this changed where its packets are sent.
        The first tuple is selected in any case. A tuple of another transport moves to this one. False, and nothing is
        added, when it is a TCP connection that has closed."""
    def remove_tuples(self, transport: int) -> None:
        """Let nothing through from any address, and send nothing, until add_tuple."""
    def send(self, transport: int, data: bytes) -> bool:
        """Send a datagram as it is (DTLS) to the transport's selected tuple; False when it has none. A TCP connection
        that is too slow for it drops it, as a network would."""
    def send_to(self, address: Address, data: bytes) -> None:
        """Send a datagram as it is (STUN) to any address."""
    def set_srtp(self, transport: int, profile: str, recv_key: bytes, send_key: bytes) -> None:
        """Hand over the keys (master key ‖ salt). `profile` is the name DTLS knows, such as "SRTP_AEAD_AES_128_GCM".
        A transport gets keys once: two send sessions on one key would repeat a GCM nonce (RFC 7714 §8.1)."""
    def set_max_recv_bitrate(self, transport: int, bps: int) -> None:
        """The most that REMB will ask of this transport's sender; 0 sends no REMB."""

    # streams
    def add_recv_stream(
        self, transport: int, *,
        codec: str, clock_rate: int,
        payload_type: int, rtx_payload_type: int | None,
        router_payload_type: int,
        ssrc: int | None, rtx_ssrc: int | None, mid: str, rid: str,
        mid_ext: int, rid_ext: int, repaired_rid_ext: int,
        extensions: Mapping[int, int], send_time_ext: int,
        nack: bool, keyframe_request: str | None,
    ) -> int:
        """One encoding of a producer. Payload types are the sender's, except `router_payload_type`, which the packet
        gets.
        `extensions` maps the sender's ids to the router's; what it does not name is dropped. *_ext are the
        sender's ids of the MID/RID extensions (0: none); `send_time_ext` is the router's id of abs-send-time (0: none).
        `codec` is lower case without its kind ("vp8", "h264", "opus"). `keyframe_request` is "pli", "fir" or None."""
    def remove_recv_stream(self, recv_stream: int) -> None:
        """Send streams that it fed stay, without a source."""
    def pause_recv_stream(self, recv_stream: int, paused: bool) -> None: ...
    def request_keyframe(self, recv_stream: int) -> None: ...
    def add_send_stream(
        self, transport: int, *,
        codec: str, clock_rate: int, payload_type: int, ssrc: int,
        rtx_payload_type: int | None, rtx_ssrc: int | None,
        extensions: Collection[int], cname: str,
    ) -> int:
        """One consumer, paused and without a source. `extensions` are the router's ids that its receiver understands.
        Without RTX nothing is retransmitted."""
    def remove_send_stream(self, send_stream: int) -> None: ...
    def set_source(self, send_stream: int, recv_stream: int | None) -> None:
        """Feed it from that stream from the next keyframe on (video; asked for at once) or at once (audio)."""
    def pause_send_stream(self, send_stream: int, paused: bool) -> None: ...
    def limit_send_stream(
        self, send_stream: int, *, max_temporal_layer: int | None, max_frame_rate: float | None
    ) -> None:
        """Hold back the temporal layers above `max_temporal_layer`, and those with which its source is measured to
        bring more frames a second than `max_frame_rate` (by a tenth); the lowest always goes out. None: no limit."""

    # reading
    def stats(self) -> dict[str, dict[str, int]]:
        """All counters by group and name; docs/counters.md tells each and which sums balance."""
    def transport_stats(self, transport: int) -> dict[str, int | str | None]: ...
    def recv_stream_stats(self, recv_stream: int) -> dict[str, float | None]: ...
    def send_stream_stats(self, send_stream: int) -> dict[str, int | None]: ...

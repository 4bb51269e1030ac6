"""The one place that touches what aiortc keeps to itself; tests/unit/test_aiortc_contract.py watches over it.

aiortc's DTLS transport is made for a peer connection. Here it gets
- datagrams from the plane instead of from an ICE transport, through a bounded queue;
- no SRTP sessions: the keys go to the plane, and two sessions on one key would repeat a GCM nonce;
- a reason for each failure;
- data receivers only once the peer has shown the certificate that it promised.

Its SCTP transport is made for data channels that it names itself. Here it gets
- streams whose ids come by signalling, and no data channels of its own;
- only what its parser can read (engine/sctp.py), and bounds on what it keeps;
- a receive window that those who keep a message hold closed, and regard for the peer's;
- the peer's call: it never begins an association.
"""
from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceTransport,
    RTCSctpTransport,
)
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    X509_DIGEST_ALGORITHMS,
    DataReceiver,
    SRTPProtectionProfile,
    State,
)
from aiortc.rtcsctptransport import (
    RECONFIG_PARAM_TYPES,
    SCTP_TSN_MODULO,
    USERDATA_MAX_LENGTH,
    WEBRTC_BINARY,
    WEBRTC_STRING,
    Chunk,
    CookieEchoChunk,
    DataChunk,
    ForwardTsnChunk,
    InitChunk,
    ReconfigChunk,
    SackChunk,
    ShutdownAckChunk,
    ShutdownChunk,
    StreamAddOutgoingParam,
    StreamResetOutgoingParam,
    parse_packet,
)
from OpenSSL import SSL

from simplesfu.engine import sctp
from simplesfu.types import DtlsFingerprint

Role: TypeAlias = Literal["client", "server"]

FINGERPRINT_ALGORITHMS: Final = frozenset(X509_DIGEST_ALGORITHMS)
SRTP_PROFILES: Final[list[SRTPProtectionProfile]] = [
    SRTP_AEAD_AES_128_GCM,  # the cheapest to seal
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
]
MAX_QUEUED_DATAGRAMS: Final = 64
"""A handshake flight is a few; beyond this a client sends faster than DTLS can be worked on."""
MAX_QUEUED_DATA_DATAGRAMS: Final = 512
"""Once connected: twice what the receive window of SCTP lets a client have under way."""

_MAX_DATAGRAM_BYTES: Final = 1500
_BATCH: Final = 64
"""Datagrams worked on before others get their turn on the loop."""
_MAX_GAP_BLOCKS: Final = 200
"""A SACK with all that there can be would not fit into a datagram; RFC 9260 §3.3.4 lets us report fewer."""
_DTLS_1_2: Final = 0xFEFD
_EXTRACTOR: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 §4.2

logger = logging.getLogger(__name__)


class SrtpKeys(NamedTuple):
    """`profile` as DTLS names it ("SRTP_AEAD_AES_128_GCM"); each key is master key ‖ master salt."""

    profile: str
    recv_key: bytes
    send_key: bytes


class DtlsError(Exception):
    """The association cannot be made; `reason` is one of the link's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Certificate(RTCCertificate):
    """A self-signed certificate, with what aiortc's own leaves open in its TLS context closed."""

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_min_proto_version(_DTLS_1_2)  # RFC 8827 §6.5
        # A renegotiation could bring in another certificate after the fingerprint has been checked.
        context.set_options(SSL.OP_NO_RENEGOTIATION)
        return context


class _Pipe:
    """What RTCDtlsTransport wants of an RTCIceTransport: datagrams in, datagrams out."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self.send = send
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.inbox.get()

    async def _send(self, data: bytes) -> None:
        self.send(data)


class DtlsTransport(RTCDtlsTransport):
    """One DTLS association. `send` takes a datagram to the peer; receive() brings one from it."""

    def __init__(self, certificate: Certificate, send: Callable[[bytes], object]) -> None:
        self._pipe = _Pipe(send)
        super().__init__(cast(RTCIceTransport, self._pipe), [certificate])
        self._srtp_profiles = SRTP_PROFILES
        self._srtp_keys: SrtpKeys | None = None
        self._failure = "dtls_handshake_failed"
        self.after_batch: Callable[[], Awaitable[object]] | None = None
        """Called when all records that were there have been given to the data receiver."""

    def receive(self, datagram: bytes) -> bool:
        """Queue a datagram; False when the queue is full and it was dropped (DTLS and SCTP send again what matters)."""
        connected = self._state is State.CONNECTED
        if self._pipe.inbox.qsize() >= (MAX_QUEUED_DATA_DATAGRAMS if connected else MAX_QUEUED_DATAGRAMS):
            return False
        self._pipe.inbox.put_nowait(datagram)
        return True

    @property
    def connected(self) -> bool:
        """Whether data can be sent: neither before the handshake nor after close_notify()."""
        return self._state is State.CONNECTED and self._ssl is not None and not self._ssl.get_shutdown()

    async def handshake(self, role: Role, fingerprints: Sequence[DtlsFingerprint]) -> SrtpKeys:
        """Connect, check the peer's certificate and derive the keys. Raises DtlsError."""
        self._set_role(role)
        expected = [RTCDtlsFingerprint(algorithm=each.algorithm, value=each.value) for each in fingerprints]
        await self.start(RTCDtlsParameters(fingerprints=expected))
        if self._state is not State.CONNECTED or self._srtp_keys is None:
            self.close_notify()
            raise DtlsError(self._failure)
        return self._srtp_keys

    async def wait_closed(self) -> None:
        """After handshake(): read what comes until the peer has said close_notify. Cancelling it ends the reading."""
        assert self._task is not None
        await self._task

    def close_notify(self) -> None:
        """Tell the peer that this is the end, if it would understand it."""
        if self._ssl is None or not self.encrypted:
            return
        with contextlib.suppress(SSL.Error):
            self._ssl.shutdown()
            self._pipe.send(self._ssl.bio_read(_MAX_DATAGRAM_BYTES))

    # what the base class calls

    def _validate_peer_identity(self, remote: RTCDtlsParameters) -> None:
        try:
            super()._validate_peer_identity(remote)
        except Exception as error:  # whatever a peer's certificate may make the X.509 parser raise
            logger.debug("a peer's certificate cannot be read: %s", error)
            self._set_state(State.FAILED)
        if self._state is State.FAILED:
            self._failure = "dtls_fingerprint_mismatch"

    def _setup_srtp(self) -> None:
        assert self._ssl is not None
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((each for each in SRTP_PROFILES if each.openssl_profile == chosen), None)
        if profile is None:
            self._failure = "dtls_no_srtp_profile"
            self._set_state(State.FAILED)
            return
        material = self._ssl.export_keying_material(_EXTRACTOR, 2 * (profile.key_length + profile.salt_length))
        client_key, server_key = (profile.get_key_and_salt(material, side) for side in (0, 1))
        recv_key, send_key = (client_key, server_key) if self._role == "server" else (server_key, client_key)
        self._srtp_keys = SrtpKeys(chosen.decode(), recv_key, send_key)

    async def _recv_next(self) -> None:
        """Take one datagram, or act on a timer that has run out. Raises ConnectionError when the peer has closed."""
        assert self._ssl is not None
        try:
            async with asyncio.timeout(self._ssl.DTLSv1_get_timeout()):
                datagram = await self._pipe.inbox.get()
        except TimeoutError:
            self._ssl.DTLSv1_handle_timeout()
            await self._write_ssl()
            return
        await self._read_datagram(self._ssl, datagram)
        if self.encrypted:
            await self._read_batch(self._ssl)
        await self._write_ssl()
        if self._ssl.get_shutdown() & SSL.RECEIVED_SHUTDOWN:
            raise ConnectionError

    async def _read_batch(self, ssl: SSL.Connection) -> None:
        """What else is there already: answering each record by itself would cost more than reading it."""
        for _ in range(_BATCH):
            if self._pipe.inbox.empty():
                break
            await self._read_datagram(ssl, self._pipe.inbox.get_nowait())
        if self.after_batch is not None:
            await self.after_batch()
        await asyncio.sleep(0)

    async def _read_datagram(self, ssl: SSL.Connection, datagram: bytes) -> None:
        ssl.bio_write(datagram)
        # A datagram may hold several records, and the base class reads one: the rest would wait for the next datagram.
        while await self._read_record(ssl):
            pass

    async def _read_record(self, ssl: SSL.Connection) -> bool:
        try:
            data = ssl.recv(_MAX_DATAGRAM_BYTES)
        except SSL.Error:  # nothing more to read; what is fatal shows in get_shutdown()
            return False
        if self._data_receiver is not None:
            await self._data_receiver._handle_data(data)
        return True

    def _register_data_receiver(self, receiver: DataReceiver) -> Any:
        if self._state is not State.CONNECTED:
            raise RuntimeError("nothing may receive data before the peer's certificate has been checked")
        return super()._register_data_receiver(receiver)


class SctpTransport(RTCSctpTransport):
    """The association of one DTLS transport, begun by its client. `counts` gets what was refused, by reason."""

    def __init__(self, dtls: DtlsTransport, counts: Counter[str]) -> None:
        super().__init__(cast(RTCDtlsTransport, dtls), sctp.SCTP_PORT)
        self.observer: sctp.SctpObserver | None = None
        self.streams = sctp.OutgoingStreams()
        self.receivable: set[int] = set()
        """Ids of the streams whose messages are wanted."""
        self.texts: set[int] = set()
        """Ids of those on which text may come, too."""
        self._dtls = dtls
        self._counts = counts
        self._ended = False
        self._peer_window_bytes = USERDATA_MAX_LENGTH
        self._unacknowledged = 0
        self._remote_port = sctp.SCTP_PORT
        self._advertised_rwnd = sctp.RECV_WINDOW_BYTES
        self._inbound_streams_max = self._outbound_streams_count = sctp.MAX_STREAMS

    def listen(self) -> None:
        """Once DTLS is connected."""
        self._dtls._register_data_receiver(self)
        self._dtls.after_batch = self._after_batch

    @property
    def established(self) -> bool:
        return self._association_state is self.State.ESTABLISHED

    def close(self) -> None:
        """Forget everything, without a word to the peer and without telling the observer."""
        self._ended = True
        self._dtls.after_batch = None
        self._dtls._unregister_data_receiver(self)
        self._set_state(self.State.CLOSED)

    def hold(self, message: bytes) -> None:
        """A message is kept for a while, and narrows the window until release()."""
        self._advertised_rwnd -= len(message) + sctp.MESSAGE_OVERHEAD_BYTES

    async def release(self, message: bytes) -> None:
        """What hold() took. A peer that had to stop is told that it may go on."""
        before = self._advertised_rwnd
        self._advertised_rwnd += len(message) + sctp.MESSAGE_OVERHEAD_BYTES
        reopens = sctp.RECV_WINDOW_BYTES // 2
        if before < reopens <= self._advertised_rwnd and self.established:
            await self._send_sack()

    async def flush(self) -> None:
        """Send what waits in `streams`, as far as the peer and the network take it."""
        if not self.established:
            return
        while not self._outbound_queue and (stream := self.streams.next()) is not None:
            message = stream.take()
            protocol = WEBRTC_STRING if isinstance(message, sctp.TextMessage) else WEBRTC_BINARY
            await self._send(stream.stream_id, protocol, message,
                             ordered=stream.ordered, max_retransmits=stream.max_retransmits)
            stream.sent(message, (self._local_tsn - 1) % SCTP_TSN_MODULO)

    # what the base class calls

    async def _handle_data(self, data: bytes) -> None:
        """Never raises: an exception here would end the DTLS transport."""
        if self._ended:
            return
        fault = sctp.fault_of(data)
        if fault is not None:
            self._counts[fault] += 1
            return
        try:
            _, _, tag, chunks = parse_packet(data)
        except ValueError:  # the checksum
            self._counts["sctp_malformed"] += 1
            return
        try:
            begins = any(isinstance(chunk, InitChunk) for chunk in chunks)
            if tag != (0 if begins else self._local_verification_tag):
                self._counts["sctp_wrong_tag"] += 1
                return
            for chunk in chunks:
                if not self._ended:
                    await self._receive_chunk(chunk)
            if self._sack_needed:
                self._unacknowledged += 1
                if self._unacknowledged >= 2:  # RFC 9260 §6.2; the others wait for the end of the batch
                    await self._send_sack()
        except Exception as error:
            self._count_fault(error)

    async def _after_batch(self) -> None:
        if self._sack_needed and not self._ended:
            await self._send_sack()

    async def _receive_chunk(self, chunk: Chunk) -> None:
        fault = self._fault_of(chunk)
        if fault is not None:
            self._counts[fault] += 1
        elif isinstance(chunk, ShutdownChunk):
            await self._send_chunk(ShutdownAckChunk())
            self._set_state(self.State.CLOSED)
        else:
            await super()._receive_chunk(chunk)

    def _fault_of(self, chunk: Chunk) -> str | None:
        """What is well-formed and yet cannot be true, or not now."""
        if isinstance(chunk, InitChunk):
            return "sctp_restart" if self.established else None
        if isinstance(chunk, CookieEchoChunk):
            return None if self._last_received_tsn is not None else "sctp_unexpected"
        if isinstance(chunk, DataChunk | SackChunk | ForwardTsnChunk | ReconfigChunk) and not self.established:
            return "sctp_unexpected"
        if isinstance(chunk, SackChunk):
            outstanding = _tsns_after(self._last_sacked_tsn, self._local_tsn - 1)
            acknowledged = _tsns_after(self._last_sacked_tsn, chunk.cumulative_tsn)
            if acknowledged > SCTP_TSN_MODULO // 2:
                return None  # an old one, late: the base class knows those
            highest = acknowledged + (chunk.gaps[-1][1] if chunk.gaps else 0)
            return "sctp_sack_of_unsent" if highest > outstanding else None
        if isinstance(chunk, ReconfigChunk):
            kinds = {RECONFIG_PARAM_TYPES.get(kind) for kind, _ in chunk.params}
            return None if kinds <= {StreamResetOutgoingParam, StreamAddOutgoingParam} else "sctp_unexpected"
        return None

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        self._sack_needed = True
        assert self._last_received_tsn is not None
        ahead = _tsns_after(self._last_received_tsn, chunk.tsn)
        if ahead and ahead <= SCTP_TSN_MODULO // 2 and not self._has_room(chunk, ahead):
            self._counts["sctp_beyond_window"] += 1
        elif chunk.stream_id not in self.receivable:
            self._counts["sctp_unknown_stream"] += 1
            self._mark_received(chunk.tsn)
        else:
            await super()._receive_data_chunk(chunk)

    def _has_room(self, chunk: DataChunk, ahead: int) -> bool:
        """The next in order may go beyond the bounds, to twice of them: it may be what all the others wait for."""
        fragments = sum(len(stream.reassembly) for stream in self._inbound_streams.values())
        held = fragments + len(self._sack_misordered)
        spare_bytes = self._advertised_rwnd - len(chunk.user_data)
        if ahead == 1:
            return held < 2 * sctp.MAX_HELD_CHUNKS and spare_bytes >= -sctp.RECV_WINDOW_BYTES
        return held < sctp.MAX_HELD_CHUNKS and spare_bytes >= 0 and ahead <= sctp.MAX_TSNS_AHEAD

    async def _receive_forward_tsn_chunk(self, chunk: ForwardTsnChunk) -> None:
        chunk.streams = [each for each in chunk.streams if each[0] in self.receivable]
        await super()._receive_forward_tsn_chunk(chunk)

    async def _receive_sack_chunk(self, chunk: SackChunk) -> None:
        self._peer_window_bytes = chunk.advertised_rwnd
        await super()._receive_sack_chunk(chunk)
        self.streams.acknowledged(self._last_sacked_tsn)

    async def _receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if pp_id == WEBRTC_STRING and stream_id in self.texts:
            data = sctp.TextMessage(data)
        elif pp_id != WEBRTC_BINARY:
            self._counts["sctp_not_binary"] += 1
            return
        if len(data) > sctp.MAX_MESSAGE_BYTES:
            self._counts["sctp_too_long"] += 1
        elif self.observer is not None:
            await self.observer.sctp_message(stream_id, data)

    async def _data_channel_flush(self) -> None:
        await self.flush()

    async def _transmit(self) -> None:
        """As the base class does it, but no further than the peer's window, nor than we are willing to keep."""
        wanted, self._cwnd = self._cwnd, max(
            min(self._cwnd, self._peer_window_bytes, sctp.MAX_SEND_WINDOW_BYTES), USERDATA_MAX_LENGTH
        )
        try:
            await super()._transmit()
        finally:
            self._cwnd = wanted

    async def _send_sack(self) -> None:
        """The base class would report more gaps than fit into a datagram, and a window that is not ours."""
        assert self._last_received_tsn is not None
        gaps: list[tuple[int, int]] = []
        for ahead in sorted(_tsns_after(self._last_received_tsn, tsn) for tsn in self._sack_misordered):
            if gaps and gaps[-1][1] == ahead - 1:
                gaps[-1] = (gaps[-1][0], ahead)
            elif len(gaps) < _MAX_GAP_BLOCKS:
                gaps.append((ahead, ahead))
            else:
                break
        chunk = SackChunk()
        chunk.cumulative_tsn = self._last_received_tsn
        chunk.advertised_rwnd = max(0, self._advertised_rwnd)
        chunk.gaps = gaps
        self._sack_duplicates.clear()
        self._sack_needed = False
        self._unacknowledged = 0
        await self._send_chunk(chunk)

    async def _send_chunk(self, chunk: Chunk) -> None:
        """A timer may want to send when it is over."""
        if not self._ended and self._dtls.connected:
            await super()._send_chunk(chunk)

    def _set_state(self, state: RTCSctpTransport.State) -> None:
        super()._set_state(state)
        if state is self.State.CLOSED and not self._ended:
            self._ended = True
            if self.observer is not None:
                self.observer.sctp_closed()

    def _count_fault(self, error: Exception) -> None:
        """A bug, ours or aiortc's. A client must not fill the log with it."""
        self._counts["sctp_internal_error"] += 1
        if self._counts["sctp_internal_error"].bit_count() == 1:
            logger.error("an SCTP packet was not handled", exc_info=error)


def _tsns_after(start: int, tsn: int) -> int:
    """How far `tsn` is ahead of `start`; what is behind it comes out as more than half of the circle."""
    return (tsn - start) % SCTP_TSN_MODULO

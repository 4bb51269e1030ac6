"""The one place that touches what aiortc keeps to itself; tests/unit/test_aiortc_contract.py watches over it.

aiortc's DTLS transport is made for a peer connection. Here it gets
- datagrams from the plane instead of from an ICE transport, through a bounded queue;
- no SRTP sessions: the keys go to the plane, and two sessions on one key would repeat a GCM nonce;
- a reason for each failure;
- data receivers only once the peer has shown the certificate that it promised.
"""
from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, RTCIceTransport
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    X509_DIGEST_ALGORITHMS,
    DataReceiver,
    SRTPProtectionProfile,
    State,
)
from OpenSSL import SSL

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

_MAX_DATAGRAM_BYTES: Final = 1500
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
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue(MAX_QUEUED_DATAGRAMS)

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

    def receive(self, datagram: bytes) -> bool:
        """Queue a datagram; False when the queue is full and it was dropped (DTLS sends again what matters)."""
        try:
            self._pipe.inbox.put_nowait(datagram)
        except asyncio.QueueFull:
            return False
        return True

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
        self._ssl.bio_write(datagram)
        # A datagram may hold several records, and the base class reads one: the rest would wait for the next datagram.
        while await self._read_record(self._ssl):
            pass
        await self._write_ssl()
        if self._ssl.get_shutdown() & SSL.RECEIVED_SHUTDOWN:
            raise ConnectionError

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

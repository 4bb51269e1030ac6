"""The media side of one transport by hand: every datagram is the test's own, honest or not.

ICE (controlling), DTLS (client), SRTP, on a UDP socket of its own. No codec: payloads are whatever the test makes up.
"""

from __future__ import annotations

import asyncio
import datetime
import secrets
import socket
import struct
from collections.abc import Iterator
from functools import cache
from typing import Any

from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from .waiting import until

Address = tuple[str, int]

SO_TIMESTAMPNS = 35
"""Linux: each datagram comes with the time of its arrival."""
TIMESPEC = struct.Struct("@ll")
ANCILLARY_BYTES = socket.CMSG_SPACE(TIMESPEC.size)

# name → libsrtp's number, bytes of key, bytes of salt (RFC 5764 §4.1.2, RFC 7714 §14.2)
SRTP_PROFILES = {
    "SRTP_AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    "SRTP_AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    "SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}


@cache
def identity() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A self-signed certificate, one for all of a run's wires."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wire")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    span = datetime.timedelta(days=1)
    return builder.not_valid_before(now - span).not_valid_after(now + span).sign(key, hashes.SHA256()), key


def dtls_parameters(role: str = "client") -> dict[str, Any]:
    digest = identity()[0].fingerprint(hashes.SHA256()).hex(":").upper()
    return {"role": role, "fingerprints": [{"algorithm": "sha-256", "value": digest}]}


def binding_request(username: str, password: str, **more: Any) -> bytes:
    """A STUN binding request as a controlling agent sends it to an ICE-lite one."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes.update(
        {"USERNAME": username, "PRIORITY": 1, "ICE-CONTROLLING": 1, "USE-CANDIDATE": None, **more}
    )
    request.add_message_integrity(password.encode())
    return bytes(request)


def transaction_id(message: bytes) -> bytes:
    """Of a STUN message (RFC 8489 §5)."""
    return message[8:20]


class Wire:
    """The client's end of a transport; `description` is the answer to createWebRtcTransport."""

    def __init__(self, description: dict[str, Any], profiles: list[str] | None = None) -> None:
        self.ice = description["iceParameters"]
        candidate = description["iceCandidates"][0]
        self.server: Address = (candidate["ip"], candidate["port"])
        self.ufrag = secrets.token_hex(4)
        self.received_rtp: list[bytes] = []
        self.received_rtcp: list[bytes] = []
        self.arrivals_ms: list[float] = []
        """Of each packet of `received_rtp`, by the kernel, so that a busy test harms no verdict (of time.time())."""
        self.received_bytes = 0
        self.answered: set[bytes] = set()
        """The transaction ids of the checks that were answered."""
        self._profiles = profiles or list(SRTP_PROFILES)
        self._seal: Session | None = None
        self._open: Session | None = None
        self._ssl = self._new_ssl()
        self._consent: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    def _new_ssl(self) -> SSL.Connection:
        context = SSL.Context(SSL.DTLS_METHOD)
        certificate, key = identity()
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.set_tlsext_use_srtp(":".join(self._profiles).encode())
        connection = SSL.Connection(context)
        connection.set_ciphertext_mtu(1200)
        connection.set_connect_state()
        return connection

    def bind(self) -> None:
        bound = socket.socket(type=socket.SOCK_DGRAM)
        bound.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        bound.bind((self.server[0], 0))
        bound.setblocking(False)
        asyncio.get_running_loop().add_reader(bound, self._readable, bound)
        self._socket = bound

    def move(self) -> None:
        """Go on from another source address, as a client does on a new network."""
        self._unbind()
        self.bind()

    def _unbind(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    @property
    def connected(self) -> bool:
        return self._seal is not None

    @property
    def address(self) -> Address:
        """The source address of what is sent now."""
        assert self._socket is not None
        address: Address = self._socket.getsockname()
        return address

    def send(self, datagram: bytes) -> None:
        """As it is."""
        assert self._socket is not None, "connect first"
        self._socket.sendto(datagram, self.server)

    async def connect_ice(self) -> None:
        """Bind, and be authenticated by a connectivity check; consent is kept from now on."""
        self.bind()
        check = self.check()
        await until(lambda: check in self.answered, "an answer to the connectivity check", every_s=0.02)
        self._consent = asyncio.create_task(self._keep_consent())

    async def connect(self) -> None:
        """ICE, then DTLS; the server must have been told `dtls_parameters()`."""
        await self.connect_ice()
        await self.shake_hands()

    async def shake_hands(self) -> None:
        self._handshake()
        await until(lambda: self._seal, "the DTLS handshake", every_s=0.02)

    def check(self, credentials: dict[str, Any] | None = None) -> bytes:
        """Send a connectivity check; its transaction id."""
        ice = credentials or self.ice
        request = binding_request(f"{ice['usernameFragment']}:{self.ufrag}", ice["password"])
        self.send(request)
        return transaction_id(request)

    async def _keep_consent(self) -> None:
        while True:
            await asyncio.sleep(2.5)
            self.check()

    def fall_silent(self) -> None:
        """No checks from now on."""
        if self._consent:
            self._consent.cancel()

    def say_goodbye(self) -> None:
        """DTLS's close_notify."""
        self._ssl.shutdown()
        for record in self._outgoing():
            self.send(record)

    def close(self) -> None:
        self.fall_silent()
        self._unbind()

    # what comes

    def _readable(self, bound: socket.socket) -> None:
        for _ in range(64):
            try:
                data, ancillary, _, source = bound.recvmsg(65535, ANCILLARY_BYTES)
            except BlockingIOError:
                return
            seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
            if source == self.server:
                self._received(data, seconds * 1000 + nanoseconds / 1e6)

    def _received(self, data: bytes, arrival_ms: float) -> None:
        self.received_bytes += len(data)
        first = data[0]
        if first < 4:
            self.answered.add(transaction_id(data))
        elif 20 <= first < 64:
            self._ssl.bio_write(data)
            self._handshake()
        elif self._open is not None:
            self._opened(data, arrival_ms)

    def _opened(self, data: bytes, arrival_ms: float) -> None:
        assert self._open is not None
        is_rtcp = 192 <= data[1] <= 223
        try:
            plain = self._open.unprotect_rtcp(data) if is_rtcp else self._open.unprotect(data)
        except SrtpError as error:
            raise AssertionError(f"the server sealed a packet that does not open: {error}") from error
        if is_rtcp:
            self.received_rtcp.append(plain)
        else:
            self.received_rtp.append(plain)
            self.arrivals_ms.append(arrival_ms)

    def _handshake(self) -> None:
        if self._seal is not None:
            return
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            pass
        else:
            self._take_keys()
        for record in self._outgoing():
            self.send(record)

    def _outgoing(self) -> Iterator[bytes]:
        while True:
            try:
                yield self._ssl.bio_read(1500)
            except SSL.WantReadError:
                return

    def _take_keys(self) -> None:
        name = self._ssl.get_selected_srtp_profile().decode()
        number, key_bytes, salt_bytes = SRTP_PROFILES[name]
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key_bytes + salt_bytes))
        keys, salts = material[: 2 * key_bytes], material[2 * key_bytes :]
        client = keys[:key_bytes] + salts[:salt_bytes]
        server = keys[key_bytes:] + salts[salt_bytes:]
        self._seal = Session(Policy(client, Policy.SSRC_ANY_OUTBOUND, srtp_profile=number))
        self._open = Session(Policy(server, Policy.SSRC_ANY_INBOUND, srtp_profile=number))

    # what goes

    def send_rtp(self, packet: bytes) -> bytes:
        """Seal and send; the datagram, for a replay."""
        assert self._seal is not None
        sealed = self._seal.protect(packet)
        self.send(sealed)
        return sealed

    def send_data(self, packet: bytes) -> None:
        """An SCTP packet, or whatever it is, inside DTLS."""
        self._ssl.send(packet)
        for record in self._outgoing():
            self.send(record)

    def send_rtcp(self, packet: bytes) -> bytes:
        assert self._seal is not None
        sealed = self._seal.protect_rtcp(packet)
        self.send(sealed)
        return sealed

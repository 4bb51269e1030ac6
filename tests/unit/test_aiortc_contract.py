"""What the bridge relies on in aiortc without being promised it. A failure here names what a new aiortc has changed."""
from __future__ import annotations

import ast
import asyncio
import inspect
from collections import Counter
from pathlib import Path
from typing import Any

import aiortc
import pytest
from aiortc import RTCCertificate, RTCDtlsTransport, RTCSctpTransport, rtcdtlstransport, rtcsctptransport
from OpenSSL import SSL
from support.waiting import until

import simplesfu.engine
from simplesfu.engine.aiortc_bridge import SRTP_PROFILES, Certificate, DtlsError, DtlsTransport, SctpTransport
from simplesfu.types import DtlsFingerprint

HELP = f"aiortc {aiortc.__version__} is not the one that simplesfu/engine/aiortc_bridge.py was written for: "

METHODS: dict[type, dict[str, list[str]]] = {
    RTCDtlsTransport: {
        "__init__": ["self", "transport", "certificates"],
        "start": ["self", "remoteParameters"],
        "_validate_peer_identity": ["self", "remoteParameters"],
        "_setup_srtp": ["self"],
        "_recv_next": ["self"],
        "_write_ssl": ["self"],
        "_set_role": ["self", "role"],
        "_set_state": ["self", "state"],
        "_register_data_receiver": ["self", "receiver"],
        "_unregister_data_receiver": ["self", "receiver"],
        "_send_data": ["self", "data"],
    },
    RTCSctpTransport: {
        "__init__": ["self", "transport", "port"],
        "_handle_data": ["self", "data"],
        "_receive_chunk": ["self", "chunk"],
        "_receive_data_chunk": ["self", "chunk"],
        "_receive_forward_tsn_chunk": ["self", "chunk"],
        "_receive_sack_chunk": ["self", "chunk"],
        "_receive": ["self", "stream_id", "pp_id", "data"],
        "_mark_received": ["self", "tsn"],
        "_data_channel_flush": ["self"],
        "_transmit": ["self"],
        "_send": ["self", "stream_id", "pp_id", "user_data", "expiry", "max_retransmits", "ordered"],
        "_send_sack": ["self"],
        "_send_chunk": ["self", "chunk"],
        "_set_state": ["self", "state"],
    },
    RTCCertificate: {
        "_create_ssl_context": ["self", "srtp_profiles"],
        "getFingerprints": ["self"],
    },
    rtcdtlstransport.SRTPProtectionProfile: {"get_key_and_salt": ["self", "src", "idx"]},
}
PLAIN_SCTP = ["__init__", "_mark_received", "_set_state"]
ATTRIBUTES = ["_state", "_role", "_ssl", "_task", "_srtp_profiles", "_data_receiver", "encrypted"]
SCTP_ATTRIBUTES = [
    "_association_state", "_advertised_rwnd", "_cwnd", "_inbound_streams", "_inbound_streams_max", "_last_received_tsn",
    "_last_sacked_tsn", "_local_tsn", "_local_verification_tag", "_outbound_queue", "_outbound_streams_count",
    "_remote_port", "_sack_duplicates", "_sack_misordered", "_sack_needed",
]
SCTP_OURS = [
    "observer", "streams", "receivable", "_dtls", "_counts", "_ended", "_peer_window_bytes", "_unacknowledged",
    "listen", "established", "close", "hold", "release", "flush", "_after_batch", "_fault_of", "_has_room",
    "_count_fault",
]
OURS = [
    "after_batch", "connected", "_read_batch", "_read_datagram", "_pipe", "_srtp_keys", "_failure", "receive",
    "handshake", "wait_closed", "close_notify", "_read_record",
]


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner, names in METHODS.items() for name in names])
def test_the_methods_are_there(owner: type, name: str) -> None:
    method = getattr(owner, name, None)
    assert method is not None, f"{HELP}{owner.__name__}.{name} has gone"
    given = list(inspect.signature(method).parameters)
    assert given == METHODS[owner][name], f"{HELP}{owner.__name__}.{name} takes {given} now"


@pytest.mark.parametrize("name", ["start", "_recv_next", "_write_ssl"])
def test_what_is_awaited_is_a_coroutine(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(RTCDtlsTransport, name)), f"{HELP}{name} is no coroutine any longer"


@pytest.mark.parametrize("name", ["_validate_peer_identity", "_setup_srtp", "_set_state", "_register_data_receiver"])
def test_what_is_overridden_plainly_is_no_coroutine(name: str) -> None:
    assert not inspect.iscoroutinefunction(getattr(RTCDtlsTransport, name)), f"{HELP}{name} has become a coroutine"


async def test_the_attributes_are_there_and_none_is_ours() -> None:
    plain = RTCDtlsTransport(QueuedIce(), [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    missing = [name for name in ATTRIBUTES if not hasattr(plain, name)]
    assert not missing, f"{HELP}{missing} have gone"
    taken = [name for name in OURS if hasattr(plain, name)]
    assert not taken, f"{HELP}it has {taken} of its own now"


async def test_the_attributes_of_sctp_are_there_and_none_is_ours() -> None:
    plain = RTCSctpTransport(RTCDtlsTransport(QueuedIce(), [RTCCertificate.generateCertificate()]))  # type: ignore[arg-type]
    missing = [name for name in SCTP_ATTRIBUTES if not hasattr(plain, name)]
    assert not missing, f"{HELP}{missing} have gone"
    taken = [name for name in SCTP_OURS if hasattr(plain, name)]
    assert not taken, f"{HELP}it has {taken} of its own now"
    assert {"CLOSED", "ESTABLISHED"} <= set(RTCSctpTransport.State.__members__), HELP


@pytest.mark.parametrize("name", [name for name in METHODS[RTCSctpTransport] if name not in PLAIN_SCTP])
def test_what_is_awaited_of_sctp_is_a_coroutine(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(RTCSctpTransport, name)), f"{HELP}{name} is no coroutine any longer"


async def test_sctp_sends_within_the_call() -> None:
    """flush() and release() count on it: nothing in aiortc's sending waits for the network."""
    us, _ = bridge_pair("client")
    coroutine = SctpTransport(us, Counter())._transmit()
    with pytest.raises(StopIteration):
        coroutine.send(None)


def test_the_bounds_of_sctp_fit_into_a_datagram() -> None:
    assert rtcsctptransport.SCTP_MAX_PACKET_LENGTH + 64 <= 1500, f"{HELP}packets and their DTLS have grown"


def test_the_states_and_profiles_are_there() -> None:
    assert {"CONNECTING", "CONNECTED", "FAILED"} <= set(rtcdtlstransport.State.__members__), HELP
    assert "sha-256" in rtcdtlstransport.X509_DIGEST_ALGORITHMS, HELP
    sizes = {each.openssl_profile: (each.key_length, each.salt_length) for each in SRTP_PROFILES}
    assert sizes == {
        b"SRTP_AEAD_AES_128_GCM": (16, 12), b"SRTP_AEAD_AES_256_GCM": (32, 12), b"SRTP_AES128_CM_SHA1_80": (16, 14),
    }, HELP


async def test_the_certificate_is_checked_before_keys_are_made() -> None:
    """And both before the state says "connected": the order in which start() goes about it is aiortc's."""
    us, peer = bridge_pair("client")
    order: list[str] = []
    for name in ("_validate_peer_identity", "_setup_srtp", "_set_state"):
        setattr(us, name, noting(order, name, getattr(us, name)))
    await connect(us, peer)
    assert order == ["_set_state", "_validate_peer_identity", "_setup_srtp", "_set_state"], HELP
    await peer.stop()
    await us.wait_closed()


def test_nothing_else_in_the_engine_touches_aiortc() -> None:
    folder = Path(simplesfu.engine.__file__).parent
    offenders = {path.name for path in folder.glob("*.py") if imported(path) & {"aiortc", "OpenSSL"}}
    assert offenders == {"aiortc_bridge.py"}


async def test_our_tls_context_allows_neither_old_versions_nor_renegotiation() -> None:
    us, peer = bridge_pair("client")
    await connect(us, peer)
    assert us._ssl is not None
    print(us._ssl.get_protocol_version_name(), us._ssl.get_cipher_name())
    assert us._ssl.get_protocol_version_name() >= "DTLSv1.2"
    context = Certificate.generateCertificate()._create_ssl_context(SRTP_PROFILES)
    assert context.set_options(0) & SSL.OP_NO_RENEGOTIATION
    await peer.stop()
    await us.wait_closed()


@pytest.mark.parametrize("role", ["client", "server"])
async def test_the_bridge_derives_what_openssl_exports(role: str) -> None:
    """Byte for byte, with queues for a network."""
    us, peer = bridge_pair(role)
    keys = await connect(us, peer)
    profile = next(each for each in SRTP_PROFILES if each.openssl_profile == keys.profile.encode())
    material = peer._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length))
    client_key, server_key = profile.get_key_and_salt(material, 0), profile.get_key_and_salt(material, 1)
    expected = (client_key, server_key) if role == "client" else (server_key, client_key)
    print(keys.profile, len(keys.recv_key), len(keys.send_key))
    assert (keys.recv_key, keys.send_key) == expected
    assert us._rx_srtp is us._tx_srtp is None, "the plane alone has SRTP sessions"
    await peer.stop()
    await asyncio.wait_for(us.wait_closed(), 5)


@pytest.mark.parametrize("offered", [SRTP_PROFILES[::-1], SRTP_PROFILES[1:], SRTP_PROFILES[2:]])
async def test_as_a_server_the_cheapest_common_profile_is_taken(offered: list[Any]) -> None:
    us, peer = bridge_pair("client")
    peer._srtp_profiles = offered
    keys = await connect(us, peer)
    best = next(each for each in SRTP_PROFILES if each in offered)
    print([each.openssl_profile for each in offered], "→", keys.profile)
    assert keys.profile.encode() == best.openssl_profile
    await peer.stop()
    await us.wait_closed()


async def test_no_common_srtp_profile_fails_with_its_reason() -> None:
    us, peer = bridge_pair("client", WithoutSrtp.generateCertificate())
    peer_task = asyncio.ensure_future(peer.start(us.getLocalParameters()))
    with pytest.raises(DtlsError) as caught:
        await asyncio.wait_for(us.handshake("server", fingerprints_of(peer)), 10)
    assert caught.value.reason == "dtls_no_srtp_profile"
    await peer_task


async def test_data_before_the_certificate_is_checked_goes_nowhere() -> None:
    us, peer = bridge_pair("client")
    with pytest.raises(RuntimeError, match="before the peer's certificate"):
        us._register_data_receiver(Receiver())
    await connect(us, peer)
    receiver = Receiver()
    us._register_data_receiver(receiver)
    # Two records in one datagram: both must come at once, not one of them with the next datagram.
    peer._ssl.send(b"first")
    peer._ssl.send(b"second")
    await peer._write_ssl()
    await until(lambda: len(receiver.got) == 2, "both records", timeout_s=2, every_s=0.005)
    assert receiver.got == [b"first", b"second"]
    await peer.stop()
    await us.wait_closed()


# what the tests are made of


def imported(path: Path) -> set[str]:
    """The packages that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {each.name.split(".")[0] for each in node.names}
    return found


def noting(order: list[str], name: str, method: Any) -> Any:
    def noted(*args: Any) -> Any:
        order.append(name)
        return method(*args)

    return noted


async def connect(us: DtlsTransport, peer: RTCDtlsTransport) -> Any:
    """Our keys; the peer's role has been set."""
    our_role: Any = "server" if peer._role == "client" else "client"
    ours = us.handshake(our_role, fingerprints_of(peer))
    keys, _ = await asyncio.wait_for(asyncio.gather(ours, peer.start(us.getLocalParameters())), 10)
    return keys


class Receiver:
    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def _handle_data(self, data: bytes) -> None:
        self.got.append(data)


class WithoutSrtp(RTCCertificate):
    """A peer that knows nothing of use_srtp."""

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> SSL.Context:
        del srtp_profiles
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.use_certificate(self._cert)
        context.use_privatekey(self._key)
        return context


class QueuedIce:
    """An ICE transport of queues, for two DTLS transports in one process."""

    role = "controlling"

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.deliver: Any = None

    async def _recv(self) -> bytes:
        return await self.inbox.get()

    async def _send(self, data: bytes) -> None:
        self.deliver(data)


def bridge_pair(
    peer_role: str, peer_certificate: RTCCertificate | None = None
) -> tuple[DtlsTransport, RTCDtlsTransport]:
    """Ours, and aiortc's own in this role."""
    ice = QueuedIce()
    peer = RTCDtlsTransport(ice, [peer_certificate or RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    peer._set_role(peer_role)
    us = DtlsTransport(Certificate.generateCertificate(), ice.inbox.put_nowait)
    ice.deliver = us.receive
    return us, peer


def fingerprints_of(peer: RTCDtlsTransport) -> list[DtlsFingerprint]:
    found = peer.getLocalParameters().fingerprints
    return [DtlsFingerprint(algorithm=each.algorithm, value=each.value) for each in found]

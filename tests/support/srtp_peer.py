"""A peer of the plane without ICE and DTLS: a UDP socket and two SRTP sessions, driven packet by packet."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from pylibsrtp import Error, Policy, Session

from simplesfu.plane import Plane, rtcp, rtp

KEY_BYTES = {"SRTP_AEAD_AES_128_GCM": 28, "SRTP_AEAD_AES_256_GCM": 44, "SRTP_AES128_CM_SHA1_80": 30}
PROFILES = {
    "SRTP_AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "SRTP_AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    "SRTP_AES128_CM_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}


def plane_socket(host: str = "127.0.0.1") -> socket.socket:
    """A bound, non-blocking UDP socket as the plane takes them."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((host, 0))
    sock.setblocking(False)
    return sock


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.002)


class SrtpPeer:
    """One transport of the plane, seen from the other side."""

    def __init__(self, plane: Plane, server: tuple[str, int], profile: str = "SRTP_AEAD_AES_128_GCM") -> None:
        self.plane = plane
        self.server = server
        self.profile = profile
        self.transport = plane.add_transport()
        self._connect()
        to_server, from_server = os.urandom(KEY_BYTES[profile]), os.urandom(KEY_BYTES[profile])
        plane.set_srtp(self.transport, profile, to_server, from_server)
        self._send_session = self._session(to_server, Policy.SSRC_ANY_OUTBOUND)
        self._recv_session = self._session(from_server, Policy.SSRC_ANY_INBOUND)

    def _connect(self) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in self.server[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.server[0], 0))
        self.socket.settimeout(2.0)
        self.plane.add_tuple(self.transport, self.socket.getsockname()[:2], select=True)

    def _session(self, key: bytes, direction: int) -> Session:
        policy = Policy(key=key, ssrc_type=direction, srtp_profile=PROFILES[self.profile])
        policy.allow_repeat_tx = True
        policy.window_size = 1024
        return Session(policy)

    def seal(self, packet: bytes) -> bytes:
        return self._send_session.protect_rtcp(packet) if 192 <= packet[1] < 224 else self._send_session.protect(packet)

    def send(self, packet: bytes) -> None:
        """An RTP or RTCP packet in the clear; it is sealed here."""
        self.socket.sendto(self.seal(packet), self.server)

    def receive_any(self, timeout_s: float = 2.0) -> bytes | None:
        """The next RTP or RTCP packet in the clear; None when none comes in time."""
        self.socket.settimeout(timeout_s)
        try:
            data = self.socket.recv(2048)
        except TimeoutError:
            return None
        session = self._recv_session
        try:
            return session.unprotect_rtcp(data) if 192 <= data[1] < 224 else session.unprotect(data)
        except Error as error:
            raise AssertionError(f"the plane sent what does not open: {error}") from error

    def receive_rtp(self, timeout_s: float = 2.0) -> rtp.RtpPacket | None:
        """The next RTP packet, past any RTCP."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            data = self.receive_any(left)
            if data is not None and not 192 <= data[1] < 224:
                return rtp.parse(data)
        return None

    def receive_rtcp(self, wanted: Callable[[object], bool], timeout_s: float = 3.0) -> object:
        """The next RTCP packet for which `wanted` is true; an AssertionError tells what came instead."""
        deadline = time.monotonic() + timeout_s
        seen: list[object] = []
        while (left := deadline - time.monotonic()) > 0:
            data = self.receive_any(left)
            if data is not None and 192 <= data[1] < 224:
                for packet in rtcp.parse(data):
                    if wanted(packet):
                        return packet
                    seen.append(packet)
        raise AssertionError(f"no such RTCP within {timeout_s} s; seen: {seen}")

    def close(self) -> None:
        self.plane.remove_transport(self.transport)
        self.socket.close()

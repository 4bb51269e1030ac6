# cython: language_level=3
"""Sessions are made by pylibsrtp; the plane calls libsrtp itself, without the GIL and on its own buffers."""
from libc.stdint cimport uintptr_t

from simplesfu.plane.state cimport CACHE_PACKETS

from pylibsrtp import Policy, Session, ffi, lib

cdef extern from "<arpa/inet.h>" nogil:
    uint32_t htonl(uint32_t value)

# The names DTLS negotiates (RFC 5764 §4.1.2, RFC 7714 §14.2): libsrtp's profile and the bytes of key and salt.
PROFILES = {
    "SRTP_AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16 + 12),
    "SRTP_AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32 + 12),
    "SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16 + 14),
}

# Retransmissions and reordering reach this far back (packets) before libsrtp calls them a replay.
REPLAY_WINDOW = 1024

# As late as a packet may be and still be passed on (recv_stream.pyx); libsrtp shifts all of the window for each packet.
SEND_WINDOW = CACHE_PACKETS


cdef uintptr_t _address(str name) except 0:
    return <uintptr_t>int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))


srtp.protect = <SrtpFunction>_address("srtp_protect")
srtp.unprotect = <SrtpFunction>_address("srtp_unprotect")
srtp.protect_rtcp = <SrtpFunction>_address("srtp_protect_rtcp")
srtp.unprotect_rtcp = <SrtpFunction>_address("srtp_unprotect_rtcp")
srtp.remove_stream = <SrtpRemove>_address("srtp_remove_stream")


cdef void srtp_forget(void *session, uint32_t ssrc) noexcept nogil:
    """Give back what libsrtp keeps for one SSRC."""
    srtp.remove_stream(session, htonl(ssrc))


cdef void *session_pointer(object session) except NULL:
    """The srtp_t inside a pylibsrtp Session, which the caller must keep alive."""
    return <void *><uintptr_t>int(ffi.cast("uintptr_t", session._srtp[0]))


def make_session(profile, key, *, inbound):
    """A pylibsrtp Session for every SSRC of one direction. ValueError for an unknown profile or a wrong length."""
    if profile not in PROFILES:
        raise ValueError(f"unknown SRTP profile {profile!r}; known: {', '.join(PROFILES)}")
    number, key_bytes = PROFILES[profile]
    if len(key) != key_bytes:
        raise ValueError(f"{profile} takes {key_bytes} bytes of key and salt, not {len(key)}")
    policy = Policy(
        key=bytes(key),
        ssrc_type=Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=number,
    )
    policy.window_size = REPLAY_WINDOW if inbound else SEND_WINDOW
    # The same sequence number is never sealed twice (GCM would repeat a nonce): retransmissions go by RTX.
    policy.allow_repeat_tx = False
    return Session(policy)

"""SRTP sessions for the plane."""
from typing import Final

from pylibsrtp import Session

PROFILES: Final[dict[str, tuple[int, int]]]
"""The name DTLS negotiates → libsrtp's number and the bytes of master key and salt."""

REPLAY_WINDOW: Final[int]
SEND_WINDOW: Final[int]

def make_session(profile: str, key: bytes, *, inbound: bool) -> Session:
    """A session for every SSRC of one direction. ValueError for an unknown profile or a key of the wrong length."""

"""The signed tokens with which a client claims its session over a new socket."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

MAX_AGE_S: Final = 24 * 3600
"""Of a token for a session that is not there any longer. A session that is there knows itself which ones are good."""
MAX_TOKEN_LENGTH: Final = 1024
_SALT: Final = "simplesfu.session"


class Claim(NamedTuple):
    """`life`: the session's own, as another may have its peer's id later. `generation`: each hello gives out the next.
    `fresh`: younger than MAX_AGE_S."""

    peer_id: str
    life: str
    generation: int
    fresh: bool


class Tokens:
    """`keys`: the first signs, all verify."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        oldest_first = list(reversed(keys))  # itsdangerous signs with the last
        self._serializer = URLSafeTimedSerializer(oldest_first, salt=_SALT)

    def issue(self, peer_id: str, life: str, generation: int) -> str:
        token = self._serializer.dumps([peer_id, life, generation])
        return token if isinstance(token, str) else token.decode()

    def read(self, token: str | None) -> Claim | None:
        """None: nobody signed it here, or with another key."""
        if not token or not token.isascii() or len(token) > MAX_TOKEN_LENGTH:
            return None
        try:
            return _claim(self._serializer.loads(token, max_age=MAX_AGE_S), fresh=True)
        except SignatureExpired as expired:
            return _claim(self._serializer.load_payload(expired.payload or b""), fresh=False)
        except BadSignature:
            return None


def _claim(content: Any, *, fresh: bool) -> Claim:
    peer_id, life, generation = content
    return Claim(peer_id, life, generation, fresh)

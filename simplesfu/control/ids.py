"""Names that nobody can guess: an id is no permission, but it gives nothing away either."""
from __future__ import annotations

import secrets
from collections.abc import Container

_ID_BYTES = 12  # 96 bits


def new_id() -> str:
    """16 characters of A-Z a-z 0-9 - _."""
    return secrets.token_urlsafe(_ID_BYTES)


def new_ssrcs(number: int, taken: Container[int]) -> list[int]:
    """Random SSRCs, none of them in `taken` (RFC 3550 §8.1).

    Those below 10000 are left to clients: mediasoup's receive bandwidth probes on a low, fixed one.
    """
    ssrcs: list[int] = []
    while len(ssrcs) < number:
        ssrc = secrets.randbits(32)
        if ssrc >= 10_000 and ssrc not in taken and ssrc not in ssrcs:
            ssrcs.append(ssrc)
    return ssrcs

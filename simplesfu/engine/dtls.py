"""What ORTC's DtlsParameters mean for the server (RFC 8122, RFC 8827 §6.5)."""
from __future__ import annotations

from simplesfu.engine.aiortc_bridge import FINGERPRINT_ALGORITHMS, Certificate, Role
from simplesfu.errors import BadParameters
from simplesfu.types import DtlsFingerprint, DtlsParameters


def local_role(remote: DtlsParameters) -> Role:
    """The opposite of the client's. "auto" leaves the choice here: the client begins, it knows when it is ready."""
    return "client" if remote.role == "server" else "server"


def check_remote(remote: DtlsParameters) -> None:
    """Raises BadParameters unless there is a fingerprint that can be compared. All that can be will have to match."""
    if not remote.fingerprints:
        raise BadParameters("dtlsParameters.fingerprints is empty", "send the fingerprint of the client's certificate")
    given = {each.algorithm.lower() for each in remote.fingerprints}
    if not given & FINGERPRINT_ALGORITHMS:
        raise BadParameters(f"none of the fingerprint algorithms is supported: {', '.join(sorted(given))[:100]}",
                            f"use {' or '.join(sorted(FINGERPRINT_ALGORITHMS))}")


def local_fingerprints(certificate: Certificate) -> list[DtlsFingerprint]:
    return [DtlsFingerprint(algorithm=each.algorithm, value=each.value) for each in certificate.getFingerprints()]

"""What a legacy client can receive. It never says so: the original consumed with the server's own capabilities, and
what the browser could not decode stayed black without a word."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from simplesfu.types import RtpCapabilities, RtpCodecCapability

NOT_EVERYWHERE: Final = frozenset({"video/av1"})
"""Codecs that some browsers do not decode: assumed of those that send them."""


def assumed(router: RtpCapabilities, sent: Iterable[str] = ()) -> RtpCapabilities:
    """The router's, without the codecs that not every browser has. `sent`: the MIME types that the client itself sends,
    which it can receive too."""
    missing = NOT_EVERYWHERE - {mime_type.lower() for mime_type in sent}
    codecs = [codec for codec in router.codecs if codec.mime_type.lower() not in missing]
    kept = {codec.preferred_payload_type for codec in codecs}
    return msgspec.structs.replace(router, codecs=[codec for codec in codecs if _repairs_one_of(codec, kept)])


def mime_types(rtp_parameters: dict[str, Any]) -> set[str]:
    """Those that a client's rtpParameters name, whatever else may be wrong with them."""
    codecs = rtp_parameters.get("codecs")
    if not isinstance(codecs, list):
        return set()
    return {str(codec.get("mimeType")) for codec in codecs if isinstance(codec, dict)}


def _repairs_one_of(codec: RtpCodecCapability, payload_types: set[int]) -> bool:
    """RTX goes with the codec that it repairs; anything else stays."""
    return "apt" not in codec.parameters or codec.parameters["apt"] in payload_types

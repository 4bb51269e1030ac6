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
    """The router's, without the codecs that not every browser has. `sent`: what shown_by() gave of the client's own
    tracks, which it can receive too."""
    missing = NOT_EVERYWHERE - set(sent)
    codecs = [codec for codec in router.codecs if codec.mime_type.lower() not in missing]
    kept = {codec.preferred_payload_type for codec in codecs}
    return msgspec.structs.replace(router, codecs=[codec for codec in codecs if _repairs_one_of(codec, kept)])


def shown_by(rtp_parameters: dict[str, Any]) -> frozenset[str]:
    """Those of NOT_EVERYWHERE that a client's rtpParameters name, whatever else may be wrong with them."""
    codecs = rtp_parameters.get("codecs")
    if not isinstance(codecs, list):
        return frozenset()
    return NOT_EVERYWHERE & {str(codec.get("mimeType")).lower() for codec in codecs if isinstance(codec, dict)}


def _repairs_one_of(codec: RtpCodecCapability, payload_types: set[int]) -> bool:
    """RTX goes with the codec that it repairs; anything else stays."""
    return "apt" not in codec.parameters or codec.parameters["apt"] in payload_types

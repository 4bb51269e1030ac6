"""Payload descriptors for tests and tools; the plane calls the C functions below these."""
from typing import NamedTuple

class Payload(NamedTuple):
    keyframe: bool
    """A receiver can begin here. With a codec that is not known, or audio, it always can."""
    begins_picture: bool
    temporal_layer: int
    joinable: int
    """Bit t: temporal layer t can be joined here (VP8), or from the next picture on (VP9)."""
    picture_id: int | None
    """VP8's."""

def parse(codec: str, payload: bytes) -> Payload:
    """`codec` is lower case ("vp8")."""

def with_picture_id(payload: bytes, picture_id: int) -> bytes:
    """A VP8 payload with another picture id, modulo what its field holds."""

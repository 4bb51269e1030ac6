"""Keyframe starts for tests and tools; the plane calls the C function below this."""

def starts(codec: str, payload: bytes) -> bool:
    """Can a receiver begin with this RTP payload? `codec` is lower case ("vp8"); with a codec that is not known, or
    audio, it always can."""

"""The native plane: what moves packets. It knows no Socket.IO, no room and no name.

    loop → ingress (gate, demux, recv_stream) → fanout (send_stream) → sender (udp, tcp)
    loop → connections (framing, tcp) → ingress;  beside it: feedback, reports, remb
"""
from simplesfu.plane.plane import (
    MAX_TUPLES,
    DtlsDatagram,
    Event,
    Plane,
    PlaneError,
    StreamStarted,
    StreamStopped,
    StunRequest,
    TupleSelected,
)

__all__ = [
    "MAX_TUPLES",
    "DtlsDatagram",
    "Event",
    "Plane",
    "PlaneError",
    "StreamStarted",
    "StreamStopped",
    "StunRequest",
    "TupleSelected",
]

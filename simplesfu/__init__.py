"""Video, audio and screen share for an application that already has Socket.IO. The way of a packet:

     1  browser ─UDP/TCP─▶ gate       tells STUN, DTLS and SRTP apart; knows who has proven an address plane/gate
     2        STUN, DTLS              go to the engine: ICE-lite, the handshake, the SRTP keys         engine
     3        SRTP ──▶ demux          finds the stream by SSRC, or learns it from MID and RID          plane/demux
     4             ──▶ open           decrypts in place, rewrites to the router's numbers, once        plane/ingress
     5             ──▶ recv stream    puts it in order, asks for what is missing, keeps it a while     plane/recv_stream
     6             ──▶ fan-out        has a frame's packets wait for each other, walks the viewers     plane/fanout
     7             ──▶ send stream    pause, keyframe, numbers without a gap; retransmits by RTX       plane/send_stream
     8             ──▶ seal ──▶ out   encrypts; a viewer's packets leave in one call                   plane/sender
     9  who sends and who receives    is decided by Router, WebRtcTransport, Producer, Consumer        control
    10  as peers ask over Socket.IO   requests, rooms, wishes; or two browsers are linked directly     signaling
    11  MediaManager(sio)             puts it all together                                             manager
    12  No Python runs for a packet, and nothing in the list knows of what comes after it.
"""
from importlib.metadata import PackageNotFoundError, version

from simplesfu.errors import (
    AlreadyConnected,
    AlreadyExists,
    BadParameters,
    BadRequest,
    CannotConsume,
    CannotMove,
    Closed,
    ConfigError,
    Kicked,
    LimitReached,
    NoApplicationSocket,
    NotAllowed,
    NotFound,
    RoomFull,
    RoomLocked,
    SfuError,
    TooManyConsumers,
    TooManyJoins,
    TooManyProducers,
    TooManyRequests,
    TooManyRoomProducers,
    TooManyRooms,
    TooManyTransports,
    TooManyWishes,
    TooMuchBitrate,
    UnknownRequest,
    Unsupported,
)
from simplesfu.manager import MediaManager
from simplesfu.signaling.rights.authorization import AuthorizationRequest
from simplesfu.signaling.rights.explain import Explanation
from simplesfu.signaling.sessions.decision import Decision, SubscriptionRequest

try:
    __version__ = version("simplesfu")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "AlreadyConnected",
    "AlreadyExists",
    "AuthorizationRequest",
    "BadParameters",
    "BadRequest",
    "CannotConsume",
    "CannotMove",
    "Closed",
    "ConfigError",
    "Decision",
    "Explanation",
    "Kicked",
    "LimitReached",
    "MediaManager",
    "NoApplicationSocket",
    "NotAllowed",
    "NotFound",
    "RoomFull",
    "RoomLocked",
    "SfuError",
    "SubscriptionRequest",
    "TooManyConsumers",
    "TooManyJoins",
    "TooManyProducers",
    "TooManyRequests",
    "TooManyRoomProducers",
    "TooManyRooms",
    "TooManyTransports",
    "TooManyWishes",
    "TooMuchBitrate",
    "UnknownRequest",
    "Unsupported",
    "__version__",
]

"""The server under test: a real engine and router in a process of its own, its clients let in without ICE and DTLS."""
from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from simplesfu.config import MediaConfig
from simplesfu.control.ortc.capabilities import ABS_SEND_TIME_URI, MID_URI
from simplesfu.control.router import Router
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.engine.engine import Engine
from simplesfu.types import (
    IceParameters,
    MediaKind,
    RtcpFeedback,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
)

PROFILE: Final = "SRTP_AEAD_AES_128_GCM"
KEY_BYTES: Final = 16 + 12
MID_EXT: Final = 4
SEND_TIME_EXT: Final = 2

PlaneStats = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Client:
    """The address that a client sends from, and its keys as the server needs them. None: it comes by TCP, and shows by
    a check of its own which connection it is."""

    address: tuple[str, int] | None
    recv_key: bytes
    send_key: bytes


@dataclass(frozen=True)
class ServerSpec:
    core: int
    hold_us: int
    streams: tuple[MediaKind, ...]
    publisher: Client
    viewers: tuple[Client, ...]


@dataclass(frozen=True)
class Ready:
    address: tuple[str, int]
    plane_thread: int
    ice: tuple[IceParameters, ...]
    """Of each viewer."""


def ssrc_of(stream: int) -> int:
    return 1000 + stream


def payload_type_of(stream: int) -> int:
    return 96 + 2 * stream


def serve(connection: Connection, spec: ServerSpec) -> None:
    """The process. Answers "stats" with the plane's counters; ends with the other end."""
    os.sched_setaffinity(0, {spec.core})
    config = MediaConfig(listen=("127.0.0.1", 0), hold_us=spec.hold_us, max_incoming_bitrate_bps=0)
    engine = Engine(config)
    engine.start()
    try:
        router, ice = engine.call(_build(engine, config, spec))
        candidate = engine.candidates[0]
        connection.send(Ready((candidate.address, candidate.port), engine.plane.thread_id, ice))
        with suppress(EOFError):
            while connection.recv() == "stats":
                connection.send(engine.plane.stats())
        engine.call(_close(router))
    finally:
        engine.close()


async def _build(
    engine: Engine, config: MediaConfig, spec: ServerSpec
) -> tuple[Router, tuple[IceParameters, ...]]:
    router = Router(engine, config)
    publisher = router.create_webrtc_transport()
    _let_in(engine, publisher, spec.publisher)
    producers = [publisher.produce(kind, _rtp_parameters(i, kind)) for i, kind in enumerate(spec.streams)]
    ice = []
    for client in spec.viewers:
        transport = router.create_webrtc_transport()
        ice.append(transport.ice_parameters)
        _let_in(engine, transport, client)
        for producer in producers:
            transport.consume(producer, router.rtp_capabilities).resume()
    return router, tuple(ice)


async def _close(router: Router) -> None:
    router.close()


def _let_in(engine: Engine, transport: WebRtcTransport, client: Client) -> None:
    # What ICE and DTLS end with: a proven address, and keys.
    handle = transport.handle
    if client.address is not None:
        engine.plane.add_tuple(handle, client.address, select=True)
    engine.plane.set_srtp(handle, PROFILE, client.recv_key, client.send_key)


def _rtp_parameters(stream: int, kind: MediaKind) -> RtpParameters:
    """What a browser would send with `produce`."""
    payload_type = payload_type_of(stream)
    if kind == "audio":
        codecs = [RtpCodecParameters(mime_type="audio/opus", payload_type=payload_type, clock_rate=48_000, channels=2)]
    else:
        feedback = [RtcpFeedback(type="nack"), RtcpFeedback(type="nack", parameter="pli")]
        codecs = [
            RtpCodecParameters(
                mime_type="video/VP8", payload_type=payload_type, clock_rate=90_000, rtcp_feedback=feedback
            ),
            RtpCodecParameters(
                mime_type="video/rtx",
                payload_type=payload_type + 1,
                clock_rate=90_000,
                parameters={"apt": payload_type},
            ),
        ]
    ssrc = ssrc_of(stream)
    return RtpParameters(
        mid=str(stream),
        codecs=codecs,
        header_extensions=[
            RtpHeaderExtensionParameters(uri=MID_URI, id=MID_EXT),
            RtpHeaderExtensionParameters(uri=ABS_SEND_TIME_URI, id=SEND_TIME_EXT),
        ],
        encodings=[RtpEncodingParameters(ssrc=ssrc, rtx=RtxParameters(ssrc=ssrc + 100) if kind == "video" else None)],
    )

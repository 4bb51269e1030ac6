"""What real clients said of themselves: tests/fixtures/capabilities, decoded."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from simplesfu.config import CODECS
from simplesfu.control import ortc
from simplesfu.types import DtlsParameters, RtpCapabilities, RtpParameters

CLIENTS = ("chromium", "firefox", "wrtc", "pymediasoup")
ROUTER = ortc.router_rtp_capabilities(CODECS)

_DIRECTORY = Path(__file__).parents[1] / "fixtures" / "capabilities"


@cache
def raw(client: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((_DIRECTORY / f"{client}.json").read_text())
    return answer


def native_capabilities(client: str) -> RtpCapabilities:
    """All that it can do, in its own payload types and ids."""
    return msgspec.convert(raw(client)["nativeRtpCapabilities"], RtpCapabilities)


def recv_capabilities(client: str) -> RtpCapabilities:
    """What it tells the router that it can receive, in the router's payload types and ids."""
    return msgspec.convert(raw(client)["recvRtpCapabilities"], RtpCapabilities)


def produced(client: str, track: str) -> RtpParameters:
    """`track` is a key of "produce": "opus", "vp8", "vp8-simulcast", "h264-42e01f"…"""
    return msgspec.convert(raw(client)["produce"][track], RtpParameters)


def produced_tracks() -> list[tuple[str, str]]:
    return [(client, track) for client in CLIENTS for track in raw(client)["produce"]]


def dtls_parameters(client: str) -> DtlsParameters:
    return msgspec.convert(raw(client)["dtlsParameters"], DtlsParameters)

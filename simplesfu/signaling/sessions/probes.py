"""Transports that a client tries its network with: nothing is sent over them, and they go by themselves."""
from __future__ import annotations

from typing import Final

from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import NotFound, TooManyTransports
from simplesfu.signaling.sessions.clock import Clock

MAX_PROBES: Final = 4
PROBE_S: Final = 20.0
"""A client that checks its network has forgotten the probe by then, or has gone."""


class Probes:
    """Of one peer. They count as no transports of its, and nobody hears of them."""

    def __init__(self) -> None:
        self._transports: dict[str, WebRtcTransport] = {}

    def adopt(self, transport: WebRtcTransport, clock: Clock) -> None:
        timer = clock.call_later(PROBE_S, transport.close)

        def forget(_reason: str) -> None:
            timer.cancel()
            self._transports.pop(transport.id, None)

        self._transports[transport.id] = transport
        transport.on_close.connect(forget)

    def check_room(self) -> None:
        """Raises TooManyTransports."""
        if len(self._transports) >= MAX_PROBES:
            raise TooManyTransports(f"a peer has {MAX_PROBES} probes at most", "close those that are done")

    def find(self, transport_id: str) -> WebRtcTransport:
        """Raises NotFound."""
        transport = self._transports.get(transport_id)
        if transport is None:
            raise NotFound(f"no probe {transport_id!r}", f"it has been closed, or its {PROBE_S:g} s are over")
        return transport

    def close(self) -> None:
        for transport in list(self._transports.values()):
            transport.close()

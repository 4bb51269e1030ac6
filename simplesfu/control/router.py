"""Where everything meets: any producer here can be consumed by any transport here."""
from __future__ import annotations

from simplesfu.config import MediaConfig
from simplesfu.control import ortc
from simplesfu.control.producer import Producer
from simplesfu.control.signal import Signal
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.engine.engine import Engine
from simplesfu.errors import Closed
from simplesfu.types import RtpCapabilities


class Router:
    """All objects here belong to the engine's loop: call them there and nowhere else.

    on_close(reason): "closed", after its transports have closed.
    """

    def __init__(self, engine: Engine, config: MediaConfig) -> None:
        self.rtp_capabilities = ortc.router_rtp_capabilities(config.codecs)
        self.transports: dict[str, WebRtcTransport] = {}
        self.producers: dict[str, Producer] = {}
        self.closed = False
        self.on_close: Signal[[str]] = Signal()
        self._engine = engine
        self._config = config

    def create_webrtc_transport(self) -> WebRtcTransport:
        """Raises Closed."""
        if self.closed:
            raise Closed("the router has closed")
        transport = WebRtcTransport(self._engine, self._config, self.rtp_capabilities)
        self.transports[transport.id] = transport
        transport.on_producer.connect(self._adopt_producer)
        transport.on_close.connect(lambda _reason: self.transports.pop(transport.id))
        return transport

    def can_consume(self, producer: Producer, capabilities: RtpCapabilities) -> bool:
        """Whether a client with these capabilities can decode it."""
        return not producer.closed and ortc.can_consume(producer.consumable_rtp_parameters, capabilities)

    def close(self) -> None:
        """Closes its transports, and so everything. Before Engine.close(). A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        for transport in list(self.transports.values()):
            transport.router_closed()
        self.on_close.emit("closed")

    def _adopt_producer(self, producer: Producer) -> None:
        self.producers[producer.id] = producer
        producer.on_close.connect(lambda _reason: self.producers.pop(producer.id))

"""A client of one link: aioice's STUN, aiortc's own DTLS transport, a UDP socket."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aioice import stun
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from simplesfu.engine.engine import Engine
from simplesfu.engine.link import Link, LinkState
from simplesfu.types import DtlsFingerprint, DtlsParameters, IceParameters

Address = tuple[str, int]


def binding_request(ice: IceParameters, **attributes: Any) -> stun.Message:
    """As a controlling agent sends it; attributes are named with underscores, None takes one away."""
    wanted: dict[str, Any] = {
        "USERNAME": f"{ice.username_fragment}:client", "PRIORITY": 1, "ICE-CONTROLLING": 7, "USE-CANDIDATE": "",
    }
    for name, value in attributes.items():
        wanted[name.replace("_", "-")] = value
    wanted = {name: value for name, value in wanted.items() if value is not None}
    return stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes=wanted)


def signed(request: stun.Message, password: str) -> bytes:
    request.add_message_integrity(password.encode())
    return bytes(request)


class Watcher:
    """Notes what a link says of itself."""

    def __init__(self) -> None:
        self.seen: list[tuple[LinkState, str]] = []

    def link_state_changed(self, state: LinkState, reason: str) -> None:
        self.seen.append((state, reason))

    @property
    def states(self) -> list[LinkState]:
        return [state for state, _ in self.seen]


class EngineClient(asyncio.DatagramProtocol):
    """Its socket, and a queue for each protocol that comes in."""

    def __init__(self, server: Address) -> None:
        self.server = server
        self.stun: asyncio.Queue[stun.Message] = asyncio.Queue()
        self.dtls: asyncio.Queue[bytes] = asyncio.Queue()
        self.media: asyncio.Queue[bytes] = asyncio.Queue()
        self.certificate = RTCCertificate.generateCertificate()
        self.transport: asyncio.DatagramTransport

    def datagram_received(self, data: bytes, _: Address) -> None:
        if data[0] < 4:
            self.stun.put_nowait(stun.parse_message(data))
        elif data[0] < 64:
            self.dtls.put_nowait(data)
        else:
            self.media.put_nowait(data)

    @property
    def address(self) -> Address:
        address: Address = self.transport.get_extra_info("sockname")[:2]
        return address

    def send(self, data: bytes) -> None:
        self.transport.sendto(data, self.server)

    async def check(self, ice: IceParameters, **attributes: Any) -> stun.Message:
        """Send a connectivity check and wait for its answer."""
        request = binding_request(ice, **attributes)
        self.send(signed(request, ice.password))
        async with asyncio.timeout(5):
            while (answer := await self.stun.get()).transaction_id != request.transaction_id:
                pass
        return answer

    def fingerprints(self, algorithm: str = "sha-256") -> list[DtlsFingerprint]:
        return [
            DtlsFingerprint(algorithm=each.algorithm, value=each.value)
            for each in self.certificate.getFingerprints() if each.algorithm == algorithm
        ]

    def dtls_parameters(self, role: str) -> DtlsParameters:
        return DtlsParameters(role=role, fingerprints=self.fingerprints())  # type: ignore[arg-type]

    def dtls_transport(self, role: str) -> RTCDtlsTransport:
        """aiortc's, as it is, on this client's socket."""
        peer = RTCDtlsTransport(_IceTransport(self), [self.certificate])  # type: ignore[arg-type]
        peer._set_role(role)
        return peer


class _IceTransport:
    """The little that aiortc's DTLS transport wants of its ICE transport."""

    role = "controlling"

    def __init__(self, client: EngineClient) -> None:
        self._client = client

    async def _recv(self) -> bytes:
        return await self._client.dtls.get()

    async def _send(self, data: bytes) -> None:
        self._client.send(data)


def expect(fingerprints: list[DtlsFingerprint]) -> RTCDtlsParameters:
    return RTCDtlsParameters([RTCDtlsFingerprint(each.algorithm, each.value) for each in fingerprints])


@asynccontextmanager
async def client_of(engine: Engine, host: str = "127.0.0.1") -> AsyncIterator[EngineClient]:
    port = engine.candidates[0].port
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(lambda: EngineClient((host, port)), local_addr=(host, 0))
    client.transport = transport
    try:
        yield client
    finally:
        transport.close()


async def on(engine: Engine, function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a plain function on the engine's loop."""

    async def call() -> Any:
        return function(*args, **kwargs)

    return await asyncio.wrap_future(engine.run(call()))


async def new_link(engine: Engine) -> tuple[Link, Watcher]:
    watcher = Watcher()
    return await on(engine, engine.create_link, watcher), watcher

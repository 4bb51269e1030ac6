"""The ways of media to a server, each tried with the STUN request that a browser would begin with."""
from __future__ import annotations

import asyncio
import secrets
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aioice import stun, turn

from simplesfu.ice_servers import URL

TIMEOUT_S: Final = 5.0
REPEAT_S: Final = 0.25
UNAUTHORIZED: Final = 401


class WayClosedError(Exception):
    """In words."""


class WayRefusedError(WayClosedError):
    """It is there, and does not let us through: no matter of the network."""


@dataclass(frozen=True)
class Probe:
    """A transport to try: where it is, and the ICE credentials with which it lets one in."""

    username: str
    password: str

    def request(self) -> stun.Message:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes.update({"USERNAME": f"{self.username}:doctor", "PRIORITY": 1,
                                   "ICE-CONTROLLING": secrets.randbits(64)})
        message.add_message_integrity(self.password.encode())
        message.add_fingerprint()
        return message


def turn_hint(error: WayClosedError) -> str:
    """What to do about a TURN server."""
    if isinstance(error, WayRefusedError):
        return "is turn_secret its static-auth-secret, and are both clocks right?"
    return "is it running, is its port open, and may it send to the server's UDP port?"


class _Answers(asyncio.DatagramProtocol):
    """Resolves `answered` with the answer to one of our requests."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asked: set[bytes] = set()

    def datagram_received(self, data: bytes, _address: Any) -> None:
        try:
            message = stun.parse_message(data)
        except (ValueError, struct.error):
            return
        if message.transaction_id in self.asked and not self.answered.done():
            self.answered.set_result(None)

    def error_received(self, error: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(WayClosedError(str(error)))


async def try_udp(probe: Probe, address: str, port: int) -> float:
    """@returns the round-trip time in ms. Raises WayClosedError."""
    loop = asyncio.get_running_loop()
    try:
        transport, answers = await loop.create_datagram_endpoint(_Answers, remote_addr=(address, port))
    except OSError as error:
        raise WayClosedError(str(error)) from error
    try:
        return await _ask(probe, answers, transport.sendto)
    finally:
        transport.close()


async def try_tcp(probe: Probe, address: str, port: int) -> float:
    """Framed as RFC 4571 has it. @returns the round-trip time in ms. Raises WayClosedError."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), TIMEOUT_S)
    except TimeoutError as error:
        raise WayClosedError("no connection in time") from error
    except OSError as error:
        raise WayClosedError(error.strerror or str(error)) from error
    try:
        request = bytes(probe.request())
        began = time.monotonic()
        writer.write(struct.pack("!H", len(request)) + request)
        [length] = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), TIMEOUT_S))
        stun.parse_message(await asyncio.wait_for(reader.readexactly(length), TIMEOUT_S))
        return (time.monotonic() - began) * 1000
    except (TimeoutError, asyncio.IncompleteReadError, OSError, ValueError, struct.error) as error:
        raise WayClosedError("it is connected, and nothing sensible comes back") from error
    finally:
        writer.close()


async def try_turn(url: str, username: str, credential: str, targets: Sequence[tuple[Probe, str, int]]) -> float | None:
    """An allocation, and through it the first of the targets (IPv4).

    Returns the round-trip time in ms, None without a target. Raises WayClosedError.
    """
    found = URL.fullmatch(url)
    if found is None or not found["scheme"].startswith("turn"):
        raise WayClosedError("this URL is not understood")
    scheme, host, port, transport = found.group("scheme", "host", "port", "transport")
    try:
        relay, answers = await asyncio.wait_for(turn.create_turn_endpoint(
            _Answers, (host.strip("[]"), int(port or (5349 if scheme == "turns" else 3478))), username, credential,
            ssl=scheme == "turns", transport=transport or ("tcp" if scheme == "turns" else "udp"),
        ), TIMEOUT_S)
    except TimeoutError as error:
        raise WayClosedError("it does not answer") from error
    except stun.TransactionFailed as error:
        code, reason = error.response.attributes.get("ERROR-CODE", (0, ""))
        what = "the credentials" if code == UNAUTHORIZED else f"an allocation: {code} {reason}"
        raise WayRefusedError(f"it refuses {what}") from error
    except (OSError, stun.TransactionError) as error:
        raise WayClosedError(str(error)) from error
    try:
        if not targets:
            return None
        probe, peer, peer_port = targets[0]
        return await _ask(probe, answers, lambda data: relay.sendto(data, (peer, peer_port)))
    finally:
        relay.close()


async def _ask(probe: Probe, answers: _Answers, send: Callable[[bytes], None]) -> float:
    began = time.monotonic()
    while time.monotonic() < began + TIMEOUT_S:
        request = probe.request()
        answers.asked.add(request.transaction_id)
        sent = time.monotonic()
        send(bytes(request))
        done, _ = await asyncio.wait([answers.answered], timeout=REPEAT_S)
        if done:
            answers.answered.result()
            return (time.monotonic() - sent) * 1000
    raise WayClosedError("nothing comes back")

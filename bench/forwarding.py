"""One run: a server process, its viewers, a warm-up, and traffic whose cost is taken from quiet to quiet."""
from __future__ import annotations

import os
import socket
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from aioice import stun
from pylibsrtp import Session

from bench.accounting import Usage, read_usage
from bench.load import Generator, Tally
from bench.processes import ask, receive, spawned
from bench.server import (
    KEY_BYTES,
    MID_EXT,
    PROFILE,
    SEND_TIME_EXT,
    Client,
    PlaneStats,
    ServerSpec,
    payload_type_of,
    serve,
    ssrc_of,
)
from bench.traffic import Traffic
from simplesfu.plane.srtp import make_session
from simplesfu.types import IceParameters

OPENED_VIEWERS: Final = 8
WARM_UP_S: Final = 0.5
VIEWER_BUFFER_BYTES: Final = 1 << 20
SO_TIMESTAMPNS: Final = 35


@dataclass(frozen=True)
class Scenario:
    traffic: Traffic
    viewers: int
    hold_us: int = 1000
    tcp: bool = False
    """Viewers come by TCP; the publisher does not."""


@dataclass(frozen=True)
class Forwarding:
    """What one run cost and gave. Costs are per packet that left for a viewer."""

    forwarded: int
    cpu_us: float
    system_share: float
    """Of user and system time."""
    python_share: float
    """Of the CPU time: everything but the plane's thread."""
    python_wakeups: int
    """Times that a thread other than the plane's woke up, all through the run: what no packet may cause."""
    wakeups_per_packet: float
    """Of the plane's thread, for each packet that came in."""
    seconds: float
    packets_per_message: float
    """That the kernel got in one UDP_SEGMENT message, or in one write to a connection, on average."""
    latency_p50_ms: float
    latency_p99_ms: float
    lost: int
    opened: int
    spoilt: int
    most_late_ms: float
    """How far the generator fell behind its own timetable: large values mean that it, not the server, was the limit."""


def measure(scenario: Scenario, *, server_core: int, seconds: float) -> Forwarding:
    """Raises RuntimeError when viewers got anything but what was sent."""
    with ExitStack() as stack:
        publisher = stack.enter_context(_socket())
        new_viewer = _connection if scenario.tcp else _socket
        viewers = [stack.enter_context(new_viewer()) for _ in range(scenario.viewers)]
        clients = [_client(sock) for sock in (publisher, *viewers)]
        spec = ServerSpec(server_core, scenario.hold_us, scenario.traffic.streams, clients[0], tuple(clients[1:]))
        pid, connection = stack.enter_context(spawned(serve, spec))
        ready = receive(connection)
        publisher.connect(ready.address)
        if scenario.tcp:
            for sock, ice in zip(viewers, ready.ice, strict=True):
                _connect(sock, ready.address, ice)
        generator = Generator(
            publisher,
            make_session(PROFILE, clients[0].recv_key, inbound=False),
            [(ssrc_of(i), payload_type_of(i), str(i)) for i in range(len(scenario.traffic.streams))],
            _with_sessions(viewers, clients[1:]),
            mid_ext=MID_EXT,
            send_time_ext=SEND_TIME_EXT,
        )
        generator.play(scenario.traffic.timetable(WARM_UP_S, first_s=0))
        before = ask(connection, "stats")
        usage = read_usage(pid, ready.plane_thread)
        tally = generator.play(scenario.traffic.timetable(seconds, first_s=10))
        usage = read_usage(pid, ready.plane_thread).since(usage)
        return _result(scenario, tally, usage, before, ask(connection, "stats"))


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, VIEWER_BUFFER_BYTES)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


def _connection() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, VIEWER_BUFFER_BYTES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _connect(sock: socket.socket, server: tuple[str, int], ice: IceParameters) -> None:
    """Prove by a check which viewer this is (RFC 8445, in frames of RFC 4571)."""
    name = f"{ice.username_fragment}:bench"
    attributes = {"USERNAME": name, "PRIORITY": 1, "ICE-CONTROLLING": 7, "USE-CANDIDATE": None}
    check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes=attributes)
    check.add_message_integrity(ice.password.encode())
    sock.connect(server)
    sock.sendall(len(bytes(check)).to_bytes(2) + bytes(check))
    sock.settimeout(5)
    answer = sock.recv(int.from_bytes(sock.recv(2, socket.MSG_WAITALL)), socket.MSG_WAITALL)
    if stun.parse_message(answer).message_class != stun.Class.RESPONSE:
        raise RuntimeError(f"the server refused a viewer's check: {answer.hex()}")
    sock.setblocking(False)


def _client(sock: socket.socket) -> Client:
    address = sock.getsockname() if sock.type == socket.SOCK_DGRAM else None
    return Client(address, os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))


def _with_sessions(
    viewers: Sequence[socket.socket], clients: Sequence[Client]
) -> list[tuple[socket.socket, Session | None]]:
    """Some viewers, spread evenly over the order of service, open what they get."""
    opened = {i * len(viewers) // OPENED_VIEWERS for i in range(OPENED_VIEWERS)}
    pairs: list[tuple[socket.socket, Session | None]] = []
    for i, (sock, client) in enumerate(zip(viewers, clients, strict=True)):
        if i in opened and sock.type == socket.SOCK_DGRAM:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        pairs.append((sock, make_session(PROFILE, client.send_key, inbound=True) if i in opened else None))
    return pairs


def _result(scenario: Scenario, tally: Tally, usage: Usage, before: PlaneStats, after: PlaneStats) -> Forwarding:
    def counted(group: str, name: str) -> int:
        return after[group][name] - before[group][name]

    forwarded = counted("egress", "forwarded")
    if not forwarded or not tally.opened or tally.spoilt:
        raise RuntimeError(
            f"the viewers did not get what was sent: {tally.sent} sent, {tally.received} received, "
            f"{tally.opened} opened, {tally.spoilt} spoilt; {after}"
        )
    percentiles = statistics.quantiles(tally.latencies_us, n=100, method="inclusive")
    return Forwarding(
        forwarded=forwarded,
        cpu_us=usage.cpu_ns / 1e3 / forwarded,
        system_share=usage.system_ticks / max(1, usage.system_ticks + usage.user_ticks),
        python_share=1 - usage.thread_cpu_ns / usage.cpu_ns,
        python_wakeups=usage.other_wakeups,
        wakeups_per_packet=counted("plane", "wakeups") / counted("ingress", "media"),
        seconds=tally.elapsed_ns / 1e9,
        packets_per_message=(counted("sender", "datagrams") + counted("tcp", "frames")) / counted("sender", "messages"),
        latency_p50_ms=percentiles[49] / 1e3,
        latency_p99_ms=percentiles[98] / 1e3,
        lost=tally.sent * scenario.viewers - tally.received,
        opened=tally.opened,
        spoilt=tally.spoilt,
        most_late_ms=tally.most_late_us / 1e3,
    )

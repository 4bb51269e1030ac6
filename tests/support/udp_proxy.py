"""A bad network in user space: loss, delay, reordering and changes of address, the same for the same seed."""

from __future__ import annotations

import heapq
import itertools
import random
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Self

Address = tuple[str, int]


@dataclass(frozen=True)
class Weather:
    """What happens to the datagrams of one direction. Shares are 0..1."""

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Each datagram waits up to this much longer; those behind it wait too (a queue keeps its order)."""
    reorder: float = 0.0
    """Share of datagrams that are overtaken: held for `reorder_ms` while the rest goes on."""
    reorder_ms: float = 5.0


CALM = Weather()


@dataclass
class Tally:
    received: int = 0
    passed: int = 0
    lost: int = 0
    reordered: int = 0


@dataclass(order=True)
class _Waiting:
    due: float
    order: int
    data: bytes = field(compare=False)
    out: socket.socket = field(compare=False)
    to: Address = field(compare=False)
    tally: Tally = field(compare=False)


class _Direction:
    """One direction of one client: its dice, and when its last datagram leaves."""

    def __init__(self, weather: Weather, seed: str) -> None:
        self.weather = weather
        self.dice = random.Random(seed)
        self.busy_until = 0.0

    def due(self, now: float, tally: Tally) -> float | None:
        """When a datagram that arrives now leaves; None when it is lost."""
        # As many throws for each datagram, whatever the weather: one setting does not shift another's luck.
        lost, late, overtaken = (self.dice.random() for _ in range(3))
        weather = self.weather
        if lost < weather.loss:
            tally.lost += 1
            return None
        due = now + (weather.delay_ms + late * weather.jitter_ms) / 1000
        if overtaken < weather.reorder:
            tally.reordered += 1
            return max(due, self.busy_until) + weather.reorder_ms / 1000
        self.busy_until = max(due, self.busy_until)
        return self.busy_until


@dataclass
class _Client:
    upstream: socket.socket
    up: _Direction
    down: _Direction


class UdpProxy:
    """Stands between any number of clients and one server; each client has an upstream socket of its own.

    Runs in a thread; `address` is what the clients are given in place of the server's.
    """

    def __init__(self, server: Address, *, seed: int = 1, up: Weather = CALM, down: Weather = CALM) -> None:
        self.server = server
        self.seed = seed
        self.up_tally = Tally()
        self.down_tally = Tally()
        self._weather = (up, down)
        self._clients: dict[Address, _Client] = {}
        self._queue: list[_Waiting] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._face = self._open((server[0], 0))
        self.address: Address = self._face.getsockname()
        self._selector.register(self._face, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="udp-proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._selector.close()
        self._face.close()
        for client in self._clients.values():
            client.upstream.close()

    def set_weather(self, *, up: Weather | None = None, down: Weather | None = None) -> None:
        """Change the weather for all clients, from now on."""
        with self._lock:
            self._weather = (up or self._weather[0], down or self._weather[1])
            for client in self._clients.values():
                client.up.weather, client.down.weather = self._weather

    def rebind(self) -> None:
        """Give every client another source address towards the server, as a NAT does that has lost its mapping."""
        with self._lock:
            for address, client in list(self._clients.items()):
                self._selector.unregister(client.upstream)
                client.upstream.close()
                self._clients[address] = replace(client, upstream=self._open_upstream(address))

    @property
    def upstream_ports(self) -> set[int]:
        """The source ports that the server sees."""
        with self._lock:
            return {client.upstream.getsockname()[1] for client in self._clients.values()}

    @staticmethod
    def _open(address: Address) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        opened.bind(address)
        opened.setblocking(False)
        return opened

    def _open_upstream(self, client: Address) -> socket.socket:
        upstream = self._open((self.server[0], 0))
        self._selector.register(upstream, selectors.EVENT_READ, client)
        return upstream

    def _client(self, address: Address) -> _Client:
        if address not in self._clients:
            luck = f"{self.seed}/{len(self._clients)}"
            up, down = self._weather
            self._clients[address] = _Client(
                self._open_upstream(address), _Direction(up, f"{luck}/up"), _Direction(down, f"{luck}/down")
            )
        return self._clients[address]

    def _run(self) -> None:
        while not self._stopping.is_set():
            wait = max(0.0, self._queue[0].due - time.monotonic()) if self._queue else 0.05
            ready = self._selector.select(min(wait, 0.05))
            with self._lock:
                for key, _ in ready:
                    if key.data is None:
                        self._read_face()
                    elif (client := self._clients[key.data]).upstream is key.fileobj:
                        self._read_upstream(key.data, client)
                self._send_due()

    def _read_face(self) -> None:
        for _ in range(64):
            try:
                data, address = self._face.recvfrom(65535)
            except BlockingIOError:
                return
            client = self._client(address)
            self._enqueue(data, client.up, client.upstream, self.server, self.up_tally)

    def _read_upstream(self, address: Address, client: _Client) -> None:
        for _ in range(64):
            try:
                data, source = client.upstream.recvfrom(65535)
            except BlockingIOError:
                return
            if source == self.server:
                self._enqueue(data, client.down, self._face, address, self.down_tally)

    def _enqueue(self, data: bytes, way: _Direction, out: socket.socket, to: Address, tally: Tally) -> None:
        tally.received += 1
        due = way.due(time.monotonic(), tally)
        if due is not None:
            heapq.heappush(self._queue, _Waiting(due, next(self._order), data, out, to, tally))

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._queue and self._queue[0].due <= now:
            waiting = heapq.heappop(self._queue)
            if waiting.out.fileno() < 0:  # rebound while it waited: the old mapping is gone
                waiting.tally.lost += 1
                continue
            waiting.out.sendto(waiting.data, waiting.to)
            waiting.tally.passed += 1

"""A server in a process of its own: started on free ports, its log kept, held to its manners when it stops."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from .machine import free_port
from .udp_proxy import Address
from .waiting import until

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).parent / "apps"
HTTP_ADDRESS = re.compile(r"https?://([\d.]+|\[[\da-f:]+\]|localhost):(\d+)")
BAD_LOG = re.compile(r"ERROR|CRITICAL|Traceback|never retrieved|never awaited|Task was destroyed|Exception ignored")


class Server:
    """A child process that prints the address of its HTTP server once it listens."""

    def __init__(self, argv: Sequence[str], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self.expected_errors: list[str] = []
        """Patterns of log lines that the test provokes on purpose."""
        self._argv = argv
        self._cwd = cwd
        self._env = dict(env or {})
        self._listening = threading.Event()
        self._url = ""
        self._spawn()

    def _spawn(self) -> None:
        self.process = subprocess.Popen(
            self._argv,
            cwd=self._cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **self._env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name="server-log")
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))
                if not self._url and (found := HTTP_ADDRESS.search(line)):
                    self._url = f"http://{found[1]}:{found[2]}"
                    self._listening.set()
        self._listening.set()

    async def started(self, timeout_s: float = 20.0) -> None:
        await asyncio.to_thread(self._listening.wait, timeout_s)
        assert self._url, f"the server did not come up:\n{self.log}"

    @property
    def url(self) -> str:
        return self._url

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    async def get(self, path: str, timeout_s: float = 15.0) -> Any:
        """The JSON that a path answers."""

        def fetch() -> Any:
            with urllib.request.urlopen(self._url + path, timeout=timeout_s) as answer:
                return json.load(answer)

        return await asyncio.to_thread(fetch)

    async def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = await self.get("/_stats")
        return stats

    async def stop(self) -> None:
        """Ctrl-C, and what a well-behaved server does then: leave at once, cleanly, without a cry."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        try:
            code = await asyncio.to_thread(self.process.wait, 10)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # it says where each of its threads is
            await asyncio.to_thread(self._reader.join)
            self.kill()
            raise AssertionError(f"still running 10 s after Ctrl-C:\n{self.log}") from None
        await asyncio.to_thread(self._reader.join)
        assert code == 0, f"exit code {code} after {time.monotonic() - began:.1f} s:\n{self.log}"
        assert not self.bad_lines(), "the log complains:\n" + self.log

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()

    def bad_lines(self) -> list[str]:
        expected = [re.compile(pattern) for pattern in self.expected_errors]
        bad = (line for line in self.lines if BAD_LOG.search(line))
        return [line for line in bad if not any(pattern.search(line) for pattern in expected)]


class MediaServer(Server):
    """One of the test applications, with media on a UDP port of its own."""

    def __init__(self, app: str = "asgi", *, media_host: str = "127.0.0.1", **options: Any) -> None:
        self.media_address = (media_host, free_port(host=media_host))
        options.setdefault("listen", list(self.media_address))
        super().__init__(
            [sys.executable, str(APPS / f"{app}_app.py")],
            env={"MEDIA_OPTIONS": json.dumps(options), "PYTHONPATH": str(ROOT)},
        )

    @property
    def http_address(self) -> Address:
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host.strip("[]"), int(port)

    async def crash(self) -> None:
        """Killed in mid-sentence: no process says goodbye to anybody."""
        await asyncio.to_thread(self.kill)

    async def revive(self) -> None:
        """After crash(): another process at the same HTTP and UDP address. Returns when it listens."""
        self._env["HTTP_PORT"] = str(self.http_address[1])
        self._url = ""
        self._listening.clear()
        self._spawn()
        await self.started()

    async def peers(self) -> dict[str, Any]:
        """The application's books, `media.peers`: PeerInfo by peer id."""
        peers: dict[str, Any] = await self.get("/_peers")
        return peers

    async def heard(self, event: str) -> list[dict[str, Any]]:
        """The application's events of that name so far: {"event", "at" (time.time()), "peer_id", "label"}."""
        return [heard for heard in await self.get("/_heard") if heard["event"] == event]

    async def empty(self) -> dict[str, Any]:
        """Wait until nothing is left of any call; the statistics then."""

        stats: dict[str, Any] = {}

        async def nothing_left() -> bool:
            nonlocal stats
            stats = await self.stats()
            return not any(stats["live"].values())

        try:
            await until(nothing_left, "nothing left of the calls", timeout_s=35)  # a goodbye may get lost
        except AssertionError as error:
            raise AssertionError(f"{error}; the server still holds {stats['live']}") from None
        return stats

    async def stop(self) -> None:
        """Nothing is left of the calls, no packet went missing uncounted, and the process ends well."""
        assert_balanced((await self.empty())["media"]["plane"])
        await super().stop()


def assert_balanced(plane: Mapping[str, Mapping[str, int]]) -> None:
    """The sums of docs/counters.md."""
    ingress, egress = plane["ingress"], plane["egress"]
    understood = sum(ingress[kind] for kind in ("stun", "dtls", "rtcp", "media"))
    assert ingress["received"] == understood + sum(plane["ingress_drops"].values()), plane
    assert egress["offered"] == egress["forwarded"] + sum(plane["egress_drops"].values()), plane
    tcp = plane["tcp"]
    assert tcp["accepted"] == tcp["strangers"] + tcp["proven"] + sum(plane["tcp_closed"].values()), plane


AnyServer = TypeVar("AnyServer", bound=Server)


@asynccontextmanager
async def running(server: AnyServer) -> AsyncIterator[AnyServer]:
    """Start, and at the end stop, a server. Its log is printed: pytest shows it when something failed."""
    try:
        await server.started()
        yield server
        await server.stop()
    finally:
        server.kill()
        print(server.log)

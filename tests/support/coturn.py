"""A real coturn on a host of a network, with the configuration of docs/guide/networks.md but for its TLS."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from .netns import Host
from .server import ROOT
from .waiting import until

CONFIGURATION = ROOT / "tests" / "fixtures" / "turnserver.conf"
SECRET = "the secret that both know"
PORT = 3478


def require_coturn() -> None:
    """Skips the test, with the reason, where it is missing."""
    if shutil.which("turnserver") is None:
        reason = "coturn is missing (Debian: apt-get install coturn)"
        print(reason)
        pytest.skip(reason)


@asynccontextmanager
async def coturn(host: Host) -> AsyncIterator[str]:
    """Runs meanwhile; gives "host:port" for its URLs."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        options = {
            **{"listening-ip": host.ipv4, "relay-ip": host.ipv4, "log-file": log},
            **{"pidfile": f"{directory}/pid", "userdb": f"{directory}/db"},
        }
        flags = ["-c", str(CONFIGURATION), "--no-tls", "--no-dtls", "--simple-log", "--new-log-timestamp"]
        argv = ["turnserver", *flags, *(f"--{name}={value}" for name, value in options.items())]
        null = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*host.command(argv), stdout=null, stderr=null)
        try:
            await until(lambda: _listens(host), "coturn listens")
            yield f"{host.ipv4}:{PORT}"
        finally:
            process.terminate()
            await process.wait()
            print(*[line for line in log.read_text().splitlines() if "session" in line or "ERROR" in line], sep="\n")


def _listens(host: Host) -> bool:
    with host.entered(), socket.socket() as probe:
        return probe.connect_ex((host.ipv4, PORT)) == 0

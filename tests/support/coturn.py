"""A real coturn on a host of a network: TURN over UDP and TCP, credentials by a shared secret."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from .netns import Host
from .waiting import until

SECRET = "shared with coturn"
PORT = 3478


def require_coturn() -> None:
    """Skips the test, with the reason, where it is missing."""
    if shutil.which("turnserver") is None:
        reason = "coturn is missing (Debian: apt-get install coturn)"
        print(reason)
        pytest.skip(reason)


@asynccontextmanager
async def coturn(host: Host, secret: str = SECRET) -> AsyncIterator[str]:
    """Runs meanwhile; gives "host:port" for its URLs."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        options = {
            **{"listening-ip": host.ipv4, "relay-ip": host.ipv4, "listening-port": PORT, "realm": "test"},
            **{"static-auth-secret": secret, "log-file": log, "pidfile": f"{directory}/pid", "userdb": f"{directory}/db"},
        }
        flags = ["-n", "--use-auth-secret", "--no-cli", "--no-tls", "--no-dtls", "--simple-log", "--new-log-timestamp"]
        argv = ["turnserver", *flags, *(f"--{name}={value}" for name, value in options.items())]
        process = subprocess.Popen(host.command(argv), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await until(lambda: _listens(host), "coturn listens")
            yield f"{host.ipv4}:{PORT}"
        finally:
            process.terminate()
            process.wait()
            print(*[line for line in log.read_text().splitlines() if "session" in line or "ERROR" in line], sep="\n")


def _listens(host: Host) -> bool:
    with host.entered():
        with socket.socket() as probe:
            return probe.connect_ex((host.ipv4, PORT)) == 0

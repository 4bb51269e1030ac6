"""Addresses and ports of this machine."""

from __future__ import annotations

import socket
from contextlib import suppress

import psutil


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM, host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago, for UDP and for TCP."""
    other = socket.SOCK_STREAM if kind == socket.SOCK_DGRAM else socket.SOCK_DGRAM
    while True:
        with socket.socket(socket.AF_INET, kind) as probe, socket.socket(socket.AF_INET, other) as beside:
            probe.bind((host, 0))
            port: int = probe.getsockname()[1]
            with suppress(OSError):
                beside.bind((host, port))
                return port


def outward_address() -> str | None:
    """An IPv4 address of this machine that is not loopback; None when it has none."""
    stats = psutil.net_if_stats()
    for name, addresses in psutil.net_if_addrs().items():
        if not stats[name].isup:
            continue
        for entry in addresses:
            if entry.family == socket.AF_INET and not entry.address.startswith(("127.", "169.254.")):
                return str(entry.address)
    return None

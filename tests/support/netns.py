"""Networks of one's own: hosts in network namespaces, a router between them, and what it lets through.

    server 10.77.1.2 ──┐
    client 10.77.2.2 ──┼── router (nft: drops, NAT)
    turn   10.77.3.2 ──┘

Nothing of it is seen in the machine's own namespace, and it goes when the network is closed.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Self

import pytest

from .server import APPS, ROOT, MediaServer, Server

PREFIX = "sfu-test"
MEDIA_PORT = 40000
HTTP_PORT = 8000
CLONE_NEWNET = 0x4000_0000
NAT_PORTS = 1000
"""How many a NAT's mapping may choose from; each rebinding moves on to the next so many."""


@cache
def why_not() -> str:
    """Why there can be no such network here; "" when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "nft"):
        if shutil.which(tool) is None:
            return f"{tool} is missing (Debian: apt-get install iproute2 nftables)"
    try:
        with Network() as network:
            network.host("probe")
    except subprocess.CalledProcessError as error:
        return f"this kernel gives no network namespaces: {' '.join(error.cmd)}: {error.stderr.strip()}"
    return ""


def require_namespaces() -> None:
    """Skips the test, with the reason, where there are none."""
    if reason := why_not():
        print(reason)
        pytest.skip(reason)


class Host:
    """A machine of the network. `with host.entered():` makes sockets of this process that are the host's."""

    def __init__(self, namespace: str, number: int) -> None:
        self.namespace = namespace
        self.name = namespace.rpartition("-")[2]
        self.ipv4 = f"10.77.{number}.2"
        self.ipv6 = f"fd77:0:0:{number}::2"

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command that runs another one on this host; the process keeps its id."""
        return ["ip", "netns", "exec", self.namespace, *argv]

    def run(self, *argv: str) -> str:
        """What a command prints there. Raises CalledProcessError."""
        return _run(*self.command(argv))

    def executable(self, program: str) -> str:
        """A file that runs the program there, for those who take only a path: Playwright's `executable_path`."""
        path = Path(tempfile.gettempdir()) / f"{self.namespace}-{Path(program).name}"
        path.write_text(f'#!/bin/sh\nexec ip netns exec {self.namespace} {program} "$@"\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is on the host meanwhile: sockets made here stay there. Await nothing inside."""
        with _namespace_of(Path(f"/proc/self/task/{threading.get_native_id()}/ns/net")) as home:
            with _namespace_of(Path("/run/netns") / self.namespace) as there:
                _set_namespace(there)
            try:
                yield
            finally:
                _set_namespace(home)

    def knows(self, **addresses: str) -> None:
        """Names of other hosts, for processes started from now on: `knows(media="10.77.1.2")`, also twice by list."""
        directory = Path("/etc/netns") / self.namespace
        directory.mkdir(parents=True, exist_ok=True)
        lines = [f"{address} {name}" for name, given in addresses.items() for address in given.split()]
        (directory / "hosts").write_text("\n".join(["127.0.0.1 localhost", "::1 localhost", *lines, ""]))

    def forgotten(self) -> None:
        subprocess.run(["ip", "netns", "del", self.namespace], check=False, capture_output=True)
        shutil.rmtree(Path("/etc/netns") / self.namespace, ignore_errors=True)
        for path in Path(tempfile.gettempdir()).glob(f"{self.namespace}-*"):
            path.unlink(missing_ok=True)


class Network:
    """Hosts around one router. A context manager."""

    def __init__(self) -> None:
        self._hosts: list[Host] = []
        self._router = self._add("router")
        self._hidden = self._router
        self._nat_port = 20_000

    def __enter__(self) -> Self:
        _sweep()
        _run("ip", "netns", "add", self._router.namespace)
        for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self._router.run("sh", "-c", f"echo 1 >/proc/sys/net/{path}")
        self._nft("add table inet way")
        self._nft("add chain inet way through { type filter hook forward priority 0; }")
        self._nft("add chain inet way out { type nat hook postrouting priority 100; }")
        return self

    def __exit__(self, *_: object) -> None:
        for host in reversed(self._hosts):
            host.forgotten()

    def host(self, name: str, *, ipv4: bool = True, ipv6: bool = True) -> Host:
        """Another machine, linked to the router by both families, or by the one."""
        host = self._add(name)
        inner, outer = host.namespace, self._router.namespace
        _run("ip", "netns", "add", inner)
        _run("ip", "link", "add", "eth0", "netns", inner, "type", "veth", "peer", "name", name, "netns", outer)
        for space, link in ((inner, "lo"), (inner, "eth0"), (outer, name)):
            _run("ip", "-n", space, "link", "set", link, "up")
        families = [(host.ipv4, 24, "10.77")] * ipv4 + [(host.ipv6, 64, "fd77")] * ipv6
        for address, length, _ in families:
            gateway = address[:-1] + "1"
            family = "-6" if ":" in address else "-4"
            nodad = ["nodad"] * (":" in address)  # nobody else can have it, and the check takes a second
            _run("ip", "-n", inner, "addr", "add", f"{address}/{length}", "dev", "eth0", *nodad)
            _run("ip", "-n", outer, "addr", "add", f"{gateway}/{length}", "dev", name, *nodad)
            _run("ip", "-n", inner, family, "route", "add", "default", "via", gateway)
        return host

    def block(self, match: str) -> None:
        """The router drops what an nft expression matches: "meta l4proto udp", "tcp dport 40000", "ip daddr …"."""
        self._nft(f"add rule inet way through {match} counter drop")

    def unblock(self) -> None:
        self._nft("flush chain inet way through")

    @property
    def blocked(self) -> int:
        """How many packets the rules that stand have dropped."""
        listed = json.loads(self._router.run("nft", "-j", "list", "chain", "inet", "way", "through"))["nftables"]
        expressions = [part for entry in listed if "rule" in entry for part in entry["rule"]["expr"]]
        return sum(part["counter"]["packets"] for part in expressions if "counter" in part)

    def cap(self, host: Host, bps: int) -> None:
        """What leaves the router for the host passes at that rate; 150 ms of it wait, and the rest is dropped."""
        self._router.run(*f"tc qdisc replace dev {host.name} root handle 1: htb default 1".split())
        self._router.run(*f"tc class replace dev {host.name} parent 1: classid 1:1 htb rate {bps} burst 4k".split())
        limit = f"limit {bps * 150 // 8000}"
        self._router.run(*f"tc qdisc replace dev {host.name} parent 1:1 handle 2: bfifo {limit}".split())

    def uncap(self, host: Host) -> None:
        self._router.run("tc", "qdisc", "del", "dev", host.name, "root")

    def nat(self, host: Host) -> None:
        """From now on the others see the host's UDP come from the router's address, and from ports of its choice."""
        self._hidden = host
        self._map(self._nat_port)

    def rebind(self) -> None:
        """The NAT forgets its mappings, and what the host sends next comes from other ports."""
        self._nat_port += NAT_PORTS
        self._map(self._nat_port)
        with self._router.entered():
            _flush_connection_tracking()

    def _map(self, first_port: int) -> None:
        ports = f"{first_port}-{first_port + NAT_PORTS - 1}"
        self._nft("flush chain inet way out")
        self._nft(f"add rule inet way out ip saddr {self._hidden.ipv4} meta l4proto udp masquerade to :{ports}")

    def _add(self, name: str) -> Host:
        host = Host(f"{PREFIX}-{os.getpid()}-{id(self):x}-{name}", len(self._hosts))
        self._hosts.append(host)
        return host

    def _nft(self, command: str) -> None:
        self._router.run("nft", command)


class HostServer(MediaServer):
    """A test application that runs on a host, at HTTP_PORT and MEDIA_PORT. `address`: that of its pages, and of its
    media unless options say otherwise; the host's IPv4 one when it is not given."""

    def __init__(self, host: Host, app: str = "asgi", *, address: str = "", **options: Any) -> None:
        self.host = host
        address = address or host.ipv4
        self.media_address = (address, MEDIA_PORT)
        options.setdefault("listen", list(self.media_address))
        Server.__init__(
            self,
            host.command([sys.executable, str(APPS / f"{app}_app.py")]),
            env={
                **{"MEDIA_OPTIONS": json.dumps(options), "PYTHONPATH": str(ROOT)},
                **{"HTTP_HOST": address, "HTTP_PORT": str(HTTP_PORT)},
            },
        )

    async def get(self, path: str, timeout_s: float = 15.0) -> Any:
        def fetch() -> Any:
            with self.host.entered(), urllib.request.urlopen(self.url + path, timeout=timeout_s) as answer:
                return json.load(answer)

        return await asyncio.to_thread(fetch)


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@contextmanager
def _namespace_of(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _set_namespace(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _flush_connection_tracking() -> None:
    """nfnetlink's IPCTNL_MSG_CT_DELETE without attributes: every entry."""
    delete, request_and_ack = (1 << 8) | 2, 0x1 | 0x4
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:
        netlink.send(struct.pack("=IHHII4x", 20, delete, request_and_ack, 1, 0))
        error: int = struct.unpack_from("=i", netlink.recv(1 << 12), 16)[0]
    if error:
        raise OSError(-error, "connection tracking could not be flushed")


def _sweep() -> None:
    """What a test left behind that was killed."""
    for namespace in Path("/run/netns").glob(f"{PREFIX}-*"):
        if not Path("/proc", namespace.name.split("-")[2]).exists():
            Host(namespace.name, 0).forgotten()

"""What a client of ICE-TCP can do at its worst, for some seconds: `tcp_flood.py HOST PORT KIND SECONDS [SOURCE]`.

connections: connects as often as it can, and sends garbage or nothing. frames: connects once, shows the binding request
that it reads from its input (in hexadecimal), and then sends frames of every kind without an end."""

from __future__ import annotations

import ipaddress
import random
import socket
import struct
import sys
import time
from contextlib import suppress


def connect(host: str, port: int, source: str) -> socket.socket:
    end = socket.socket()
    end.bind((source, 0))
    end.settimeout(2)
    end.connect((host, port))
    return end


def connections(host: str, port: int, source: str, until: float) -> str:
    held: list[socket.socket] = []
    count = 0
    while time.monotonic() < until:
        with suppress(OSError):
            held.append(connect(host, port, source))
            count += 1
            if count % 2:
                held[-1].send(random.randbytes(100))
        if len(held) > 200:
            held.pop(0).close()
    return f"{count} connections"


def frames(host: str, port: int, source: str, until: float) -> str:
    check = bytes.fromhex(sys.stdin.readline())
    dice = random.Random(5)
    kinds = [
        lambda: b"",
        lambda: dice.randbytes(dice.randrange(1, 1500)),
        lambda: dice.randbytes(dice.randrange(1601, 5000)),
        lambda: struct.pack("!BBHII", 0x80, 96, dice.randrange(2**16), 0, 1) + dice.randbytes(1100),
        lambda: b"\x16\xfe\xfd" + dice.randbytes(400),
        lambda: check,
    ]
    junk = b"".join(struct.pack("!H", len(one)) + one for one in (kinds[n % len(kinds)]() for n in range(600)))
    with connect(host, port, source) as end:
        end.send(struct.pack("!H", len(check)) + check)
        end.recv(2000)
        sent = 0
        while time.monotonic() < until:
            end.sendall(junk)
            sent += len(junk)
    return f"{sent / 1e6:.0f} MB of frames"


def main(host: str, port: str, kind: str, seconds: str, source: str = "127.0.0.1") -> None:
    if not ipaddress.ip_address(host).is_loopback:
        sys.exit("only this machine's loopback addresses may be flooded")
    flood = {"connections": connections, "frames": frames}[kind]
    print(flood(host, int(port), source, time.monotonic() + float(seconds)))


if __name__ == "__main__":
    main(*sys.argv[1:])

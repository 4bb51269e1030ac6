"""Sends 100,000 hostile datagrams to a media server on this machine, then stops: `flood.py HOST PORT UFRAG SSRC`."""

from __future__ import annotations

import ipaddress
import random
import socket
import struct
import sys
import time

from aioice import stun

COUNT = 100_000
PER_SECOND = 20_000


def main(host: str, port: str, ufrag: str, ssrc: str) -> None:
    if not ipaddress.ip_address(host).is_loopback:
        sys.exit("only this machine's loopback addresses may be flooded")
    dice = random.Random(5)
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{ufrag}:flood"
    request.add_message_integrity(b"not the password")
    kinds = [
        lambda: dice.randbytes(dice.randrange(0, 1300)),
        lambda: bytes(request),
        lambda: struct.pack("!BBHII", 0x80, 96, dice.randrange(2**16), 0, int(ssrc)) + dice.randbytes(1100),
        lambda: struct.pack("!BBHI", 0x81, 205, 3, int(ssrc)) + dice.randbytes(24),
    ]
    samples = [kinds[number % len(kinds)]() for number in range(1000)]
    began = time.monotonic()
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for number in range(COUNT):
            sender.sendto(samples[number % len(samples)], (host, int(port)))
            if number % 100 == 99:
                time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
    print(f"{COUNT} datagrams in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])

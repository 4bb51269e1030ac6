"""What strangers send to a media port."""

from __future__ import annotations

import asyncio
import os
import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from aioice import stun

from .wire import Address, binding_request

PLAINTEXT_ALERT = bytes.fromhex("15fefd00000000000000000002") + b"\x02\x28"
CLIENT_HELLO = (
    bytes.fromhex("16fefd00000000000000000036" + "010000" + "2a" + "0000" + "000000" + "00002a" + "fefd")
    + bytes(32)
    + bytes.fromhex("00" + "00" + "0002c02b" + "0100")
)


def malformed_stun() -> Iterator[bytes]:
    """Binding requests whose attributes lie about their lengths or hold too little."""
    header = struct.Struct("!HHI12s")
    for kind in (0x0001, 0x0006, 0x0008, 0x0009, 0x0020, 0x0024, 0x0025, 0x8028, 0x802A, 0x802B):
        for length, body in ((0, b""), (1, b"\x00" * 4), (3, b"\x00" * 4), (0xFFFF, b"\x00" * 4), (8, b"")):
            attribute = struct.pack("!HH", kind, length) + body
            yield header.pack(1, len(attribute), stun.COOKIE, os.urandom(12)) + attribute
            yield header.pack(1, 0xFFFC, stun.COOKIE, os.urandom(12)) + attribute


def odd_datagrams(server_ufrag: str) -> dict[str, list[bytes]]:
    dice = random.Random(11)
    return {
        "empty": [b""] * 20,
        "one byte": [bytes([first]) for first in range(256)],
        "random": [dice.randbytes(dice.randrange(1, 1500)) for _ in range(500)],
        "oversize, looking like RTP": [b"\x80" + bytes(size) for size in (1500, 1501, 2000, 9000, 60000)],
        "looking like RTCP": [struct.pack("!BBHI", 0x80, kind, 1, 1) for kind in range(192, 224)],
        "plaintext alert": [PLAINTEXT_ALERT] * 20,
        "ClientHello": [CLIENT_HELLO] * 20,
        "malformed STUN": list(malformed_stun()),
        "STUN with a live name and a wrong password": [binding_request(f"{server_ufrag}:x", "wrong")] * 50,
        "STUN with a name that is none": [binding_request("nobody:x", "wrong")] * 50,
        "STUN with a name of binary rubbish": [binding_request("\x00\r\n\x7fé" * 40, "wrong")] * 20,
    }


async def flood(server: Address, ufrag: str, ssrc: int) -> str:
    """A hundred thousand hostile datagrams from a process of their own; what it says of them."""
    script = str(Path(__file__).with_name("flood.py"))
    arguments = map(str, (*server, ufrag, ssrc))
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode().strip()

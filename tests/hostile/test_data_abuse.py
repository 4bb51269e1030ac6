"""Lies over data channels, and data without measure: the sender's own affair. The call beside it goes on."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

import pytest
from google_crc32c import value as crc32c
from support.signalling import RefusedError
from support.waiting import until
from support.wire_peer import ROOM, LightCall, WirePeer

pytestmark = pytest.mark.asyncio(loop_scope="module")


def sctp(*chunks: bytes, tag: int = 0) -> bytes:
    header = struct.pack("!HHL", 5000, 5000, tag)
    body = b"".join(chunk + bytes(-len(chunk) % 4) for chunk in chunks)
    return header + struct.pack("<L", crc32c(header + bytes(4) + body)) + body


def chunk(kind: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack("!BBH", kind, 3, len(body) + 4 if length is None else length) + body


INIT = struct.pack("!LLHHL", 1, 100_000, 10, 10, 1)
LIES = {
    "a parameter of no length, for ever": sctp(chunk(1, INIT + bytes(4))),
    "the same in a heartbeat": sctp(chunk(4, bytes(4))),
    "a chunk longer than its packet": sctp(chunk(0, bytes(20), 60_000)),
    "a SACK of everything": sctp(chunk(3, struct.pack("!LLHH", 5, 5, 200, 0) + struct.pack("!HH", 1, 65535) * 200)),
    "data of an association that is not": sctp(chunk(0, bytes(20))),
    "a wrong checksum": sctp(chunk(1, INIT))[:-1] + b"x",
    "no SCTP at all": b"GET / HTTP/1.1\r\n\r\n",
    "one byte": b"\0",
}


async def test_lies_in_sctp_are_counted_and_the_association_can_be_made_all_the_same(bystander: LightCall) -> None:
    async with WirePeer(bystander.sender.url) as liar:
        await liar.ask("joinRoom", roomId=ROOM)
        wire = await liar.connect("send")
        before = (await bystander.server.stats())["media"]["engine"]["rejects"]
        for lie in LIES.values():
            for _ in range(20):
                wire.send_data(lie)
        dice = random.Random(5)
        for _ in range(300):
            kind = dice.choice([0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 14, 130, 192])
            wire.send_data(sctp(chunk(kind, dice.randbytes(dice.randrange(60))), tag=dice.choice([0, 1])))

        async def all_refused() -> bool:
            rejects = (await bystander.server.stats())["media"]["engine"]["rejects"]
            counted = {name: count - before.get(name, 0) for name, count in rejects.items() if name.startswith("sctp")}
            print(counted)
            assert "sctp_internal_error" not in counted
            return counted.get("sctp_malformed", 0) >= 20 * 5 and counted.get("sctp_wrong_tag", 0) >= 20

        await until(all_refused, "the lies are counted")
        [mine] = [one for one in (await liar.ask("getStats"))["transports"] if one["direction"] == "send"]
        assert mine["state"] == "connected"


def records(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield sctp(chunk(0, number.to_bytes(12) + bytes(1000)))


async def test_a_flood_of_records_harms_nobody_else(bystander: LightCall) -> None:
    async with WirePeer(bystander.sender.url) as flooder:
        await flooder.ask("joinRoom", roomId=ROOM)
        wire = await flooder.connect("send")
        for record in records(20_000):
            wire.send_data(record)
        stats = (await bystander.server.stats())["media"]
        print(stats["engine"]["rejects"], stats["plane"]["ingress_drops"]["events_full"])
        await bystander.flows()


async def test_nothing_is_produced_consumed_or_opened_with_what_is_not_ones_own(bystander: LightCall) -> None:
    async with WirePeer(bystander.sender.url) as stranger:
        stream = {"streamId": 0, "ordered": True}
        for direction, theirs in bystander.sender.transport_ids.items():
            with pytest.raises(RefusedError) as refused:
                await stranger.ask("produceData", transportId=theirs, sctpStreamParameters=stream)
            assert refused.value.code == "not_found", direction
            with pytest.raises(RefusedError) as refused:
                await stranger.ask("consumeData", transportId=theirs, reliable=True)
            assert refused.value.code == "not_found", direction
        await stranger.describe("send")
        for number in range(8):
            await stranger.ask("produceData", transportId=stranger.transport_ids["send"],
                               sctpStreamParameters={"streamId": number})
        with pytest.raises(RefusedError) as refused:
            await stranger.ask("produceData", transportId=stranger.transport_ids["send"],
                               sctpStreamParameters={"streamId": 8})
        assert refused.value.code == "limit_reached"

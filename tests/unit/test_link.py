"""Links on a real engine: ICE over UDP, DTLS against aiortc in both roles, and a clock that the tests move."""
from __future__ import annotations

import asyncio
import logging
import struct
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiortc import RTCCertificate, RTCDtlsTransport
from support.engine_client import (
    EngineClient,
    Watcher,
    binding_request,
    client_of,
    expect,
    new_link,
    on,
    signed,
)
from support.waiting import until

from simplesfu.config import MediaConfig
from simplesfu.engine.aiortc_bridge import MAX_QUEUED_DATAGRAMS
from simplesfu.engine.engine import TICK_S, Engine
from simplesfu.engine.link import MAX_CHECKS_BETWEEN_TICKS, Link
from simplesfu.errors import AlreadyConnected, BadParameters, Closed, ConfigError
from simplesfu.types import DtlsFingerprint, DtlsParameters, DtlsRole

SECOND = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now_us = 50 * SECOND

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def engine(clock: Clock, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Engine]:
    engine = Engine(MediaConfig(listen="127.0.0.1:0"), clock=clock)
    engine.start()
    yield engine
    await engine.aclose()
    print(engine.stats())
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    loud = [record.getMessage() for record in records if record.levelno >= logging.WARNING]
    assert not loud


@pytest_asyncio.fixture
async def client(engine: Engine) -> AsyncIterator[EngineClient]:
    async with client_of(engine) as client:
        yield client


async def pass_time(engine: Engine, clock: Clock, link: Link, seconds: float) -> None:
    clock.now_us += round(seconds * SECOND)
    await on(engine, link.check, clock.now_us)


async def shake_hands(
    engine: Engine, client: EngineClient, link: Link, role: DtlsRole, fingerprints: list[DtlsFingerprint] | None = None
) -> RTCDtlsTransport:
    """Connect as a client in this DTLS role; both ends are done, well or badly, when it returns."""
    remote = DtlsParameters(role=role, fingerprints=fingerprints or client.fingerprints())
    await on(engine, link.connect, remote)
    await client.check(link.ice_parameters)
    peer = client.dtls_transport(role)
    await peer.start(expect(engine.fingerprints))
    await until(lambda: link.state in ("connected", "failed"), "the end of the handshake", every_s=0.005)
    return peer


def refused(engine: Engine) -> dict[str, int]:
    return engine.stats()["rejects"]


# ICE


async def test_a_check_opens_the_way(engine: Engine, client: EngineClient) -> None:
    link, watcher = await new_link(engine)
    assert not engine.plane.send(link.handle, b"\x16nobody to send to")
    answer = await client.check(link.ice_parameters)
    print(answer)
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.address
    assert link.remote_address == client.address
    assert engine.plane.send(link.handle, b"\x16something")
    assert await asyncio.wait_for(client.dtls.get(), 5) == b"\x16something"
    assert watcher.seen == [("connecting", "")]


async def test_a_check_over_ipv6_opens_the_way_too() -> None:
    engine = Engine(MediaConfig(listen="[::1]:0"))
    try:
        engine.start()
    except ConfigError as error:
        pytest.skip(f"no IPv6 here: {error}")
    link, _ = await new_link(engine)
    async with client_of(engine, "::1") as client:
        answer = await client.check(link.ice_parameters)
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.address == link.remote_address
        assert engine.plane.send(link.handle, b"\x16something")
        assert await asyncio.wait_for(client.dtls.get(), 5) == b"\x16something"
    await engine.aclose()


async def test_a_stranger_is_neither_answered_nor_let_in(engine: Engine, client: EngineClient) -> None:
    link, watcher = await new_link(engine)
    client.send(signed(binding_request(link.ice_parameters), "not the password, but long enough"))
    await until(lambda: refused(engine).get("stun_bad_integrity"), "the reject to be counted", every_s=0.005)
    assert not engine.plane.send(link.handle, b"\x16nobody")
    await client.check(link.ice_parameters)
    assert client.stun.empty(), "the first request got an answer after all"
    assert watcher.states == ["connecting"]


async def test_media_goes_where_the_client_nominates(engine: Engine, client: EngineClient) -> None:
    link, _ = await new_link(engine)
    await client.check(link.ice_parameters)
    async with client_of(engine) as other:
        await other.check(link.ice_parameters, USE_CANDIDATE=None)
        assert link.remote_address == client.address
        await other.check(link.ice_parameters)
        assert link.remote_address == other.address


async def test_a_restart_moves_the_client_to_new_credentials(engine: Engine, client: EngineClient) -> None:
    link, watcher = await new_link(engine)
    old = link.ice_parameters
    await client.check(old)
    new = await on(engine, link.restart_ice)
    assert new == link.ice_parameters != old
    await client.check(old)
    async with client_of(engine) as moved:
        await moved.check(new)
        assert link.remote_address == moved.address
        client.send(signed_check(old))
        await until(lambda: dropped(engine), "the gate to drop it", every_s=0.005)
        assert dropped(engine) == {"stun_unknown_username": 1}
    assert watcher.states == ["connecting"]
    never_used = await on(engine, link.restart_ice)
    await on(engine, link.restart_ice)
    client.send(signed_check(never_used))
    await until(lambda: dropped(engine) == {"stun_unknown_username": 2}, "that name to be unknown", every_s=0.005)
    await client.check(link.ice_parameters)


def signed_check(ice: Any) -> bytes:
    return signed(binding_request(ice), ice.password)


def dropped(engine: Engine) -> dict[str, int]:
    """By the plane, on the way in."""
    return {reason: count for reason, count in engine.plane.stats()["ingress_drops"].items() if count}


async def test_a_flood_of_checks_is_cut_off_between_ticks(engine: Engine, clock: Clock, client: EngineClient) -> None:
    link, _ = await new_link(engine)

    def flood() -> None:
        for _ in range(MAX_CHECKS_BETWEEN_TICKS + 50):
            link.receive_stun(client.address, signed_check(link.ice_parameters))

    await on(engine, flood)
    assert refused(engine) == {"stun_flood": 50}
    await pass_time(engine, clock, link, 1)
    await client.check(link.ice_parameters)


# consent, and the clock


async def test_consent_comes_and_goes(engine: Engine, clock: Clock, client: EngineClient) -> None:
    link, watcher = await new_link(engine)
    peer = await shake_hands(engine, client, link, "client")
    await pass_time(engine, clock, link, 9.9)
    assert link.state == "connected"
    await pass_time(engine, clock, link, 0.1)
    assert watcher.seen[-1] == ("disconnected", "ice_consent_overdue")
    await client.check(link.ice_parameters)
    assert watcher.seen[-1] == ("connected", "")
    await pass_time(engine, clock, link, 29.9)
    assert link.state == "disconnected"
    await pass_time(engine, clock, link, 0.1)
    assert watcher.seen[-1] == ("failed", "ice_consent_expired")
    assert link.remote_address is None
    assert not engine.plane.send(link.handle, b"\x16something"), "nothing is sent without consent"
    await on(engine, link.restart_ice)
    await client.check(link.ice_parameters)
    assert engine.plane.send(link.handle, b"\x16something")
    assert watcher.states[2:] == ["disconnected", "connected", "disconnected", "failed", "connected"]
    await peer.stop()


async def test_a_stalled_engine_hears_the_checks_before_it_judges_the_silence(
    engine: Engine, clock: Clock, client: EngineClient
) -> None:
    """As when an extension module of the application holds the GIL: the plane goes on and the checks pile up there."""
    talker, _ = await new_link(engine)
    link, watcher = await new_link(engine)
    await client.check(talker.ice_parameters)
    stalled, end_of_stall = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def stall() -> None:
        loop.call_soon_threadsafe(stalled.set)
        assert end_of_stall.wait(30)
        clock.now_us += 40 * SECOND

    async with client_of(engine) as other:
        await other.check(link.ice_parameters)
        stalling = asyncio.ensure_future(on(engine, stall))
        await stalled.wait()
        began, before = time.monotonic(), engine.plane.stats()["ingress"]["stun"]
        for _ in range(600):
            client.send(signed_check(talker.ice_parameters))
        other.send(signed_check(link.ice_parameters))
        await until(lambda: engine.plane.stats()["ingress"]["stun"] == before + 601, "all to be there", every_s=0.005)
        await until(lambda: time.monotonic() - began > 2 * TICK_S, "a tick to be due", every_s=0.05)
        end_of_stall.set()
        await stalling
        await until(lambda: refused(engine).get("stun_flood"), "the first to be heard", every_s=0.005)
        await pass_time(engine, clock, link, 0)
    assert watcher.seen == [("connecting", "")]


async def test_a_client_that_never_checks_has_failed_after_30_s(
    engine: Engine, clock: Clock, client: EngineClient
) -> None:
    link, watcher = await new_link(engine)
    await pass_time(engine, clock, link, 3600)
    assert link.state == "new", "a client may prepare its transport long before it needs it"
    await on(engine, link.connect, client.dtls_parameters("client"))
    await pass_time(engine, clock, link, 29.9)
    assert link.state == "connecting"
    await pass_time(engine, clock, link, 0.1)
    assert watcher.seen == [("connecting", ""), ("failed", "ice_timeout")]


async def test_a_handshake_that_does_not_end_has_failed_after_15_s(
    engine: Engine, clock: Clock, client: EngineClient
) -> None:
    link, watcher = await new_link(engine)
    await on(engine, link.connect, client.dtls_parameters("client"))
    await pass_time(engine, clock, link, 20)
    await client.check(link.ice_parameters)
    await pass_time(engine, clock, link, 9)
    await client.check(link.ice_parameters)
    await pass_time(engine, clock, link, 5.9)
    assert link.state == "connecting"
    await pass_time(engine, clock, link, 0.1)
    assert watcher.seen[-1] == ("failed", "dtls_timeout")
    await client.check(link.ice_parameters)
    assert link.state == "failed", "no check mends DTLS"


# DTLS


@pytest.mark.parametrize("role", ["client", "server"])
async def test_both_roles_reach_the_same_keys(engine: Engine, client: EngineClient, role: DtlsRole) -> None:
    """Proven by media: what aiortc seals, the plane opens."""
    link, watcher = await new_link(engine)
    peer = await shake_hands(engine, client, link, role)
    assert (peer.state, link.state) == ("connected", "connected")
    assert watcher.seen == [("connecting", ""), ("connected", "")]
    print(peer._ssl.get_selected_srtp_profile(), peer._ssl.get_protocol_version_name(), peer._ssl.get_cipher_name())
    told: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    stream = add_opus_stream(engine, link, ssrc=4711)

    class Observer:
        def stream_started(self, recv_stream: int) -> None:
            loop.call_soon_threadsafe(told.put_nowait, ("started", recv_stream))

        def stream_stopped(self, recv_stream: int) -> None:
            loop.call_soon_threadsafe(told.put_nowait, ("stopped", recv_stream))

    engine.stream_observers[stream] = Observer()
    await peer._send_rtp(opus_packet(ssrc=4711))
    assert await asyncio.wait_for(told.get(), 5) == ("started", stream)
    assert await asyncio.wait_for(told.get(), 5) == ("stopped", stream)
    await peer.stop()


@pytest.mark.parametrize("role", ["client", "server"])
async def test_another_certificate_than_promised_fails_and_leaves_no_keys(
    engine: Engine, client: EngineClient, role: DtlsRole
) -> None:
    link, watcher = await new_link(engine)
    another = RTCCertificate.generateCertificate().getFingerprints()[0]
    wrong = [DtlsFingerprint(algorithm=another.algorithm, value=another.value)]
    peer = await shake_hands(engine, client, link, role, fingerprints=wrong)
    assert watcher.seen[-1] == ("failed", "dtls_fingerprint_mismatch")
    add_opus_stream(engine, link, ssrc=4711)
    if peer.state == "connected":
        await peer._send_rtp(opus_packet(ssrc=4711))
        await until(lambda: dropped(engine), "the packet to be dropped", every_s=0.005)
    print(peer.state, dropped(engine))
    assert dropped(engine) in ({}, {"no_keys": 1})
    engine.plane.set_srtp(link.handle, "SRTP_AEAD_AES_128_GCM", bytes(28), bytes(28))  # refused if there were keys
    await peer.stop()


async def test_one_right_fingerprint_beside_a_wrong_one_is_not_enough(engine: Engine, client: EngineClient) -> None:
    link, watcher = await new_link(engine)
    mixed = [*client.fingerprints(), DtlsFingerprint(algorithm="SHA-512", value=":".join(["00"] * 64))]
    peer = await shake_hands(engine, client, link, "client", fingerprints=mixed)
    assert watcher.seen[-1] == ("failed", "dtls_fingerprint_mismatch")
    await peer.stop()


async def test_algorithms_that_nobody_can_check_are_refused_at_once(engine: Engine, client: EngineClient) -> None:
    link, watcher = await new_link(engine)
    unknown = DtlsParameters(role="client", fingerprints=[DtlsFingerprint(algorithm="sha-1", value="00")])
    with pytest.raises(BadParameters, match="sha-1") as caught:
        await on(engine, link.connect, unknown)
    print(caught.value)
    assert "sha-256" in caught.value.hint
    with pytest.raises(BadParameters):
        await on(engine, link.connect, DtlsParameters(role="client", fingerprints=[]))
    assert watcher.seen == []
    await on(engine, link.connect, client.dtls_parameters("client"))
    with pytest.raises(AlreadyConnected):
        await on(engine, link.connect, client.dtls_parameters("client"))


async def test_the_client_closes(engine: Engine, client: EngineClient) -> None:
    link, watcher = await new_link(engine)
    peer = await shake_hands(engine, client, link, "client")
    await peer.stop()
    await until(lambda: link.state == "closed", "the link to close", every_s=0.005)
    assert watcher.seen[-1] == ("closed", "dtls_closed")
    with pytest.raises(Closed):
        await on(engine, link.restart_ice)
    with pytest.raises(Closed):
        await on(engine, link.connect, client.dtls_parameters("client"))
    client.send(signed_check(link.ice_parameters))
    await until(lambda: refused(engine).get("link_closed"), "a late check to be turned away", every_s=0.005)
    assert not engine.plane.send(link.handle, b"\x16something"), "nothing more is sent to who said goodbye"
    engine.plane.transport_stats(link.handle)  # what hangs on it is still there
    assert (link.closed, engine.stats()["links"]) == (False, {"closed": 1})
    await on(engine, link.close)
    assert (link.closed, engine.stats()["links"]) == (True, {})
    assert watcher.seen[-1] == ("closed", "dtls_closed"), "it was told once"


@pytest.mark.parametrize("role", ["client", "server"])
async def test_the_client_is_told_of_the_end(engine: Engine, client: EngineClient, role: DtlsRole) -> None:
    link, watcher = await new_link(engine)
    peer = await shake_hands(engine, client, link, role)
    await on(engine, link.close)
    await on(engine, link.close)
    assert watcher.seen[-1] == ("closed", "closed")
    await until(lambda: peer.state == "closed", "close_notify to come", every_s=0.005)
    await until(lambda: len(engine._tasks) == 1, "its task to end: the tick alone is left", every_s=0.005)


async def test_a_hello_that_comes_before_connect_is_kept(engine: Engine, client: EngineClient) -> None:
    link, _ = await new_link(engine)
    await client.check(link.ice_parameters)
    peer = client.dtls_transport("client")
    handshake = asyncio.ensure_future(peer.start(expect(engine.fingerprints)))
    await until(lambda: not link._dtls._pipe.inbox.empty(), "the hello to wait in the queue", every_s=0.005)
    await on(engine, link.connect, client.dtls_parameters("client"))
    await asyncio.wait_for(handshake, 5)
    await until(lambda: link.state == "connected", "the link to be connected too", every_s=0.005)
    await peer.stop()


async def test_what_overflows_the_dtls_queue_is_counted(engine: Engine) -> None:
    link, _ = await new_link(engine)

    def pour() -> None:
        for _ in range(MAX_QUEUED_DATAGRAMS + 10):
            link.receive_dtls(b"\x16 junk")

    await on(engine, pour)
    assert refused(engine) == {"dtls_queue_full": 10}


@pytest.mark.parametrize("role", ["client", "server"])
async def test_malformed_dtls_from_the_client_itself_raises_nothing(
    engine: Engine, client: EngineClient, role: DtlsRole
) -> None:
    """The fixture fails on any warning; the call stands at the end of it."""
    link, _ = await new_link(engine)
    peer = await shake_hands(engine, client, link, role)
    record = bytes([23, 0xFE, 0xFD]) + bytes(8)
    for junk in (b"\x16", b"\x15\xfe\xfd" + bytes(10), record, record + b"\xff\xff", bytes([22]) * 1500, b"\x3f" * 64):
        for _ in range(10):
            client.send(junk)
    client.send(b"\x14")
    await client.check(link.ice_parameters)
    assert (peer.state, link.state) == ("connected", "connected")
    await peer.stop()
    await until(lambda: link.state == "closed", "DTLS to work still: close_notify", every_s=0.005)


async def test_a_broken_handshake_fails_with_its_reason(engine: Engine, client: EngineClient) -> None:
    link, watcher = await new_link(engine)
    await on(engine, link.connect, client.dtls_parameters("client"))
    await client.check(link.ice_parameters)
    # A fatal handshake_failure alert in the clear.
    client.send(bytes([21, 0xFE, 0xFD]) + bytes(8) + b"\x00\x02" + bytes([2, 40]))
    await until(lambda: link.state == "failed", "the handshake to fail", every_s=0.005)
    assert watcher.seen[-1] == ("failed", "dtls_handshake_failed")
    with pytest.raises(Closed, match="dtls_handshake_failed"):
        await on(engine, link.restart_ice)


async def test_an_observer_that_raises_or_closes_is_survived(
    engine: Engine, client: EngineClient, caplog: pytest.LogCaptureFixture
) -> None:
    class Closer(Watcher):
        def link_state_changed(self, state: Any, reason: str) -> None:
            super().link_state_changed(state, reason)
            if state == "connected":
                self.link.close()

        link: Link

    closer = Closer()
    closer.link = await on(engine, engine.create_link, closer)
    peer = client.dtls_transport("client")
    await on(engine, closer.link.connect, client.dtls_parameters("client"))
    await client.check(closer.link.ice_parameters)
    await peer.start(expect(engine.fingerprints))
    await until(lambda: peer.state == "closed", "close_notify", every_s=0.005)
    assert closer.seen == [("connecting", ""), ("connected", ""), ("closed", "closed")]

    class Raiser:
        def link_state_changed(self, state: Any, reason: str) -> None:
            raise ZeroDivisionError(state, reason)

    link = await on(engine, engine.create_link, Raiser())
    await client.check(link.ice_parameters)
    assert link.state == "connecting"
    await on(engine, link.close)
    assert caplog.text.count("the observer of transport") == 2
    caplog.clear()


# what the tests are made of


def add_opus_stream(engine: Engine, link: Link, ssrc: int) -> int:
    return engine.plane.add_recv_stream(
        link.handle, codec="opus", clock_rate=48000, payload_type=111, rtx_payload_type=None, router_payload_type=100,
        ssrc=ssrc, rtx_ssrc=None, mid="", rid="", mid_ext=0, rid_ext=0, repaired_rid_ext=0, extensions={},
        send_time_ext=0, nack=False, keyframe_request=None,
    )


def opus_packet(ssrc: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 111, 1, 960, ssrc) + b"opus"

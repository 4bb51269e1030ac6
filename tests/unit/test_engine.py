"""The engine's life: sockets, candidates, its thread, and that nothing of it is left."""
from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from support.engine_client import Watcher, binding_request, client_of, new_link, on, signed
from support.waiting import until

from simplesfu.config import DEFAULT_PORT, MediaConfig
from simplesfu.engine import candidates, sockets
from simplesfu.engine.engine import Engine
from simplesfu.engine.link import Link
from simplesfu.engine.tasks import TaskSet
from simplesfu.errors import Closed, ConfigError

ROOT = Path(__file__).parents[2]
HAS_IPV6 = any(address.family == socket.AF_INET6 for address in psutil.net_if_addrs().get("lo", []))
needs_ipv6 = pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 here")


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(MediaConfig(listen="127.0.0.1:0"))
    engine.start()
    yield engine
    engine.close()


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


def opened(**options: object) -> list[tuple[str, int]]:
    """Where it listens with these options; nothing stays open."""
    found = sockets.open_sockets(MediaConfig(**options))  # type: ignore[arg-type]
    names = [sock.getsockname()[:2] for sock in found]
    sockets.close_sockets(found)
    return names


# sockets


@needs_ipv6
def test_one_port_on_both_families() -> None:
    names = opened(listen=0)
    print(names)
    assert [host for host, _ in names] == ["0.0.0.0", "::"]
    assert names[0][1] == names[1][1] != 0


def test_without_ipv6_it_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    real = sockets._bind

    def no_ipv6(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, host, port)

    monkeypatch.setattr(sockets, "_bind", no_ipv6)
    assert [host for host, _ in opened(listen=0)] == ["0.0.0.0"]


@pytest.mark.parametrize(("listen", "hosts"), [
    ("127.0.0.1:0", ["127.0.0.1"]),
    ("0.0.0.0:0", ["0.0.0.0"]),
    pytest.param("[::1]:0", ["::1"], marks=needs_ipv6),
    pytest.param(["127.0.0.1:0", "[::1]:0"], ["127.0.0.1", "::1"], marks=needs_ipv6),
])
def test_a_given_host_and_no_other(listen: object, hosts: list[str]) -> None:
    assert [host for host, _ in opened(listen=listen)] == hosts


def test_the_default_port_gives_way_to_the_next_free_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, taken: socket.socket
) -> None:
    assert DEFAULT_PORT == 10000
    monkeypatch.setattr(sockets, "DEFAULT_PORT", taken.getsockname()[1])
    [first, *_] = opened()
    print(taken.getsockname(), "→", first)
    assert taken.getsockname()[1] < first[1] <= taken.getsockname()[1] + sockets.DEFAULT_PORTS_TRIED
    assert f"taking {first[1]}" in caplog.text


def test_a_given_port_does_not(taken: socket.socket) -> None:
    with pytest.raises(ConfigError, match="in use") as caught:
        opened(listen=taken.getsockname()[:2])
    assert "leave listen out" in caught.value.hint


@pytest.mark.parametrize(("listen", "hint"), [
    ("198.51.100.1:0", "announce"),
    ("no-such-host.invalid:0", "IP address"),
    (["127.0.0.1:0", "127.0.0.2:0"], "one IPv4"),
])
def test_what_cannot_be_listened_on_says_how_to_mend_it(listen: object, hint: str) -> None:
    before = psutil.Process().num_fds()
    with pytest.raises(ConfigError) as caught:
        opened(listen=listen)
    print(caught.value)
    assert hint in caught.value.hint
    assert psutil.Process().num_fds() == before


def test_the_buffers_are_larger_than_the_default() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        usual = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    [sock] = sockets.open_sockets(MediaConfig(listen="127.0.0.1:0"))
    with sock:
        granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        print(usual, granted)
        assert granted > usual
        assert not sock.getblocking()


# candidates


def found(*announced: str, listen: object = 0) -> list[tuple[str, int, int]]:
    """(address, port, priority), with the port given relative to the bound one of its family."""
    opened_sockets = sockets.open_sockets(MediaConfig(listen=listen))  # type: ignore[arg-type]
    try:
        all_candidates = candidates.find_candidates(opened_sockets, announced)
        ports = {":" in sock.getsockname()[0]: sock.getsockname()[1] for sock in opened_sockets}
    finally:
        sockets.close_sockets(opened_sockets)
    assert len({each.foundation for each in all_candidates}) == len(all_candidates)
    assert all(each.ip == each.address for each in all_candidates)
    assert all((each.protocol, each.type) == ("udp", "host") for each in all_candidates)
    assert all(each.port == ports[":" in each.address] for each in all_candidates)
    print(all_candidates)
    return [(each.address, each.port, each.priority) for each in all_candidates]


def test_priorities_follow_the_formula_and_the_order() -> None:
    assert candidates.priority(0) == (126 << 24) + (65535 << 8) + 255  # RFC 8445 §5.1.2.1, component 1
    priorities = [priority for _, _, priority in found("203.0.113.7", "198.51.100.1")]
    assert priorities == sorted(priorities, reverse=True)
    assert len(set(priorities)) == 2


def test_announced_addresses_stand_alone() -> None:
    assert [address for address, _, _ in found("203.0.113.7")] == ["203.0.113.7"]


def test_announced_names_are_resolved_once() -> None:
    assert "127.0.0.1" in [address for address, _, _ in found("localhost", listen="0.0.0.0:0")]


@pytest.mark.parametrize(("announced", "match"), [
    ("no-such-host.invalid", "cannot be resolved"), ("2001:db8::1", "no IPv4 address"),
])
def test_an_announced_host_that_cannot_be_used(announced: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        found(announced, listen="0.0.0.0:0")


def test_found_addresses_are_this_machines_and_good_for_others() -> None:
    own = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    addresses = [address for address, _, _ in found()]
    assert set(addresses) <= own
    if addresses != ["127.0.0.1", "::1"]:
        assert not [each for each in addresses if each.startswith(("127.", "169.254.", "fe80:")) or each == "::1"]


@pytest.mark.parametrize("listen", ["127.0.0.1:0", pytest.param("[::1]:0", marks=needs_ipv6)])
def test_a_specific_address_is_the_only_candidate(listen: str) -> None:
    assert [address for address, _, _ in found(listen=listen)] == [listen.rpartition(":")[0].strip("[]")]


def test_loopback_is_better_than_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "get_host_addresses", lambda **_: ["169.254.3.4"])
    assert [address for address, _, _ in found(listen="0.0.0.0:0")] == ["127.0.0.1"]


# the thread


def test_coroutines_run_on_its_thread(engine: Engine) -> None:
    async def where() -> str:
        return threading.current_thread().name

    assert engine.run(where()).result(5) == "simplesfu-engine"
    assert engine.call(where(), 5) == "simplesfu-engine"
    thread = next(each for each in threading.enumerate() if each.name == "simplesfu-engine")
    assert not thread.daemon


def test_exceptions_come_back_and_timeouts_cancel(engine: Engine) -> None:
    cancelled = threading.Event()

    async def fail() -> None:
        raise ZeroDivisionError

    async def hang() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    with pytest.raises(ZeroDivisionError):
        engine.call(fail(), 5)
    with pytest.raises(TimeoutError):
        engine.call(hang(), 0.01)
    assert cancelled.wait(5)


def test_it_does_not_wait_for_itself(engine: Engine) -> None:
    async def inner() -> None: ...

    async def outer() -> None:
        engine.call(inner())

    with pytest.raises(RuntimeError, match="wait for itself"):
        engine.call(outer(), 5)


def test_after_close_it_refuses(engine: Engine) -> None:
    async def nothing() -> None: ...

    engine.close()
    engine.close()
    with pytest.raises(Closed):
        engine.run(nothing())
    with pytest.raises(Closed):
        engine.call(nothing())
    with pytest.raises(RuntimeError, match="once"):
        engine.start()


def test_close_ends_calls_that_wait(engine: Engine) -> None:
    waiting = threading.Event()

    async def hang() -> None:
        waiting.set()
        await asyncio.get_running_loop().create_future()

    with ThreadPoolExecutor() as pool:
        call = pool.submit(engine.call, hang())
        assert waiting.wait(5)
        engine.close()
        with pytest.raises(Closed):
            call.result(5)


def test_close_from_many_threads_and_from_its_own(engine: Engine) -> None:
    async def close_here() -> None:
        engine.close()
        await engine.aclose()

    engine.run(close_here())
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: engine.close(), range(8)))
    assert "simplesfu-engine" not in [thread.name for thread in threading.enumerate()]


def test_never_started_it_closes_all_the_same() -> None:
    Engine(MediaConfig()).close()


def test_a_start_that_fails_leaves_nothing() -> None:
    before = psutil.Process().num_fds(), threading.active_count()
    with pytest.raises(ConfigError):
        Engine(MediaConfig(listen=0, announce="no-such-host.invalid")).start()
    assert (psutil.Process().num_fds(), threading.active_count()) == before


async def test_close_tells_clients_and_links_cannot_be_made_any_longer() -> None:
    engine = Engine(MediaConfig(listen="127.0.0.1:0"))
    engine.start()
    async with client_of(engine) as client:
        link, watcher = await new_link(engine)
        await client.check(link.ice_parameters)
        assert engine.stats()["links"] == {"connecting": 1}
        await engine.aclose()
        assert watcher.seen == [("connecting", ""), ("closed", "engine_closed")]
        assert engine.stats()["links"] == {}
    with pytest.raises(Closed):
        engine.create_link(Watcher())


async def test_nothing_is_left_after_fifty_lives() -> None:
    def counts() -> dict[str, int]:
        process = psutil.Process()
        return {
            "threads": threading.active_count(),
            "native threads": process.num_threads(),
            "descriptors": process.num_fds(),
            "tasks": sum(isinstance(each, asyncio.Task) and not each.done() for each in gc.get_objects()),
        }

    async def live() -> None:
        engine = Engine(MediaConfig(listen="127.0.0.1:0"))
        engine.start()
        async with client_of(engine) as client:
            link, _ = await new_link(engine)
            await client.check(link.ice_parameters)
            await on(engine, link.connect, client.dtls_parameters("server"))
            await asyncio.wait_for(client.dtls.get(), 5)  # its hello: a handshake is under way
        engine.close()

    await live()
    before = counts()
    for _ in range(50):
        await live()
    print(before, counts())
    # Not "equal": the kernel may have been a moment late with the first life's threads.
    await until(lambda: all(count <= before[what] for what, count in counts().items()), "all given back", every_s=0.01)


def test_a_program_that_forgets_to_close_it_ends_all_the_same() -> None:
    code = (
        "from simplesfu.config import MediaConfig; from simplesfu.engine.engine import Engine;"
        "Engine(MediaConfig(listen='127.0.0.1:0')).start(); print('started')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], timeout=30, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    print(done)
    assert (done.returncode, done.stdout, done.stderr) == (0, "started\n", "")


# events and tasks


async def test_one_bad_event_does_not_stop_the_others(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    link, _ = await new_link(engine)
    judge = link._ice.judge

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with client_of(engine) as client:
        link._ice.judge = broken  # type: ignore[assignment,method-assign]
        for _ in range(7):
            client.send(request_of(link))
        await until(lambda: engine.stats()["rejects"].get("internal_error") == 7, "them counted", every_s=0.005)
        link._ice.judge = judge  # type: ignore[method-assign]
        await client.check(link.ice_parameters)
    logged = [record for record in caplog.records if "was not handled" in record.getMessage()]
    assert len(logged) == 3, "the first, the second and the fourth of seven"


def request_of(link: Link) -> bytes:
    return signed(binding_request(link.ice_parameters), link.ice_parameters.password)


async def test_an_event_of_a_link_that_has_closed_is_counted(engine: Engine) -> None:
    link, _ = await new_link(engine)
    engine._links.pop(link.handle)  # as if the plane had seen the request just before
    async with client_of(engine) as client:
        client.send(request_of(link))
        await until(lambda: engine.stats()["rejects"] == {"link_closed": 1}, "it counted", every_s=0.005)


async def test_a_task_that_fails_is_logged_at_once_and_close_leaves_none(caplog: pytest.LogCaptureFixture) -> None:
    tasks = TaskSet()

    async def fail() -> None:
        raise ZeroDivisionError

    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    tasks.spawn(fail(), "the one that fails")
    hanging = tasks.spawn(hang(), "the one that hangs")
    await until(lambda: len(tasks) == 1, "the failure", every_s=0.001)
    assert "'the one that fails' failed" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    await tasks.close()
    assert hanging.cancelled()
    assert len(tasks) == 0
    await tasks.close()

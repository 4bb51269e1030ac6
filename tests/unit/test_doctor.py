"""`simplesfu doctor`: it finds what is wrong with a machine and with an application, and says what to do."""
from __future__ import annotations

import asyncio
import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.documents import blocks_of
from support.factories import Serve

from simplesfu.cli import ways
from simplesfu.cli.finding import Finding
from simplesfu.cli.machine import check_machine, is_private
from simplesfu.cli.main import main, make_parser
from simplesfu.cli.running import _is_near
from simplesfu.cli.ways import Probe, WayClosedError, try_tcp, try_turn, try_udp
from simplesfu.config import MediaConfig

STRANGER = Probe("nobody", "knows me")


GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "networks.md"


def test_the_guide_gives_commands_that_exist() -> None:
    [commands] = [block for block in blocks_of(GUIDE) if block.language == "sh"]
    lines = [shlex.split(line, comments=True) for line in commands.code.splitlines()]
    assert lines
    for program, *arguments in lines:
        print(program, make_parser().parse_args(arguments))
        assert program == "simplesfu"


def of(subject: str, findings: Sequence[Finding]) -> list[Finding]:
    for finding in findings:
        print(finding)
    return [finding for finding in findings if finding.subject == subject]


def test_this_machine_has_what_it_takes() -> None:
    findings = check_machine(MediaConfig(listen="127.0.0.1:0"))
    assert {finding.verdict for finding in of("UDP port", findings) + of("TCP port", findings)} == {"good"}
    [announced] = of("announced", findings)
    assert "only this machine" in announced.message
    assert announced.hint
    assert all(finding.verdict != "bad" for finding in findings)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        [found] = of("UDP port", check_machine(MediaConfig(listen=f"127.0.0.1:{taken.getsockname()[1]}")))
    assert found.verdict == "bad"
    assert "--url" in found.hint


def test_a_tcp_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        [found] = of("TCP port", check_machine(MediaConfig(listen=f"127.0.0.1:{taken.getsockname()[1]}")))
    assert found.verdict == "note"
    assert "UDP alone" in found.message


@pytest.mark.parametrize(("announce", "verdict", "words"), [
    ("nowhere.invalid", "bad", "nowhere.invalid"),
    ("192.168.7.7", "note", "private"),
    ("8.8.8.8", "note", "not this machine's own"),
    ("localhost", "note", "only this machine"),
])
def test_an_announced_address_is_looked_at(announce: str, verdict: str, words: str) -> None:
    found = of("announced", check_machine(MediaConfig(listen="127.0.0.1:0", announce=announce)))
    assert found[0].verdict == verdict
    assert words in found[0].message
    assert found[0].hint


def test_private_addresses() -> None:
    assert all(map(is_private, ["10.0.0.1", "172.16.9.9", "192.168.1.1", "100.64.1.1", "fd00::1", "fe80::1", "::1"]))
    assert not any(map(is_private, ["8.8.8.8", "2a00::1", "100.128.0.1"]))
    assert all(map(_is_near, ["localhost", "printer", "mac.local", "192.168.1.1"]))
    assert not any(map(_is_near, ["example.org", "8.8.8.8"]))


async def test_ways_that_are_closed_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "TIMEOUT_S", 0.5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, socket.socket() as unused:
        silent.bind(("127.0.0.1", 0))
        unused.bind(("127.0.0.1", 0))
        deaf, closed = silent.getsockname()[1], unused.getsockname()[1]
        attempts = [
            try_udp(STRANGER, "127.0.0.1", deaf),
            try_udp(STRANGER, "127.0.0.1", closed),
            try_tcp(STRANGER, "127.0.0.1", closed),
            try_turn(f"turn:127.0.0.1:{closed}?transport=tcp", "user", "password", []),
            try_turn("turn:", "user", "password", []),
        ]
        answers = await asyncio.gather(*attempts, return_exceptions=True)
    print(answers)
    assert all(isinstance(answer, WayClosedError) for answer in answers)
    assert "nothing comes back" in str(answers[0])


@pytest.mark.slow
async def test_a_running_application_is_tried_as_a_client(serve: Serve) -> None:
    server = await serve()
    argv = [sys.executable, "-m", "simplesfu", "doctor", "--url", server.url]
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert f"{server.media_address[0]}:{server.media_address[1]} answers" in done.stdout
    assert "calls work from here, over UDP" in done.stdout
    assert not await server.peers(), "it was nobody's peer"


async def test_an_application_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        code = await asyncio.to_thread(main, ["doctor", "--url", f"http://127.0.0.1:{unused.getsockname()[1]}"])
    printed = capsys.readouterr().out
    print(printed)
    assert code == 1
    assert "cannot be reached" in printed
    assert "1 thing keeps calls from working" in printed


def test_options_that_make_no_sense_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--turn-url", "turn:a", "--turn-secret-file", "/nowhere"]) == 1
    assert main(["doctor", "--turn-url", "a"]) == 1
    with pytest.raises(SystemExit):
        main(["doctor", "--nonsense"])
    print(capsys.readouterr())

"""The client's list of codes (client-js/src/errors.ts) names every code that a server can send, each with its cure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from simplesfu.errors import ConfigError, SfuError
from simplesfu.signaling.rights.explain import CHECKS

SOURCES = Path(__file__).parents[2] / "client-js/src"
MADE_HERE = re.compile(r'new SimplePeerError\(\s*"(\w+)"')
MEMBER = re.compile(r'(?:/\*\* (?P<comment>.+?) \*/\s*)?\| "(?P<code>\w+)"', re.S)


def listed(union: str) -> dict[str, str]:
    """The codes of one union type of errors.ts, with their comments."""
    source = (SOURCES / "errors.ts").read_text()
    body = source.split(f"export type {union} =")[1].split(";\n")[0]
    return {found["code"]: found["comment"] or "" for found in MEMBER.finditer(body)}


def below(kind: type[SfuError]) -> Iterator[type[SfuError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from below(each)


def missing(told: set[str], union: str) -> list[str]:
    return sorted(told - listed(union).keys())


def test_every_error_of_the_server_is_in_the_clients_list() -> None:
    kinds = [kind for kind in below(SfuError) if kind.__module__.startswith("simplesfu")]
    # ConfigError is told at the start of the server, to nobody else.
    told = {kind.code for kind in kinds if kind is not ConfigError}
    print(f"{len(told)} codes of the server, {len(listed('ErrorCode'))} of the client")
    assert not missing(told, "ErrorCode")


def test_every_error_made_by_the_client_is_in_its_list() -> None:
    made = {code for file in SOURCES.glob("*.ts") for code in MADE_HERE.findall(file.read_text())}
    assert len(made) > 10
    assert not missing(made, "ErrorCode")


def test_every_explanation_of_the_server_is_in_the_clients_list() -> None:
    assert not missing({check.code for check in CHECKS} | {"ok"}, "ExplanationCode")


def test_every_code_has_a_cure() -> None:
    for union in ("ErrorCode", "ExplanationCode"):
        cureless = [code for code, comment in listed(union).items() if "Cure: " not in comment]
        assert not cureless, f"{union}: no cure for {cureless}"

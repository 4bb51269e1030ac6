"""What a check has found, and how findings are shown: in colours where rich is installed, plainly otherwise."""
from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Verdict: TypeAlias = Literal["good", "note", "bad"]

MARKS: Final = {"good": "ok  ", "note": "note", "bad": "BAD "}
COLOURS: Final = {"good": "green", "note": "yellow", "bad": "bold red"}
WIDTH: Final = 100


@dataclass(frozen=True)
class Finding:
    """`bad` keeps calls from working; a `note` may, depending on where clients are. The hint says what to do."""

    verdict: Verdict
    subject: str
    message: str
    hint: str = ""


def show(title: str, findings: Sequence[Finding]) -> None:
    column = max((len(finding.subject) for finding in findings), default=0) + 2
    _print(title, "bold")
    for finding in findings:
        indent = " " * (len(MARKS["good"]) + 3 + column)
        text = f"{finding.message}\n→ {finding.hint}" if finding.hint else finding.message
        lines = [line for part in text.split("\n") for line in textwrap.wrap(part, WIDTH - len(indent))]
        _print(f"  {MARKS[finding.verdict]} {finding.subject:{column}}{lines[0]}", COLOURS[finding.verdict])
        for line in lines[1:]:
            _print(indent + line)
    _print("")


def _print(line: str, style: str = "") -> None:
    if sys.stdout.isatty():
        try:
            from rich.console import Console
        except ImportError:
            pass
        else:
            Console(highlight=False, soft_wrap=True).print(line, style=style or None, markup=False)
            return
    print(line)

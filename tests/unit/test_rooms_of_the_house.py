"""Arrows point one way: signaling → control → engine → plane, and inside signaling from shelf to shelf downwards."""
from __future__ import annotations

import re
from pathlib import Path

import simplesfu

ROOT = Path(simplesfu.__file__).parent
ORDER = (
    "cli", "manager", "signaling/attachment", "signaling/legacy", "signaling/requests", "signaling/rights",
    "signaling/application", "signaling/sessions", "signaling/data", "signaling/messages", "signaling/admission",
    "control", "engine", "plane",
)
IMPORT = re.compile(r"^\s*from simplesfu\.([a-z_.]+) import", re.MULTILINE)


def room_of(parts: tuple[str, ...]) -> str:
    return "/".join(parts[:2]) if parts[0] == "signaling" else parts[0]


def test_arrows_point_one_way() -> None:
    seen = set()
    for file in ROOT.rglob("*.py"):
        here = room_of(file.relative_to(ROOT).with_suffix("").parts)
        if here not in ORDER:
            continue
        for module in IMPORT.findall(file.read_text()):
            there = room_of(tuple(module.split(".")))
            if there in ORDER and there != here:
                seen.add((here, there))
                assert ORDER.index(here) < ORDER.index(there), f"{file.relative_to(ROOT)} imports {module}"
    assert {here for here, _ in seen} >= {"manager", "signaling/requests", "control", "engine"}

"""Every extra that pyproject.toml, the documents or the examples name exists: pip only warns of one that does not."""

from __future__ import annotations

import re
import tomllib

from support.server import ROOT

PROJECT = ROOT / "pyproject.toml"
NAMED = re.compile(r"simplesfu\[([\w,]+)\]")


def test_every_extra_that_is_named_exists() -> None:
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    texts = [PROJECT, ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")]
    named = {name: text for text in texts for found in NAMED.findall(text.read_text()) for name in found.split(",")}
    print(sorted(named))
    assert named
    assert {name: str(text.relative_to(ROOT)) for name, text in named.items() if name not in extras} == {}

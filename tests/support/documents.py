"""The code blocks of a Markdown document, each of which is held to something.

A comment before a block tells to what: `<!-- file: PATH -->` is that file, `<!-- excerpt: PATH -->` stands in it,
`<!-- run -->` is a program of its own, `<!-- run: server -->` goes on from a server that is there (`sio`, `media`),
`<!-- run: page -->` is run in a browser, `<!-- compile -->` is compiled against the packed npm package.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

from .server import ROOT

PLACEHOLDER_ID = "e8219dsjwek123a"
"""How documents write the id of another peer."""
CANVAS_TRACK = "document.createElement('canvas').captureStream(5).getVideoTracks()[0]"
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}

_BLOCK = re.compile(r"(?:<!-- (\w+)(?:: (\S+))? -->\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SERVER = """import socketio
from simplesfu import MediaManager

sio = socketio.AsyncServer(async_mode="asgi")
media = MediaManager(sio, listen=0)
"""


class Block(NamedTuple):
    document: str
    number: int
    mark: str
    path: str
    language: str
    code: str

    def __repr__(self) -> str:
        return f"{self.document}-{self.number}-{self.mark or 'unmarked'}-{self.path or self.language}"


def blocks_of(document: Path) -> list[Block]:
    found = _BLOCK.findall(document.read_text())
    return [Block(document.stem, number, *parts) for number, parts in enumerate(found, start=1)]


def choose(blocks: list[Block], mark: str, language: str = "") -> list[Block]:
    return [block for block in blocks if block.mark == mark and language in ("", block.language)]


def check_marks(document: Path) -> None:
    blocks = blocks_of(document)
    assert document.read_text().count("\n```") == 2 * len(blocks)
    for block in blocks:
        assert block.mark in ("file", "excerpt", "run", "compile"), f"a block is held to nothing:\n{block.code}"


def check_file(block: Block) -> None:
    assert block.code == (ROOT / block.path).read_text()


def check_excerpt(block: Block) -> None:
    assert textwrap.dedent(block.code) in (ROOT / block.path).read_text()


def run_python(block: Block, folder: Path) -> None:
    """As a program, every warning an error; `media` is closed at the end."""
    begin = _SERVER if block.path == "server" else ""
    (folder / "app.py").write_text(f"{begin}{block.code}\nmedia.close()\n")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "app.py"],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=30,
    )
    print(ran.stdout, ran.stderr)
    assert ran.returncode == 0
    assert "Traceback" not in ran.stderr

"""README.md says only what is so: its blocks are the example files or run, its commands exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser
from support.documents import (
    CANVAS_TRACK,
    ENVIRONMENT,
    PLACEHOLDER_ID,
    Block,
    blocks_of,
    check_excerpt,
    check_file,
    check_marks,
    choose,
    run_python,
)
from support.pages import bare_page
from support.server import ROOT, Server, running
from support.waiting import until

DOCUMENT = ROOT / "README.md"
README = DOCUMENT.read_text()
HELLO = ROOT / "examples" / "hello"
BLOCKS = blocks_of(DOCUMENT)
MADE_THERE = "new SimplePeer("


def test_every_code_block_is_held_to_something() -> None:
    assert len(BLOCKS) >= 5
    check_marks(DOCUMENT)


@pytest.mark.parametrize("block", choose(BLOCKS, "file"), ids=repr)
def test_file_blocks_are_the_files(block: Block) -> None:
    check_file(block)


@pytest.mark.parametrize("block", choose(BLOCKS, "excerpt"), ids=repr)
def test_excerpts_stand_in_the_files(block: Block) -> None:
    check_excerpt(block)


@pytest.mark.slow
@pytest.mark.parametrize("block", choose(BLOCKS, "run", "python"), ids=repr)
def test_python_blocks_run(block: Block, tmp_path: Path) -> None:
    run_python(block, tmp_path)


def test_the_commands_exist() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test", "test-quick", "check", "bench", "docs", "build"} <= named
    assert named <= targets


def test_pictures_and_links_lead_somewhere() -> None:
    links = re.findall(r"""(?:\]\(|src="|srcset=")(?!https?:|/)([^)#"]+)[)"]""", README)
    print(links)
    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.browser
@pytest.mark.parametrize("block", [one for one in choose(BLOCKS, "run", "js") if MADE_THERE in one.code], ids=repr)
async def test_the_first_page_block_runs(block: Block, browser: Browser) -> None:
    server = Server([sys.executable, "-m", "uvicorn", "server:app", "--port", "0"], cwd=HELLO, env=ENVIRONMENT)
    async with running(server):
        publisher, reader = [await bare_page(browser, server.url) for _ in range(2)]
        peer_id = await publisher.evaluate(
            f"""async () => {{
              globalThis.peer = new SimplePeer(io());
              await peer.addTrack({CANVAS_TRACK}, "webcam");
              return peer.peerId;
            }}"""
        )
        assert PLACEHOLDER_ID in block.code
        code = block.code.replace(PLACEHOLDER_ID, peer_id)
        await reader.evaluate(f"async () => {{ const videoTrack = {CANVAS_TRACK}; {code}; globalThis.peer = peer }}")
        seen = await until(
            lambda: reader.evaluate("peer.tracks.map(({peerId, label, broadcast}) => [peerId, label, broadcast])"),
            "the reader's block gets the publisher's track",
        )
        assert seen == [[peer_id, "webcam", False]]
        for page in (publisher, reader):
            await page.context.close()

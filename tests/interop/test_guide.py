"""The guide says only what is so: its blocks run as they stand, its options exist, its pages build without a
warning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from playwright.async_api import Browser
from support.documents import ENVIRONMENT, PLACEHOLDER_ID, Block, blocks_of, check_file, check_marks, choose, run_python
from support.pages import bare_page
from support.server import ROOT, Server, running

from simplesfu.config import MediaConfig

GUIDE = sorted((ROOT / "docs" / "guide").glob("*.md"))
BLOCKS = [block for page in GUIDE for block in blocks_of(page)]
README_BLOCKS = choose(blocks_of(ROOT / "README.md"), "run", "js")
PRELUDE = """async () => {
  const videoTrack = () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 180});
    const pen = canvas.getContext("2d");
    let hue = 0;
    setInterval(() => { pen.fillStyle = `hsl(${hue += 7} 60% 50%)`; pen.fillRect(0, 0, 320, 180); }, 50);
    return canvas.captureStream(20).getVideoTracks()[0];
  };
  const sound = new AudioContext();
  Object.assign(globalThis, {
    videoTrack: videoTrack(), otherVideoTrack: videoTrack(), thirdVideoTrack: videoTrack(), screenTrack: videoTrack(),
    audioTrack: sound.createMediaStreamDestination().stream.getAudioTracks()[0],
    socket: io(),
  });
  globalThis.peer = new SimplePeer(socket);
  await peer.joinRoom("guide");
  return peer.peerId;
}"""


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_every_code_block_is_held_to_something(page: Path) -> None:
    check_marks(page)


@pytest.mark.parametrize("block", choose(BLOCKS, "file"), ids=repr)
def test_blocks_of_files_are_those_files(block: Block) -> None:
    check_file(block)


@pytest.mark.slow
@pytest.mark.parametrize("block", choose(BLOCKS, "run", "python"), ids=repr)
def test_server_blocks_run(block: Block, tmp_path: Path) -> None:
    run_python(block, tmp_path)


@pytest.mark.browser
async def test_page_blocks_run(browser: Browser) -> None:
    """One page publishes, another carries out each block in turn, with a SimplePeer of its own."""
    page_blocks = [one for one in README_BLOCKS if "new SimplePeer(" not in one.code] + [*choose(BLOCKS, "run", "js")]
    assert len(page_blocks) >= 8
    argv = [sys.executable, "-m", "uvicorn", "server:app", "--port", "0"]
    async with running(Server(argv, cwd=ROOT / "examples" / "hello", env=ENVIRONMENT)) as server:
        publisher = await bare_page(browser, server.url)
        publisher_id = await publisher.evaluate(PRELUDE)
        await publisher.evaluate("peer.addTrack(videoTrack, 'webcam')")
        for block in page_blocks:
            reader = await bare_page(browser, server.url)
            errors: list[str] = []
            reader.on("pageerror", lambda error, errors=errors: errors.append(str(error)))  # type: ignore[misc]
            reader.on("console", lambda said: print(said.text))
            print(block)
            await reader.evaluate(PRELUDE)
            await reader.evaluate(f"async () => {{ {block.code.replace(PLACEHOLDER_ID, publisher_id)} }}")
            assert not errors
            await reader.context.close()
        await publisher.context.close()


def test_the_options_are_those_of_the_configuration() -> None:
    page = (ROOT / "docs" / "guide" / "server.md").read_text()
    table = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", page, re.MULTILINE))
    print(table)
    options = {field.name: field for field in fields(MediaConfig) if field.init}
    assert list(table) == [name for name in options if name in table]
    assert set(table) == set(options)
    for name, default in table.items():
        assert options[name].default is not MISSING
        assert eval(default) == options[name].default, f"the default of {name}"


def test_the_codes_are_those_of_the_client() -> None:
    ran = subprocess.run([sys.executable, "docs/error_tables.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_the_pages_build(tmp_path: Path) -> None:
    """Every link and anchor leads somewhere; a warning is an error."""
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    print(ran.stdout, ran.stderr)
    assert ran.returncode == 0
    assert (tmp_path / "guide" / "client.html").exists()

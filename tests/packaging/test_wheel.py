"""What is published is all that users need: for the sdist neither git nor Node.js, for the wheel no compiler either."""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
import venv
import zipfile
from email import message_from_string
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.async_api import Browser
from support.packed import run
from support.server import ROOT, Server, running
from support.tabs import moving_pictures, tabs

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOT_SOURCES = shutil.ignore_patterns(
    ".*", "build", "dist", "*.so", "*.c", "*.egg-info", "__pycache__", "tests", "bench", "docs", "node_modules",
    "simple-peer.js",
)


class Published(NamedTuple):
    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The sdist of a copy, so that nothing which lies about in the checkout gets into it; the wheel of that sdist."""
    place = tmp_path_factory.mktemp("published")
    sources = place / "sources"
    shutil.copytree(ROOT, sources, ignore=NOT_SOURCES)
    (sources / "client-js" / "node_modules").symlink_to(ROOT / "client-js" / "node_modules")
    run(sys.executable, "-m", "build", "--outdir", place, sources)
    [sdist], [wheel] = place.glob("*.tar.gz"), place.glob("*.whl")
    return Published(sdist, wheel)


def test_what_is_in_the_sdist(published: Published) -> None:
    with tarfile.open(published.sdist) as archive:
        changed = {member.name.partition("/")[2]: member.mtime for member in archive.getmembers() if member.isfile()}
    names = changed.keys()
    print(f"{published.sdist.name}: {published.sdist.stat().st_size / 1e6:.1f} MB, {len(names)} files")
    parts = {"simplesfu": ("**/*.py", "**/*.pyx", "**/*.pxd", "**/*.pyi", "**/*.h"), "client-js": ("src/*", "react/*")}
    paths = [path for part, globs in parts.items() for glob in globs for path in (ROOT / part).glob(glob)]
    wanted = {str(path.relative_to(ROOT)) for path in paths} | {
        *("LICENSE", "README.md", "pyproject.toml", "setup.py"),
        *("simplesfu/py.typed", "simplesfu/client/simple-peer.js"),
        *("client-js/package.json", "client-js/package-lock.json", "client-js/scripts/build.mjs"),
    }
    assert not wanted - names
    script = changed["simplesfu/client/simple-peer.js"]
    assert all(script >= at for name, at in changed.items() if name.startswith("client-js/")), "Node.js would be needed"
    assert not [name for name in names if name.endswith((".so", ".c")) or "node_modules" in name or "/dist" in name]


def test_what_is_in_the_wheel(published: Published) -> None:
    names = zipfile.ZipFile(published.wheel).namelist()
    print(f"{published.wheel.name}: {published.wheel.stat().st_size / 1e6:.1f} MB, {len(names)} files")
    assert "simplesfu/client/simple-peer.js" in names
    assert "simplesfu/py.typed" in names
    assert "simplesfu/plane/plane.pyi" in names
    assert any(name.startswith("simplesfu/plane/plane.") and name.endswith(".so") for name in names)
    assert not [name for name in names if name.endswith((".c", ".pyx", ".ts")) or name.startswith("tests")]


def test_what_is_told_of_it(published: Published) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *published)
    with zipfile.ZipFile(published.wheel) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        told = message_from_string(wheel.read(name).decode())
    assert told["License-Expression"] == "MIT"
    assert told.get_all("License-File") == ["LICENSE"]
    classifiers = told.get_all("Classifier", [])
    assert "Typing :: Typed" in classifiers
    lowest = re.search(r"\d+\.\d+", told["Requires-Python"])
    assert lowest
    assert f"Programming Language :: Python :: {lowest[0]}" in classifiers


async def test_a_call_from_the_wheel_alone(published: Published, tmp_path: Path, browser: Browser) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", published.wheel)
    app = tmp_path / "app"
    shutil.copytree(ROOT / "examples" / "hello", app)
    where = run(python, "-I", "-c", "import simplesfu; print(simplesfu.__file__)").strip()
    print(where)
    assert where.startswith(str(tmp_path))
    # No Node.js and no compiler: nothing of the PATH is left but the environment's own commands.
    server = Server([python, "-m", "uvicorn", "server:app", "--port", "0"], cwd=app, env={"PATH": "", "PYTHONPATH": ""})
    async with running(server), tabs(browser, server.url) as (first, second):
        await moving_pictures(first, 1)
        await moving_pictures(second, 1)

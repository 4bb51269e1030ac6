"""The wheel is all that a user needs: neither the sources, nor Node.js, nor a compiler."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Browser
from support.server import ROOT, Server, running
from support.tabs import moving_pictures, tabs

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOT_SOURCES = shutil.ignore_patterns(".*", "build", "dist", "*.so", "*.egg-info", "__pycache__", "tests", "bench")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing which lies about in the checkout helps it or is changed by it."""
    place = tmp_path_factory.mktemp("wheel")
    sources = place / "sources"
    shutil.copytree(ROOT, sources, ignore=NOT_SOURCES)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(place), str(sources))
    [built] = place.glob("*.whl")
    return built


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_what_is_in_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(names)} files")
    assert "simplesfu/client/simple-peer.js" in names
    assert "simplesfu/py.typed" in names
    assert "simplesfu/plane/plane.pyi" in names
    assert any(name.startswith("simplesfu/plane/plane.") and name.endswith(".so") for name in names)
    assert not [name for name in names if name.endswith((".c", ".pyx", ".ts")) or name.startswith("tests")]


async def test_a_call_from_the_wheel_alone(wheel: Path, tmp_path: Path, browser: Browser) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", str(wheel))
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

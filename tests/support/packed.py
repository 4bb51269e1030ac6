"""The npm package as it would be published, and applications that install it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from .server import ROOT

CLIENT = ROOT / "client-js"
MADE = shutil.ignore_patterns("node_modules", "dist", "build")


def run(*argv: str | Path, cwd: Path = ROOT, **env: str) -> str:
    """What a command prints; fails with all of it when the command does."""
    done = subprocess.run(
        [str(part) for part in argv], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True,
        timeout=1200, check=False,
    )
    assert done.returncode == 0, f"{' '.join(str(part) for part in argv)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pack(place: Path) -> Path:
    """`npm pack` of a copy of the sources, so that nothing that was built before gets into it."""
    sources = place / "client-js"
    shutil.copytree(CLIENT, sources, ignore=MADE)
    (sources / "node_modules").symlink_to(CLIENT / "node_modules")
    run("npm", "pack", "--silent", "--pack-destination", place, cwd=sources)
    [package] = place.glob("simplesfu-*.tgz")
    return package


def install(package: Path, app: Path) -> None:
    """Points the application's package.json at the package, in place of where it finds it in the repository."""
    description = app / "package.json"
    told = json.loads(description.read_text())
    told["dependencies"]["simplesfu"] = f"file:{package}"
    description.write_text(json.dumps(told, indent=2))

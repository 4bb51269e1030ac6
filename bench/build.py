"""Compiles the load generator in place, once for each state of its source."""
from __future__ import annotations

import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = ROOT / "bench" / "load.pyx"


def build_generator() -> None:
    """Needs a C compiler and Cython, as the plane does. Raises RuntimeError with their words when it fails."""
    built = SOURCE.with_suffix(EXTENSION_SUFFIXES[0])
    headers = ROOT.glob("simplesfu/plane/*.pxd")
    if built.exists() and built.stat().st_mtime >= max(path.stat().st_mtime for path in (SOURCE, *headers)):
        return
    command = [sys.executable, "-m", "Cython.Build.Cythonize", "--inplace", "--force", str(SOURCE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator does not compile:\n{done.stdout}{done.stderr}")

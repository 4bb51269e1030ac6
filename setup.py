"""Native modules and the client bundle; everything else about the package is in pyproject.toml."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
CLIENT = ROOT / "client-js"
BUNDLE = ROOT / "simplesfu" / "client" / "simple-peer.js"


def build_bundle() -> None:
    """Make the browser bundle, unless it is there and newer than its sources."""
    sources = [path for part in ("src", "react", "scripts") for path in CLIENT.glob(f"{part}/*")]
    sources += [CLIENT / "package.json", CLIENT / "package-lock.json"]
    newest = max((path.stat().st_mtime for path in sources if path.exists()), default=0.0)
    if BUNDLE.exists() and BUNDLE.stat().st_mtime >= newest:
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("simplesfu: building from a checkout needs Node.js 20 or newer (no npm here); or install a wheel")
    try:
        if not (CLIENT / "node_modules").exists():
            subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=CLIENT, check=True)
        subprocess.run([npm, "run", "--silent", "build:js"], cwd=CLIENT, check=True)
    except subprocess.CalledProcessError as error:  # an editable install would swallow it and go on
        sys.exit(f"simplesfu: {' '.join(error.cmd)} failed in client-js")
    BUNDLE.parent.mkdir(exist_ok=True)
    shutil.copyfile(CLIENT / "dist" / "simple-peer.js", BUNDLE)


class BuildWithClient(build_py):
    """A wheel with the bundle needs neither Node nor a compiler."""

    def run(self) -> None:
        build_bundle()
        super().run()


class SdistWithClient(sdist):
    """A source distribution with the bundle needs a compiler, but no Node."""

    def run(self) -> None:
        build_bundle()
        super().run()


extensions = [
    Extension(
        f"simplesfu.plane.{path.stem}",
        [str(path.relative_to(ROOT))],
        include_dirs=["simplesfu/plane"],
        depends=["simplesfu/plane/udp_compat.h", "simplesfu/plane/tcp_compat.h"],
        extra_compile_args=["-O3", "-Wall", "-Wno-unused-function"],
    )
    for path in sorted((ROOT / "simplesfu" / "plane").glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        language_level=3,
        compiler_directives={
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "freethreading_compatible": True,
        },
    ),
    cmdclass={"build_py": BuildWithClient, "sdist": SdistWithClient},
    options={"build_ext": {"parallel": os.cpu_count()}},
)

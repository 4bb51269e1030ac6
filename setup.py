"""Native modules and the client bundle; everything else about the package is in pyproject.toml."""
from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
CLIENT = ROOT / "client-js"
BUNDLE = ROOT / "simplesfu" / "client" / "simple-peer.js"


class BuildWithClient(build_py):
    """build_py that also makes the browser bundle, so that the wheel needs neither Node nor a compiler."""

    def run(self) -> None:
        try:
            self.build_bundle()
        except subprocess.CalledProcessError as error:  # an editable install would swallow it and go on
            sys.exit(f"simplesfu: {' '.join(error.cmd)} failed in client-js")
        super().run()

    def build_bundle(self) -> None:
        sources = [*CLIENT.glob("src/**/*.ts"), CLIENT / "package.json", CLIENT / "package-lock.json"]
        newest = max((path.stat().st_mtime for path in sources if path.exists()), default=0.0)
        if BUNDLE.exists() and BUNDLE.stat().st_mtime >= newest:
            return
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("simplesfu: building from source needs Node.js 20 or newer (no npm here); or install a wheel")
        if not (CLIENT / "node_modules").exists():
            subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=CLIENT, check=True)
        subprocess.run([npm, "run", "--silent", "build"], cwd=CLIENT, check=True)
        BUNDLE.parent.mkdir(exist_ok=True)
        shutil.copyfile(CLIENT / "dist" / "simple-peer.js", BUNDLE)


extensions = [
    Extension(
        f"simplesfu.plane.{path.stem}",
        [str(path.relative_to(ROOT))],
        include_dirs=["simplesfu/plane"],
        depends=["simplesfu/plane/udp_compat.h"],
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
    cmdclass={"build_py": BuildWithClient},
)

"""The parsers built anew with AddressSanitizer and UndefinedBehaviorSanitizer, and fed with spoilt packets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

cythonize = pytest.importorskip("Cython.Build").cythonize
setuptools = pytest.importorskip("setuptools")

HERE = Path(__file__).parent
PLANE = HERE.parents[1] / "simplesfu" / "plane"
MODULES = ("rtp", "rtcp", "payload")
SANITIZE = ["-g", "-O1", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

FEED = """
from random import Random
from corpus import rtcp_packets, rtp_packets, spoilt
import exact_buffers

random = Random(5)
taken = 0
for data in spoilt(rtp_packets(), cases=40_000, seed=6):
    taken += exact_buffers.rtp(data, bytes(random.choices(range(15), k=256)), random.randrange(1 << 15))
packets = sum(exact_buffers.rtcp(data) for data in spoilt(rtcp_packets(), cases=40_000, seed=7))
for _ in range(40_000):
    exact_buffers.payloads(random.randbytes(random.randrange(12)))
print(f"{taken} RTP packets, {packets} RTCP packets")
assert taken > 10_000 and packets > 10_000
"""

PAST_THE_END = "import exact_buffers; exact_buffers.past_the_end(b'abc')"


def build(where: Path) -> None:
    package = where / "simplesfu" / "plane"
    package.mkdir(parents=True)
    for directory in (package.parent, package):
        (directory / "__init__.py").touch()
    for name in MODULES:
        for suffix in (".pyx", ".pxd"):
            shutil.copy(PLANE / f"{name}{suffix}", package)
    shutil.copy(PLANE / "byteorder.pxd", package)
    shutil.copy(HERE / "exact_buffers.pyx", where)
    paths = {f"simplesfu.plane.{name}": package / f"{name}.pyx" for name in MODULES}
    paths["exact_buffers"] = where / "exact_buffers.pyx"
    extensions = cythonize(
        [
            setuptools.Extension(
                name, [str(path)], extra_compile_args=SANITIZE, extra_link_args=["-fsanitize=address,undefined"]
            )
            for name, path in paths.items()
        ],
        include_path=[str(where)],
        compiler_directives={"boundscheck": False, "wraparound": False, "cdivision": True, "initializedcheck": False},
        quiet=True,
    )
    command = setuptools.Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(where), str(where / "temp")
    command.ensure_finalized()
    command.run()


def run(where: Path, program: str) -> subprocess.CompletedProcess[str]:
    runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = os.environ | {
        "LD_PRELOAD": runtime.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": f"{where}{os.pathsep}{HERE}",
    }
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux") or shutil.which("gcc") is None, reason="needs gcc on Linux")
def test_nothing_is_read_or_written_beyond_a_packet(tmp_path: Path) -> None:
    build(tmp_path)
    caught = run(tmp_path, PAST_THE_END)
    assert "heap-buffer-overflow" in caught.stderr, "the sanitizer sleeps"
    fed = run(tmp_path, FEED)
    print(fed.stdout, fed.stderr)
    assert fed.returncode == 0

"""A call in React: the server is the usual one, and sees to it that the page is built."""
import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import socketio
import uvicorn

from simplesfu import MediaManager

HERE = Path(__file__).parent
BUILT = HERE / "build"
SOURCES = [*HERE.glob("src/*"), HERE / "index.html", HERE / "package.json"]
FILES = {"/": str(HERE / "index.html"), "/build": str(BUILT)}


def build_page():
    """With npm, unless it was built since the sources were changed."""
    app = BUILT / "app.js"
    if app.exists() and app.stat().st_mtime >= max(source.stat().st_mtime for source in SOURCES):
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("The page is not built, and there is no npm to build it with: install Node.js 20 or newer.")
    steps = [] if (HERE / "node_modules" / "simplesfu").exists() else [[npm, "install", "--no-audit", "--no-fund"]]
    for step in [*steps, [npm, "run", "--silent", "build"]]:
        print(f"The page is being built: {' '.join(['npm', *step[1:]])}", flush=True)
        if subprocess.run(step, cwd=HERE, check=False).returncode:
            sys.exit("That failed, and so there is no page to serve. What npm says above tells why.")


def create_app(udp=None, announce=None):
    sio = socketio.AsyncServer(async_mode="asgi")
    media = MediaManager(sio, listen=udp, announce=announce)
    return socketio.ASGIApp(sio, static_files=FILES, on_shutdown=media.aclose)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="localhost", help="where to serve the page; 0.0.0.0 is everywhere")
    parser.add_argument("--port", type=int, default=8000, help="the page's TCP port (default: %(default)s)")
    parser.add_argument("--udp", type=int, help="the media's UDP port (default: 10000, or the next free one)")
    parser.add_argument("--announce", action="append", metavar="HOST", help="the public address, when behind NAT")
    options = parser.parse_args()
    build_page()
    app = create_app(options.udp, options.announce)
    uvicorn.run(app, host=options.host, port=options.port, timeout_graceful_shutdown=3)

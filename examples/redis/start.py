"""Redis, two processes and the proxy before them, ended together with Ctrl-C."""
import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = ("redis-server", "nginx")
os.environ["PATH"] += ":/usr/sbin"  # where Debian has nginx


def configure_proxy(folder, host, port, ports):
    """nginx.conf with these ports, in a folder where nginx may write."""
    text = (HERE / "nginx.conf").read_text().replace("listen localhost:8000", f"listen {host}:{port}")
    for written, taken in zip(("127.0.0.1:8001", "127.0.0.1:8002"), ports, strict=True):
        text = text.replace(written, f"127.0.0.1:{taken}")
    path = Path(folder, "nginx.conf")
    path.write_text(text)
    return str(path)


def wait_for(port, host="127.0.0.1"):
    for _ in range(300):
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"nothing answers at port {port}")


def main(options):
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}. On Debian or Ubuntu: sudo apt-get install redis-server nginx-light")
    ports = [options.port + 1, options.port + 2]
    redis_port = options.port + 3
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    children = []
    with tempfile.TemporaryDirectory() as folder:
        proxy = configure_proxy(folder, options.host, options.port, ports)
        commands = [
            ["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", folder,
             "--loglevel", "warning"],
            *([sys.executable, str(HERE / "server.py"), "--process", name, "--port", str(port),
               "--redis", f"redis://127.0.0.1:{redis_port}"] for name, port in zip("AB", ports, strict=True)),
            ["nginx", "-p", folder, "-c", proxy],
        ]
        try:
            children += [subprocess.Popen(command) for command in commands[:-1]]
            for port in ports:
                wait_for(port)
            children.append(subprocess.Popen(commands[-1]))
            wait_for(options.port, options.host)
            print(f"http://{options.host}:{options.port}/?room=red", flush=True)
            os.wait()  # any of them: without one the others are no use
        except KeyboardInterrupt:
            pass
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, default=8000, help="the proxy's; three more after it are taken")
    main(parser.parse_args())

"""Examples as processes of their own: started when somebody wants to see them, ended with the start page."""
import asyncio
import socket
import subprocess
import sys
import threading
from collections import deque

START_TIMEOUT_S = 120  # the first time, one of them builds its page
STOP_TIMEOUT_S = 5
KEPT_LINES = 20


class NotStartedError(Exception):
    """`args[0]` is what the process has said last."""


class Launcher:
    def __init__(self, host, first_port):
        self.host = host
        self.next_port = first_port
        self.running = {}  # example's name → Process

    async def open(self, example):
        """The port at which the example answers. Raises NotStartedError."""
        process = self.running.get(example.name)
        if process is None or process.ended:
            process = self.running[example.name] = Process(example, self.host, self.take_ports(example.ports))
        await process.answers()
        return process.port

    def take_ports(self, count):
        """The first of so many in a row that are free: the same ones as last time, as a rule."""
        for first in range(self.next_port, 65536 - count):
            if all(is_free(self.host, port) for port in range(first, first + count)):
                self.next_port = first + count
                return first
        raise NotStartedError("no port is free any longer")

    def close(self):
        """All of them are asked to go at the same time, and none stays."""
        for process in self.running.values():
            process.child.terminate()
        for process in self.running.values():
            try:
                process.child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.child.kill()
                process.child.wait()


def is_free(host, port):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


class Process:
    """One example. It stays in the terminal's process group, so that Ctrl-C and a closed window reach it directly."""

    def __init__(self, example, host, port):
        self.port = port
        self.host = host
        self.said = deque(maxlen=KEPT_LINES)
        argv = [sys.executable, "-u", *example.command.format(host=host, port=port).split()]
        self.child = subprocess.Popen(
            argv, cwd=example.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace",
        )
        self.reader = threading.Thread(target=self.read, args=[example.name], daemon=True)
        self.reader.start()

    @property
    def ended(self):
        return self.child.poll() is not None

    def read(self, name):
        with self.child.stdout as output:
            for line in output:
                self.said.append(line.rstrip())
                print(f"{name:>10} | {line.rstrip()}", flush=True)

    async def answers(self):
        """Wait until its page can be had."""
        for _ in range(START_TIMEOUT_S * 10):
            if self.ended:
                await asyncio.to_thread(self.reader.join, 1)
                raise NotStartedError("\n".join(self.said))
            try:
                _, writer = await asyncio.open_connection(self.host, self.port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
        raise NotStartedError("\n".join([*self.said, f"nothing answered within {START_TIMEOUT_S} s"]))

"""Microphones that can be plugged in and pulled out: sources of a PulseAudio server of our own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from .waiting import until


class Microphones:
    def __init__(self, folder: str) -> None:
        self._socket = Path(folder, "pulse.socket")
        own = {"HOME": folder, "XDG_RUNTIME_DIR": folder, "PULSE_SERVER": f"unix:{self._socket}"}
        self.environment = os.environ | own
        """For a browser that is to have them."""
        self._modules: dict[str, str] = {}
        protocol = f"module-native-protocol-unix socket={self._socket} auth-anonymous=1"
        self.process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm", "-L", protocol],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def is_up(self) -> bool:
        return self._socket.exists()

    def plug(self, name: str) -> None:
        properties = f"source_name={name}", f"description={name}"
        self._modules[name] = self._tell("load-module", "module-null-source", *properties)

    def pull(self, name: str) -> None:
        self._tell("unload-module", self._modules.pop(name))

    def _tell(self, *command: str) -> str:
        return subprocess.run(
            ["pactl", *command], env=self.environment, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()


@asynccontextmanager
async def microphones() -> AsyncIterator[Microphones]:
    """None is plugged in yet."""
    with tempfile.TemporaryDirectory() as folder:
        server = Microphones(folder)
        try:
            await until(server.is_up, "PulseAudio's socket")
            yield server
        finally:
            server.process.terminate()
            server.process.wait()

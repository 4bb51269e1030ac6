"""SimplePeer in Node.js on libwebrtc (client-js/test/wrtc_client.mjs): a browser's media engine without a browser."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from typing import Any, Self

from .netns import Host
from .server import ROOT
from .signalling import RefusedError
from .waiting import until

SCRIPT = "client-js/test/wrtc_client.mjs"


class NodeDiedError(Exception):
    """The process was killed by a signal: libwebrtc's own fault. The test is run again, and that is told."""


class NodePeer:
    """One process, one peer. `colour` is what its video shows, `hertz` what its audio plays. `host`: on which
    it runs, if not on this machine; `options`: of the command `connect`."""

    def __init__(
        self,
        url: str,
        colour: tuple[int, int, int] = (200, 30, 30),
        hertz: int = 440,
        *,
        host: Host | None = None,
        **options: Any,
    ) -> None:
        self._options = {"url": url, **options}
        self._command = ["node", SCRIPT]
        if host is not None:
            self._command = host.command(self._command)
        self.colour = colour
        self.hertz = hertz
        self.peer_id = ""
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._ids = itertools.count()
        self._process: asyncio.subprocess.Process
        self._reader: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, stdin=pipe, stdout=pipe, limit=1 << 22
        )
        self._reader = asyncio.create_task(self._read())
        self.peer_id = (await self.do("connect", **self._options)).get("peerId", "")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 10)
        await self._reader
        self._require_life()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            if "event" in said:
                self.events.append((said["event"], said["data"]))
            else:
                self._answers.pop(said["id"]).set_result(said)
        await self._process.wait()
        for answer in self._answers.values():
            answer.set_result(None)

    def _require_life(self) -> None:
        code = self._process.returncode
        if code is not None and code < 0:
            raise NodeDiedError(signal.Signals(-code).name)

    async def do(self, command: str, timeout_s: float = 20.0, **arguments: Any) -> Any:
        """The data of the answer; raises RefusedError when it is an error."""
        assert self._process.stdin is not None
        self._require_life()
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": number, "cmd": command, **arguments}).encode() + b"\n")
        said = await asyncio.wait_for(answer, timeout_s)
        self._require_life()
        assert said is not None, "the Node process has ended"
        if not said["ok"]:
            raise RefusedError(**said["error"])
        return said["data"]

    async def publish(self, *, broadcast: bool = True) -> None:
        """A video of the colour, a tone of the pitch."""
        await self.do("addTrack", label="webcam", kind="video", color=self.colour, broadcast=broadcast)
        await self.do("addTrack", label="microphone", kind="audio", toneHz=self.hertz, broadcast=broadcast)

    async def received(self) -> dict[str, dict[str, Any]]:
        """What each remote track that has not ended has brought, by "peer id/label"."""
        tracks = (await self.do("frames"))["tracks"]
        return {f"{track['peerId']}/{track['label']}": track for track in tracks if not track["ended"]}

    async def sees(self, others: list[NodePeer]) -> None:
        """Wait until exactly these others are received, each in its own colour."""
        wanted = {f"{other.peer_id}/webcam": other.colour for other in others}

        async def exactly_these() -> bool:
            videos = {key: track for key, track in (await self.received()).items() if track["kind"] == "video"}
            return videos.keys() == wanted.keys() and all(
                near(video.get("color"), wanted[key]) for key, video in videos.items()
            )

        await until(exactly_these, f"{self.colour} sees exactly {list(wanted.values())}")

    async def hears(self, others: list[NodePeer]) -> None:
        """Wait until these others' tones are heard, each at its own pitch."""

        async def all_heard() -> bool:
            received = await self.received()
            tones = [received.get(f"{other.peer_id}/microphone", {}).get("toneHz") or 0 for other in others]
            return all(abs(tone - other.hertz) < 40 for tone, other in zip(tones, others, strict=True))

        await until(all_heard, f"{self.colour} hears {[other.hertz for other in others]}")

    async def told(self, event: str, **wanted: Any) -> dict[str, Any]:
        """Wait for an event with these fields."""

        def find() -> dict[str, Any] | None:
            return next((data for name, data in self.events if name == event and wanted.items() <= data.items()), None)

        data: dict[str, Any] = await until(find, f"{event} {wanted}")
        return data


def near(colour: list[int] | None, wanted: tuple[int, int, int]) -> bool:
    return colour is not None and all(abs(one - other) < 40 for one, other in zip(colour, wanted, strict=True))

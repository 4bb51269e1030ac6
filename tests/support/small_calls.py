"""Scripts for pages that have nothing but the client: to join, publish, show what arrives, and note what is told."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from .waiting import until

JOIN = """async () => {
  globalThis.told = [];
  globalThis.peer = new SimplePeer(io());
  for (const name of ["track", "trackRemoved", "trackEnded", "connectionStateChange"])
    peer.on(name, ({label, reason, direction, state}) => told.push({name, label, reason, direction, state}));
  peer.on("track", ({track}) => {
    const video = document.createElement("video");
    Object.assign(video, {srcObject: new MediaStream([track]), muted: true, autoplay: true});
    document.body.append(video);
  });
  await peer.joinRoom("room");
}"""
PAINT = """async () => {
  const canvas = document.createElement("canvas");
  let hue = 0;
  const worker = new Worker(URL.createObjectURL(new Blob(["setInterval(() => postMessage(0), 50)"])));
  worker.onmessage = () => {
    const pen = canvas.getContext("2d");
    pen.fillStyle = `hsl(${hue += 7} 60% 50%)`;
    pen.fillRect(0, 0, 300, 150);
  };
  await peer.addTrack(canvas.captureStream(20).getVideoTracks()[0], "picture", true);
}"""


class Evaluates(Protocol):
    def evaluate(self, expression: str) -> Awaitable[Any]: ...


async def told(page: Evaluates, name: str, **fields: str) -> dict[str, Any]:
    async def find() -> dict[str, Any] | None:
        events = await page.evaluate("told")
        found = [event for event in events if event["name"] == name and fields.items() <= event.items()]
        return found[0] if found else None

    try:
        event: dict[str, Any] = await until(find, f"{name} {fields}", timeout_s=25)
    finally:
        print(*await page.evaluate("told"), sep="\n")
    return event


async def frames(page: Evaluates) -> int:
    return int(await page.evaluate("document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0"))


async def goes_on(page: Evaluates, what: str) -> None:
    before = await frames(page)

    async def more() -> bool:
        return await frames(page) > before + 10

    await until(more, what)

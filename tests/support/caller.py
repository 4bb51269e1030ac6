"""One participant: a page of a browser that runs tests/support/page, whatever the browser."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from .fluency import Fluency, Pause, fluency
from .signalling import RefusedError
from .udp_proxy import UdpProxy
from .waiting import until


class Page(Protocol):
    """What a browser driver gives: a page on which functions of `window.harness` are called."""

    async def call(self, function: str, **arguments: Any) -> Any: ...

    async def open(self, url: str) -> None: ...

    async def leave(self) -> None: ...

    async def crash(self) -> None: ...

    async def close(self) -> None: ...


class Caller:
    """A person in a call. `number` is painted in the picture and decides the tone: others can prove whom they see."""

    def __init__(self, page: Page, number: int) -> None:
        self.page = page
        self.number = number
        self.hertz = 400 + 100 * number
        self.peer_id = ""
        self.gone = False

    async def open(self, url: str, via: UdpProxy | None = None, **options: Any) -> None:
        """`options`: of the page's SimplePeer."""
        await self.page.open(url)
        where = {"host": via.address[0], "port": via.address[1]} if via else None
        self.peer_id = await self.page.call("open", via=where, options=options)

    async def ask(self, method: str, *args: Any) -> Any:
        """Call a method of the page's SimplePeer; raises RefusedError when its promise is rejected."""
        answer = await self.page.call("ask", method=method, args=args)
        if not answer["ok"]:
            raise RefusedError(**answer["error"])
        return answer["data"]

    async def start(self, method: str, *args: Any) -> None:
        """Call a method and do not wait; outcomes() tells what became of it."""
        await self.page.call("start", name="ask", given={"method": method, "args": args})

    async def start_publishing(self, label: str, **how: Any) -> None:
        """publish_video(), not waited for."""
        given = {"label": label, "name": f"caller {self.number}", "number": self.number} | how
        await self.page.call("start", name="publishVideo", given=given)

    async def outcomes(self) -> list[dict[str, Any]]:
        """Of all that was started: {name, given, state: "pending", "fulfilled" or "rejected", tookMs, detail}."""
        outcomes: list[dict[str, Any]] = await self.page.call("outcomes")
        return outcomes

    async def books(self) -> dict[str, Any]:
        """What the page believes: connected, peerId, peers, tracks [{peerId, label, kind, readyState}], published."""
        books: dict[str, Any] = await self.page.call("books")
        return books

    async def snapshot(self) -> dict[str, Any]:
        """The answer to getSnapshot: what the server has written down about this page."""
        snapshot: dict[str, Any] = await self.page.call("snapshot")
        return snapshot

    async def join(self, room: str) -> list[str]:
        peer_ids: list[str] = (await self.ask("joinRoom", room))["peerIds"]
        return peer_ids

    async def connect_to(self, other: Caller, label: str | None = None) -> dict[str, Any]:
        """connectToPeer(), whatever becomes of it: {ok, error, tookMs}, and `decoded` of that peer's tracks then."""
        named = {} if label is None else {"label": label}
        outcome: dict[str, Any] = await self.page.call("connect", peerId=other.peer_id, **named)
        return outcome

    async def explain(self, other: Caller, label: str = "webcam") -> dict[str, Any]:
        """Why this page does not see that track, as its SimplePeer explains it."""
        explanation: dict[str, Any] = await self.ask("explain", other.peer_id, label)
        return explanation

    async def finds_nothing_wrong_with(self, other: Caller, label: str = "webcam") -> bool:
        explanation = await self.explain(other, label)
        print(explanation)
        return bool(explanation["ok"])

    async def publish_video(self, label: str = "webcam", **how: Any) -> None:
        await self.page.call("publishVideo", label=label, name=f"caller {self.number}", **{"number": self.number} | how)

    async def publish_audio(self, label: str = "microphone", **how: Any) -> None:
        await self.page.call("publishAudio", label=label, hertz=self.hertz, **how)

    async def publish_microphone(self) -> None:
        """What Firefox's fake microphone gives."""
        self.hertz = 1000
        await self.page.call("publishMicrophone", label="microphone")

    async def unpublish(self, label: str = "webcam") -> None:
        await self.page.call("unpublish", label=label)

    async def look(self) -> dict[str, Any]:
        """What is received now, by "peer id/label"."""
        seen: dict[str, Any] = (await self.page.call("look"))["seen"]
        return seen

    async def sees(self, others: list[Caller], timeout_s: float = 20.0) -> None:
        """Wait until exactly these others' pictures are received, each with its own number in it."""
        wanted = {f"{other.peer_id}/webcam": other.number for other in others}

        async def exactly_these() -> bool:
            seen = await self.look()
            return {key: sight["number"] for key, sight in seen.items() if sight["kind"] == "video"} == wanted

        names = [other.number for other in others]
        await until(exactly_these, f"caller {self.number} sees exactly {names}", timeout_s=timeout_s)

    async def shown_since(self, start_ms: float, others: list[Caller], frames: int = 3) -> float | None:
        """How long after `start_ms` (of the page's clock) so many frames of each other had been shown, each with its
        own number. None until then."""
        seen = (await self.page.call("look", since=start_ms))["seen"]
        last_ms = start_ms
        for other in others:
            sight = seen.get(f"{other.peer_id}/webcam")
            if not sight or sight["number"] != other.number or len(sight["times"]) < frames:
                return None
            last_ms = max(last_ms, sight["times"][frames - 1])
        return last_ms - start_ms

    async def hears(self, others: list[Caller], timeout_s: float = 20.0) -> None:
        """Wait until exactly these others' tones are received, each at its own pitch."""
        wanted = {f"{other.peer_id}/microphone": other.hertz for other in others}
        heard: dict[str, float] = {}

        async def exactly_these() -> bool:
            nonlocal heard
            seen = await self.look()
            heard = {key: sight["hertz"] for key, sight in seen.items() if sight["kind"] == "audio"}
            return heard.keys() == wanted.keys() and all(abs(heard[key] - wanted[key]) < 40 for key in wanted)

        await until(exactly_these, f"caller {self.number} hears exactly {sorted(wanted.values())}", timeout_s=timeout_s)

    async def now(self) -> float:
        """The page's clock, in ms; the start of a window for `watch`."""
        now: float = (await self.page.call("look"))["now"]
        return now

    async def fluency_since(self, start_ms: float, pauses: Sequence[Pause] = ()) -> dict[str, Fluency]:
        """How fluent each received picture has been since then. `pauses`: of the machine's, by this page's clock."""
        looked = await self.page.call("look", since=start_ms)
        return {
            key: fluency(sight["times"], start_ms, looked["now"], pauses)
            for key, sight in looked["seen"].items()
            if sight["kind"] == "video"
        }

    async def watch(self, seconds: float) -> dict[str, Fluency]:
        """Watch all pictures for so long."""
        start = await self.now()
        await asyncio.sleep(seconds)
        return await self.fluency_since(start)

    async def received(self, other: Caller, label: str = "webcam") -> dict[str, Any]:
        """The browser's inbound-rtp statistics of another's track, with its codec's `mimeType`."""
        stats: dict[str, Any] = (await self.page.call("received"))[f"{other.peer_id}/{label}"]
        return stats

    async def sent(self) -> list[dict[str, Any]]:
        """The browser's outbound-rtp statistics of its video encodings."""
        encodings: list[dict[str, Any]] = await self.page.call("sent")
        return encodings

    async def painted(self, label: str = "webcam") -> int:
        """How many frames of a track of its own have been painted so far."""
        frames: int = await self.page.call("painted", label=label)
        return frames

    async def stood_still(self) -> tuple[list[Pause], float]:
        """When (ms since 1970) the page did not get the processor for 100 ms or more; and the zero of its own clock."""
        told = await self.page.call("stoodStill")
        return [(start, end) for start, end in told["pauses"]], told["origin"]

    async def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in await self.page.call("events") if event["type"] == kind]

    async def vanish(self) -> None:
        """Close the page without a word, as people do."""
        self.gone = True
        await self.now()  # a page that stands still is closed before it has said goodbye
        await self.page.close()

    async def leave_page(self) -> None:
        """Follow a link to elsewhere."""
        self.gone = True
        await self.page.leave()

    async def crash(self) -> None:
        """The page's process dies."""
        self.gone = True
        await self.page.crash()

    async def close(self) -> None:
        if not self.gone:
            await self.page.call("close")
            await self.page.close()

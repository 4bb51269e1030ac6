"""docs/closes.md, row by row: its table is what is tested here."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from support.captured import produced, recv_capabilities
from support.fake_engine import ScriptedEngine, scripted_router

from simplesfu.control.consumer import Consumer
from simplesfu.control.producer import Producer
from simplesfu.control.router import Router
from simplesfu.control.webrtc_transport import WebRtcTransport
from simplesfu.errors import Closed, NotFound
from simplesfu.types import RtpParameters

DOCUMENT = Path(__file__).parents[2] / "docs" / "closes.md"
ROWS = [
    (what.strip(), [step.strip() for step in follows.split("→")])
    for what, follows in re.findall(r"^\| ([^|]+\)) \| ([^|]+) \|$", DOCUMENT.read_text(), re.MULTILINE)
]


@dataclass
class Scene:
    """The example of the document. `happened` notes what closes and what the plane is told, in its words."""

    router: Router
    engine: ScriptedEngine
    happened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.send = self.router.create_webrtc_transport()
        self.recv = self.router.create_webrtc_transport()
        self.camera = self.send.produce("video", produced("chromium", "vp8-simulcast"))
        self.microphone = self.send.produce("audio", with_mid(produced("chromium", "opus"), "1"))
        self.viewing = self.recv.consume(self.camera, recv_capabilities("chromium"))
        self.listening = self.recv.consume(self.microphone, recv_capabilities("chromium"))
        for name, thing in self.things().items():
            thing.on_close.connect(self._note_close(name, thing))
        for name, transport in self.transports().items():
            transport.on_state.connect(lambda state, reason, name=name: self._note(f"{name} is {state}: {reason}"))
        self.engine.plane.on_call = self._note_call

    def things(self) -> dict[str, Router | WebRtcTransport | Producer | Consumer]:
        return {"router": self.router, **self.transports(), "camera": self.camera, "microphone": self.microphone,
                "viewing": self.viewing, "listening": self.listening}

    def transports(self) -> dict[str, WebRtcTransport]:
        return {"send": self.send, "recv": self.recv}

    def _note(self, what: str) -> None:
        self.happened.append(what)

    def _note_close(self, name: str, thing: Router | WebRtcTransport | Producer | Consumer) -> Callable[[str], None]:
        def note(reason: str) -> None:
            self._note(f"{name}: {reason}")
            assert thing.closed
            assert thing not in self.listed()
            thing.close()  # from within: nothing more happens

        return note

    def _note_call(self, method: str, target: int) -> None:
        if method.startswith("remove_") and method != "remove_ufrag":
            name = self.name_of(target)
            step = f"plane.{method}({name})"
            if not self.happened or self.happened[-1] != step:  # camera has a stream for each encoding
                self._note(step)

    def name_of(self, handle: int) -> str:
        handles = {
            **dict.fromkeys(self.camera.recv_streams, "camera"),
            **dict.fromkeys(self.microphone.recv_streams, "microphone"),
            self.viewing.send_stream: "viewing",
            self.listening.send_stream: "listening",
            self.engine.link_of(self.send).handle: "send",
            self.engine.link_of(self.recv).handle: "recv",
        }
        return handles[handle]

    def listed(self) -> list[object]:
        return [
            *self.router.transports.values(), *self.router.producers.values(),
            *(thing for each in self.transports().values() for thing in (*each.producers.values(),
                                                                         *each.consumers.values())),
        ]

    def make_happen(self, what: str) -> None:
        if failure := re.fullmatch(r"the link of (\w+) (fails|is closed) \((\w+)\)", what):
            name, how, reason = failure.groups()
            self.engine.link_of(self.transports()[name]).become("failed" if how == "fails" else "closed", reason)
        elif what == "the engine closes (engine_closed)":
            for link in self.engine.links:
                link.close("engine_closed")
        else:
            name = what.removesuffix(".close()")
            self.things()[name].close()


def with_mid(params: RtpParameters, mid: str) -> RtpParameters:
    """The fixtures' tracks were captured one by one, and so all have the same one."""
    return msgspec.structs.replace(params, mid=mid)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with scripted_router() as (router, engine):
        yield Scene(router, engine)


def test_the_document_has_its_rows() -> None:
    assert len(ROWS) == 8


@pytest.mark.parametrize(("what", "follows"), ROWS, ids=[what for what, _ in ROWS])
def test_row(scene: Scene, what: str, follows: list[str]) -> None:
    scene.make_happen(what)
    print(*scene.happened, sep="\n")
    assert scene.happened == follows

    ended = {step.split()[0] for step in follows if re.match(r"\w+ is (failed|closed)", step)} | closed_by(follows)
    assert {name for name, each in scene.transports().items() if each.ended} == ended & set(scene.transports())
    closed = closed_by(follows)
    for name, thing in scene.things().items():
        assert thing.closed == (name in closed), f"{name} closed: {thing.closed}"
    listed = {name for name, thing in scene.things().items() if thing in scene.listed()}
    assert listed == set(scene.things()) - closed - {"router"}


def closed_by(follows: list[str]) -> set[str]:
    return {step.split(":")[0] for step in follows if re.fullmatch(r"\w+: \w+", step)}


@pytest.mark.parametrize("name", ["router", "send", "recv", "camera", "microphone", "viewing", "listening"])
def test_closing_twice_does_nothing(scene: Scene, name: str) -> None:
    thing = scene.things()[name]
    thing.close()
    happened = list(scene.happened)
    assert happened
    thing.close()
    assert scene.happened == happened


def test_calls_on_what_has_closed(scene: Scene) -> None:
    capabilities = recv_capabilities("chromium")
    scene.send.close()
    scene.viewing.close()
    attempts: list[Callable[[], object]] = [
        scene.camera.pause, scene.camera.resume, scene.camera.stats,
        scene.viewing.pause, scene.viewing.resume, scene.viewing.stats,
        scene.send.restart_ice, scene.send.stats,
        lambda: scene.send.produce("video", produced("chromium", "vp8")),
        lambda: scene.send.consume(scene.camera, capabilities),
    ]
    for attempt in attempts:
        with pytest.raises(Closed):
            attempt()
    with pytest.raises(NotFound):
        scene.recv.consume(scene.camera, capabilities)
    assert not scene.router.can_consume(scene.camera, capabilities)
    scene.router.close()
    with pytest.raises(Closed):
        scene.router.create_webrtc_transport()


def test_late_news_is_ignored(scene: Scene) -> None:
    streams = list(scene.camera.recv_streams)
    scene.camera.close()
    for recv_stream in streams:
        scene.engine.start_stream(recv_stream)
    assert set(scene.engine.stream_observers) == set(scene.microphone.recv_streams)
    link = scene.engine.link_of(scene.recv)
    scene.recv.close()
    happened = list(scene.happened)
    scene.recv.link_state_changed("failed", "ice_timeout")
    assert scene.happened == happened
    assert link.state == "closed"

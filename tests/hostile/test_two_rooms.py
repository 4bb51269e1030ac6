"""Two rooms, and somebody in one of them who asks for everything in the other.

The thief is measured against an honest dreamer: both ask the same questions in the same order, the one with what really
is in the vault, the other with names that never were. What the two get to read must be the same, byte for byte, once
the names that each of them put into the questions are made equal.
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from support import rtp
from support.in_process import MediaApp, media_app
from support.signalling import SignallingClient
from support.waiting import until
from support.wire import dtls_parameters
from support.wire_peer import LightCall, WirePeer, light_call

from simplesfu.signaling.requests.protocol import REQUESTS
from simplesfu.signaling.rights.authorization import AuthorizationRequest

pytestmark = pytest.mark.asyncio(loop_scope="module")

VAULT = "vault"
OWN_REQUESTS = {
    "hello", "enter", "heartbeat", "getSnapshot", "getStats", "setRtpCapabilities", "openData", "getIceServers",
    "createProbe", "setTopology",
}  # fmt: skip
"""They name nobody and nothing else."""
WISHES = {"connectToPeer", "disconnectFromPeer", "pausePeer", "resumePeer", "setPreferredLayers"}
"""They may be said of anybody, even of those who never come."""


def may_join_its_own_room(request: AuthorizationRequest) -> bool:
    return request.action != "join" or request.room == request.session["room"]


@dataclass(frozen=True)
class Vault:
    """A call in a room that is closed to everybody else, and the names of all that is in it."""

    app: MediaApp
    call: LightCall
    old_token: str
    """It was good once: the sender has come back with it."""

    @property
    def names(self) -> list[str]:
        sender, receiver = self.call.sender, self.call.receiver
        return [
            *sender.socket_ids,
            *receiver.socket_ids,
            *(client.sio.get_sid("/simplesfu") for client in (sender, receiver)),
            *sender.transport_ids.values(),
            *receiver.transport_ids.values(),
            self.call.stream.producer_id,
            self.call.consumer["consumerId"],
            VAULT,
        ]

    async def guest_gone(self, guest: WirePeer) -> None:
        """Wait until both know, and forget what they were told of a guest whom they were to see."""
        for peer in (self.call.sender, self.call.receiver):
            await peer.told("peerDisconnection", peerId=guest.peer_id)
        self.forget_news()

    def forget_news(self) -> None:
        for peer in (self.call.sender, self.call.receiver):
            peer.notifications.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def vault() -> AsyncIterator[Vault]:
    async with media_app(authorize=may_join_its_own_room) as app, light_call(app, VAULT, auth={"room": VAULT}) as call:
        old_token = call.sender.greeting["token"]
        await call.sender.lose_socket()
        await call.sender.come_back()  # now it has an alias too
        await call.sender.ask("getStats")  # with which it shows that it holds a newer token
        yield Vault(app, call, old_token)


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def unharmed(vault: Vault) -> AsyncIterator[None]:
    """Whatever was tried: the call goes on, its two have heard nothing and lost nothing."""
    call = vault.call
    await call.flows()
    vault.forget_news()
    before = book(vault)
    yield
    await call.flows()
    assert book(vault) == before
    assert [peer.notifications for peer in (call.sender, call.receiver)] == [[], []]
    assert vault.app.media.stats()["signaling"]["internal_errors"] == 0


def book(vault: Vault) -> list[Any]:
    """What the application is told of the two."""
    return [vault.app.media.peers[peer.peer_id] for peer in (vault.call.sender, vault.call.receiver)]


class Stranger(WirePeer):
    """Somebody with a room of their own, a call's worth of equipment, and a list of names to try."""

    def __init__(self, url: str, names: list[str]) -> None:
        self.room = secrets.token_hex(8)
        super().__init__(url, auth={"room": self.room})
        self.names = names
        self.read: list[Any] = []

    async def settle_in(self) -> None:
        await self.ask("joinRoom", roomId=self.room)
        for direction in ("send", "recv"):
            await self.describe(direction)

    async def try_everything(self) -> None:
        for request, payload in questions(self, self.names):
            await self.try_one(request, payload)

    async def try_one(self, request: str, payload: dict[str, Any]) -> None:
        """Ask, and ask again when it was too early; note the answer."""

        async def answered() -> dict[str, Any] | None:
            answer = await self.answer(request, payload)
            too_early = not answer["ok"] and answer["error"]["code"] in ("too_many_requests", "too_many_joins")
            return None if too_early else answer

        self.read.append((request, await until(answered, f"an answer to {request}")))

    def transcript(self) -> list[str]:
        """What it has read, its own names and those it tried made equal to everybody's."""
        own = [self.peer_id, self.room, *self.socket_ids, *self.transport_ids.values()]
        lines = [json.dumps(one) for one in [*self.read, *self.notifications]]
        for number, name in enumerate([*self.names, *own]):
            lines = [line.replace(name, f"<{number}>") for line in lines]
        return lines


def identifying(fields: tuple[str, ...]) -> list[str]:
    """The fields of a payload that name something which may be somebody else's."""
    return [field for field in fields if (field.endswith("Id") and field != "requestId") or field == "replaces"]


def questions(asker: Stranger, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every request of the table that names something, with each of the names in each of the places."""
    own = {
        "createWebRtcTransport": {"direction": "send"},
        "connectWebRtcTransport": {"dtlsParameters": dtls_parameters()},
        "produce": {
            "transportId": asker.transport_ids["send"],
            "kind": "video",
            "rtpParameters": rtp.video_parameters(asker.codec("video/VP8"), 4711),
            "label": "webcam",
            "broadcast": False,
        },
        "consume": {"transportId": asker.transport_ids["recv"], "producerId": "mine"},
        "signal": {"message": {"candidate": "192.0.2.1"}},
        "reportLink": {"state": "failed"},
        "connectProbe": {"dtlsParameters": dtls_parameters()},
        "setMetadata": {"metadata": {"title": "mine now"}},
        "explain": {"label": "webcam"},
        "produceData": {"sctpStreamParameters": {"streamId": 0}, "label": "reliable", "protocol": ""},
        "consumeData": {"reliable": True},
        "setPreferredLayers": {"spatialLayer": 0},
    }
    for request, row in REQUESTS.items():
        if request in OWN_REQUESTS:
            continue
        fields = msgspec.structs.fields(row.payload)
        places = identifying(tuple(field.encode_name for field in fields))
        assert places, f"{request}: nothing of it is tried; does it belong to OWN_REQUESTS?"
        labels = [{"label": "webcam"}, {}] if any(field.encode_name == "label" for field in fields) else [{}]
        for place, name, label in itertools.product(places, names, labels):
            if request in ("produce", "publish") and place == "producerId":
                continue  # a wrong one there is as good as none: see test_a_foreign_producer_is_not_taken_over
            yield request, own.get(request, {}) | label | {place: name}


@pytest_asyncio.fixture(loop_scope="module")
async def dreamer(vault: Vault) -> AsyncIterator[Stranger]:
    """Its names are as long and as random as the real ones."""
    async with Stranger(vault.app.url, [secrets.token_urlsafe(len(name))[: len(name)] for name in vault.names]) as one:
        await one.settle_in()
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def thief(vault: Vault) -> AsyncIterator[Stranger]:
    async with Stranger(vault.app.url, vault.names) as one:
        await one.settle_in()
        yield one


async def test_every_request_with_every_name_of_the_other_room(dreamer: Stranger, thief: Stranger) -> None:
    for stranger in (dreamer, thief):
        await stranger.try_everything()
    for dreamt, stolen in zip(dreamer.transcript(), thief.transcript(), strict=True):
        assert dreamt == stolen
    refused = {answer["error"]["code"] for _, answer in thief.read if not answer["ok"]}
    granted = {request for request, answer in thief.read if answer["ok"]}
    print(f"{len(thief.read)} questions; refused with {refused}; answered: {granted}")
    assert granted <= WISHES | {"explain"}
    assert "not_found" in refused


async def test_the_vaults_news_reach_nobody_else(vault: Vault, dreamer: Stranger, thief: Stranger) -> None:
    """All that can happen there happens, while one outside has wished for everybody in it."""
    for name in thief.names:
        for request in ("connectToPeer", "pausePeer", "resumePeer"):
            await thief.ask(request, peerId=name)
    known = len(thief.notifications)
    async with WirePeer(vault.app.url, auth={"room": VAULT}) as third:
        await third.ask("joinRoom", roomId=VAULT)
        await third.connect("send")
        stream = await third.produce("screen", more={"metadata": {"title": "plans"}})
        await third.ask("setMetadata", producerId=stream.producer_id, metadata={"title": "more plans"})
        await third.ask("pauseProducer", producerId=stream.producer_id)
        await third.ask("resumeProducer", producerId=stream.producer_id)
        await third.lose_socket()
        await third.come_back()
        await third.ask("closeProducer", producerId=stream.producer_id)
        await third.ask("leaveRoom", roomId=VAULT)
        await vault.guest_gone(third)
        await third.ask("joinRoom", roomId=VAULT)
    await vault.guest_gone(third)
    await thief.ask("getStats")
    assert thief.notifications[known:] == dreamer.notifications[known:]
    snapshot = (await thief.ask("getSnapshot"))["snapshot"]
    assert (snapshot["peers"], snapshot["offers"]) == ([], [])


async def test_a_foreign_producer_is_not_taken_over(vault: Vault, dreamer: Stranger, thief: Stranger) -> None:
    """Producing "what was there before" on another transport moves one's own tracks, and nobody else's."""
    producer_id = vault.call.stream.producer_id
    streams = [
        await stranger.produce("webcam", more={"producerId": name})
        for stranger, name in ((dreamer, secrets.token_hex(8)), (thief, producer_id))
    ]
    print(f"the vault's is {producer_id}; theirs are {[stream.producer_id for stream in streams]}")
    assert len({producer_id, *(stream.producer_id for stream in streams)}) == 3
    assert vault.app.media.producers[producer_id].peer_id == vault.call.sender.peer_id


async def test_tokens_of_others(vault: Vault) -> None:
    """Made up, bent, signed by another server, or used before: whoever brings one is somebody new."""
    current = vault.call.sender.greeting["token"]
    async with media_app() as elsewhere, SignallingClient(elsewhere.url) as foreigner:
        tokens = {
            "none": "",
            "made up": secrets.token_urlsafe(len(current)),
            "used before": vault.old_token,
            "without its signature": current.rpartition(".")[0],
            "bent": current[:-1] + ("A" if current[-1] != "A" else "B"),
            "bent in front": ("A" if current[0] != "A" else "B") + current[1:],
            "of another server": foreigner.greeting["token"],
        }
    assert len(vault.call.sender.disconnections) == 1, "once, on purpose"
    for name, token in tokens.items():
        thief = SignallingClient(vault.app.url, auth={"room": "elsewhere"})
        await thief.open_socket()
        answer = await thief.hello(token=token, lastSeq=0)
        print(f"{name}: resumed {answer['resumed']}, peer id {answer['peerId']}")
        assert not answer["resumed"], name
        assert answer["peerId"] == thief.socket_ids[0], name
        assert answer.get("snapshot") is None, name
        await thief.sio.disconnect()
    assert len(vault.call.sender.disconnections) == 1, "nobody has taken its place"


async def test_request_ids_of_others(vault: Vault, dreamer: Stranger, thief: Stranger) -> None:
    """A request id is its session's own: it neither fetches another's answer nor gets in another's way."""
    sender = vault.call.sender
    request_id = "the very same"
    mine = {"producerId": vault.call.stream.producer_id, "metadata": {}, "requestId": request_id}
    assert (await sender.answer("setMetadata", mine))["ok"]
    place = thief.names.index(vault.call.stream.producer_id)
    for stranger in (dreamer, thief):
        await stranger.try_one("setMetadata", mine | {"producerId": stranger.names[place]})
    assert dreamer.transcript() == thief.transcript()
    assert thief.read[-1][1]["error"]["code"] == "not_found"
    other = mine | {"requestId": "theirs first"}
    await thief.try_one("setMetadata", other)
    assert (await sender.answer("setMetadata", other))["ok"], "a thief's refusal is not the owner's"
    await vault.call.receiver.told("producerMetadata", peerId=sender.peer_id)
    vault.forget_news()


async def test_a_guest_of_the_room_owns_nothing_of_its_hosts(vault: Vault) -> None:
    """Sharing a room shows tracks; what they hang on is still its owner's alone."""
    call = vault.call
    hosts = [*call.sender.transport_ids.values(), *call.receiver.transport_ids.values(), call.consumer["consumerId"]]
    answers: list[list[Any]] = []
    async with WirePeer(vault.app.url, auth={"room": VAULT}) as guest:
        await guest.ask("joinRoom", roomId=VAULT)
        await guest.told("producerAvailable", producerId=call.stream.producer_id)
        for name in (*hosts, call.stream.producer_id):
            tried = []
            for target in (name, secrets.token_hex(8)):
                asked = [
                    await guest.answer(request, {place: target, "metadata": {}, "dtlsParameters": dtls_parameters()})
                    for request, place in (
                        ("connectWebRtcTransport", "transportId"),
                        ("restartIce", "transportId"),
                        ("closeTransport", "transportId"),
                        ("pauseProducer", "producerId"),
                        ("resumeProducer", "producerId"),
                        ("closeProducer", "producerId"),
                        ("setMetadata", "producerId"),
                        ("resumeConsumer", "consumerId"),
                    )
                ]
                assert {one["error"]["code"] for one in asked} == {"not_found"}
                tried.append(json.dumps(asked).replace(target, "<tried>"))
            answers.append(tried)
    assert all(real == dreamt for real, dreamt in answers)
    await vault.guest_gone(guest)

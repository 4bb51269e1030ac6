"""The eleven known faults of the library whose interface this one has, each as a test that it would not pass."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from support.factories import Serve
from support.in_process import media_app
from support.node_peer import NodePeer
from support.signalling import RefusedError
from support.waiting import until
from support.wire_peer import WirePeer

from simplesfu import NotAllowed
from simplesfu.signaling.rights.authorization import AuthorizationRequest

pytestmark = pytest.mark.slow

BINDING_REQUEST = b"\x00\x01"
"""The type of a STUN message (RFC 8489 §18.2)."""

RED, GREEN = (200, 30, 30), (30, 180, 30)


async def test_fault_01_broadcast_stays_in_its_room() -> None:
    """Broadcast ignores rooms (leak)."""
    async with (
        media_app() as app,
        WirePeer(app.url) as publisher,
        WirePeer(app.url) as roommate,
        WirePeer(app.url) as neighbour,
        WirePeer(app.url) as loiterer,
    ):
        for peer, room in ((publisher, "here"), (roommate, "here"), (neighbour, "there")):
            await peer.ask("joinRoom", roomId=room)
        await loiterer.ask("enter")
        await publisher.describe("send")
        stream = await publisher.produce("webcam", broadcast=True)
        await roommate.told("producerAvailable", producerId=stream.producer_id)
        for outsider in (neighbour, loiterer):
            snapshot = (await outsider.ask("getSnapshot"))["snapshot"]  # after all that it was told
            assert (snapshot["offers"], snapshot["peers"]) == ([], [])
            assert not outsider.heard("producerAvailable")


def nobody_consumes_secrets(request: AuthorizationRequest) -> bool:
    return request.action != "consume" or request.label != "secret"


async def test_fault_02_consuming_needs_sight_and_the_right() -> None:
    """consume has no room or permission check."""
    async with (
        media_app(authorize=nobody_consumes_secrets) as app,
        WirePeer(app.url) as publisher,
        WirePeer(app.url) as roommate,
        WirePeer(app.url) as neighbour,
    ):
        for peer, room in ((publisher, "here"), (roommate, "here"), (neighbour, "there")):
            await peer.ask("joinRoom", roomId=room)
        await publisher.describe("send")
        for viewer in (roommate, neighbour):
            await viewer.describe("recv")
        secret, plain = await publisher.produce("secret"), await publisher.produce("plain")

        async def consuming(viewer: WirePeer, producer_id: str) -> str:
            answer = await viewer.answer(
                "consume", {"transportId": viewer.transport_ids["recv"], "producerId": producer_id}
            )
            return "ok" if answer["ok"] else str(answer["error"]["code"])

        assert await consuming(roommate, plain.producer_id) == "ok"
        assert await consuming(roommate, secret.producer_id) in ("not_allowed", "not_found")
        assert await consuming(neighbour, plain.producer_id) == "not_found"
        assert await consuming(neighbour, secret.producer_id) == "not_found"
        assert [one.label for one in app.media.consumers.values()] == ["plain"]


async def test_fault_03_a_socket_that_is_connected_already(serve: Serve) -> None:
    """An already-connected socket never initialises."""
    server = await serve()
    async with NodePeer(server.url, RED, late=True) as red, NodePeer(server.url, GREEN) as green:
        await red.publish()
        await green.sees([red])


async def test_fault_04_what_is_consumed_fits_the_client_that_consumes() -> None:
    """Consumes with the server's capabilities, not the client's."""
    async with media_app() as app, WirePeer(app.url) as publisher, WirePeer(app.url) as viewer:
        await publisher.describe("send")
        await viewer.describe("recv")
        stream = await publisher.produce("webcam")
        full = [codec["mimeType"] for codec in (await viewer.see("webcam", publisher))["rtpParameters"]["codecs"]]

        async def consuming_with(mime_types: set[str]) -> dict[str, Any]:
            able = copy.deepcopy(viewer.capabilities)
            able["codecs"] = [codec for codec in able["codecs"] if codec["mimeType"] in mime_types]
            await viewer.ask("setRtpCapabilities", rtpCapabilities=able)
            payload = {"transportId": viewer.transport_ids["recv"], "producerId": stream.producer_id}
            return await viewer.answer("consume", payload)

        spare = (await consuming_with({"video/VP8"}))["data"]["rtpParameters"]["codecs"]
        print(f"to one who can do all: {full}; to one without RTX: {[codec['mimeType'] for codec in spare]}")
        assert full == ["video/VP8", "video/rtx"]
        assert [codec["mimeType"] for codec in spare] == ["video/VP8"]
        assert (await consuming_with({"video/H264"}))["error"]["code"] == "cannot_consume"


async def test_fault_05_a_label_called_data_is_a_label_like_any_other(serve: Serve) -> None:
    """A label called "data" collides with the data channel."""
    server = await serve()
    async with NodePeer(server.url, RED) as red, NodePeer(server.url, GREEN) as green:

        async def gets(peer: NodePeer, data: str, **named: str) -> None:
            async def got() -> bool:
                messages = (await peer.do("heard"))["heard"]["data"]
                return any({"data": data, **named}.items() <= message.items() for message in messages)

            await until(got, f"the message {data!r}")

        for peer in (red, green):
            await peer.do("listen", event="data")
        await red.do("addTrack", label="data", kind="video", color=RED, broadcast=True)
        await green.told("track", peerId=red.peer_id, label="data")
        await red.do("send", data="a word", label="data")
        await gets(green, "a word", label="data")
        await green.do("send", data="another", to=red.peer_id)
        await gets(red, "another")
        await red.do("removeTrack", label="data")
        await green.told("trackRemoved", peerId=red.peer_id, label="data")
        await red.do("send", data="a last word", label="data")
        await gets(green, "a last word", label="data")


async def test_fault_06_the_same_label_with_another_kind_replaces_it(serve: Serve) -> None:
    """Same label with another kind breaks the replace."""
    server = await serve()
    async with NodePeer(server.url, RED) as red, NodePeer(server.url, GREEN) as green:
        for kind in ("video", "audio", "video"):
            await red.do("addTrack", label="me", kind=kind, color=RED, broadcast=True)
            await green.told("track", peerId=red.peer_id, label="me", kind=kind)
            assert [one["kind"] for one in (await red.do("stats"))["server"]["producers"]] == [kind]
            assert [track["kind"] for track in (await green.received()).values()] == [kind]
            red.events.clear()
            green.events.clear()


async def test_fault_07_ice_servers_are_an_option(serve: Serve) -> None:
    """ICE servers hard-coded empty: here the client must ask the one that it was given."""
    server = await serve()
    asked: set[bytes] = set()

    class Listening(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _address: object) -> None:
            asked.add(data[:2])

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Listening, local_addr=("127.0.0.1", 0))
    given = {"urls": f"stun:127.0.0.1:{transport.get_extra_info('sockname')[1]}"}
    try:
        async with NodePeer(server.url, RED, iceServers=[given]) as red:
            await red.do("addTrack", label="webcam", kind="video", color=RED)
            await until(lambda: BINDING_REQUEST in asked, "a question of the client's")
    finally:
        transport.close()


NAMELESS = "never-was"


@pytest.mark.parametrize(
    ("request_name", "payload"),
    [
        ("resumeConsumer", {"consumerId": NAMELESS}),
        ("consume", {"producerId": NAMELESS}),
        ("pauseProducer", {"producerId": NAMELESS}),
        ("resumeProducer", {"producerId": NAMELESS}),
        ("closeProducer", {"producerId": NAMELESS}),
        ("setMetadata", {"producerId": NAMELESS, "metadata": {}}),
        ("closeTransport", {"transportId": NAMELESS}),
        ("restartIce", {"transportId": NAMELESS}),
    ],
)
async def test_fault_08_what_is_missing_is_answered(request_name: str, payload: dict[str, Any]) -> None:
    """Missing consumer → no acknowledgement ever, the promise hangs."""
    async with media_app() as app, WirePeer(app.url) as peer:
        await peer.describe("recv")
        if request_name == "consume":
            payload = payload | {"transportId": peer.transport_ids["recv"]}
        answer = await peer.answer(request_name, payload, timeout_s=1)
        assert answer["error"]["code"] == "not_found"
        assert answer["error"]["hint"]


def only_members(request: AuthorizationRequest) -> bool:
    if request.action == "join" and request.room == "club":
        raise NotAllowed("the club is for members", "become one", code="members_only")
    return True


async def test_fault_09_a_refusal_reaches_the_promise_word_for_word() -> None:
    """Error texts lost on the way."""
    async with media_app(authorize=only_members) as app, NodePeer(app.url) as peer:
        with pytest.raises(RefusedError) as refused:
            await peer.do("joinRoom", roomId="club")
        print(refused.value)
        assert refused.value.wire == {
            "code": "members_only",
            "message": "the club is for members",
            "hint": "become one",
        }


async def test_fault_10_pausing_a_peer_holds_its_broadcast_tracks_too() -> None:
    """pausePeer skips broadcast tracks."""
    async with (
        media_app() as app,
        WirePeer(app.url) as publisher,
        WirePeer(app.url) as viewer,
        WirePeer(app.url) as witness,
    ):
        await publisher.connect("send")
        stream = await publisher.produce("webcam", broadcast=True)
        consumers = {}
        for peer in (viewer, witness):
            await peer.connect("recv")
            consumers[peer] = await peer.see("webcam", publisher)
        async with stream.running():
            await viewer.gets(consumers[viewer])
            await viewer.ask("pausePeer", peerId=publisher.peer_id)
            await witness.gets(consumers[witness])  # what was under way has arrived meanwhile
            before = viewer.packets_of(consumers[viewer])
            await witness.gets(consumers[witness], packets=90)
            assert viewer.packets_of(consumers[viewer]) == before
            await viewer.ask("resumePeer", peerId=publisher.peer_id)
            await viewer.gets(consumers[viewer])


@pytest.mark.parametrize("label", [None, "webcam"])
async def test_fault_11_a_pause_may_come_before_the_consumer_and_before_the_peer(label: str | None) -> None:
    """Pause before the consumer exists is lost."""
    async with media_app() as app, WirePeer(app.url) as viewer, WirePeer(app.url) as witness:
        for peer in (viewer, witness):
            await peer.connect("recv")
        publisher = WirePeer(app.url)
        await publisher.open_socket()
        track = {"peerId": publisher.socket_ids[0]} | ({"label": label} if label else {})
        await viewer.ask("pausePeer", **track)
        await publisher.hello()
        await publisher.ask("setRtpCapabilities", rtpCapabilities=publisher.capabilities)
        await publisher.connect("send")
        stream = await publisher.produce("webcam")
        async with stream.running():
            held, seen = await viewer.see("webcam", publisher), await witness.see("webcam", publisher)
            await witness.gets(seen, packets=90)
            assert viewer.packets_of(held) == 0, "not one packet"
            await viewer.ask("resumePeer", **track)
            await viewer.gets(held)
        await publisher.__aexit__()

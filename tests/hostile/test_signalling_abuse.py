"""Requests that no honest client sends: each is answered, with an error that tells nothing about others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import rtp
from support.signalling import NAMESPACE, SignallingClient
from support.waiting import until
from support.wire import dtls_parameters
from support.wire_peer import LightCall, WirePeer

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "no-such-id-0123456789"

RUBBISH: list[Any] = [None, True, 7, -1.5, "text", [], [[]], {"": {}}, ["a"] * 1000, {"x" * 1000: "y" * 1000}]

TARGETS: dict[str, dict[str, dict[str, Any]]] = {
    "transport": {
        "connectWebRtcTransport": {"dtlsParameters": dtls_parameters()},
        "restartIce": {},
        "closeTransport": {},
    },
    "producer": {"pauseProducer": {}, "resumeProducer": {}, "closeProducer": {}},
    "consumer": {"resumeConsumer": {}, "closeConsumer": {}},
}

WISHES = ("connectToPeer", "disconnectFromPeer", "pausePeer", "resumePeer", "setPreferredLayers")

REQUESTS = [
    *(request for requests in TARGETS.values() for request in requests),
    *WISHES,
    "setMetadata",
    "explain",
    "openData",
    "produceData",
    "consumeData",
    "setRtpCapabilities",
    "createWebRtcTransport",
    "produce",
    "publish",
    "consume",
    "signal",
    "reportLink",
    "joinRoom",
    "leaveRoom",
]


async def test_anothers_id_is_answered_like_an_id_that_never_was(bystander: LightCall) -> None:
    foreign = {
        "transport": bystander.sender.transport_ids["send"],
        "producer": bystander.stream.producer_id,
        "consumer": bystander.consumer["consumerId"],
    }
    async with WirePeer(bystander.sender.url) as outsider:
        for kind, requests in TARGETS.items():
            for request, rest in requests.items():
                others, nobodys = [
                    await outsider.answer(request, {f"{kind}Id": target} | rest) for target in (foreign[kind], NOBODY)
                ]
                print(request, others)
                assert others["error"]["code"] == "not_found", request
                # Word for word the same, but for the id that the asker gave.
                assert str(others).replace(foreign[kind], NOBODY) == str(nobodys)


async def test_wishes_about_anothers_peer_are_answered_like_those_about_nobody(bystander: LightCall) -> None:
    peer_id = bystander.sender.peer_id
    async with WirePeer(bystander.sender.url) as outsider:
        for request in (*WISHES, "explain"):
            payload = {"label": "webcam", "spatialLayer": 0}
            others, nobodys = [await outsider.answer(request, payload | {"peerId": one}) for one in (peer_id, NOBODY)]
            print(request, others)
            assert others["ok"]
            assert str(others).replace(peer_id, NOBODY) == str(nobodys)
        assert outsider.notifications == []


async def test_consuming_what_is_out_of_sight(bystander: LightCall) -> None:
    async with WirePeer(bystander.sender.url) as outsider:
        await outsider.connect("recv")
        await outsider.ask("setRtpCapabilities", rtpCapabilities=outsider.capabilities)
        transport = outsider.transport_ids["recv"]
        answers = [
            await outsider.answer("consume", {"transportId": transport, "producerId": target})
            for target in (bystander.stream.producer_id, NOBODY)
        ]
    assert answers[0]["error"]["code"] == "not_found"
    assert str(answers[0]).replace(bystander.stream.producer_id, NOBODY) == str(answers[1])


async def test_payloads_of_every_wrong_shape(bystander: LightCall) -> None:
    async with SignallingClient(bystander.sender.url) as abuser:
        for request in REQUESTS:
            for payload in RUBBISH:
                answer = await abuser.answer(request, payload)
                assert not answer["ok"], (request, payload)
                assert answer["error"]["code"] == "bad_request", (request, payload, answer)
                assert answer["error"]["message"]
        print(f"{len(REQUESTS) * len(RUBBISH)} payloads, all answered with bad_request")


async def test_a_request_that_is_none(bystander: LightCall) -> None:
    async with SignallingClient(bystander.sender.url) as abuser:
        for name in ("launchMissiles", "__init__", "close", "connect_error", "\r\n", "x" * 500):
            answer = await abuser.answer(name, {})
            assert answer["error"]["code"] == "unknown_request", (name, answer)


async def test_names_that_would_break_a_line_or_a_table(bystander: LightCall) -> None:
    """Line ends and sizes in what other peers will be shown or put into SDP."""
    async with WirePeer(bystander.sender.url) as abuser:
        await abuser.connect("send")
        for changes in (
            {"mid": "0\r\na=candidate:1"},
            {"mid": "m" * 1000},
            {"rtcp": {"cname": "c\r\na=x", "reducedSize": True, "mux": True}},
            {"rtcp": {"cname": "c" * 10_000, "reducedSize": True, "mux": True}},
            {"encodings": [{"rid": "r\r\n"}]},
            {"encodings": [{"ssrc": number} for number in range(1, 1000)]},
            {"encodings": []},
            {"codecs": []},
            {"headerExtensions": [{"uri": "x" * 10_000, "id": 1}]},
            {"headerExtensions": [{"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 100_000}]},
        ):
            answer = await produce_with(abuser, changes)
            assert not answer["ok"], changes
            assert answer["error"]["code"] in ("bad_request", "bad_parameters", "unsupported", "limit_reached"), answer
            assert answer["error"]["hint"] or answer["error"]["message"]


async def produce_with(peer: WirePeer, changes: dict[str, Any], label: str = "odd") -> dict[str, Any]:
    parameters = rtp.video_parameters(peer.codec("video/VP8"), 77) | changes
    return await peer.answer(
        "produce",
        {
            "transportId": peer.transport_ids["send"],
            "kind": "video",
            "rtpParameters": parameters,
            "label": label,
            "broadcast": True,
        },
    )


async def test_an_oversize_payload(bystander: LightCall) -> None:
    async with SignallingClient(bystander.sender.url) as abuser:
        answer = await abuser.answer("joinRoom", {"roomId": "r" * 500_000})
        assert answer["error"]["code"] == "bad_request"
        assert len(str(answer)) < 2000, "an error does not repeat what was sent"


@pytest.mark.slow
async def test_a_storm_of_requests(bystander: LightCall) -> None:
    """Every one is answered, most of them with too_many_requests; the others are not kept waiting."""
    async with SignallingClient(bystander.sender.url) as abuser:
        answers = await asyncio.gather(*(abuser.answer("hello", {}) for _ in range(2000)))
        refused = [answer["error"]["code"] for answer in answers if not answer["ok"]]
        print(f"{len(answers)} requests at once, {len(refused)} refused")
        assert set(refused) == {"too_many_requests"}
        began = asyncio.get_running_loop().time()
        await bystander.sender.ask("getStats")
        waited = asyncio.get_running_loop().time() - began
        assert waited < 1


@pytest.mark.slow
async def test_limits_of_one_peer(bystander: LightCall) -> None:
    async with WirePeer(bystander.sender.url) as abuser:
        await abuser.connect("send")
        again = await abuser.answer("createWebRtcTransport", {"direction": "send"})
        assert again["error"]["code"] == "already_exists"
        for number in range(100):
            changes = {"encodings": [{"ssrc": 1000 + number}], "mid": str(number)}
            answer = await produce_with(abuser, changes, f"odd {number}")
            if not answer["ok"]:
                break
        print("refused:", number, answer)
        assert answer["error"]["code"] == "too_many_producers"
        await limit_wishes(abuser)


async def limit_wishes(abuser: WirePeer) -> None:
    for first in range(0, 2000, 32):
        wishes = [abuser.answer("pausePeer", {"peerId": f"nobody {number}"}) for number in range(first, first + 32)]
        refused = [answer["error"]["code"] for answer in await asyncio.gather(*wishes) if not answer["ok"]]
        if "too_many_wishes" in refused:
            break
        await asyncio.sleep(0.1)  # within what a peer may ask in a second
    print(f"refused after {first} wishes: {refused}")
    assert 992 <= first <= 1024


async def test_a_storm_of_sockets_that_all_claim_one_session(bystander: LightCall) -> None:
    """The last one has it, and the session is there once."""
    async with SignallingClient(bystander.sender.url) as abuser:
        token, peer_id = abuser.greeting["token"], abuser.peer_id
        thieves = [SignallingClient(abuser.url) for _ in range(20)]
        for thief in thieves:
            await thief.open_socket()
        greetings = await asyncio.gather(*(thief.hello(token=token) for thief in thieves))
        assert {greeting["peerId"] for greeting in greetings} == {peer_id}
        await until(lambda: sum(NAMESPACE in thief.sio.namespaces for thief in thieves) == 1, "one has it")
        assert NAMESPACE not in abuser.sio.namespaces
        for thief in thieves:
            await thief.leave()


async def test_forged_tokens(bystander: LightCall) -> None:
    victim = bystander.sender.greeting["token"]
    payload, time, signature = victim.split(".")
    async with SignallingClient(bystander.sender.url) as abuser:
        own = abuser.greeting["token"].split(".")
        for forged in (
            ".".join((payload, own[1], own[2])), ".".join((payload, time, own[2])), payload, f"{payload}..", "." * 900,
            f"{payload}.{time}.{signature.swapcase()}", f"{victim}.{signature}", "\u0000", "x" * 60_000,
        ):
            thief = SignallingClient(abuser.url)
            await thief.open_socket()
            greeting = await thief.hello(token=forged)
            assert (greeting["resumed"], greeting["peerId"]) == (False, thief.socket_ids[0]), forged
            await thief.leave()

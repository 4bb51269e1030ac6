"""The table of requests and the page that tells of it; payloads that fit and that do not; how much one peer may ask."""
from __future__ import annotations

import json
import logging
import math
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from support import rtp
from support.house import DTLS, House, HousePeer, open_house

from simplesfu import errors
from simplesfu.signaling import messages
from simplesfu.signaling.admission import BURST, REQUESTS_PER_S, Admission
from simplesfu.signaling.messages import Notification
from simplesfu.signaling.requests.protocol import MAX_DEPTH, MAX_PAYLOAD_BYTES, REQUESTS, cost_of

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
ROWS = [
    cells
    for line in PAGE.splitlines()
    if line[:3] == "| `" and (cells := [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])[1][:2] == "`{"
]
CALLED_WITH: dict[str, tuple[type[messages.Message], type[messages.Message]]] = {
    name: (request.payload, request.answer) for name, request in REQUESTS.items()
}


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


def names_in(cell: str) -> set[str]:
    """The fields of `{a, b: …, c?}`, at the first level."""
    return {
        field.split(":")[0].strip(" ?`") for field in re.sub(r"[\[(].*?[\])]", "", cell.strip("`{}")).split(",")
    } - {""}


def documented(column: int, cells: int = 4) -> dict[str, set[str]]:
    """By request, or by event (3 cells): the fields that its cell in this column names."""
    found = {}
    for row in ROWS:
        if len(row) != cells:
            continue
        for name in re.findall(r"`(\w+)`", row[0]):
            found[name] = {field for part in row[column].split(" / ") for field in names_in(part.split("` (")[0])}
    return found


def wire_names(struct: type[msgspec.Struct]) -> set[str]:
    return set(struct.__struct_encode_fields__)


# the page


def test_the_page_lists_exactly_these_requests() -> None:
    listed = {name for row in ROWS if len(row) == 4 for name in re.findall(r"`(\w+)`", row[0])}
    assert listed == set(REQUESTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_page_names_the_fields_of_requests_and_answers(name: str) -> None:
    payload, answer = CALLED_WITH[name]
    assert wire_names(payload) == documented(1)[name]
    # One row may tell of two requests with different answers.
    assert wire_names(answer) <= documented(2)[name]
    if wire_names(answer):
        assert wire_names(answer) == documented(2)[name]


def test_the_page_names_the_notifications_and_their_fields() -> None:
    assert documented(1, cells=3) == {one.event: wire_names(one) for one in Notification.__subclasses__()}


def test_the_page_names_every_error_that_a_peer_can_get() -> None:
    codes = {error.code for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)}
    assert codes - {"bad_option", "cannot_move"} <= set(re.findall(r"`(\w+)`", PAGE))


def test_the_page_names_every_reason() -> None:
    for reason in get_args(messages.UnavailableReason) + get_args(messages.RoomLeftReason):
        assert f"`{reason}`" in PAGE


# answers


def test_every_request_is_answered_with_its_shape(house: House) -> None:
    """Once through the whole table, in the order in which a call goes."""
    anna, ben = house.enter("anna"), house.enter("ben")
    producer, idle = anna.produce("camera", broadcast=True), anna.produce("slides")
    send, recv = anna.transport("send"), ben.transport("recv")
    video = rtp.video_parameters(house.codec("video/VP8"), 7, mid="screen")
    calls: list[tuple[HousePeer, str, dict[str, Any]]] = [
        (anna, "hello", {}),
        (anna, "heartbeat", {"lastSeq": 1}),
        (anna, "enter", {}),
        (anna, "getSnapshot", {}),
        (anna, "setRtpCapabilities", {"rtpCapabilities": house.capabilities}),
        (anna, "createWebRtcTransport", {"direction": "recv"}),
        (anna, "connectWebRtcTransport", {"transportId": send, "dtlsParameters": DTLS}),
        (anna, "restartIce", {"transportId": send}),
        (anna, "produce", {"transportId": send, "kind": "video", "rtpParameters": video, "label": "screen",
                           "broadcast": False, "paused": True}),
        (anna, "setMetadata", {"producerId": producer, "metadata": {"title": "Slides"}}),
        (anna, "pauseProducer", {"producerId": producer}),
        (anna, "resumeProducer", {"producerId": producer}),
        (ben, "connectToPeer", {"peerId": "anna"}),
        (ben, "pausePeer", {"peerId": "anna"}),
        (ben, "consume", {"transportId": recv, "producerId": producer}),
        (ben, "resumeConsumer", {}),
        (ben, "resumePeer", {"peerId": "anna"}),
        (ben, "setPreferredLayers", {"peerId": "anna", "label": "camera", "spatialLayer": 0}),
        (ben, "explain", {"peerId": "anna", "label": "camera"}),
        (ben, "getStats", {}),
        (anna, "getStats", {}),
        (anna, "openData", {"label": "chat"}),
        (anna, "produceData", {"transportId": send, "sctpStreamParameters": {"streamId": 0, "ordered": True}}),
        (ben, "consumeData", {"transportId": recv, "reliable": True}),
        (ben, "disconnectFromPeer", {"peerId": "anna"}),
        (ben, "closeConsumer", {}),
        (anna, "hello", {"topology": "mesh", "wantsData": True}),
        (ben, "setTopology", {"topology": "mesh"}),
        (ben, "publish", {"kind": "video", "label": "camera", "broadcast": True}),
        (ben, "signal", {"peerId": "anna", "message": {"linkId": "1"}}),
        (ben, "reportLink", {"peerId": "anna", "state": "connected"}),
        (anna, "closeProducer", {"producerId": idle}),
        (anna, "closeTransport", {"transportId": send}),
        (anna, "getIceServers", {}),
        (anna, "createProbe", {}),
        (anna, "connectProbe", {"dtlsParameters": DTLS}),
        (anna, "closeProbe", {}),
        (ben, "joinRoom", {"roomId": "kitchen"}),
        (ben, "leaveRoom", {"roomId": "kitchen"}),
    ]
    assert {name for _, name, _ in calls} == set(REQUESTS)
    probe = ""
    for peer, name, payload in calls:
        if name == "publish":
            house.clock.pass_time(house.peers.config.mesh_settle_s)
        if name in ("resumeConsumer", "closeConsumer"):
            payload = {"consumerId": next(iter(ben.session.subscriptions))}
        if name in ("connectProbe", "closeProbe"):
            payload = {**payload, "transportId": probe}
        answer = peer.answer(name, payload)
        print(name, str(answer)[:150])
        assert answer["ok"], answer
        assert answer["data"].keys() == wire_names(REQUESTS[name].answer)
        probe = answer["data"]["id"] if name == "createProbe" else probe
        assert all("_" not in key for key in keys_of(answer))


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


@pytest.mark.parametrize("arguments", [(), (None,), ({},), ({"unknown": 1},)])
def test_an_empty_payload_may_be_left_out(house: House, arguments: tuple[object, ...]) -> None:
    assert house.connect("anna").answer("hello", *arguments)["ok"]


@pytest.mark.parametrize("name", ["consme", "__init__", "connect", "*", "", 7, None, ["hello"], {}, "x" * 5000])
def test_an_unknown_request(house: House, name: object) -> None:
    answer = house.connect("anna").answer(name, {})
    assert answer["error"]["code"] == "unknown_request"
    assert len(str(answer)) < 400


@pytest.mark.parametrize(("name", "payload", "message"), [
    ("connectToPeer", {}, "peerId"),
    ("connectToPeer", {"peerId": 7}, "$.peerId"),
    ("connectToPeer", {"peerId": ""}, "$.peerId"),
    ("connectToPeer", {"peerId": "x" * 129}, "$.peerId"),
    ("joinRoom", {"roomId": "x" * 129}, "$.roomId"),
    ("joinRoom", {"room_id": "kitchen"}, "roomId"),
    ("createWebRtcTransport", {"direction": "both"}, "$.direction"),
    ("createWebRtcTransport", {"direction": "x" * 10_000}, "$.direction"),
    ("setRtpCapabilities", {"rtpCapabilities": {"codecs": [{"kind": "smell"}]}}, "$.rtpCapabilities.codecs[0]"),
    ("connectWebRtcTransport", {"transportId": "x", "dtlsParameters": {"fingerprints": "none"}}, "fingerprints"),
    ("hello", 7, "object"),
    ("hello", "text", "object"),
    ("hello", [], "object"),
    ("hello", {"text": "\ud800"}, "JSON"),
    ("hello", {"more": b"\x00" * MAX_PAYLOAD_BYTES}, "bytes"),
    ("hello", {"more": "x" * MAX_PAYLOAD_BYTES}, str(MAX_PAYLOAD_BYTES)),
])
def test_a_payload_that_does_not_fit(house: House, name: str, payload: object, message: str) -> None:
    answer = house.connect("anna").answer(name, payload)
    print(answer)
    assert answer["error"]["code"] == "bad_request"
    assert message in f"{answer['error']['message']} {answer['error']['hint']}"
    assert len(str(answer)) < 600


def test_more_than_one_argument(house: House) -> None:
    assert house.connect("anna").answer("hello", {}, {})["error"]["code"] == "bad_request"


def test_what_is_refused_does_not_bring_a_peer_into_sight(house: House) -> None:
    house.connect("anna").answer("joinRoom", {"roomId": 7})
    assert not house.peers.infos()


@pytest.mark.parametrize(("name", "payload"), [
    ("connectWebRtcTransport", {"transportId": "ID", "dtlsParameters": DTLS}),
    ("restartIce", {"transportId": "ID"}),
    ("closeTransport", {"transportId": "ID"}),
    ("pauseProducer", {"producerId": "ID"}),
    ("resumeProducer", {"producerId": "ID"}),
    ("closeProducer", {"producerId": "ID"}),
    ("resumeConsumer", {"consumerId": "ID"}),
    ("consume", {"transportId": "OWN", "producerId": "ID"}),
])
def test_what_belongs_to_others_is_like_what_never_was(house: House, name: str, payload: dict[str, Any]) -> None:
    owner, outsider = house.enter("anna"), house.enter("ben")
    carl = house.enter("carl")
    for peer in (owner, carl):
        peer.ask("joinRoom", roomId="kitchen")
    producer = owner.produce("camera", broadcast=True)
    ids = {
        "transportId": owner.transport("send"), "producerId": producer, "consumerId": carl.consume(producer),
        "peerId": owner.id,
    }
    own = outsider.transport("recv")
    answers = []
    for foreign in (True, False):
        given = {key: own if value == "OWN" else value for key, value in payload.items()}
        given = {key: (ids[key] if foreign else "nobody") if value == "ID" else value for key, value in given.items()}
        answer = outsider.answer(name, given)
        answers.append(str(answer).replace(str(next(ids[k] for k, v in payload.items() if v == "ID")), "nobody"))
    print(answers[0])
    assert "not_found" in answers[0]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", [
    "connectToPeer", "disconnectFromPeer", "pausePeer", "resumePeer", "setPreferredLayers", "explain",
])
@pytest.mark.parametrize("label", [None, "camera"])
def test_wishes_about_whom_one_does_not_see_tell_nothing(house: House, name: str, label: str | None) -> None:
    """In another room; within its grace period there; gone; never there: by its id, and by another of its ids."""
    anna, ben, gone, outsider = (house.enter(peer) for peer in ("anna", "ben", "gone", "outsider"))
    for peer in (anna, ben, gone):
        peer.ask("joinRoom", roomId="kitchen")
        peer.produce("camera", broadcast=True)
    anna.lose_socket()
    anna.come_back("anna-2")
    ben.lose_socket()
    gone.leave()
    outsider.told()
    answers = {
        str(outsider.answer(name, {"peerId": target, "label": label or "camera"} if name == "explain" else
                            {"peerId": target, "label": label})).replace(target, "nobody")
        for target in ("anna", "anna-2", "ben", "gone", "nobody")
    }
    print(answers)
    assert len(answers) == 1
    assert outsider.told() == []


def test_errors_of_media_requests(house: House) -> None:
    anna = house.enter("anna")
    send, recv = anna.transport("send"), anna.transport("recv")
    video = rtp.video_parameters(house.codec("video/VP8"), 7)
    good = {"transportId": send, "kind": "video", "rtpParameters": video, "label": "camera", "broadcast": False}
    assert anna.answer("produce", good)["ok"]
    unknown_codec = video | {"codecs": [video["codecs"][0] | {"mimeType": "video/H120"}], "encodings": [{"ssrc": 9}]}
    other_label = {"label": "other", "rtpParameters": video | {"mid": "9", "encodings": [{"ssrc": 9}]}}
    dtls = {"transportId": send, "dtlsParameters": DTLS}
    assert anna.answer("connectWebRtcTransport", dtls)["ok"]
    for name, payload, code in [
        ("produce", good | {"label": "other"}, "already_exists"),
        ("produce", good | other_label | {"kind": "audio"}, "bad_parameters"),
        ("produce", good | other_label | {"rtpParameters": unknown_codec | {"mid": "9"}}, "unsupported"),
        ("produce", good | other_label | {"transportId": recv}, "bad_request"),
        ("consume", {"transportId": send, "producerId": "x"}, "bad_request"),
        ("createWebRtcTransport", {"direction": "send"}, "already_exists"),
        ("connectWebRtcTransport", dtls, "already_connected"),
        ("connectWebRtcTransport", {"transportId": recv, "dtlsParameters": DTLS | {"fingerprints": []}},
         "bad_parameters"),
        ("setRtpCapabilities", {"rtpCapabilities": house.capabilities | {"codecs": house.capabilities["codecs"] * 2}},
         "bad_parameters"),
        ("leaveRoom", {"roomId": "kitchen"}, "not_found"),
    ]:
        answer = anna.answer(name, payload)
        print(name, answer)
        assert answer["error"]["code"] == code
        assert answer["error"]["message"]
        assert answer["error"].keys() == {"code", "message", "hint"}


def test_numbers_that_json_does_not_have_reach_nobody(house: House) -> None:
    """Python's parser takes them; a browser's would end the connection of everybody who is told."""
    anna, ben = house.enter("anna", topology="mesh"), house.enter("ben", topology="mesh")
    camera = anna.publish("camera", metadata={"x": math.nan, "y": [math.inf, {"z": -math.inf}]})
    anna.ask("setMetadata", producerId=camera, metadata={"now": math.nan})
    anna.ask("signal", peerId="ben", message={"candidate": math.inf})
    ben.consume_directly(camera)
    ben.ask("setPreferredLayers", peerId="anna", maxFrameRate=math.inf)
    told = json.dumps([*ben.notifications, *anna.notifications])
    print(told)
    assert "candidate" in told
    assert "NaN" not in told
    assert "Infinity" not in told


def test_what_is_nested_too_deep_is_refused(house: House) -> None:
    anna = house.enter("anna")
    for depth, code in ((MAX_DEPTH - 2, ""), (MAX_DEPTH, "bad_request"), (300, "bad_request")):
        nested: object = 1
        for _ in range(depth):
            nested = [nested]
        answer = anna.answer("produce", {"metadata": {"deep": nested}})
        assert ("nested" in answer["error"]["message"]) == bool(code)


def test_a_bug_is_an_answer_and_is_logged_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    anna = house.enter("anna")
    house.peers.router.create_webrtc_transport = lambda: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    with caplog.at_level(logging.ERROR):
        answers = [anna.answer("createWebRtcTransport", {"direction": "send"}) for _ in range(3)]
    assert [answer["error"]["code"] for answer in answers] == ["internal_error"] * 3
    assert "division" not in str(answers)
    assert caplog.text.count("ZeroDivisionError") == 1
    assert house.responder.internal_errors == 3


# how much


def test_a_burst_and_then_a_rate() -> None:
    admission = Admission(max_pending=10**6, now_us=0)
    for _ in range(BURST):
        admission.admit(now_us=0)
    for _ in range(3):
        with pytest.raises(errors.TooManyRequests, match="a second"):
            admission.admit(now_us=0)
    admitted = 0
    for now_us in range(0, 10_000_000, 1000):
        try:
            admission.admit(now_us)
        except errors.TooManyRequests:
            continue
        admitted += 1
    print(f"{admitted} requests in ten seconds")
    assert admitted == pytest.approx(10 * REQUESTS_PER_S, abs=2)


def test_what_tells_much_counts_for_more() -> None:
    assert (cost_of("pauseProducer"), cost_of("setMetadata"), cost_of("getSnapshot")) == (1, 10, 20)
    assert cost_of("nonsense") == cost_of(None) == cost_of(["hello"]) == 1
    admission = Admission(max_pending=10**6, now_us=0)
    for _ in range(BURST // 10):
        admission.admit(now_us=0, cost=10)
    with pytest.raises(errors.TooManyRequests):
        admission.admit(now_us=0)


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    admission = Admission(max_pending=10**6, now_us=5_000_000)
    for _ in range(BURST):
        admission.admit(now_us=5_000_000)
    for now_us in (4_000_000, 5_000_000):
        with pytest.raises(errors.TooManyRequests):
            admission.admit(now_us)


def test_requests_under_way_are_counted() -> None:
    admission = Admission(max_pending=2, now_us=0)
    admission.admit(0)
    admission.admit(0)
    with pytest.raises(errors.TooManyRequests, match="2 requests"):
        admission.admit(0)
    admission.release()
    admission.admit(0)


def test_whoever_has_a_thread_of_their_own_may_wait() -> None:
    admission = Admission(max_pending=1, now_us=0)
    admission.admit(0)
    threading.Timer(0.05, admission.release).start()
    admission.admit(0, patience_s=10)
    with pytest.raises(errors.TooManyRequests):
        admission.admit(0, patience_s=0.05)

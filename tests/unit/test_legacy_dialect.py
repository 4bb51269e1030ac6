"""What each generation's first requests show, in the order in which its client makes them."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simplesfu.control.ortc import router_rtp_capabilities
from simplesfu.signaling.legacy.capabilities import assumed, shown_by
from simplesfu.signaling.legacy.dialect import Dialect, after

BEGINNING = ["getRouterRtpCapabilities", "createWebRtcTransport", "createWebRtcTransport"]


def spoken(requests: list[str], *, knows_broadcast: bool = True) -> Dialect:
    dialect = Dialect.UNKNOWN
    for request in requests:
        dialect = after(dialect, request, knows_broadcast=knows_broadcast)
    return dialect


@pytest.mark.parametrize(
    ("requests", "knows_broadcast", "expected"),
    [
        ([], True, Dialect.UNKNOWN),
        (["connectWebRtcTransport", "produce"], True, Dialect.LISTED),
        (["connectWebRtcTransport", "produceData", "joinRoom", "produce"], True, Dialect.ROOMED),
        (["joinRoom"], True, Dialect.PUSHED),
        (["connectWebRtcTransport", "produce"], False, Dialect.PUSHED),
        (["connectWebRtcTransport", "produce", "joinRoom", "leaveRoom"], False, Dialect.PUSHED),
    ],
)
def test_what_requests_show(requests: list[str], knows_broadcast: bool, expected: Dialect) -> None:
    assert spoken(BEGINNING + requests, knows_broadcast=knows_broadcast) is expected


@given(st.lists(st.sampled_from([*BEGINNING, "produce", "produceData", "joinRoom", "createConsumer", "other"])))
def test_a_client_with_rooms_stays_one(requests: list[str]) -> None:
    for known in (Dialect.ROOMED, Dialect.PUSHED):
        assert after(known, "produce") is known
    for end in range(len(requests)):
        if spoken(requests[:end]).has_rooms and spoken(requests[:end]) is not Dialect.UNKNOWN:
            assert spoken(requests) is spoken(requests[:end])


def test_what_a_client_is_assumed_to_receive() -> None:
    router = router_rtp_capabilities(["opus", "VP8", "AV1"])
    names = [codec.mime_type for codec in assumed(router).codecs]
    print(names)
    assert names == ["audio/opus", "video/VP8", "video/rtx"], "RTX goes with the codec that it repairs"
    assert assumed(router, shown_by({"codecs": [{"mimeType": "video/AV1"}, {"mimeType": "video/mine"}, 7]})) == router

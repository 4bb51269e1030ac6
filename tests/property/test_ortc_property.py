"""Whatever a client sends: it is refused as what it is, or what comes of it is fit for the plane and for others."""
from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.captured import CLIENTS, ROUTER, native_capabilities, produced, produced_tracks, raw
from support.fake_engine import scripted_router

from simplesfu.control import ortc
from simplesfu.errors import SfuError
from simplesfu.types import RtpCapabilities, RtpParameters

REFUSED = (SfuError, msgspec.ValidationError)
PRODUCED = [raw(client)["produce"][track] for client, track in produced_tracks()]
CAPABILITIES = [raw(client)[which] for client in CLIENTS for which in ("nativeRtpCapabilities", "recvRtpCapabilities")]

JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.sampled_from([-1, 0, 96, 2**32]), st.floats(), st.text(max_size=40),
        st.sampled_from(["", "0", "r0", "\r\na=x", "video/VP8", "audio/opus", "42e01f", "urn:x"]),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, originals: list[Any]) -> Any:
    """A real one in which a few things were replaced, removed or doubled."""
    value = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(value)) or [()]))
        if not path:
            break
        *steps, last = path
        target = value
        for step in steps:
            target = target[step]
        match draw(st.sampled_from(["replace", "remove", "double"])):
            case "replace":
                target[last] = draw(JSON)
            case "remove":
                del target[last]
            case "double" if isinstance(target, list):
                target.append(copy.deepcopy(target[last]))
    return value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from texts(key)
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


@settings(max_examples=200, deadline=None)
@given(wire=mutated(PRODUCED), kind=st.sampled_from(["audio", "video"]))
def test_produce(wire: Any, kind: Any) -> None:
    try:
        params = msgspec.convert(wire, RtpParameters)
        ortc.validate_rtp_parameters(kind, params)
        mapping = ortc.producer_mapping(params, ROUTER)
    except REFUSED:
        return
    assert set(mapping.extensions) <= set(range(1, 256))
    assert set(mapping.extensions.values()) <= set(range(1, 15))
    sent = ortc.consumable_rtp_parameters(ROUTER, mapping, cname="x")
    for client in CLIENTS:
        if ortc.can_consume(sent, native_capabilities(client)):
            answer = ortc.consumer_rtp_parameters(
                sent, native_capabilities(client), mid="0", ssrc=10_001, rtx_ssrc=10_002
            )
            # Everything here goes into another client's SDP.
            assert all(text.isascii() and (not text or text.isprintable()) and ";" not in text
                       for text in texts(msgspec.to_builtins(answer)))


@settings(max_examples=200, deadline=None)
@given(wire=mutated(CAPABILITIES))
def test_capabilities(wire: Any) -> None:
    try:
        capabilities = msgspec.convert(wire, RtpCapabilities)
        ortc.validate_rtp_capabilities(capabilities)
    except REFUSED:
        return
    for client, track in produced_tracks():
        mapping = ortc.producer_mapping(produced(client, track), ROUTER)
        sent = ortc.consumable_rtp_parameters(ROUTER, mapping, cname="x")
        if ortc.can_consume(sent, capabilities):
            media, *rtx = ortc.consumer_rtp_parameters(
                sent, capabilities, mid="0", ssrc=10_001, rtx_ssrc=10_002
            ).codecs
            assert media.payload_type == mapping.router_codec.preferred_payload_type
            assert rtx or all(each.parameter or each.type != "nack" for each in media.rtcp_feedback)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wires=st.lists(mutated(PRODUCED), min_size=1, max_size=4))
def test_the_plane_accepts_what_was_accepted(wires: list[Any]) -> None:
    with scripted_router() as (router, engine):
        transport, viewer = router.create_webrtc_transport(), router.create_webrtc_transport()
        for wire in wires:
            try:
                params = msgspec.convert(wire, RtpParameters)
                producer = transport.produce("video", params)
            except REFUSED:
                continue
            viewer.consume(producer, native_capabilities("chromium")).resume()
        router.close()
        added = {name: len(engine.plane.told(f"add_{name}")) for name in ("recv_stream", "send_stream")}
        removed = {name: len(engine.plane.told(f"remove_{name}")) for name in ("recv_stream", "send_stream")}
        assert removed == added

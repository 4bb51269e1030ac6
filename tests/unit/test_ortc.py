"""ORTC: what the router offers, how a publisher's numbers become its own, and what each receiver gets."""
from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from support.captured import (
    CLIENTS,
    ROUTER,
    dtls_parameters,
    native_capabilities,
    produced,
    produced_tracks,
    recv_capabilities,
)

from simplesfu.config import CODECS
from simplesfu.control import ortc
from simplesfu.control.ortc.h264 import profile_of
from simplesfu.control.ortc.matching import codecs_match, describe, is_rtx
from simplesfu.errors import BadParameters, CannotConsume, Unsupported
from simplesfu.types import (
    ParameterValue,
    RtcpFeedback,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtensionParameters,
    RtpParameters,
)

SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"


def consumable(client: str, track: str) -> RtpParameters:
    mapping = ortc.producer_mapping(produced(client, track), ROUTER)
    return ortc.consumable_rtp_parameters(ROUTER, mapping, cname="the publisher")


def consumed(client: str, track: str, capabilities: RtpCapabilities) -> RtpParameters:
    return ortc.consumer_rtp_parameters(
        consumable(client, track), capabilities, mid="7", ssrc=1_000_001, rtx_ssrc=1_000_002
    )


def feedback(params: RtpParameters) -> list[str]:
    return sorted(f"{each.type} {each.parameter}".strip() for each in params.codecs[0].rtcp_feedback)


class TestRouterCapabilities:
    def test_codecs_in_their_order_each_video_one_with_its_rtx(self) -> None:
        shown = [(each.preferred_payload_type, describe(each), each.parameters.get("apt")) for each in ROUTER.codecs]
        print(*shown, sep="\n")
        assert [(number, name) for number, name, apt in shown if apt is None] == [
            (100, "audio/opus"),
            (101, "video/VP8"),
            (103, "video/VP9 (profile-id=0)"),
            (105, "video/VP9 (profile-id=2)"),
            (107, "video/H264 (packetization-mode=1, profile-level-id=42e01f)"),
            (109, "video/H264 (packetization-mode=1, profile-level-id=42001f)"),
            (111, "video/H264 (packetization-mode=1, profile-level-id=4d001f)"),
            (113, "video/H264 (packetization-mode=1, profile-level-id=64001f)"),
            (115, "video/AV1"),
        ]
        assert [(number, apt) for number, _, apt in shown if apt is not None] == [
            (number + 1, number) for number, name, apt in shown if name.startswith("video/") and apt is None
        ]

    def test_only_the_codecs_that_were_asked_for(self) -> None:
        capabilities = ortc.router_rtp_capabilities(["H264", "opus"])
        assert {codec.mime_type for codec in capabilities.codecs} == {"video/H264", "video/rtx", "audio/opus"}
        assert capabilities.codecs[0].mime_type == "video/H264"

    def test_feedback(self) -> None:
        by_name = {codec.mime_type: {f"{each.type} {each.parameter}".strip() for each in codec.rtcp_feedback}
                   for codec in ROUTER.codecs}
        assert by_name["video/VP8"] == {"nack", "nack pli", "ccm fir", "goog-remb"}
        assert by_name["audio/opus"] == by_name["video/rtx"] == set()

    def test_extension_ids_fit_one_byte_headers_and_name_one_thing(self) -> None:
        uris = {each.preferred_id: each.uri for each in ROUTER.header_extensions}
        assert set(uris) <= set(range(1, 15))
        assert len(set(uris.values())) == len(uris)
        assert all(uris[each.preferred_id] == each.uri for each in ROUTER.header_extensions)

    def test_what_tells_streams_apart_is_for_the_router_alone(self) -> None:
        received_only = {each.uri for each in ROUTER.header_extensions if each.direction == "recvonly"}
        assert {MID, RID, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"} <= received_only
        assert SEND_TIME not in received_only

    def test_they_pass_their_own_validation(self) -> None:
        ortc.validate_rtp_capabilities(ROUTER)


class TestH264:
    @pytest.mark.parametrize(
        ("spelling", "profile"),
        [
            ("42e01f", "constrained baseline"),
            ("42E01F", "constrained baseline"),
            ("42c01f", "constrained baseline"),
            ("42e034", "constrained baseline"),
            ("4d801f", "constrained baseline"),
            ("58c01f", "constrained baseline"),
            ("42001f", "baseline"),
            ("42a01f", "baseline"),
            ("58801f", "baseline"),
            ("4d001f", "main"),
            ("4d0032", "main"),
            ("4d401f", "main"),
            ("640032", "high"),
            ("640c1f", "constrained high"),
            ("f4001f", "high 4:4:4 predictive"),
            ("000000", None),
            ("42e01", None),
            ("42e01f0", None),
            ("+2e01f", None),
            ("4 e01f", None),
            ("", None),
            (42, None),
        ],
    )
    def test_profile(self, spelling: object, profile: str | None) -> None:
        assert profile_of(spelling) == profile

    @pytest.mark.parametrize(
        ("ours", "theirs", "same"),
        [
            ({"profile-level-id": "42e01f"}, {"profile-level-id": "42c034"}, True),  # level and spelling may differ
            ({"profile-level-id": "42e01f"}, {"profile-level-id": "42001f"}, False),
            ({}, {"profile-level-id": "42e01f"}, True),
            ({}, {"profile-level-id": "nonsense"}, False),
            ({"profile-level-id": "nonsense"}, {"profile-level-id": "nonsense"}, False),
            ({"packetization-mode": 1}, {"packetization-mode": "1"}, True),
            ({"packetization-mode": 1}, {"packetization-mode": 0}, False),
            ({"packetization-mode": 1}, {}, False),
            ({"packetization-mode": 0}, {}, True),
        ],
    )
    def test_match(self, ours: dict[str, ParameterValue], theirs: dict[str, ParameterValue], same: bool) -> None:
        a, b = (RtpCodecParameters(mime_type="video/H264", payload_type=96, clock_rate=90000, parameters=each)
                for each in (ours, theirs))
        assert codecs_match(a, b) is codecs_match(b, a) is same


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (("video/VP8", 90000, None, {}), ("video/vp8", 90000, None, {"max-fs": 12288}), True),
        (("video/VP8", 90000, None, {}), ("video/VP9", 90000, None, {}), False),
        (("video/VP8", 90000, None, {}), ("video/VP8", 48000, None, {}), False),
        (("video/VP8", 90000, None, {}), ("video/VP8", 90000, 1, {}), True),  # channels are audio's
        (("video/VP9", 90000, None, {}), ("video/VP9", 90000, None, {"profile-id": 0}), True),
        (("video/VP9", 90000, None, {"profile-id": "2"}), ("video/VP9", 90000, None, {"profile-id": 2}), True),
        (("video/VP9", 90000, None, {"profile-id": 0}), ("video/VP9", 90000, None, {"profile-id": 2}), False),
        (("video/VP9", 90000, None, {}), ("video/VP9", 90000, None, {"profile-id": "x"}), False),
        (("video/AV1", 90000, None, {}), ("video/AV1", 90000, None, {"profile": 0, "level-idx": 5}), True),
        (("video/AV1", 90000, None, {}), ("video/AV1", 90000, None, {"profile": 1}), False),
        (("audio/opus", 48000, 2, {}), ("audio/OPUS", 48000, 2, {"stereo": 1}), True),
        (("audio/opus", 48000, 2, {}), ("audio/opus", 48000, None, {}), False),
        (("audio/PCMU", 8000, 1, {}), ("audio/PCMU", 8000, None, {}), True),
    ],
)
def test_codecs_match(
    ours: tuple[str, int, int | None, dict[str, ParameterValue]],
    theirs: tuple[str, int, int | None, dict[str, ParameterValue]],
    same: bool,
) -> None:
    a, b = (RtpCodecParameters(mime_type=mime, payload_type=96, clock_rate=rate, channels=channels, parameters=params)
            for mime, rate, channels, params in (ours, theirs))
    assert codecs_match(a, b) is codecs_match(b, a) is same


class TestRealClients:
    @pytest.mark.parametrize("client", CLIENTS)
    def test_what_they_say_is_accepted(self, client: str) -> None:
        ortc.validate_rtp_capabilities(native_capabilities(client))
        ortc.validate_rtp_capabilities(recv_capabilities(client))
        assert ortc.validate_dtls_parameters(dtls_parameters(client)) == dtls_parameters(client)

    @pytest.mark.parametrize(("client", "track"), produced_tracks())
    def test_every_track_gets_the_routers_numbers(self, client: str, track: str) -> None:
        params = produced(client, track)
        ortc.validate_rtp_parameters("audio" if track == "opus" else "video", params)
        mapping = ortc.producer_mapping(params, ROUTER)
        print(mapping)
        assert mapping.codec == params.codecs[0]
        assert (mapping.rtx_payload_type is None) == (track == "opus")
        assert mapping.mid_ext
        if track.endswith("-simulcast"):
            assert mapping.rid_ext
            assert mapping.repaired_rid_ext

        router_codec = mapping.router_codec
        media, *rtx = ortc.consumable_rtp_parameters(ROUTER, mapping, cname="x").codecs
        assert media.payload_type == router_codec.preferred_payload_type
        assert media.parameters == params.codecs[0].parameters
        assert [each.parameters for each in rtx] == ([] if track == "opus" else [{"apt": media.payload_type}])

    @pytest.mark.parametrize(
        ("track", "receivers"),
        [
            ("opus", {"chromium", "firefox", "wrtc", "pymediasoup"}),
            ("vp8", {"chromium", "firefox", "wrtc", "pymediasoup"}),
            ("vp8-simulcast", {"chromium", "firefox", "wrtc", "pymediasoup"}),
            ("vp9-0", {"chromium", "firefox", "wrtc"}),
            ("vp9-2", {"chromium", "wrtc"}),
            ("h264-42e01f", {"chromium", "pymediasoup"}),
            ("h264-42001f", {"chromium", "pymediasoup"}),
            ("h264-4d001f", {"chromium"}),
            ("av1", {"chromium", "firefox", "wrtc"}),
        ],
    )
    @pytest.mark.parametrize("of", [native_capabilities, recv_capabilities], ids=["native", "intersected"])
    def test_who_can_see_chromium(
        self, track: str, receivers: set[str], of: Callable[[str], RtpCapabilities]
    ) -> None:
        sent = consumable("chromium", track)
        assert {client for client in CLIENTS if ortc.can_consume(sent, of(client))} == receivers

    @pytest.mark.parametrize("publisher", CLIENTS)
    @pytest.mark.parametrize("receiver", CLIENTS)
    def test_video_between_any_two(self, publisher: str, receiver: str) -> None:
        params = consumed(publisher, "vp8", recv_capabilities(receiver))
        media, rtx = params.codecs
        assert (media.payload_type, rtx.payload_type, rtx.parameters) == (101, 102, {"apt": 101})
        assert {"nack", "nack pli", "goog-remb"} <= set(feedback(params))
        assert ("ccm fir" in feedback(params)) == (receiver != "pymediasoup")
        assert SEND_TIME in {each.uri for each in params.header_extensions}

    @pytest.mark.parametrize("publisher", CLIENTS)
    @pytest.mark.parametrize("receiver", CLIENTS)
    def test_audio_between_any_two(self, publisher: str, receiver: str) -> None:
        params = consumed(publisher, "opus", recv_capabilities(receiver))
        (media,) = params.codecs
        assert (media.mime_type, media.payload_type, media.channels) == ("audio/opus", 100, 2)
        assert params.encodings[0].rtx is None
        assert [(each.uri, each.id) for each in params.header_extensions] == [(AUDIO_LEVEL, 10)]


class TestMapping:
    def test_extensions_keep_the_senders_ids_on_the_left(self) -> None:
        mapping = ortc.producer_mapping(produced("chromium", "vp8-simulcast"), ROUTER)
        ids = {each.uri: each.id for each in produced("chromium", "vp8-simulcast").header_extensions}
        assert mapping.extensions[ids[SEND_TIME]] == mapping.send_time_ext == 4
        assert (mapping.mid_ext, mapping.rid_ext) == (ids[MID], ids[RID])
        assert ids[MID] not in mapping.extensions  # receivers are told SSRCs
        assert ids[RID] not in mapping.extensions

    def test_what_the_sender_does_not_send_no_receiver_is_promised(self) -> None:
        ids = {each.uri for each in produced("firefox", "vp8").header_extensions}
        assert {each.uri for each in consumable("firefox", "vp8").header_extensions} < ids

    def test_without_send_time(self) -> None:
        params = produced("chromium", "vp8")
        params = msgspec.structs.replace(
            params, header_extensions=[each for each in params.header_extensions if each.uri != SEND_TIME]
        )
        assert ortc.producer_mapping(params, ROUTER).send_time_ext == 0

    def test_an_encrypted_extension_is_as_good_as_absent(self) -> None:
        params = produced("chromium", "opus")
        params = msgspec.structs.replace(
            params, header_extensions=[msgspec.structs.replace(each, encrypt=True) for each in params.header_extensions]
        )
        mapping = ortc.producer_mapping(params, ROUTER)
        assert (mapping.extensions, mapping.mid_ext, mapping.send_time_ext) == ({}, 0, 0)

    def test_the_encodings_choose_among_several_codecs(self) -> None:
        params = video(
            codecs=[codec("video/VP8", 96), codec("video/VP9", 98), codec("video/rtx", 99, apt=98)],
            encodings=[RtpEncodingParameters(ssrc=1, codec_payload_type=98)],
        )
        mapping = ortc.producer_mapping(params, ROUTER)
        assert (mapping.codec.mime_type, mapping.rtx_payload_type) == ("video/VP9", 99)

    def test_but_all_the_same_one(self) -> None:
        params = video(
            codecs=[codec("video/VP8", 96), codec("video/VP9", 98)],
            encodings=[RtpEncodingParameters(ssrc=1), RtpEncodingParameters(ssrc=2, codec_payload_type=98)],
        )
        with pytest.raises(Unsupported, match="different codecs"):
            ortc.producer_mapping(params, ROUTER)

    def test_a_codec_that_the_router_lacks(self) -> None:
        with pytest.raises(Unsupported) as refused:
            ortc.producer_mapping(video(codecs=[codec("video/H265", 96)]), ROUTER)
        print(refused.value)
        assert "video/H265" in refused.value.message
        assert "video/VP8" in refused.value.hint

    @pytest.mark.parametrize(
        ("mid", "extensions", "encodings", "message"),
        [
            (None, [MID, RID], [{"rid": "a"}], "MID"),
            ("0", [RID], [{"rid": "a"}], "MID"),
            ("0", [MID], [{"rid": "a"}], "RID"),
            ("0", [MID, RID], [{"ssrc": 1}, {"rid": "a"}], None),
            ("0", [MID], [{}], None),
            (None, [], [{"ssrc": 1, "rid": "a"}], None),
        ],
    )
    def test_streams_must_be_told_apart_by_ssrc_or_mid_and_rid(
        self, mid: str | None, extensions: list[str], encodings: list[dict[str, object]], message: str | None
    ) -> None:
        params = video(
            mid=mid,
            header_extensions=[RtpHeaderExtensionParameters(uri=uri, id=n) for n, uri in enumerate(extensions, 1)],
            encodings=[msgspec.convert(each, RtpEncodingParameters) for each in encodings],
        )
        ortc.validate_rtp_parameters("video", params)
        if message is None:
            ortc.producer_mapping(params, ROUTER)
        else:
            with pytest.raises(BadParameters, match=message):
                ortc.producer_mapping(params, ROUTER)

    @pytest.mark.parametrize(
        ("mime_type", "modes", "expected"),
        [
            ("video/VP8", [None], "simple"),
            ("video/VP8", ["L1T3"], "simple"),
            ("video/VP8", ["L1T3", "L1T3"], "simulcast"),
            ("video/VP9", ["L1T1"], "simple"),
            ("video/VP9", ["L3T3_KEY"], "svc"),
            ("video/VP9", ["L1T3"], "svc"),
            ("video/AV1", ["S2T1h"], "svc"),
            ("video/VP9", ["nonsense"], "simple"),
        ],
    )
    def test_type(self, mime_type: str, modes: list[str | None], expected: str) -> None:
        params = video(
            codecs=[codec(mime_type, 96)],
            encodings=[RtpEncodingParameters(ssrc=n, scalability_mode=mode) for n, mode in enumerate(modes, 1)],
        )
        assert ortc.producer_type(params) == expected


class TestConsumer:
    def test_one_stream_with_the_numbers_it_is_given(self) -> None:
        params = consumed("chromium", "vp8-simulcast", recv_capabilities("firefox"))
        assert msgspec.to_builtins(params.encodings) == [{"ssrc": 1_000_001, "rtx": {"ssrc": 1_000_002}}]
        assert params.mid == "7"
        assert params.rtcp.cname == "the publisher"

    def test_no_mid_and_no_rid_in_its_packets(self) -> None:
        everything = native_capabilities("chromium")
        uris = {each.uri for each in consumed("chromium", "vp8-simulcast", everything).header_extensions}
        assert uris
        assert not {uri for uri in uris if ":sdes:" in uri or "dependency-descriptor" in uri}

    def test_extensions_are_those_of_both_in_the_routers_numbers(self) -> None:
        params = consumed("chromium", "vp8", recv_capabilities("firefox"))  # which does not read video-orientation
        assert [(each.id, each.uri.rpartition("/")[2]) for each in params.header_extensions] == [
            (4, "abs-send-time"), (14, "playout-delay"),
        ]

    def test_a_receiver_without_rtx_gets_neither_rtx_nor_nack(self) -> None:
        capabilities = without_rtx(recv_capabilities("chromium"))
        params = consumed("chromium", "vp8", capabilities)
        assert len(params.codecs) == 1
        assert params.encodings[0].rtx is None
        assert feedback(params) == ["ccm fir", "goog-remb", "nack pli"]

    def test_rtx_for_another_codec_does_not_count(self) -> None:
        capabilities = RtpCapabilities(codecs=[
            capability("video/VP8", 96), capability("video/VP9", 98), capability("video/rtx", 99, apt=98),
        ])
        assert len(consumed("chromium", "vp8", capabilities).codecs) == 1
        assert len(consumed("chromium", "vp9-0", capabilities).codecs) == 2

    def test_remb_needs_send_times(self) -> None:
        capabilities = recv_capabilities("chromium")
        capabilities = msgspec.structs.replace(
            capabilities, header_extensions=[each for each in capabilities.header_extensions if each.uri != SEND_TIME]
        )
        assert feedback(consumed("chromium", "vp8", capabilities)) == ["ccm fir", "nack", "nack pli"]

    def test_feedback_is_what_both_know(self) -> None:
        capabilities = recv_capabilities("chromium")
        capabilities = msgspec.structs.replace(
            capabilities,
            codecs=[msgspec.structs.replace(each, rtcp_feedback=[RtcpFeedback(type="transport-cc"),
                                                                 RtcpFeedback(type="nack", parameter="pli")])
                    for each in capabilities.codecs],
        )
        assert feedback(consumed("chromium", "vp8", capabilities)) == ["nack pli"]

    def test_the_codec_that_it_lacks_is_named(self) -> None:
        with pytest.raises(CannotConsume) as refused:
            consumed("chromium", "h264-42e01f", recv_capabilities("firefox"))
        print(refused.value)
        assert "video/H264 (packetization-mode=1, profile-level-id=42e01f)" in refused.value.message
        assert "video/VP8" in refused.value.hint
        assert "opus" not in refused.value.hint

    def test_a_receiver_of_nothing(self) -> None:
        with pytest.raises(CannotConsume, match="none of this kind"):
            consumed("chromium", "vp8", RtpCapabilities())


def codec(mime_type: str, payload_type: int, **parameters: ParameterValue) -> RtpCodecParameters:
    return RtpCodecParameters(mime_type=mime_type, payload_type=payload_type, clock_rate=90000, parameters=parameters)


def capability(mime_type: str, payload_type: int, **parameters: ParameterValue) -> RtpCodecCapability:
    return RtpCodecCapability(kind="video", mime_type=mime_type, preferred_payload_type=payload_type, clock_rate=90000,
                              parameters=parameters)


def video(**changes: object) -> RtpParameters:
    plain = RtpParameters(mid="0", codecs=[codec("video/VP8", 96)], encodings=[RtpEncodingParameters(ssrc=1)])
    return msgspec.structs.replace(plain, **changes)


def without_rtx(capabilities: RtpCapabilities) -> RtpCapabilities:
    return msgspec.structs.replace(capabilities, codecs=[each for each in capabilities.codecs if not is_rtx(each)])


def test_the_table_of_codecs_is_complete() -> None:
    for name in CODECS:
        assert ortc.router_rtp_capabilities([name]).codecs

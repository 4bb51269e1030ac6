"""Explanations: each link of the way breaks in turn, and the first broken one is named."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.in_process import MediaApp, media_app
from support.waiting import until
from support.wire_peer import WirePeer

from simplesfu import Explanation
from simplesfu.signaling.rights.explain import CHECKS, SILENCE_MS, TrackFacts, TransportFacts, explain

CONNECTED = TransportFacts(state="connected", last_received_age_ms=20)
WHOLE = TrackFacts(
    in_sight=True,
    published=True,
    send_transport=CONNECTED,
    last_packet_age_ms=15,
    last_keyframe_age_ms=900,
    wanted=True,
    subscribed=True,
    recv_transport=CONNECTED,
    resumed=True,
    last_sent_age_ms=15,
)

BREAKS: list[tuple[str, dict[str, Any], str]] = [
    ("peer_unknown", {"in_sight": False}, "no such peer"),
    ("peer_reconnecting", {"publisher_attached": False, "last_packet_age_ms": 4000}, "lost its connection"),
    ("no_such_track", {"published": False}, "no track with that label"),
    ("publisher_muted", {"publisher_paused": True}, "publisher muted"),
    ("muted_by_server", {"server_muted": True}, "muted by the server"),
    ("link_failed", {"carrier": "mesh", "direct_state": "failed", "direct_reason": "no candidate pair"},
     "no direct link from the publisher to you: no candidate pair"),
    ("link_connecting", {"carrier": "mesh", "direct_state": "connecting"}, "is being made"),
    ("publisher_transport", {"send_transport": None}, "no connection for media from the publisher"),
    ("publisher_transport", {"send_transport": TransportFacts(state="new")}, "has not begun"),
    ("publisher_transport", {"send_transport": TransportFacts(state="connecting")}, "ICE: no UDP from the publisher"),
    ("publisher_transport", {"send_transport": TransportFacts(state="connecting", last_received_age_ms=5)}, "DTLS"),
    ("publisher_transport", {"send_transport": TransportFacts(state="disconnected", last_received_age_ms=12_300)},
     "ICE: no UDP from the publisher for 12.3 s"),
    ("publisher_transport", {"send_transport": TransportFacts(state="connected", last_received_age_ms=6_500)},
     "ICE: no UDP from the publisher for 6.5 s"),
    ("publisher_transport", {"send_transport": TransportFacts(state="closed")}, "the publisher ended the connection"),
    ("publisher_silent", {"last_packet_age_ms": SILENCE_MS + 1}, "no packets from the publisher for 2.0 s"),
    ("publisher_silent", {"last_packet_age_ms": None}, "no packets from the publisher so far"),
    ("not_connected", {"wanted": False}, "not asked for by you"),
    ("not_allowed", {"denied": True}, "does not let you"),
    ("held_by_policy", {"forward": False}, "held by the subscription policy"),
    ("held_by_policy", {"forward": False, "decided": False}, "has not answered yet"),
    ("paused_by_you", {"viewer_paused": True}, "paused by you"),
    ("consumer_missing", {"viewer_ready": False, "subscribed": False}, "what it can receive"),
    ("consumer_missing", {"subscribed": False}, "has not asked for the track"),
    ("consumer_missing", {"resumed": False}, "not ready"),
    ("viewer_transport", {"recv_transport": TransportFacts(state="failed")}, "ICE: no UDP from you so far"),
    ("viewer_transport", {"recv_transport": TransportFacts(state="failed", last_received_age_ms=30_000)},
     "ICE: no UDP from you for 30.0 s"),
    ("no_keyframe", {"waiting_for_keyframe": True, "last_keyframe_age_ms": 2100}, "no keyframe for 2.1 s"),
    ("no_keyframe", {"waiting_for_keyframe": True, "last_keyframe_age_ms": None}, "no keyframe so far"),
    ("not_forwarded", {"last_sent_age_ms": 5000}, "nothing sent to you for 5.0 s"),
]


def test_a_whole_way() -> None:
    explanation = explain(WHOLE)
    print(explanation)
    assert explanation.ok
    assert (explanation.code, explanation.link) == ("ok", "")


@pytest.mark.parametrize(("code", "changes", "message"), BREAKS)
def test_each_link_breaks(code: str, changes: dict[str, Any], message: str) -> None:
    explanation = explain(replace(WHOLE, **changes))
    print(explanation)
    assert not explanation.ok
    assert explanation.code == code
    assert message in explanation.message
    assert explanation.hint
    assert explanation.link in ("publisher", "server", "viewer", "direct")


def test_every_code_is_reached_and_in_the_order_of_the_way() -> None:
    reached = list(dict.fromkeys(code for code, _, _ in BREAKS))
    assert reached == [check.code for check in CHECKS]


def test_the_first_of_several_broken_links_is_named() -> None:
    """Broken link by link from the viewer's end on, the answer always is the newest: it is nearest the publisher."""
    facts = WHOLE
    for code, changes, _ in reversed(BREAKS):
        facts = replace(facts, **changes)
        assert explain(facts).code == code


def test_a_publisher_without_a_socket_may_send_all_the_while() -> None:
    assert explain(replace(WHOLE, publisher_attached=False)).ok


def test_sound_needs_no_keyframe() -> None:
    assert explain(replace(WHOLE, kind="audio", waiting_for_keyframe=True, last_keyframe_age_ms=None)).ok


def test_the_application_is_told_of_the_viewer_by_name() -> None:
    facts = replace(WHOLE, recv_transport=TransportFacts(state="disconnected", last_received_age_ms=7000))
    assert explain(facts, "the viewer").message == "ICE: no UDP from the viewer for 7.0 s"


def test_peers_out_of_sight_look_the_same_whatever_they_are() -> None:
    elsewhere = replace(WHOLE, in_sight=False, publisher_paused=True, published=False, denied=True)
    assert explain(elsewhere) == explain(TrackFacts(in_sight=False))


# with a real call, link by link


def why(app: MediaApp, viewer: WirePeer, publisher: WirePeer) -> Explanation:
    explanation = app.media.explain(viewer.peer_id, publisher.peer_id, "webcam")
    print(explanation.code, "|", explanation.message)
    return explanation


@pytest.mark.slow
async def test_a_call_comes_about_link_by_link() -> None:
    """Each step mends the first broken link, and the next one shows."""
    async with media_app() as app, WirePeer(app.url) as alice, WirePeer(app.url) as bob:
        await alice.ask("joinRoom", roomId="hall")
        await bob.ask("joinRoom", roomId="cellar")
        assert why(app, bob, alice).code == "peer_unknown"
        await bob.ask("joinRoom", roomId="hall")
        assert why(app, bob, alice).code == "no_such_track"

        sending = await alice.describe("send")
        stream = await alice.produce("webcam", broadcast=False, more={"paused": True})
        assert why(app, bob, alice).code == "publisher_muted"
        await alice.ask("resumeProducer", producerId=stream.producer_id)
        assert why(app, bob, alice).message == "ICE: no UDP from the publisher so far"
        await sending.connect()
        await until(lambda: why(app, bob, alice).code == "publisher_silent", "connected", every_s=0.05)
        async with stream.running():
            await until(lambda: why(app, bob, alice).code == "not_connected", "packets", every_s=0.05)
            await bob.ask("connectToPeer", peerId=alice.peer_id)
            assert why(app, bob, alice).code == "consumer_missing"

            receiving = await bob.describe("recv")
            consumer = await bob.ask("consume", transportId=bob.transport_ids["recv"], producerId=stream.producer_id)
            assert "not ready" in why(app, bob, alice).message
            await bob.ask("resumeConsumer", consumerId=consumer["consumerId"])
            assert why(app, bob, alice).message == "ICE: no UDP from the viewer so far"
            await receiving.connect()
            await until(lambda: why(app, bob, alice).ok, "the whole way", every_s=0.05)
            await bob.gets(consumer)

            await bob.ask("pausePeer", peerId=alice.peer_id, label="webcam")
            assert why(app, bob, alice).message == "paused by the viewer"
            told = await bob.ask("explain", peerId=alice.peer_id, label="webcam")
            assert told["explanation"]["message"] == "paused by you"
            await bob.ask("resumePeer", peerId=alice.peer_id, label="webcam")
            await until(lambda: why(app, bob, alice).ok, "forwarding again", every_s=0.05)

            await alice.lose_socket()
            await bob.gets(consumer)
            assert why(app, bob, alice).ok, "a lost socket stops no packet"
        await until(lambda: why(app, bob, alice).code == "peer_reconnecting", "silence", every_s=0.1)


async def test_without_a_keyframe() -> None:
    async with media_app() as app, WirePeer(app.url) as alice, WirePeer(app.url) as bob:
        await alice.connect("send")
        await bob.connect("recv")
        stream = await alice.produce("webcam")
        await bob.see("webcam", alice)

        def without_a_keyframe() -> bool:
            stream.send_frame(keyframe=False)
            return why(app, bob, alice).code == "no_keyframe"

        await until(without_a_keyframe, "a stuck encoder", every_s=0.05)
        assert why(app, bob, alice).message == "no keyframe so far"
        stream.send_frame(keyframe=True)
        await until(lambda: why(app, bob, alice).ok, "a keyframe", every_s=0.05)


async def test_out_of_sight_looks_like_nowhere() -> None:
    async with media_app() as app, WirePeer(app.url) as alice, WirePeer(app.url) as eve:
        await alice.ask("joinRoom", roomId="hall")
        await alice.describe("send")
        await alice.produce("webcam")
        await eve.ask("joinRoom", roomId="cellar")
        asked = [{"peerId": peer_id, "label": "webcam"} for peer_id in (alice.peer_id, "nobody")]
        answers = [await eve.answer("explain", payload) for payload in asked]
        print(answers[0])
        assert answers[0] == answers[1]
        assert answers[0]["data"]["explanation"]["code"] == "peer_unknown"

"""Explanations: each link of the way breaks in turn, and the first broken one is named."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from simplesfu.signaling.explain import CHECKS, SILENCE_MS, TrackFacts, TransportFacts, explain

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
    ("publisher_transport", {"send_transport": None}, "no connection for media from the publisher"),
    ("publisher_transport", {"send_transport": TransportFacts(state="new")}, "has not begun"),
    ("publisher_transport", {"send_transport": TransportFacts(state="connecting")}, "ICE: no UDP from the publisher"),
    ("publisher_transport", {"send_transport": TransportFacts(state="connecting", last_received_age_ms=5)}, "DTLS"),
    ("publisher_transport", {"send_transport": TransportFacts(state="disconnected", last_received_age_ms=12_300)},
     "ICE: no UDP from the publisher for 12.3 s"),
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
    assert explanation.link in ("publisher", "server", "viewer")


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

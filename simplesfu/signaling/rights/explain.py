"""Why a track does not arrive: the first broken link on its way from the publisher to the viewer.

A pure function of facts. CHECKS is in the order of the way; its codes are stable.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from simplesfu.signaling.messages import Carrier, LinkState
from simplesfu.types import MediaKind

SILENCE_MS: Final = 2000
"""Opus sends at least every 400 ms in silence (DTX), encoders of screens at least a frame a second."""

UDP_SILENCE_MS: Final = 6000
"""Browsers check their connections every 2.5 to 5 s (RFC 7675 §5.1), whatever they send."""

LinkName: TypeAlias = Literal["publisher", "server", "viewer", "direct", ""]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """`link` is the broken one: of the publisher, of the server's decisions, of the viewer, or the direct one between
    the two; "" when `ok`."""

    ok: bool
    code: str
    message: str
    hint: str
    link: LinkName


@dataclass(frozen=True, kw_only=True)
class TransportFacts:
    """`state` as WebRtcTransport has it; None for the age: nothing has come from the client so far."""

    state: str
    last_received_age_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrackFacts:
    """All that the server knows about one track on its way to one viewer. Ages are None when it has never happened."""

    in_sight: bool
    publisher_attached: bool = True
    published: bool = False
    kind: MediaKind = "video"
    carrier: Carrier = "sfu"
    direct_state: LinkState = "connecting"
    """Of the link of the two, when that is the carrier."""
    direct_reason: str = ""
    publisher_paused: bool = False
    server_muted: bool = False
    send_transport: TransportFacts | None = None
    last_packet_age_ms: int | None = None
    last_keyframe_age_ms: int | None = None
    wanted: bool = False
    """It is broadcast, or the viewer has said connectToPeer."""
    denied: bool = False
    viewer_ready: bool = True
    """The viewer has told its RTP capabilities."""
    viewer_paused: bool = False
    subscribed: bool = False
    decided: bool = True
    """The subscription policy has answered, or there is none."""
    forward: bool = True
    recv_transport: TransportFacts | None = None
    resumed: bool = False
    """The viewer's client has said resumeConsumer."""
    waiting_for_keyframe: bool = False
    last_sent_age_ms: int | None = None

    @property
    def direct(self) -> bool:
        return self.carrier == "mesh"

    @property
    def silent(self) -> bool:
        return _older(self.last_packet_age_ms, SILENCE_MS)


class Check(NamedTuple):
    """One link of the way. `message` gets the facts, and what to call the viewer: "you", or "the viewer"."""

    link: LinkName
    code: str
    broken: Callable[[TrackFacts], bool]
    message: Callable[[TrackFacts, str], str]
    hint: str


CHECKS: Final = (
    Check("publisher", "peer_unknown", lambda facts: not facts.in_sight,
          lambda _, viewer: f"no such peer in sight of {viewer}",
          "check the id; the peer has left, or shares no room"),
    Check("publisher", "peer_reconnecting", lambda facts: not facts.publisher_attached and not _comes(facts),
          lambda *_: "the publisher has lost its connection",
          "wait: it has a grace period to come back in"),
    Check("publisher", "no_such_track", lambda facts: not facts.published,
          lambda *_: "the publisher has no track with that label",
          "check the label; the track comes by itself when the publisher adds it"),
    Check("publisher", "publisher_muted", lambda facts: facts.publisher_paused,
          lambda *_: "publisher muted",
          "it can resume the track"),
    Check("server", "muted_by_server", lambda facts: facts.server_muted,
          lambda *_: "muted by the server",
          "the application has muted the track for everybody, and can unmute it"),
    Check("direct", "link_failed", lambda facts: facts.direct and facts.direct_state == "failed",
          lambda facts, viewer: f"no direct link from the publisher to {viewer}: {facts.direct_reason or 'it failed'}",
          'a TURN server may help; with the topology "auto" the media would go by the server'),
    Check("direct", "link_connecting", lambda facts: facts.direct and facts.direct_state == "connecting",
          lambda _, viewer: f"the direct link from the publisher to {viewer} is being made",
          "wait: it is given up after 7 s"),
    Check("publisher", "publisher_transport", lambda facts: not facts.direct and not _reaches(facts.send_transport),
          lambda facts, _: _transport_message(facts.send_transport, "the publisher"),
          "the publisher's network, or a firewall before the server's UDP port, lets nothing through"),
    Check("publisher", "publisher_silent", lambda facts: not facts.direct and facts.silent,
          lambda facts, _: f"no packets from the publisher{_since(facts.last_packet_age_ms)}",
          "its track may be disabled or ended, or show a picture that does not move"),
    Check("server", "not_connected", lambda facts: not facts.wanted,
          lambda _, viewer: f"not asked for by {viewer}, and not broadcast",
          "say connectToPeer"),
    Check("server", "not_allowed", lambda facts: facts.denied,
          lambda _, viewer: f"the application does not let {viewer} receive the track",
          "its authorize function decides"),
    Check("server", "held_by_policy", lambda facts: not facts.forward,
          lambda facts, _: f"held by the subscription policy{'' if facts.decided else ', which has not answered yet'}",
          "the application decides anew when it says reevaluate"),
    Check("server", "paused_by_you", lambda facts: facts.viewer_paused,
          lambda _, viewer: f"paused by {viewer}",
          "say resumePeer, for the peer and for the label"),
    Check("server", "consumer_missing", lambda facts: not (facts.subscribed and facts.resumed),
          lambda facts, viewer: _consumer_message(facts, viewer),
          "wait a moment; if it stays so, the client's log tells why"),
    Check("viewer", "viewer_transport", lambda facts: not facts.direct and not _connected(facts.recv_transport),
          lambda facts, viewer: _transport_message(facts.recv_transport, viewer),
          "this network, or a firewall before the server's UDP port, lets nothing through"),
    Check("viewer", "no_keyframe", lambda facts: facts.kind == "video" and facts.waiting_for_keyframe,
          lambda facts, _: f"no keyframe{_since(facts.last_keyframe_age_ms)}",
          "one has been asked for; a publisher that sends none has a stuck encoder"),
    Check("viewer", "not_forwarded", lambda facts: not facts.direct and _older(facts.last_sent_age_ms, SILENCE_MS),
          lambda facts, viewer: f"nothing sent to {viewer}{_since(facts.last_sent_age_ms)}",
          "what is received is not forwarded: the drops in media.stats() tell why"),
)


def explain(facts: TrackFacts, viewer: str = "you") -> Explanation:
    """The first broken link, or that all of them hold as far as the server can see."""
    for check in CHECKS:
        if check.broken(facts):
            return Explanation(ok=False, code=check.code, message=check.message(facts, viewer), hint=check.hint,
                               link=check.link)
    sender = "the publisher" if facts.direct else "the server"
    return Explanation(ok=True, code="ok", message=f"{sender} sends the track to {viewer}",
                       hint="if nothing is to be seen, look at how it is played", link="")


def _comes(facts: TrackFacts) -> bool:
    """A peer that has lost its socket may well send all the while."""
    if facts.direct:
        return facts.published and facts.direct_state == "connected"
    return facts.published and _connected(facts.send_transport) and not facts.silent


def _connected(transport: TransportFacts | None) -> bool:
    return transport is not None and transport.state == "connected"


def _reaches(transport: TransportFacts | None) -> bool:
    if transport is None or not _connected(transport):
        return False
    return not _older(transport.last_received_age_ms, UDP_SILENCE_MS)


def _older(age_ms: int | None, limit_ms: int) -> bool:
    return age_ms is None or age_ms > limit_ms


def _since(age_ms: int | None) -> str:
    return " so far" if age_ms is None else f" for {age_ms / 1000:.1f} s"


def _consumer_message(facts: TrackFacts, viewer: str) -> str:
    if not facts.viewer_ready:
        return f"the client of {viewer} has not told yet what it can receive"
    if not facts.subscribed:
        return f"the client of {viewer} has not asked for the track yet"
    return f"the client of {viewer} is not ready to receive the track yet"


def _transport_message(transport: TransportFacts | None, who: str) -> str:
    if transport is None:
        return f"no connection for media from {who} yet"
    if transport.state == "new":
        return f"the connection for media from {who} has not begun"
    if transport.state == "connecting" and transport.last_received_age_ms is not None:
        return f"DTLS: the handshake with {who} is not done"
    if transport.state == "closed":
        return f"DTLS: {who} ended the connection for media"
    return f"ICE: no UDP from {who}{_since(transport.last_received_age_ms)}"

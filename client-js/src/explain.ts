/**
 * Why a track does not play: the first broken link on its way from the publisher, as far as this end can see. A pure
 * function of facts; the server explains its part of the way itself, with the codes of ExplanationCode too.
 */
import type { SimplePeerError } from "./errors.js";
import type { Reception } from "./reception.js";
import type { Carrier, Explanation, HeldReason, MediaKind, TransportState } from "./types.js";

/** Packets come many times a second, those of a silent microphone and of a still screen too. */
const SILENCE_MS = 2_000;

/** What this end knows about one track. */
export interface ViewerFacts {
  /** The peer is in sight. */
  inSight: boolean;
  /** What the server has offered under that label, if anything. */
  offer?: {
    kind: MediaKind;
    carrier: Carrier;
    muted: boolean;
    held: HeldReason;
    failure: SimplePeerError | undefined;
    /** Since when there is a track; undefined while there is none. */
    trackAgeMs: number | undefined;
  };
  pausedByYou: boolean;
  connectWished: boolean;
  transport: TransportState | undefined;
  /** How long nothing at all has come over it. */
  transportSilenceMs?: number;
  /** Looked at twice, a moment apart. */
  reception?: { earlier: Reception; now: Reception };
}

type Broken = Omit<Explanation, "ok">;

/** The first broken link that can be seen from here; undefined: none. */
export function brokenLink(facts: ViewerFacts): Broken | undefined {
  return notOffered(facts) ?? notForwarded(facts) ?? notReceived(facts) ?? notDecoded(facts);
}

/** For a track with no broken link at all. */
export function playing({ offer, reception }: ViewerFacts): Explanation {
  const { framesPerSecond, width, height } = reception?.now ?? {};
  const size = width && height ? `, ${width}x${height}` : "";
  const picture = offer?.kind === "video" ? `: ${framesPerSecond ?? 0} frames a second${size}` : "";
  return {
    ok: true,
    code: "ok",
    message: `the track is received and decoded${picture}`,
    hint: "if nothing is to be seen or heard, look at the element that it is attached to: browsers hold sound back until the user has clicked",
    link: "",
  };
}

function notOffered({ offer, inSight, connectWished }: ViewerFacts): Broken | undefined {
  if (offer) return undefined;
  if (!inSight) {
    return broken("publisher", "peer_unknown", "no such peer in sight of you", "the peer has left, or shares no room");
  }
  return connectWished
    ? broken("publisher", "no_such_track", "the publisher has no track with that label", "it comes when it is added")
    : broken("server", "not_connected", "not asked for by you, and not broadcast", "say connectToPeer");
}

function notForwarded({ offer, pausedByYou }: ViewerFacts): Broken | undefined {
  if (offer?.muted) return broken("publisher", "publisher_muted", "publisher muted", "it can resume the track");
  if (offer?.held === "server") {
    return broken("server", "muted_by_server", "muted by the server", "the application has muted it for everybody");
  }
  if (offer?.held) {
    return broken("server", "held_by_policy", "held by the subscription policy", "the application decides on it");
  }
  if (pausedByYou) {
    return broken("server", "paused_by_you", "paused by you", "say resumePeer, for the peer and for the label");
  }
  return undefined;
}

function notReceived({ offer, transport, transportSilenceMs, reception }: ViewerFacts): Broken | undefined {
  if (offer?.failure) return broken("viewer", offer.failure.code, offer.failure.message, offer.failure.hint);
  if (offer?.trackAgeMs === undefined) {
    return broken("viewer", "consumer_missing", "the track is still being set up here", "wait a moment");
  }
  const { packets, lastPacketAgeMs } = reception?.now ?? {};
  const ageMs = packets ? (lastPacketAgeMs ?? 0) : offer.trackAgeMs;
  if (transport === "connected" && packets && ageMs <= SILENCE_MS) return undefined;
  if (transport === "connected" && (transportSilenceMs ?? 0) <= SILENCE_MS) {
    const hint = "what is sent to you does not arrive: the network drops it, or nobody sends";
    return broken("viewer", "no_packets", `no packets for ${seconds(ageMs)}`, hint);
  }
  const since = transportSilenceMs === undefined ? "so far" : `for ${seconds(transportSilenceMs)}`;
  const direct = offer.carrier === "mesh";
  return broken(
    "viewer",
    "viewer_transport",
    `ICE: no UDP from ${direct ? "the peer's browser" : "the server"} ${since} (${transport ?? "no transport"})`,
    direct
      ? "the link with it is mended by itself, as long as their networks let anything through"
      : "this network, or a firewall before the server's UDP port, lets nothing through",
  );
}

function notDecoded({ offer, reception }: ViewerFacts): Broken | undefined {
  if (offer?.kind !== "video" || !reception) return undefined;
  const { earlier, now } = reception;
  if (now.frames === 0 && now.keyframes === 0) {
    const hint = "packets come, but no picture that can be begun with; one has been asked for";
    return broken("viewer", "no_keyframe", `no keyframe for ${seconds(offer.trackAgeMs ?? 0)}`, hint);
  }
  if (now.frames > earlier.frames || now.packets === earlier.packets) return undefined;
  const hint = "the decoder waits for packets that were lost, or this machine is overloaded";
  return broken("viewer", "not_decoded", "packets come, but no frame of them was decoded", hint);
}

function broken(link: Explanation["link"], code: string, message: string, hint: string): Broken {
  return { code, message, hint, link };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

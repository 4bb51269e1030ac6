import assert from "node:assert/strict";
import { test } from "node:test";
import { SimplePeerError } from "../src/errors.js";
import { brokenLink, playing, type ViewerFacts } from "../src/explain.js";
import type { Reception } from "../src/reception.js";

const DECODED: Reception = {
  packets: 900,
  lastPacketAgeMs: 12,
  keyframes: 1,
  frames: 300,
  framesPerSecond: 30,
  width: 640,
  height: 360,
};
const OFFER: NonNullable<ViewerFacts["offer"]> = {
  kind: "video",
  carrier: "sfu",
  muted: false,
  held: "",
  failure: undefined,
  trackAgeMs: 2_100,
};
/** A picture that plays. */
const WHOLE: ViewerFacts = {
  inSight: true,
  offer: OFFER,
  pausedByYou: false,
  connectWished: true,
  transport: "connected",
  reception: { earlier: { ...DECODED, packets: 890, frames: 290 }, now: DECODED },
};

function received(now: Partial<Reception>, earlier: Partial<Reception> = {}): Partial<ViewerFacts> {
  return { reception: { earlier: { ...DECODED, frames: 0, packets: 1, ...earlier }, now: { ...DECODED, ...now } } };
}

function offered(offer: Partial<typeof OFFER>): Partial<ViewerFacts> {
  return { offer: { ...OFFER, ...offer } };
}

function without(...names: (keyof ViewerFacts)[]): Partial<ViewerFacts> {
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

const FAILURE = new SimplePeerError("cannot_consume", "no such decoder", "publish in VP8");

/** What is wrong, in the order of the way: each case has all that comes later wrong as well, or not there. */
const CASES: [code: string, message: RegExp, facts: Partial<ViewerFacts>][] = [
  ["peer_unknown", /in sight/, { ...without("offer", "reception"), inSight: false }],
  ["not_connected", /not asked for/, { ...without("offer", "reception"), connectWished: false }],
  ["no_such_track", /no track/, without("offer", "reception")],
  ["publisher_muted", /publisher muted/, offered({ muted: true, held: "server" })],
  ["muted_by_server", /by the server/, { ...offered({ held: "server" }), pausedByYou: true }],
  ["held_by_policy", /policy/, { ...offered({ held: "policy" }), pausedByYou: true }],
  ["paused_by_you", /by you/, { pausedByYou: true, transport: "failed" }],
  ["cannot_consume", /decoder/, { ...offered({ failure: FAILURE, trackAgeMs: undefined }), transport: "failed" }],
  ["consumer_missing", /being set up/, { ...offered({ trackAgeMs: undefined }), transport: "failed" }],
  [
    "viewer_transport",
    /ICE: no UDP .* for 3\.2 s/,
    { transport: "failed", transportSilenceMs: 3_200, ...received({ packets: 0 }) },
  ],
  ["viewer_transport", /for 2\.5 s/, { transportSilenceMs: 2_500, ...received({ lastPacketAgeMs: 2_500 }) }],
  ["viewer_transport", /so far/, { transport: "connecting" }],
  ["no_packets", /for 2\.1 s/, received({ packets: 0, frames: 0, keyframes: 0 })],
  ["no_packets", /for 2\.1 s/, without("reception")],
  ["no_packets", /for 4\.5 s/, received({ lastPacketAgeMs: 4_500 })],
  ["no_keyframe", /for 2\.1 s/, received({ frames: 0, keyframes: 0 })],
  ["not_decoded", /no frame/, received({ frames: 300 }, { frames: 300 })],
];

for (const [code, message, facts] of CASES) {
  test(`names the first broken link: ${code} (${message.source})`, () => {
    const link = brokenLink({ ...WHOLE, ...facts });
    assert.equal(link?.code, code);
    assert.match(link?.message ?? "", message);
    assert.ok(link?.hint && link.link, "tells what to do, and whose part of the way it is");
  });
}

test("a track that plays has no broken link", () => {
  assert.equal(brokenLink(WHOLE), undefined);
  const { ok, code, message } = playing(WHOLE);
  assert.deepEqual([ok, code], [true, "ok"]);
  assert.match(message, /30 frames a second, 640x360/);
});

test("a browser that does not tell when the last packet came is believed", () => {
  assert.equal(brokenLink({ ...WHOLE, ...received({ lastPacketAgeMs: undefined }) }), undefined);
});

test("a still screen sends no frames between two looks, and no packets either", () => {
  assert.equal(brokenLink({ ...WHOLE, ...received({}, { frames: 300, packets: 900 }) }), undefined);
});

test("sound has no keyframes and no frames", () => {
  const silent = { ...DECODED, frames: 0, keyframes: 0, packets: 50 };
  const facts = { ...WHOLE, ...offered({ kind: "audio" }), reception: { earlier: silent, now: silent } };
  assert.equal(brokenLink(facts), undefined);
});

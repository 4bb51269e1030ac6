import assert from "node:assert/strict";
import { test } from "node:test";
import { Publication } from "../src/publication.js";
import type { Session } from "../src/session.js";
import type { SimplePeer } from "../src/simple-peer.js";
import { stage } from "./support/call.js";
import { audioTrack, videoTrack } from "./support/media.js";
import { emptySnapshot, Refusal, SILENCE } from "./support/server.js";
import { diary, nextEvent, until } from "./support/wait.js";

const call = stage();

/** Waits until WebRTC has a sender busy with this many tracks. (It gathers its statistics at most every 50 ms.) */
async function sending(peer: SimplePeer, count: number): Promise<void> {
  await until(`${count} tracks are sent`, async () => {
    const { send } = await peer.getStats();
    let sources = 0;
    send?.forEach(({ type }: { type: string }) => {
      if (type === "media-source") sources++;
    });
    return sources === count;
  });
}

/** The names of the requests about producers. */
function productions(): string[] {
  return call.server.peer.requests.map(({ name }) => name).filter((name) => /Producer|produce/.test(name));
}

test("a track may be added at once after construction; it is published when the session is there", async () => {
  const { peer } = call.newPeer();
  assert.equal(peer.peerId, undefined);
  await peer.addTrack(videoTrack(), "camera", true);
  const names = call.server.peer.requests.map(({ name }) => name);
  assert.deepEqual(names, [
    "hello",
    "setRtpCapabilities",
    "enter",
    "createWebRtcTransport",
    "connectWebRtcTransport",
    "produce",
  ]);
  const [produce] = call.server.asked("produce");
  assert.equal(produce?.label, "camera");
  assert.equal(produce?.broadcast, true);
  assert.equal(produce?.paused, false);
  assert.equal(produce?.kind, "video");
  assert.equal(produce?.rtpParameters.codecs[0]?.mimeType, "video/VP8");
});

test("broadcast is false unless it is asked for; all tracks share one send transport", async () => {
  const { peer } = call.newPeer();
  await Promise.all([peer.addTrack(videoTrack(), "camera"), peer.addTrack(audioTrack(), "microphone")]);
  assert.deepEqual(
    call.server.asked("produce").map(({ label, broadcast, kind }) => [label, broadcast, kind]),
    [
      ["camera", false, "video"],
      ["microphone", false, "audio"],
    ],
  );
  assert.deepEqual(call.server.asked("createWebRtcTransport"), [{ direction: "send" }]);
});

test("codec and encodings are the caller's choice", async () => {
  const { peer } = call.newPeer();
  await peer.addTrack(videoTrack(), "screen", false, { codec: "video/vp9" });
  await peer.addTrack(videoTrack(), "camera", false, {
    encodings: [{ maxBitrate: 150_000, scaleResolutionDownBy: 4 }, { maxBitrate: 900_000 }],
  });
  const [screen, camera] = call.server.asked("produce");
  assert.equal(screen?.rtpParameters.codecs[0]?.mimeType, "video/VP9");
  assert.equal(screen?.rtpParameters.encodings?.length, 1);
  assert.deepEqual(
    camera?.rtpParameters.encodings?.map(({ rid, maxBitrate }) => [rid, maxBitrate]),
    [
      ["r0", 150_000],
      ["r1", 900_000],
    ],
  );
});

test("a codec that is not there is refused with the ones that are", async () => {
  const { peer } = call.newPeer();
  await assert.rejects(peer.addTrack(videoTrack(), "camera", false, { codec: "video/H263" }), {
    code: "unsupported",
    hint: /video\/VP8, video\/VP9/,
  });
});

test("the same label again with a track of the same kind: the producer goes on with it, and nobody is asked", async () => {
  const { peer } = call.newPeer();
  const [first, second] = [videoTrack(), videoTrack()];
  await peer.addTrack(first, "camera", true, { maxBitrate: 200_000 });
  await peer.addTrack(second, "camera", true, { maxBitrate: 200_000 });
  assert.deepEqual(productions(), ["produce"]);
  assert.equal(first.readyState, "live", "the application's track is not stopped");
  const { send } = await peer.getStats();
  assert.equal([...(send?.values() ?? [])].find(({ type }) => type === "media-source")?.trackIdentifier, second.id);
  first.dispatchEvent(new Event("ended")); // it is nobody's concern any longer
  second.dispatchEvent(new Event("ended"));
  assert.equal((await nextEvent(peer, "trackEnded")).track, second);
  assert.deepEqual(productions(), ["produce", "closeProducer"]);
});

test("the same label again with another kind, other options or another reach: one producer takes the other's place", async () => {
  const { peer } = call.newPeer();
  await Promise.all([peer.addTrack(videoTrack(), "main"), peer.addTrack(audioTrack(), "main")]);
  await peer.addTrack(audioTrack(), "main", true);
  await peer.addTrack(audioTrack(), "main", true, { contentHint: "music" });
  assert.deepEqual(productions(), ["produce", "produce", "produce", "produce"], "the server closes the one before");
  assert.deepEqual(
    call.server.asked("produce").map(({ kind, broadcast, producerId }) => [kind, broadcast, producerId]),
    [
      ["video", false, undefined],
      ["audio", false, undefined],
      ["audio", true, undefined],
      ["audio", true, undefined],
    ],
  );
  await sending(peer, 1);
});

test("a label that is muted stays so, whatever track takes the other's place", async () => {
  const { peer } = call.newPeer();
  await peer.addTrack(videoTrack(), "main");
  await peer.muteTrack("main");
  await peer.addTrack(videoTrack(), "main");
  await peer.addTrack(audioTrack(), "main");
  assert.deepEqual(
    call.server.asked("produce").map(({ paused }) => paused),
    [false, true],
  );
  await sending(peer, 0);
  await peer.unmuteTrack("main");
  await sending(peer, 1);
});

test("muted from the start, a track is not sent before it is unmuted; the label stays muted, whoever says otherwise", async () => {
  const { peer } = call.newPeer();
  await peer.addTrack(audioTrack(), "voice", true, { muted: true });
  assert.deepEqual([call.server.asked("produce")[0]?.paused, peer.localTracks[0]?.muted], [true, true]);
  await sending(peer, 0);
  await peer.addTrack(audioTrack(), "voice", true, { muted: false });
  await sending(peer, 0);
  await peer.unmuteTrack("voice");
  await sending(peer, 1);
  await peer.addTrack(audioTrack(), "voice", true, { muted: true });
  await sending(peer, 0);
  assert.deepEqual(productions(), ["produce", "resumeProducer", "pauseProducer"]);
});

test("a replacement that the server refuses leaves the old track where it was", async () => {
  const { peer } = call.newPeer();
  await peer.addTrack(videoTrack(), "main");
  call.server.answers = { produce: () => new Refusal("not_allowed") };
  await assert.rejects(peer.addTrack(audioTrack(), "main"), { code: "not_allowed" });
  await sending(peer, 1);
  await peer.removeTrack("main");
  assert.deepEqual(call.server.asked("closeProducer"), [{ producerId: call.server.produced[0] }]);
});

test("a track that is replaced, or muted, while its transport is being made anew: the producer that moves is as wished", async () => {
  const { peer } = call.newPeer();
  const [first, second] = [videoTrack(), videoTrack()];
  await peer.addTrack(first, "camera");
  await peer.addTrack(audioTrack(), "microphone");
  const transportId = call.server.asked("produce")[0]?.transportId ?? "";
  call.server.peer.notify("transportStateChange", { transportId, state: "failed", reason: "dtls_failed" });
  await until("lost", () => call.server.asked("createWebRtcTransport").length === 2);
  await Promise.all([peer.addTrack(second, "camera"), peer.muteTrack("microphone")]);
  await until("moved", () => call.server.asked("closeTransport").length === 1);
  await sending(peer, 1);
  const { send } = await peer.getStats();
  const sources = [...(send?.values() ?? [])].filter(({ type }) => type === "media-source");
  assert.deepEqual(
    sources.map(({ trackIdentifier }) => trackIdentifier),
    [second.id],
  );
});

/** Loses the sending transport; what moves to the next one waits for the answer that this gives it. */
async function moving(peer: SimplePeer): Promise<(producerId: string) => void> {
  let answer: (answer: object) => void = () => undefined;
  call.server.answers.produce = () => new Promise((resolve) => (answer = resolve));
  const transportId = call.server.asked("produce")[0]?.transportId ?? "";
  call.server.peer.notify("transportStateChange", { transportId, state: "failed", reason: "dtls_failed" });
  await until("it moves", () => call.server.asked("produce").length === 2);
  assert.equal(peer.localTracks.length, 1);
  return (producerId) => answer({ producerId });
}

test("a track that moves to another transport is not missed before the server has answered", async () => {
  const { peer } = await call.readyPeer({ reconcileMs: 20 });
  const errors: string[] = [];
  peer.on("error", ({ error }) => errors.push(error.code));
  await peer.addTrack(videoTrack(), "camera");
  const answer = await moving(peer);
  const [, transport] = call.server.made;
  const transports = [{ transportId: transport?.id ?? "", direction: "send", state: "connected" } as const];
  call.server.snapshot = { ...emptySnapshot(), transports };
  const asked = call.server.asked("getSnapshot").length;
  await until("compared", () => call.server.asked("getSnapshot").length > asked + 2);
  call.server.snapshot = undefined;
  answer("another");
  await until("moved", () => call.server.asked("closeTransport").length === 1);
  assert.deepEqual(errors, []);
  await peer.removeTrack("camera");
  assert.deepEqual(call.server.asked("closeProducer"), [{ producerId: "another" }]);
});

test("a track that the server has closed is not sent any longer, and can be added again", async () => {
  const { peer } = await call.readyPeer();
  const track = videoTrack();
  await peer.addTrack(track, "camera");
  await sending(peer, 1);
  const failed = nextEvent(peer, "error");
  const [producerId = ""] = call.server.produced;
  call.server.peer.notify("producerClosed", { producerId, label: "camera", reason: "not_allowed" });
  assert.equal((await failed).error.code, "not_allowed");
  await sending(peer, 0);
  assert.deepEqual([track.readyState, productions()], ["live", ["produce"]]);
  await peer.addTrack(track, "camera");
  await sending(peer, 1);
});

test("a track that the server closes while it moves does not come back", async () => {
  const { peer } = await call.readyPeer();
  await peer.addTrack(videoTrack(), "camera");
  const answer = await moving(peer);
  const failed = nextEvent(peer, "error");
  const [producerId = ""] = call.server.produced;
  call.server.peer.notify("producerClosed", { producerId, label: "camera", reason: "kicked" });
  assert.equal((await failed).error.code, "closed");
  assert.deepEqual(peer.localTracks, []);
  answer("another");
  await until("taken back", () => call.server.asked("closeProducer").length === 1);
  assert.deepEqual(call.server.asked("closeProducer"), [{ producerId: "another" }]);
});

test("a track keeps its id while the way it is sent by is made anew", async () => {
  const intent = { label: "camera", metadata: {}, broadcast: true, options: {} };
  const publication = new Publication(videoTrack(), intent, () => undefined);
  const session = { topology: "mesh", request: async () => ({ producerId: "p" }) } as unknown as Session;
  await publication.publish(session);
  const anew = publication.publishAnew(session);
  assert.deepEqual([publication.producerId, publication.moves], ["p", true]);
  await anew;
  assert.deepEqual([publication.producerId, publication.moves], ["p", false]);
});

test("a replacement that comes too late for its caller is taken back, and the old track is published again", async () => {
  const { peer } = call.newPeer({ patienceMs: 1_500 });
  await peer.addTrack(videoTrack(), "main");
  let answer: (answer: object) => void = () => undefined;
  call.server.answers = { produce: () => new Promise((resolve) => (answer = resolve)) };
  await assert.rejects(peer.addTrack(audioTrack(), "main"), { code: "timeout" });
  call.server.answers = {};
  answer({ producerId: "too-late" });
  await until("published again", () => call.server.asked("produce").length === 3);
  assert.deepEqual(call.server.asked("closeProducer"), [{ producerId: "too-late" }]);
  assert.equal(call.server.asked("produce")[2]?.kind, "video");
  await sending(peer, 1);
});

test("what is told of a track that is published again, before the answer that names it, counts", async () => {
  call.server.topology = "mesh";
  const { peer } = call.newPeer({ patienceMs: 1_500, topology: "mesh" });
  await peer.addTrack(videoTrack(), "main");
  let answer: (answer: object) => void = () => undefined;
  call.server.answers.publish = () => new Promise((resolve) => (answer = resolve));
  await assert.rejects(peer.addTrack(audioTrack(), "main"), { code: "timeout" });
  call.server.answers.publish = (_payload, played) => {
    played.notify("carriageChange", { producerId: "again", sfu: true });
    return { producerId: "again" };
  };
  answer({ producerId: "too-late" });
  await until("the router has it", () => call.server.asked("produce")[0]?.producerId === "again");
});

test("what is said about a track goes along with it, and can be said anew", async () => {
  const { peer } = call.newPeer();
  await peer.addTrack(videoTrack(), { label: "camera", angle: "front" }, true);
  const [produce] = call.server.asked("produce");
  assert.deepEqual([produce?.label, produce?.metadata], ["camera", { angle: "front" }]);
  await peer.setMetadata("camera", { angle: "back" });
  await peer.setMetadata("camera", { angle: "back" });
  await peer.addTrack(videoTrack(), { label: "camera", angle: "top" }, true);
  const producerId = call.server.produced[0];
  assert.deepEqual(call.server.asked("setMetadata"), [
    { producerId, metadata: { angle: "back" } },
    { producerId, metadata: { angle: "top" } },
  ]);
  assert.equal(call.server.asked("produce").length, 1);
  await assert.rejects(peer.setMetadata("nothing", {}), { code: "not_found", hint: /camera/ });
  await assert.rejects(peer.addTrack(videoTrack(), { angle: "front" } as never), { code: "bad_request" });
});

test("removeTrack resolves when the server has confirmed it, and the label is free again", async () => {
  const { peer } = call.newPeer();
  const track = videoTrack();
  await peer.addTrack(track, "camera");
  await peer.removeTrack("camera");
  assert.equal(call.server.asked("closeProducer").length, 1);
  assert.equal(track.readyState, "live");
  await assert.rejects(peer.removeTrack("camera"), { code: "not_found", message: /"camera"/ });
  await peer.addTrack(track, "camera");
  assert.equal(call.server.asked("produce").length, 2);
});

test("a track that the server has lost already counts as removed; another error is told", async () => {
  const { peer } = call.newPeer();
  await peer.addTrack(videoTrack(), "camera");
  call.server.answers = { closeProducer: () => new Refusal("not_found") };
  await peer.removeTrack("camera");
  await peer.addTrack(videoTrack(), "camera");
  call.server.answers = { closeProducer: () => new Refusal("internal_error") };
  await assert.rejects(peer.removeTrack("camera"), { code: "internal_error" });
});

test("what the server refuses is not held: neither published later, nor in the way of another try", async () => {
  const { peer } = call.newPeer();
  call.server.answers = { produce: () => new Refusal("limit_reached") };
  await assert.rejects(peer.addTrack(videoTrack(), "camera"), { code: "limit_reached", hint: "it is a test" });
  await assert.rejects(peer.removeTrack("camera"), { code: "not_found" });
  call.server.answers = {};
  await peer.addTrack(videoTrack(), "camera");
});

test("a transport that could not be made is tried again with the next track", async () => {
  const { peer } = call.newPeer();
  call.server.answers = { createWebRtcTransport: () => new Refusal("limit_reached") };
  await assert.rejects(peer.addTrack(videoTrack(), "camera"), { code: "limit_reached" });
  call.server.answers = {};
  await peer.addTrack(videoTrack(), "camera");
});

test("what is not a live track is refused with a hint", async () => {
  const { peer } = call.newPeer();
  await assert.rejects(peer.addTrack(undefined as never, "camera"), { code: "bad_request", hint: /getUserMedia/ });
  const ended = videoTrack();
  ended.stop();
  await assert.rejects(peer.addTrack(ended, "camera"), { code: "bad_request", message: /ended/ });
  await assert.rejects(peer.addTrack(videoTrack(), ""), { code: "bad_request", message: /label/ });
});

test("mute sends nothing more and leaves the track as it is; unmute goes on", async () => {
  const { peer } = call.newPeer();
  const track = videoTrack();
  await peer.addTrack(track, "camera");
  await sending(peer, 1);
  await peer.muteTrack("camera");
  assert.equal(call.server.asked("pauseProducer").length, 1);
  await sending(peer, 0);
  assert.deepEqual([track.enabled, track.readyState], [true, "live"]);
  await peer.unmuteTrack("camera");
  assert.equal(call.server.asked("resumeProducer").length, 1);
  await sending(peer, 1);
  await assert.rejects(peer.muteTrack("nothing"), { code: "not_found" });
});

test("a track whose source ends is taken off, and told of", async () => {
  const { peer } = call.newPeer();
  const lines = diary(peer);
  const track = videoTrack();
  await peer.addTrack(track, "screen");
  const ended = nextEvent(peer, "trackEnded");
  track.dispatchEvent(new Event("ended")); // as a browser does when the user stops sharing
  assert.deepEqual(await ended, { label: "screen", track, reason: "source_ended" });
  assert.equal(call.server.asked("closeProducer").length, 1);
  await assert.rejects(peer.removeTrack("screen"), { code: "not_found" });
  track.dispatchEvent(new Event("ended"));
  assert.deepEqual(lines, ["trackEnded screen source_ended"]);
});

test("a lost socket in the middle of addTrack delays it, and publishes once", async () => {
  const { peer } = call.newPeer();
  call.server.answers = { produce: () => SILENCE };
  const adding = peer.addTrack(videoTrack(), "camera");
  const first = await until("asked to produce", () => call.server.asked("produce").length > 0 && call.server.peer);
  call.server.answers = {};
  first.dropConnection();
  await adding;
  assert.notEqual(call.server.peer, first);
  assert.equal(call.server.peer.asked("produce").length, 1);
});

test("to a server that has started again the tracks held are published again, muted ones muted", async () => {
  const { peer } = call.newPeer();
  await peer.addTrack(videoTrack(), "camera", true);
  await peer.addTrack(audioTrack(), "microphone");
  await peer.addTrack(videoTrack(), "old");
  await peer.removeTrack("old");
  await peer.muteTrack("microphone");
  const first = call.server.peer;
  call.server.restart();
  await until("published again", () => call.server.peer !== first && call.server.peer.asked("produce").length === 2);
  assert.deepEqual(
    call.server.peer.asked("produce").map(({ label, broadcast, paused }) => [label, broadcast, paused]),
    [
      ["camera", true, false],
      ["microphone", false, true],
    ],
  );
  await sending(peer, 1);
  await peer.unmuteTrack("microphone");
  await sending(peer, 2);
  await peer.removeTrack("camera");
  assert.equal(call.server.peer.asked("closeProducer").length, 1);
});

test('a track that cannot be published again is dropped with an "error"', async () => {
  const { peer } = call.newPeer();
  await peer.addTrack(videoTrack(), "camera");
  call.server.answers = { produce: () => new Refusal("limit_reached") };
  const failed = nextEvent(peer, "error");
  call.server.restart();
  assert.equal((await failed).error.code, "limit_reached");
  await assert.rejects(peer.removeTrack("camera"), { code: "not_found" });
});

test("what is sent can be read, as it was said last", async () => {
  const { peer } = call.newPeer();
  const [camera, voice] = [videoTrack(), audioTrack()];
  await peer.addTrack(camera, { label: "camera", angle: 90 }, true);
  await peer.addTrack(voice, "voice");
  await peer.muteTrack("voice");
  await peer.setMetadata("camera", { angle: 180 });
  assert.deepEqual(peer.localTracks, [
    { track: camera, label: "camera", broadcast: true, kind: "video", metadata: { angle: 180 }, muted: false },
    { track: voice, label: "voice", broadcast: false, kind: "audio", metadata: {}, muted: true },
  ]);
  await peer.removeTrack("camera");
  assert.deepEqual(
    peer.localTracks.map(({ label }) => label),
    ["voice"],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SimplePeer } from "../src/simple-peer.js";
import { stage } from "./support/call.js";
import { audioTrack, videoTrack } from "./support/media.js";
import { Refusal, SILENCE } from "./support/server.js";
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

test("the same label again replaces the track, whatever its kind: first off, then on", async () => {
  const { peer } = call.newPeer();
  const [first, second] = [videoTrack(), audioTrack()];
  await Promise.all([peer.addTrack(first, "main"), peer.addTrack(second, "main")]);
  const names = call.server.peer.requests.map(({ name }) => name).filter((name) => /Producer|produce/.test(name));
  assert.deepEqual(names, ["produce", "closeProducer", "produce"]);
  assert.equal(first.readyState, "live", "the application's track is not stopped");
  assert.equal(call.server.asked("produce")[1]?.kind, "audio");
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
  assert.deepEqual(await ended, { label: "screen", track });
  assert.equal(call.server.asked("closeProducer").length, 1);
  await assert.rejects(peer.removeTrack("screen"), { code: "not_found" });
  track.dispatchEvent(new Event("ended"));
  assert.deepEqual(lines, ["trackEnded screen"]);
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

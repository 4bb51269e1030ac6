import assert from "node:assert/strict";
import { test } from "node:test";
import type { SimplePeer } from "../src/simple-peer.js";
import type { TransportState } from "../src/types.js";
import { stage } from "./support/call.js";
import { audioTrack, videoTrack } from "./support/media.js";
import { emptySnapshot, Refusal, SILENCE } from "./support/server.js";
import { diary, nextEvent, until } from "./support/wait.js";

const call = stage();

/** What the server says of the newest transport of that direction. */
function serverSees(direction: "send" | "recv", state: TransportState, reason: string): void {
  call.server.peer.notify("transportStateChange", { transportId: newest(direction), state, reason });
}

/** The id of the newest transport of that direction. */
function newest(direction: "send" | "recv"): string {
  const id = call.server.made.filter((transport) => transport.direction === direction).at(-1)?.id;
  if (!id) throw new Error(`no ${direction} transport was asked for`);
  return id;
}

function states(peer: SimplePeer, direction: "send" | "recv"): string[] {
  const lines: string[] = [];
  peer.on("connectionStateChange", (change) => {
    if (change.direction === direction) lines.push(`${change.state} ${change.reason}`);
  });
  return lines;
}

test("a sending transport that is past mending: another one, with the same producers, and the old one is closed", async () => {
  const { peer } = await call.readyPeer();
  await peer.addTrack(videoTrack(), "camera", true);
  await peer.addTrack(audioTrack(), "microphone");
  await peer.muteTrack("microphone");
  const old = newest("send");
  const produced = call.server.produced.slice();
  const changes = states(peer, "send");
  serverSees("send", "failed", "dtls_failed");
  await until("the old one is closed", () => call.server.asked("closeTransport").length === 1);
  assert.deepEqual(call.server.asked("closeTransport"), [{ transportId: old }]);
  assert.deepEqual(call.server.asked("createWebRtcTransport").at(-1), { direction: "send", replaces: old });
  assert.notEqual(newest("send"), old);
  const moved = call.server.asked("produce").slice(2);
  assert.deepEqual(
    moved.map(({ transportId, producerId, label, paused }) => [transportId, producerId, label, paused]),
    [
      [newest("send"), produced[0], "camera", false],
      [newest("send"), produced[1], "microphone", true],
    ],
  );
  assert.deepEqual(changes, ["failed dtls_failed", "connecting dtls_failed"], "each state once");
  assert.deepEqual(call.server.asked("restartIce"), [], "ICE was not what failed");
  assert.equal(call.server.peers.length, 1, "all on the same connection");
});

test("a receiving transport that is past mending: every track comes again on another one", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  call.server.peer.offer("bob", "camera");
  await nextEvent(peer, "track");
  await until("resumed", () => call.server.asked("resumeConsumer").length === 1);
  const old = newest("recv");
  serverSees("recv", "closed", "dtls_closed");
  const { track } = await nextEvent(peer, "track");
  assert.equal(track.readyState, "live");
  await until("the old one is closed", () => call.server.asked("closeTransport").length === 1);
  assert.equal(call.server.asked("consume").at(-1)?.transportId, newest("recv"));
  assert.notEqual(newest("recv"), old);
  assert.deepEqual(
    lines.filter((line) => !line.startsWith("track camera")),
    ["peerConnection bob", "trackRemoved camera replaced"],
    "its peer has not left",
  );
  assert.equal(lines.at(-1), "track camera", "at once after the removal");
});

test("messages do not wait for every track to come again", async () => {
  const { peer } = await call.readyPeer();
  let refused = 0;
  peer.on("error", () => refused++);
  call.server.peer.offer("bob", "camera");
  await nextEvent(peer, "track");
  peer.on("data", () => undefined);
  await until("the played transport refuses both channels", () => refused === 2);
  call.server.answers.consume = () => SILENCE;
  serverSees("recv", "failed", "dtls_failed");
  const onNewest = () => call.server.asked("consumeData").filter(({ transportId }) => transportId === newest("recv"));
  await until("another transport", () => call.server.made.length === 2);
  const began = Date.now();
  await until("the channels are asked for again", () => onNewest().length === 2);
  assert.ok(Date.now() - began < 1_500, "before the track is given up");
});

test("a transport that the server does not know any longer is made anew at once", async () => {
  const { peer } = await call.readyPeer();
  await peer.addTrack(videoTrack(), "camera");
  call.server.answers = { restartIce: () => new Refusal("not_found") };
  await assert.rejects(peer.restartIce(), { code: "not_found" });
  await until("moved", () => call.server.asked("produce").length === 2);
});

test("the server may have forgotten the old one altogether", async () => {
  const { peer } = await call.readyPeer();
  await peer.addTrack(videoTrack(), "camera");
  call.server.answers = {
    createWebRtcTransport: ({ direction, replaces }, played) =>
      replaces ? new Refusal("not_found") : played.transport(direction),
  };
  serverSees("send", "closed", "dtls_closed");
  await until("moved", () => call.server.asked("produce").length === 2);
  assert.equal(call.server.asked("createWebRtcTransport").length, 3);
});

test("what is being published when its transport is lost is published on the next", async () => {
  const { peer } = await call.readyPeer();
  await peer.addTrack(videoTrack(), "camera");
  call.server.answers = { produce: () => SILENCE };
  const adding = peer.addTrack(audioTrack(), "microphone");
  await until("asked", () => call.server.asked("produce").length === 2);
  call.server.answers = {};
  serverSees("send", "failed", "dtls_failed");
  await adding;
  const labels = call.server.asked("produce").filter(({ transportId }) => transportId === newest("send"));
  assert.deepEqual(labels.map(({ label }) => label).sort(), ["camera", "microphone"]);
});

test("a transport that cannot be made is tried again later, with what was on the old one", async () => {
  const { peer } = await call.readyPeer();
  peer.on("error", () => undefined);
  await peer.addTrack(videoTrack(), "camera");
  const old = newest("send");
  call.server.answers = { createWebRtcTransport: () => new Refusal("internal_error") };
  serverSees("send", "failed", "dtls_failed");
  await until("refused", () => call.server.asked("createWebRtcTransport").length === 2);
  call.server.answers = {};
  await until("moved", () => call.server.asked("produce").length === 2);
  assert.deepEqual(call.server.asked("createWebRtcTransport").at(-1), { direction: "send", replaces: old });
});

test("a snapshot without the transports, or with ended ones, has them made anew", async () => {
  const { peer } = await call.readyPeer({ reconcileMs: 50 });
  await peer.addTrack(videoTrack(), "camera");
  const transportId = newest("send");
  call.server.snapshot = {
    ...emptySnapshot(),
    producers: [{ producerId: call.server.produced[0] ?? "", label: "camera", paused: false, sfu: true }],
    transports: [{ transportId, direction: "send", state: "failed" }],
  };
  await until("moved", () => newest("send") !== transportId && call.server.asked("produce").length >= 2);
});

test("a transport whose making was answered too late is closed, and is not in the way of the next", async () => {
  const { peer } = await call.readyPeer({ timeoutMs: 500 });
  call.server.answers = { createWebRtcTransport: () => SILENCE };
  await assert.rejects(peer.addTrack(videoTrack(), "camera"), { code: "timeout" });
  call.server.snapshot = {
    ...emptySnapshot(),
    transports: [{ transportId: "late", direction: "send", state: "new" }],
  };
  call.server.answers = {
    createWebRtcTransport: ({ direction }, played) =>
      call.server.asked("closeTransport").length === 0 ? new Refusal("already_exists") : played.transport(direction),
  };
  await peer.addTrack(videoTrack(), "camera");
  assert.deepEqual(call.server.asked("closeTransport"), [{ transportId: "late" }]);
});

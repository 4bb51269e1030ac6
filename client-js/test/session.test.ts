import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionStateChange } from "../src/events.js";
import { SimplePeer } from "../src/simple-peer.js";
import type { TransportState } from "../src/types.js";
import { stage } from "./support/call.js";
import { videoTrack } from "./support/media.js";
import { Refusal, SILENCE } from "./support/server.js";
import { nextEvent, until } from "./support/wait.js";

const call = stage();

test("every wish may be spoken at once after construction; the server hears of rooms before it lets others see", async () => {
  const { peer } = call.newPeer();
  call.server.answers = { joinRoom: () => ({ peerIds: ["bob"] }) };
  const [, joined] = await Promise.all([
    peer.connectToPeer("bob"),
    peer.joinRoom("r"),
    peer.pausePeer("bob"),
    peer.resumePeer("bob"),
    peer.disconnectFromPeer("bob"),
    peer.leaveRoom("r"),
  ]);
  assert.deepEqual(joined, { peerIds: ["bob"] });
  assert.deepEqual(
    call.server.peer.requests.map(({ name }) => name),
    [
      "hello",
      "setRtpCapabilities",
      "joinRoom",
      "leaveRoom",
      "pausePeer",
      "resumePeer",
      "connectToPeer",
      "disconnectFromPeer",
      "enter",
    ],
  );
});

test("hello says whether messages are listened to", async () => {
  const { peer } = call.newPeer();
  peer.on("data", () => undefined);
  await peer.joinRoom("r");
  await call.readyPeer();
  assert.deepEqual(
    call.server.asked("hello").map(({ wantsData }) => wantsData),
    [true, false],
  );
});

test("a peer made before its socket connects works when it does", async () => {
  const socket = call.server.socket({ autoConnect: false });
  const peer = new SimplePeer(socket, { device: { handlerName: "Chrome111" } });
  const joining = peer.joinRoom("r");
  socket.connect();
  assert.deepEqual(await joining, { peerIds: [] });
  peer.close();
  socket.disconnect();
});

test("the server's refusals reach the caller; wrong arguments do not reach the server", async () => {
  const { peer } = call.newPeer();
  call.server.answers = { connectToPeer: () => new Refusal("not_found") };
  await assert.rejects(peer.connectToPeer("nobody"), { name: "SimplePeerError", code: "not_found" });
  for (const wrong of [undefined, "", 7]) {
    await assert.rejects(peer.connectToPeer(wrong as never), { code: "bad_request", message: /peerId/ });
    await assert.rejects(peer.joinRoom(wrong as never), { code: "bad_request", message: /roomId/ });
  }
  assert.equal(call.server.asked("connectToPeer").length, 1);
});

test("to a server that has started again wishes are repeated before tracks are published; what was taken back is not", async () => {
  const { peer } = await call.readyPeer();
  await peer.joinRoom("left");
  await peer.joinRoom("kept");
  await peer.leaveRoom("left");
  await peer.connectToPeer("bob");
  await peer.connectToPeer("carol");
  await peer.disconnectFromPeer("carol");
  await peer.pausePeer("bob");
  await peer.addTrack(videoTrack(), "camera");
  const first = call.server.peer;
  const lost = nextEvent(peer, "connectionStateChange");
  call.server.restart();
  assert.deepEqual(await lost, { direction: "signaling", state: "disconnected", reason: "transport close" });
  await until("published again", () => call.server.peer !== first && call.server.peer.asked("produce").length === 1);
  const heard = call.server.peer.requests.map(({ name, payload }) => {
    const { roomId, peerId } = payload as { roomId?: string; peerId?: string };
    return [name, roomId ?? peerId].filter(Boolean).join(" ");
  });
  assert.deepEqual(heard.slice(0, 7), [
    "hello",
    "setRtpCapabilities",
    "joinRoom kept",
    "pausePeer bob",
    "connectToPeer bob",
    "enter",
    "createWebRtcTransport",
  ]);
});

test("what the server does not grant is not wished again", async () => {
  const { peer } = await call.readyPeer();
  const errors: string[] = [];
  peer.on("error", ({ error }) => errors.push(error.code));
  await peer.joinRoom("r");
  call.server.answers = { joinRoom: () => new Refusal("not_allowed") };
  await assert.rejects(peer.joinRoom("secret"), { code: "not_allowed" });
  for (let times = 1; times <= 2; times++) {
    const before = call.server.peer;
    call.server.restart();
    await until("back", () => call.server.peer !== before && call.server.peer.asked("enter").length > 0);
  }
  assert.deepEqual(
    call.server.asked("joinRoom").map(({ roomId }) => roomId),
    ["r", "secret", "r"],
    "once repeated, and then never again",
  );
  assert.deepEqual(errors, ["not_allowed"], "of a wish that nobody waits for an event tells");
});

test("a session in which a wish may be missing is not used: nothing is published where it should not be", async () => {
  const { peer } = await call.readyPeer({ timeoutMs: 600 });
  peer.on("error", () => undefined);
  await peer.joinRoom("r");
  await peer.addTrack(videoTrack(), "camera", true);
  call.server.answers = { joinRoom: () => SILENCE };
  const first = call.server.peer;
  call.server.restart();
  const second = await until(
    "asked",
    () => call.server.peer !== first && call.server.asked("joinRoom").length === 2 && call.server.peer,
  );
  await until("left", () => !second.connected);
  assert.deepEqual([second.asked("enter"), second.asked("produce")], [[], []]);
  call.server.answers = {};
  await until(
    "published in the room",
    () => call.server.peer !== second && call.server.peer.asked("produce").length === 1,
  );
  assert.equal(call.server.peer.asked("joinRoom").length, 1);
});

test("getStats gives the server's and, where there are transports, the browser's", async () => {
  const { peer } = await call.readyPeer();
  assert.deepEqual(await peer.getStats(), {
    server: { transports: [], producers: [], consumers: [] },
    send: undefined,
    recv: undefined,
    links: {},
  });
  await peer.addTrack(videoTrack(), "camera");
  const { send, recv } = await peer.getStats();
  assert.equal(recv, undefined);
  assert.ok([...(send as unknown as Map<string, unknown>).values()].length > 0);
});

test("restartIce() gives every transport new credentials", async () => {
  const { peer } = await call.readyPeer();
  await peer.restartIce();
  assert.deepEqual(call.server.asked("restartIce"), []);
  await peer.addTrack(videoTrack(), "camera");
  call.server.peer.offer("bob", "camera");
  await until("resumed", () => call.server.asked("resumeConsumer").length === 1);
  await peer.restartIce();
  assert.equal(new Set(call.server.asked("restartIce").map(({ transportId }) => transportId)).size, 2);
});

test("ICE is restarted when the server sees the transport fall silent, and the reason is told", async () => {
  const { peer } = await call.readyPeer();
  await peer.addTrack(videoTrack(), "camera");
  const transportId = call.server.asked("produce")[0]?.transportId ?? "";
  const changes: ConnectionStateChange[] = [];
  peer.on("connectionStateChange", (change) => changes.push(change));
  const tell = (state: TransportState, reason: string) =>
    call.server.peer.notify("transportStateChange", { transportId, state, reason });
  tell("connected", "");
  tell("disconnected", "no consent");
  await until("restarted", () => call.server.asked("restartIce").length === 1);
  tell("connected", "");
  await until("told", () => changes.at(-1)?.state === "connected");
  assert.deepEqual(
    changes.filter(({ state }) => state !== "connecting"),
    [
      { direction: "send", state: "disconnected", reason: "no consent" },
      { direction: "send", state: "connected", reason: "" },
    ],
    "the server's word that all is well counts after trouble only: before that it is the browser who knows",
  );
});

test("a peer thrown out by the server comes back", async () => {
  const { peer } = await call.readyPeer();
  const first = call.server.peer;
  first.kick();
  await until("back", () => call.server.peer !== first && peer.peerId);
});

test("a greeting that fails for the moment is tried again; who waited is told", async () => {
  const { peer } = call.newPeer({ timeoutMs: 400 });
  const errors: string[] = [];
  peer.on("error", ({ error }) => errors.push(error.code));
  call.server.answers = { hello: () => SILENCE };
  await assert.rejects(peer.joinRoom("r"), { code: "timeout" });
  assert.deepEqual(errors, ["timeout"]);
  call.server.answers = {};
  await until("there at last", () => peer.peerId);
  await peer.joinRoom("r");
});

test("a server of another generation is told of, and not asked again", async () => {
  const { peer } = call.newPeer();
  peer.on("error", () => undefined);
  call.server.answers = { hello: () => ({ peerId: "x", protocol: 1, routerRtpCapabilities: {} }) };
  await assert.rejects(peer.joinRoom("r"), { code: "protocol_mismatch", hint: /simple-peer\.js/ });
  await assert.rejects(peer.addTrack(videoTrack(), "camera"), { code: "protocol_mismatch" });
});

test("a refused namespace rejects what waits, with the server's code and hint", async () => {
  call.server.refuseWith = { code: "no_application_socket", message: "no socket", hint: "connect / first" };
  const { peer } = call.newPeer();
  peer.on("error", () => undefined);
  await assert.rejects(peer.joinRoom("r"), { code: "no_application_socket", hint: "connect / first" });
});

test("without WebRTC: a typed error with a hint, and another where the page is not secure", async (t) => {
  const { RTCPeerConnection } = globalThis;
  t.after(() => Object.assign(globalThis, { RTCPeerConnection, isSecureContext: undefined }));
  (globalThis as { RTCPeerConnection?: unknown }).RTCPeerConnection = undefined;
  const first = call.newPeer().peer;
  first.on("error", () => undefined);
  await assert.rejects(first.joinRoom("r"), { code: "webrtc_unsupported", hint: /Firefox/ });
  Object.assign(globalThis, { isSecureContext: false });
  const second = call.newPeer().peer;
  second.on("error", () => undefined);
  await assert.rejects(second.addTrack(videoTrack(), "camera"), { code: "insecure_context", hint: /https/ });
});

test("a browser that mediasoup-client does not know: webrtc_unsupported, with the way out", async () => {
  const { peer } = call.newPeer({ device: {} });
  peer.on("error", () => undefined);
  await assert.rejects(peer.joinRoom("r"), { code: "webrtc_unsupported", hint: /handlerName/ });
});

test("close() ends what it made and nothing else; afterwards, and for those who wait, all is `closed`", async () => {
  const { peer, socket } = await call.readyPeer();
  const own = videoTrack();
  await peer.addTrack(own, "camera");
  call.server.peer.offer("bob", "camera");
  const { track } = await nextEvent(peer, "track");
  const played = call.server.peer;
  call.server.answers = { joinRoom: () => SILENCE };
  const waiting = peer.joinRoom("r");
  const heard: string[] = [];
  peer.on("trackRemoved", () => heard.push("trackRemoved"));
  peer.close();
  peer.close();
  await assert.rejects(waiting, { code: "closed" });
  await assert.rejects(peer.connectToPeer("bob"), { code: "closed" });
  await assert.rejects(peer.addTrack(videoTrack(), "camera"), { code: "closed" });
  await assert.rejects(peer.getStats(), { code: "closed" });
  assert.deepEqual([own.readyState, track.readyState, socket.connected], ["live", "ended", true]);
  assert.deepEqual([peer.peerId, peer.peers, peer.tracks, heard], [undefined, [], [], []]);
  await until("the server knows", () => !played.connected);
});

test("close() before the socket ever connected", async () => {
  const { peer } = call.newPeer();
  const waiting = peer.addTrack(videoTrack(), "camera");
  peer.close();
  await assert.rejects(waiting, { code: "closed" });
});

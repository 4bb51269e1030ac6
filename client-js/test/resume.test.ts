import assert from "node:assert/strict";
import { test } from "node:test";
import type { Socket } from "socket.io-client";
import type { SimplePeer } from "../src/simple-peer.js";
import { stage } from "./support/call.js";
import { videoTrack } from "./support/media.js";
import { emptySnapshot, type PlayedPeer, SILENCE } from "./support/server.js";
import { diary, nextEvent, until } from "./support/wait.js";

const call = stage();

/** Waits for the next connection, and for what it has become. */
async function back(before: PlayedPeer): Promise<PlayedPeer> {
  return until(
    "back",
    () => call.server.peer !== before && call.server.peer.asked("hello").length > 0 && call.server.peer,
  );
}

function states(peer: SimplePeer): string[] {
  const lines: string[] = [];
  peer.on("connectionStateChange", ({ direction, state, reason }) => lines.push(`${direction} ${state} ${reason}`));
  return lines;
}

test("a lost socket changes nothing: same id, same tracks, nothing said again but hello", async () => {
  const { peer, socket } = await call.readyPeer();
  const [lines, changes] = [diary(peer), states(peer)];
  await peer.joinRoom("r");
  await peer.connectToPeer("bob");
  await peer.addTrack(videoTrack(), "camera");
  call.server.peer.offer("bob", "camera");
  const { track } = await nextEvent(peer, "track");
  await until("resumed", () => call.server.asked("resumeConsumer").length === 1);
  const [first, id, socketId] = [call.server.peer, peer.peerId, socket.id];
  first.dropConnection();
  await until("away", () => !socket.connected);
  assert.equal(peer.peerId, id, "it has its id while its socket is away");
  const second = await back(first);
  await until("told", () => changes.includes("signaling connected resumed"));
  assert.notEqual(socket.id, socketId);
  assert.equal(peer.peerId, id);
  assert.deepEqual([track.readyState, peer.tracks.length, peer.peers], ["live", 1, ["bob"]]);
  assert.deepEqual(lines, ["peerConnection bob", "track camera"]);
  assert.deepEqual(
    second.requests.map(({ name }) => name),
    ["hello"],
  );
  assert.deepEqual(
    changes.filter((line) => line.startsWith("signaling")),
    ["signaling disconnected transport close", "signaling connected resumed"],
  );
});

test("what happened meanwhile is told once each, in order, and what is told twice is heard once", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  const first = call.server.peer;
  first.notify("peerConnection", { peerId: "alice" });
  await until("alice", () => lines.length === 1);
  first.dropConnection();
  first.notifyLater("peerConnection", { peerId: "bob" });
  first.notifyLater("peerDisconnection", { peerId: "alice", reason: "left" });
  const second = await back(first);
  assert.equal(second.asked("hello")[0]?.lastSeq, 1);
  await until("all told", () => lines.length === 3);
  second.session.told.splice(0, 0); // the numbers go on
  second.notify("peerConnection", { peerId: "carol" });
  await until("carol", () => lines.length === 4);
  assert.deepEqual(lines, [
    "peerConnection alice",
    "peerConnection bob",
    "peerDisconnection alice left",
    "peerConnection carol",
  ]);
});

test("a request without an answer is asked again with its own id when the session is resumed; new ones wait", async () => {
  const { peer } = await call.readyPeer();
  call.server.answers = { joinRoom: () => SILENCE };
  const joining = peer.joinRoom("r");
  const first = await until("asked", () => call.server.asked("joinRoom").length > 0 && call.server.peer);
  call.server.answers = { joinRoom: () => ({ peerIds: ["bob"] }) };
  first.dropConnection();
  const pausing = peer.pausePeer("bob");
  assert.deepEqual(await joining, { peerIds: ["bob"] });
  await pausing;
  const [asked, repeated] = call.server.peers.flatMap(({ requests }) =>
    requests.filter((one) => one.name === "joinRoom"),
  );
  assert.ok(asked?.requestId);
  assert.equal(repeated?.requestId, asked.requestId);
  assert.deepEqual(
    call.server.peer.requests.map(({ name }) => name),
    ["hello", "joinRoom", "pausePeer"],
  );
});

test("an answer that was lost with the socket is given again: nothing is done twice", async () => {
  const { peer } = await call.readyPeer();
  let produced = 0;
  const first = call.server.peer;
  call.server.answers = {
    produce: () => {
      first.dropConnection(); // and the answer with it
      return { producerId: `producer ${++produced}` };
    },
  };
  await peer.addTrack(videoTrack(), "camera");
  assert.equal(call.server.asked("produce").length, 2);
  assert.equal(produced, 1);
});

test("a socket lost in the middle of the opening of a session opens that one, not another", async () => {
  call.server.answers = { setRtpCapabilities: () => SILENCE };
  const { peer } = call.newPeer();
  const joining = peer.joinRoom("r");
  const first = await until("asked", () => call.server.asked("setRtpCapabilities").length > 0 && call.server.peer);
  call.server.answers = {};
  first.dropConnection();
  await joining;
  assert.equal(peer.peerId, first.session.peerId);
  assert.deepEqual(
    call.server.peer.requests.map(({ name }) => name),
    ["hello", "setRtpCapabilities", "joinRoom", "enter"],
  );
});

test("a socket lost in the middle of hello greets again with the token it has", async () => {
  const { peer } = await call.readyPeer();
  const id = peer.peerId;
  const token = [...call.server.sessions.keys()][0];
  const first = call.server.peer;
  call.server.answers = { hello: () => SILENCE };
  first.dropConnection();
  const second = await back(first);
  call.server.answers = {};
  second.dropConnection();
  const third = await back(second);
  assert.deepEqual(
    [second, third].map((played) => played.asked("hello")[0]?.token),
    [token, token],
  );
  await peer.getStats();
  assert.equal(peer.peerId, id);
});

test("missed too much: the snapshot tells, as differences only", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  const first = call.server.peer;
  const kept = first.offer("bob", "kept");
  const gone = first.offer("bob", "gone");
  first.offer("carol", "gone too");
  await until("three tracks", () => peer.tracks.length === 3);
  lines.length = 0;
  const fresh = { ...gone, producerId: "fresh", label: "fresh" };
  first.session.offers.set("fresh", fresh);
  const consumers = [kept, gone].map(({ producerId }) => ({
    consumerId: `consumer of ${producerId}`,
    producerId,
    held: "" as const,
    carrier: "sfu" as const,
  }));
  const transports = call.server.asked("createWebRtcTransport").map(({ direction }) => ({
    transportId: first.asked("consume")[0]?.transportId ?? "",
    direction,
    state: "connected" as const,
  }));
  call.server.snapshot = {
    ...emptySnapshot(),
    peers: [{ peerId: "bob" }],
    offers: [{ ...kept, paused: true }, fresh],
    consumers,
    transports,
  };
  first.dropConnection();
  await until("the new track is there", () => lines.includes("track fresh"));
  assert.deepEqual(
    new Set(lines),
    new Set([
      "trackMuted kept",
      "trackRemoved gone closed",
      "trackRemoved gone too closed",
      "peerDisconnection carol missed",
      "track fresh",
    ]),
  );
  assert.ok(lines.indexOf("trackRemoved gone too closed") < lines.indexOf("peerDisconnection carol missed"));
});

test("a number missing among the notifications is made good by a snapshot", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  call.server.snapshot = { ...emptySnapshot(), peers: [{ peerId: "alice" }, { peerId: "bob" }] };
  call.server.peer.notifyLater("peerConnection", { peerId: "alice" });
  call.server.peer.notify("peerConnection", { peerId: "bob" });
  await until("both known", () => peer.peers.length === 2);
  assert.deepEqual(lines, ["peerConnection bob", "peerConnection alice"]);
});

test("the pictures are compared every reconcileMs", async () => {
  const { peer } = await call.readyPeer({ reconcileMs: 30 });
  call.server.snapshot = { ...emptySnapshot(), peers: [{ peerId: "alice" }] };
  await until("alice is known", () => peer.peers.includes("alice"));
});

test("heartbeats are answered; a server that falls silent is left within three of them, and found again", async () => {
  call.server.heartbeatMs = 1_000;
  const { peer } = await call.readyPeer();
  const changes = states(peer);
  const first = call.server.peer;
  const beating = setInterval(() => first.heartbeat(), 1_000);
  await until("answered", () => first.requests.filter(({ name }) => name === "heartbeat").length >= 4);
  assert.equal(changes.length, 0);
  clearInterval(beating);
  const silentAt = Date.now();
  await nextEvent(peer, "connectionStateChange");
  const afterMs = Date.now() - silentAt;
  assert.ok(afterMs < 12_000, `${afterMs} ms`);
  await until("resumed", () => changes.includes("signaling connected resumed"));
});

test("a connection that falls silent before hello is answered is left as well", async () => {
  call.server.heartbeatMs = 100;
  const { peer } = await call.readyPeer();
  const id = peer.peerId;
  const first = call.server.peer;
  call.server.answers = { hello: () => SILENCE };
  first.dropConnection();
  const second = await back(first);
  call.server.answers = {};
  await back(second);
  await peer.getStats();
  assert.equal(peer.peerId, id);
});

test("the server has started again: calls under way are carried out there", async () => {
  const { peer } = await call.readyPeer();
  call.server.answers = { joinRoom: () => SILENCE };
  const joining = peer.joinRoom("r");
  await until("asked", () => call.server.asked("joinRoom").length > 0);
  call.server.answers = { joinRoom: () => ({ peerIds: ["bob"] }) };
  call.server.restart();
  assert.deepEqual(await joining, { peerIds: ["bob"] });
});

test("a socket that stays away: calls give up in time, the wish remains, and the session ends with its grace", async () => {
  call.server.gracePeriodMs = 1_500;
  call.server.heartbeatMs = 50;
  const { peer, socket } = await call.readyPeer({ patienceMs: 200 });
  const lines = diary(peer);
  call.server.peer.notify("peerConnection", { peerId: "bob" });
  await until("bob", () => lines.length === 1);
  socket.io.reconnection(false);
  call.server.peer.dropConnection();
  await until("away", () => !socket.connected);
  await assert.rejects(peer.pausePeer("bob"), { code: "disconnected", hint: /remembered/ });
  assert.deepEqual(peer.peers, ["bob"], "the grace period is not over yet");
  await until("given up", () => lines.includes("peerDisconnection bob connection_lost"));
  assert.equal(peer.peerId, undefined);
  call.server.sessions.clear();
  socket.io.reconnection(true);
  socket.connect();
  await until("wished again", () => call.server.peer.asked("pausePeer").length === 1);
});

test("before the first connection calls give up in time as well", async () => {
  const socket = call.server.socket({ autoConnect: false });
  const { peer } = call.newPeer({ patienceMs: 50 }, socket);
  await assert.rejects(peer.connectToPeer("bob"), { code: "disconnected" });
});

test("whoever is taken out by the server hears why, stays out, and is told so at every call", async () => {
  const { peer, socket } = await call.readyPeer();
  const ended = nextEvent(peer, "ended");
  const lines = diary(peer);
  const first = call.server.peer;
  first.notify("peerConnection", { peerId: "bob" });
  first.notify("ended", { code: "kicked", message: "out", hint: "be kind" });
  first.kick();
  assert.equal((await ended).error.code, "kicked");
  assert.deepEqual(lines, ["peerConnection bob", "peerDisconnection bob kicked"]);
  await assert.rejects(peer.joinRoom("r"), { code: "kicked", hint: "be kind" });
  await reconnected(socket);
  await assert.rejects(peer.getStats(), { code: "kicked" });
  assert.equal(call.server.peer, first, "nothing asked for the media namespace again");
});

/** The application's socket is lost and back. */
async function reconnected(socket: Socket): Promise<void> {
  const id = socket.id;
  socket.io.engine.close();
  await until("the application's socket is back", () => socket.connected && socket.id !== id);
}

test("a connection that another one has taken the place of comes back as whoever the server says", async () => {
  const { peer } = await call.readyPeer();
  const first = call.server.peer;
  const id = peer.peerId;
  call.server.sessions.clear();
  first.kick(); // without a word: fenced
  const second = await back(first);
  await until("a session of its own", () => peer.peerId !== undefined && peer.peerId !== id);
  assert.equal(peer.peerId, second.session.peerId);
});

test("the page goes: the server hears goodbye; it comes back from the cache: all is set up again", async (t) => {
  const listeners = new Map<string, (event: object) => void>();
  Object.assign(globalThis, {
    addEventListener: (name: string, listener: () => void) => listeners.set(name, listener),
    removeEventListener: (name: string) => listeners.delete(name),
  });
  t.after(() => Object.assign(globalThis, { addEventListener: undefined, removeEventListener: undefined }));
  const { peer } = await call.readyPeer();
  await peer.addTrack(videoTrack(), "camera");
  const first = call.server.peer;
  listeners.get("pagehide")?.({});
  await until("the server knows", () => !first.connected);
  listeners.get("pageshow")?.({ persisted: false });
  listeners.get("pageshow")?.({ persisted: true });
  const second = await back(first);
  await until("published again", () => second.asked("produce").length === 1);
  peer.close();
  assert.equal(listeners.size, 0);
});

test("a producer that nobody here knows is closed, and one that the server has closed is let go of", async () => {
  const { peer } = await call.readyPeer({ reconcileMs: 30 });
  const errors: string[] = [];
  peer.on("error", ({ error }) => errors.push(error.code));
  await peer.addTrack(videoTrack(), "camera");
  await peer.addTrack(videoTrack(), "screen");
  const [camera = "", screen = ""] = call.server.produced;
  const [transport] = call.server.made;
  call.server.snapshot = {
    ...emptySnapshot(),
    producers: [
      { producerId: camera, label: "camera", paused: false, sfu: true },
      { producerId: "left over", label: "old", paused: false, sfu: true },
    ],
    transports: [{ transportId: transport?.id ?? "", direction: "send", state: "connected" }],
  };
  await until("closed", () => call.server.asked("closeProducer").length > 0);
  assert.deepEqual(call.server.asked("closeProducer")[0], { producerId: "left over" });
  assert.ok(screen);
  assert.deepEqual(errors, ["closed"]);
  await assert.rejects(peer.removeTrack("screen"), { code: "not_found" });
  await peer.removeTrack("camera");
});

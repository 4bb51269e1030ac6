import assert from "node:assert/strict";
import { test } from "node:test";
import { Audience } from "../src/audience.js";
import { Deferred } from "../src/deferred.js";
import { SimplePeerError } from "../src/errors.js";
import type { RemoteTrack } from "../src/events.js";
import type { Incoming } from "../src/incoming.js";
import type { Session } from "../src/session.js";
import type { SessionKeeper } from "../src/session-keeper.js";
import type { SubscriptionView } from "../src/subscription.js";
import { Subscriptions } from "../src/subscriptions.js";
import type { ConsumerOffer, ProducerOffer, Snapshot } from "../src/types.js";
import { stage } from "./support/call.js";
import { emptySnapshot, Refusal } from "./support/server.js";
import { diary, nextEvent, until } from "./support/wait.js";

const call = stage();

test("an offer becomes a track, in both ways to hear of it, and its consumer is resumed", async () => {
  const { peer } = await call.readyPeer();
  const assigned: unknown[] = [];
  peer.onTrack = (...args) => assigned.push(args);
  const heard = nextEvent(peer, "track");
  call.server.peer.offer("bob", "camera");
  const { track, ...info } = await heard;
  assert.deepEqual(info, { peerId: "bob", label: "camera", broadcast: false, kind: "video", metadata: {} });
  assert.equal(track.kind, "video");
  assert.deepEqual(assigned, [[track, "bob", { label: "camera", peerId: "bob", broadcast: false, metadata: {} }]]);
  assert.deepEqual(peer.tracks, [{ track, ...info }]);
  await until("resumed", () => call.server.asked("resumeConsumer").length === 1);
});

test("a peer is told of before its first track and after its last, even if the server forgets to", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  const { server } = call;
  server.peer.notify("peerConnection", { peerId: "alice" });
  server.peer.offer("bob", "camera");
  await until("the track is there", () => lines.includes("track camera"));
  assert.deepEqual(peer.peers, ["alice", "bob"]);
  server.peer.notify("peerConnection", { peerId: "bob" });
  server.peer.notify("peerDisconnection", { peerId: "bob", reason: "left" });
  await until("bob left", () => lines.includes("peerDisconnection bob left"));
  assert.deepEqual(lines, [
    "peerConnection alice",
    "peerConnection bob",
    "track camera",
    "trackRemoved camera peer_left",
    "peerDisconnection bob left",
  ]);
  assert.deepEqual(peer.peers, ["alice"]);
  assert.deepEqual(peer.tracks, []);
});

test("tracks that came early are delivered when onTrack is assigned, and when a listener comes; once each", async () => {
  const { peer } = await call.readyPeer();
  const { server } = call;
  const gone = server.peer.offer("bob", "gone");
  server.peer.offer("bob", "first");
  server.peer.offer("bob", "second");
  await until("three tracks", () => peer.tracks.length === 3);
  server.peer.withdraw(gone, "closed");
  await until("one is gone", () => peer.tracks.length === 2);

  const assigned: string[] = [];
  peer.onTrack = (_track, _peerId, { label }) => assigned.push(label);
  assert.equal(assigned.length, 0, "not from inside the assignment");
  const heard: string[] = [];
  const note = ({ label }: RemoteTrack) => heard.push(label);
  peer.once("track", note);
  await Promise.resolve();
  assert.deepEqual(assigned, ["first", "second"]);
  assert.deepEqual(heard, ["first"], "once() takes one");
  peer.on("track", note);
  peer.onTrack = (_track, _peerId, { label }) => assigned.push(`again ${label}`);
  await Promise.resolve();
  assert.deepEqual(heard, ["first", "second"]);
  assert.deepEqual(assigned, ["first", "second"]);
});

test("a track taken away ends, says so, and tells why", async () => {
  const { peer } = await call.readyPeer();
  const offer = call.server.peer.offer("bob", "camera");
  const { track } = await nextEvent(peer, "track");
  let ends = 0;
  track.addEventListener("ended", () => ends++);
  const removed = nextEvent(peer, "trackRemoved");
  call.server.peer.withdraw(offer, "disconnected");
  assert.deepEqual(await removed, { track, peerId: "bob", label: "camera", reason: "disconnected" });
  assert.equal(track.readyState, "ended");
  await until("ended was told", () => ends > 0);
  assert.equal(ends, 1);
});

test("an offer withdrawn while it is being taken up is never heard of", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  let answer: (offer: ConsumerOffer) => void = () => undefined;
  call.server.answers = { consume: () => new Promise<ConsumerOffer>((resolve) => (answer = resolve)) };
  const offer = call.server.peer.offer("bob", "camera");
  await until("asked to consume", () => call.server.asked("consume").length === 1);
  const consumer = call.server.peer.consumerOf(offer.producerId);
  call.server.peer.withdraw(offer, "closed");
  call.server.peer.notify("peerDisconnection", { peerId: "bob", reason: "left" });
  answer(consumer);
  await until("bob left", () => lines.includes("peerDisconnection bob left"));
  await peer.getStats(); // one more round trip: all of the above has been dealt with
  assert.deepEqual(lines, ["peerConnection bob", "peerDisconnection bob left"]);
  assert.deepEqual(call.server.asked("resumeConsumer"), []);
});

test("an offer that is gone when it is taken up is no error; one that cannot be received is", async () => {
  const { peer } = await call.readyPeer();
  const errors: string[] = [];
  peer.on("error", ({ error }) => errors.push(error.code));
  call.server.answers = { consume: () => new Refusal("not_found") };
  call.server.peer.offer("bob", "camera");
  await until("asked", () => call.server.asked("consume").length === 1);
  await peer.getStats();
  call.server.answers = { consume: () => new Refusal("cannot_consume") };
  call.server.peer.offer("bob", "screen");
  await until("told", () => errors.length > 0);
  assert.deepEqual(errors, ["cannot_consume"]);
  assert.deepEqual(peer.tracks, []);
});

test("an error that nobody listens for is not swallowed", async (t) => {
  const complaint = t.mock.method(console, "error", () => undefined);
  await call.readyPeer();
  call.server.answers = { consume: () => new Refusal("cannot_consume") };
  call.server.peer.offer("bob", "screen");
  await until("it is on the console", () => complaint.mock.callCount() === 1);
});

test("what the server takes not, because too much is asked at once, is asked again a little later", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  const errors: string[] = [];
  peer.on("error", ({ error }) => errors.push(error.code));
  const refuseOnce = () => {
    call.server.answers = {};
    return new Refusal("too_many_requests");
  };
  call.server.answers = { consume: refuseOnce };
  call.server.peer.offer("bob", "camera");
  await until("resumed", () => call.server.asked("resumeConsumer").length === 1);
  call.server.answers = { resumeConsumer: refuseOnce };
  call.server.peer.offer("bob", "screen");
  await until("resumed, too", () => call.server.asked("resumeConsumer").length === 3);
  assert.deepEqual(lines, ["peerConnection bob", "track camera", "track screen"]);
  assert.deepEqual([call.server.asked("consume").length, errors], [3, []]);
});

test("what has failed is tried again when the server is compared with, and told of once", async () => {
  const { peer } = await call.readyPeer({ reconcileMs: 20 });
  const errors: string[] = [];
  peer.on("error", ({ error }) => errors.push(error.code));
  call.server.answers = { consume: () => new Refusal("internal_error") };
  const camera = call.server.peer.offer("bob", "camera");
  await until("told", () => errors.length === 1);
  const compared = (offers: ProducerOffer[], consumers: Snapshot["consumers"]) => {
    const transports = [{ transportId: call.server.made[0]?.id ?? "", direction: "recv", state: "connected" } as const];
    call.server.snapshot = { ...emptySnapshot(), peers: [{ peerId: "bob" }], offers, consumers, transports };
  };
  compared([camera], []);
  await until("tried again, and again", () => call.server.asked("consume").length > 2);
  call.server.answers = {
    consume: ({ producerId }, played) => {
      const consumer = played.consumerOf(producerId);
      compared([camera], [{ consumerId: consumer.consumerId, producerId, held: "", carrier: "sfu" }]);
      return consumer;
    },
    resumeConsumer: () => new Refusal("timeout"),
  };
  const { track } = await nextEvent(peer, "track");
  await until("resuming is tried again, and again", () => call.server.asked("resumeConsumer").length > 2);
  call.server.answers = {};
  const tried = call.server.asked("resumeConsumer").length;
  await until("resumed", () => call.server.asked("resumeConsumer").length > tried);
  assert.deepEqual([track.readyState, errors], ["live", ["internal_error", "timeout"]]);
});

test("an attempt that another carrier's has taken the place of fails unheard", async () => {
  const offer: ProducerOffer = {
    ...{ producerId: "p", peerId: "bob", label: "camera", broadcast: true, kind: "video", metadata: {} },
    ...{ paused: false, carrier: "mesh" },
  };
  const comes = new Deferred<Incoming | undefined>();
  const track = new EventTarget() as MediaStreamTrack;
  const incoming = { carrier: "sfu", consumerId: "c", track, closed: false, close: () => undefined } as const;
  const carriers = { mesh: { receive: () => comes.promise }, sfu: { receive: async () => incoming } };
  const session = { request: async () => ({}), closed: false } as unknown as Session;
  const keeper = { run: (act: (session: Session) => Promise<void>) => act(session), patienceMs: 1_000 };
  const view = { carriers, isPausedHere: () => false } as unknown as SubscriptionView;
  const subscriptions = new Subscriptions(keeper as unknown as SessionKeeper, new Audience(), view);
  subscriptions.offered(offer);
  subscriptions.offered({ ...offer, carrier: "sfu" });
  const [subscription] = subscriptions.of("bob");
  await until("it plays", () => subscription?.remote);
  comes.reject(new SimplePeerError("link_failed", "the idle link was closed"));
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(subscription?.failure, undefined);
});

test("mute and unmute of the sender are told, also when the track comes muted", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  const { producerId, peerId, label } = call.server.peer.offer("bob", "camera", { paused: true });
  await until("muted", () => lines.includes("trackMuted camera"));
  call.server.peer.notify("producerPaused", { producerId, peerId, label });
  call.server.peer.notify("producerResumed", { producerId, peerId, label });
  await until("unmuted", () => lines.includes("trackUnmuted camera"));
  assert.deepEqual(lines, ["peerConnection bob", "track camera", "trackMuted camera", "trackUnmuted camera"]);
});

test("a pause told of before the answer that does not know it yet counts", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  let answer: (offer: ConsumerOffer) => void = () => undefined;
  call.server.answers = { consume: () => new Promise<ConsumerOffer>((resolve) => (answer = resolve)) };
  const { producerId, peerId, label } = call.server.peer.offer("bob", "camera");
  await until("asked to consume", () => call.server.asked("consume").length === 1);
  call.server.peer.notify("producerPaused", { producerId, peerId, label });
  answer(call.server.peer.consumerOf(producerId));
  await until("muted", () => lines.includes("trackMuted camera"));
});

test("a track held by the server is told of, and its release; not twice", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  const { producerId } = call.server.peer.offer("bob", "camera");
  call.server.peer.notify("consumerHeld", { producerId, reason: "policy" });
  await until("held", () => lines.includes("trackHeld camera policy"));
  call.server.peer.notify("consumerHeld", { producerId, reason: "policy" });
  call.server.peer.notify("consumerHeld", { producerId, reason: "" });
  await until("released", () => lines.includes("trackReleased camera"));
  assert.deepEqual(lines, ["peerConnection bob", "track camera", "trackHeld camera policy", "trackReleased camera"]);
});

test("what a publisher says anew about its track reaches the application, and the track's own entry", async () => {
  const { peer } = await call.readyPeer();
  const { producerId, peerId, label } = call.server.peer.offer("bob", "camera", { metadata: { angle: "front" } });
  const { track, metadata } = await nextEvent(peer, "track");
  assert.deepEqual(metadata, { angle: "front" });
  const changed = nextEvent(peer, "metadataChanged");
  call.server.peer.notify("producerMetadata", { producerId, peerId, label, metadata: { angle: "back" } });
  assert.deepEqual(await changed, { track, peerId, label, metadata: { angle: "back" } });
  assert.deepEqual(peer.tracks[0]?.metadata, { angle: "back" });
});

test("a room of many tracks does not swamp the server: 64 requests may wait for their answers", async () => {
  const { peer } = await call.readyPeer();
  let [waiting, most] = [0, 0];
  call.server.answers = {
    consume: async ({ producerId }, played) => {
      most = Math.max(most, ++waiting);
      await new Promise((resolve) => setTimeout(resolve, 20));
      waiting--;
      return played.consumerOf(producerId);
    },
  };
  for (let i = 0; i < 100; i++) call.server.peer.offer("bob", `track ${i}`);
  await until("all are there", () => peer.tracks.length === 100);
  assert.ok(most > 1 && most < 64, `${most} at once`);
});

test("a handler that throws keeps nothing from going on", async (t) => {
  const complaint = t.mock.method(console, "error", () => undefined);
  const { peer } = await call.readyPeer();
  peer.onTrack = () => {
    throw new Error("the application's own");
  };
  call.server.peer.offer("bob", "camera");
  await until("resumed all the same", () => call.server.asked("resumeConsumer").length === 1);
  assert.equal(complaint.mock.callCount(), 1);
});

test("when the server has started again all that was received is gone, with a reason, and comes anew", async () => {
  const { peer } = await call.readyPeer();
  const lines = diary(peer);
  const first = call.server.peer;
  const { producerId } = first.offer("bob", "camera");
  await until("a track", () => lines.includes("track camera"));
  call.server.restart();
  await until("reconnected", () => call.server.peer !== first && peer.peers.length === 0);
  assert.deepEqual(peer.peers, []);
  call.server.peer.offer("bob", "camera", { producerId });
  await until("a track again", () => lines.filter((line) => line === "track camera").length === 2);
  assert.deepEqual(lines, [
    "peerConnection bob",
    "track camera",
    "trackRemoved camera connection_lost",
    "peerDisconnection bob connection_lost",
    "peerConnection bob",
    "track camera",
  ]);
});

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { encodePart } from "../src/data-parts.js";
import type { SimplePeer } from "../src/simple-peer.js";
import type { Payload, ProducerOffer } from "../src/types.js";
import { stage } from "./support/call.js";
import { LinkEnd } from "./support/linked.js";
import { movingTrack, videoTrack } from "./support/media.js";
import { emptySnapshot, Refusal } from "./support/server.js";
import { diary, nextEvent, until } from "./support/wait.js";

const call = stage();
const open: { close(): void }[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** The other end of a link with the peer, played: "bob" has the smaller id, and makes the connections. */
function bobsEnd(): LinkEnd {
  const bob = new LinkEnd(true);
  open.push({ close: () => bob.link.close() });
  bob.carry = (message) => call.server.peers.at(-1)?.notify("signal", { peerId: "bob", message: { ...message } });
  call.server.answers.signal = ({ message }: Payload<"signal">) => {
    bob.link.hear(message as never);
    return {};
  };
  return bob;
}

async function meshPeer(): Promise<SimplePeer> {
  call.server.topology = "mesh";
  const { peer } = await call.readyPeer({ topology: "mesh" });
  call.server.peer.notify("peerConnection", { peerId: "bob" });
  return peer;
}

function moving(): MediaStreamTrack {
  const { track, stop } = movingTrack();
  open.push({ close: stop });
  return track;
}

test("the topology is asked for, and what is granted is said", async () => {
  const { peer } = await call.readyPeer({ topology: "auto" });
  assert.equal(call.server.asked("hello")[0]?.topology, "auto");
  assert.equal(peer.topology, "sfu");
  await peer.addTrack(videoTrack(), "camera");
  assert.equal(call.server.asked("produce").length, 1);
  call.server.peer.notify("peerConnection", { peerId: "bob" });
  await until("bob is in sight", () => peer.carriers.get("bob") === "sfu");
});

test("another topology is asked for in mid-call, and by the next hello", async () => {
  const peer = await meshPeer();
  await peer.addTrack(videoTrack(), "camera", true);
  const producerId = call.server.published[0] ?? "";
  call.server.answers.setTopology = (_payload, played) => {
    call.server.topology = "sfu";
    played.notify("carriageChange", { producerId, sfu: true });
    return { topology: "sfu" };
  };
  assert.equal(await peer.setTopology("auto"), "sfu");
  assert.equal(peer.topology, "sfu");
  await until("the router has it", () => call.server.asked("produce")[0]?.producerId === producerId);
  await peer.addTrack(videoTrack(), "screen", true);
  assert.equal(call.server.asked("publish").length, 1, "what comes later goes there at once");
  call.server.peer.dropConnection();
  await until("the next hello", () => call.server.asked("hello").length === 2);
  assert.equal(call.server.asked("hello")[1]?.topology, "auto");
  await assert.rejects(peer.setTopology("mcu" as never), { code: "bad_request", hint: "sfu, mesh, auto" });
  assert.equal(call.server.asked("setTopology").length, 1);
});

test("a track goes to the router when somebody needs it there, under the same id, and leaves it again", async () => {
  const peer = await meshPeer();
  await peer.addTrack(videoTrack(), { label: "camera", angle: 90 }, true);
  assert.deepEqual(call.server.asked("produce"), []);
  assert.deepEqual(call.server.asked("publish"), [
    { kind: "video", label: "camera", broadcast: true, metadata: { angle: 90 }, paused: false },
  ]);
  const producerId = call.server.published[0] ?? "";
  call.server.peer.notify("carriageChange", { producerId, sfu: true });
  await until("produced", () => call.server.asked("produce").length === 1);
  assert.equal(call.server.asked("produce")[0]?.producerId, producerId);
  call.server.peer.notify("carriageChange", { producerId, sfu: false });
  await until("left", () => call.server.asked("publish").length === 2);
  assert.equal(call.server.asked("publish")[1]?.producerId, producerId);
  await peer.removeTrack("camera");
  assert.deepEqual(call.server.asked("closeProducer"), [{ producerId }]);
});

test("what is told of a track before the answer that names it counts", async () => {
  const peer = await meshPeer();
  call.server.answers.publish = (_payload, played) => {
    played.notify("carriageChange", { producerId: "early", sfu: true });
    return { producerId: "early" };
  };
  await peer.addTrack(videoTrack(), "camera");
  await until("produced", () => call.server.asked("produce")[0]?.producerId === "early");
});

test("a viewer's consumer has its track on the link, and nothing of it while that is paused or the track muted", async () => {
  const peer = await meshPeer();
  await peer.addTrack(moving(), "camera", true);
  const producerId = call.server.published[0] ?? "";
  const bob = bobsEnd();
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "mesh", reason: "asked" });
  const consumer = { consumerId: "c", producerId, peerId: "bob", paused: true };
  call.server.peer.notify("linkConsumer", consumer);
  bob.link.open();
  await until("the section is there", () => bob.link.track(producerId));
  const sent = async () => {
    let packets = 0;
    const report = (await peer.getStats()).links.bob;
    report?.forEach((entry) => {
      if (entry.type === "outbound-rtp") packets += entry.packetsSent;
    });
    return packets;
  };
  assert.equal(await sent(), 0);
  call.server.peer.notify("linkConsumer", { ...consumer, paused: false });
  await until("packets flow", async () => (await sent()) > 5);
  await peer.muteTrack("camera");
  await until("they stop", async () => {
    const before = await sent();
    await new Promise((resolve) => setTimeout(resolve, 300));
    return (await sent()) === before;
  });
  await peer.unmuteTrack("camera");
  const before = await sent();
  await until("they flow again", async () => (await sent()) > before + 5);
  call.server.peer.notify("linkConsumerClosed", { consumerId: "c", producerId, peerId: "bob" });
  await until("the section is gone", () => bob.link.track(producerId) === undefined);
});

function offered(carrier: ProducerOffer["carrier"]): ProducerOffer {
  call.server.answers.consume = ({ producerId, transportId }, played) => {
    const consumer = played.consumerOf(producerId);
    return transportId ? consumer : { ...consumer, consumerId: "on the link", rtpParameters: null };
  };
  return call.server.peer.offer("bob", "camera", { carrier });
}

test("another carrier takes over when a frame of it has been decoded, and not before", async () => {
  const peer = await meshPeer();
  const lines = diary(peer);
  const offer = offered("sfu");
  const { track: old } = await nextEvent(peer, "track");
  const bob = bobsEnd();
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "mesh", reason: "asked" });
  call.server.peer.notify("producerAvailable", { ...offer, carrier: "mesh" });
  const sending = { consumerId: "c", producerId: offer.producerId, track: moving(), options: {}, limits: {} };
  bob.link.open();
  bob.link.send([{ ...sending, paused: true }]);
  await until("resumed", () =>
    call.server.asked("resumeConsumer").some(({ consumerId }) => consumerId === "on the link"),
  );
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(peer.tracks[0]?.track, old, "nothing is to be seen on the link");
  assert.deepEqual(call.server.asked("closeConsumer"), []);
  bob.link.send([{ ...sending, paused: false }]);
  await until("the link's", () => peer.tracks[0] && peer.tracks[0].track !== old);
  assert.deepEqual(lines, ["peerConnection bob", "track camera", "trackRemoved camera replaced", "track camera"]);
  await until("the old one is closed", () => call.server.asked("closeConsumer").length === 1);
  assert.deepEqual(call.server.asked("closeConsumer"), [{ consumerId: `consumer of ${offer.producerId}` }]);
  assert.equal(old.readyState, "ended");
});

test("a carrier that is taken back before it shows anything leaves all as it was", async () => {
  const peer = await meshPeer();
  const lines = diary(peer);
  const offer = offered("sfu");
  const { track } = await nextEvent(peer, "track");
  const bob = bobsEnd();
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "mesh", reason: "asked" });
  call.server.peer.notify("producerAvailable", { ...offer, carrier: "mesh" });
  bob.link.open();
  const sending = { consumerId: "c", producerId: offer.producerId, track: moving(), options: {}, limits: {} };
  bob.link.send([{ ...sending, paused: true }]);
  await until("resumed", () =>
    call.server.asked("resumeConsumer").some(({ consumerId }) => consumerId === "on the link"),
  );
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "sfu", reason: "third_peer" });
  call.server.peer.notify("producerAvailable", { ...offer, carrier: "sfu" });
  await until("the link's is closed", () => call.server.asked("closeConsumer").length === 1);
  assert.deepEqual(call.server.asked("closeConsumer"), [{ consumerId: "on the link" }]);
  assert.equal(peer.tracks[0]?.track, track);
  assert.deepEqual(lines, ["peerConnection bob", "track camera"]);
});

test("a track that went from a link and comes again is received again, by the same consumer", async () => {
  const peer = await meshPeer();
  const bob = bobsEnd();
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "mesh", reason: "asked" });
  const { producerId } = offered("mesh");
  const sending = { consumerId: "c", producerId, track: moving(), paused: false, options: {}, limits: {} };
  bob.link.open();
  bob.link.send([sending]);
  const { track: old } = await nextEvent(peer, "track");
  await until("connected", () => call.server.asked("reportLink").length === 1);
  bob.link.send([]);
  await until("it has ended", () => old.readyState === "ended");
  bob.link.send([sending]);
  await until("another", () => peer.tracks[0]?.track.readyState === "live");
  assert.equal(call.server.asked("consume").length, 1);
  await until("resumed", () => call.server.asked("resumeConsumer").length === 2);
  assert.equal(peer.tracks[0]?.track.readyState, "live", "and it stays");
});

test("what cannot be said about a link, as it is too long, ends the link, and nothing is tried again unasked", async () => {
  const peer = await meshPeer();
  await peer.addTrack(moving(), "camera", true);
  const producerId = call.server.published[0] ?? "";
  const bob = bobsEnd();
  const states: string[] = [];
  peer.on("connectionStateChange", ({ direction, state, reason }) => {
    if (direction === "mesh") states.push([state, reason].filter(Boolean).join(" "));
  });
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "mesh", reason: "asked" });
  bob.link.open();
  await until("connected", () => states.includes("connected"));
  call.server.answers.signal = () => new Refusal("bad_request");
  const refused = nextEvent(peer, "error");
  call.server.peer.notify("linkConsumer", { consumerId: "c", producerId, peerId: "bob", paused: false });
  await until("failed", () => states.at(-1) === "failed no_answer");
  assert.equal((await refused).error.code, "bad_request");
  await until("reported", () => call.server.asked("reportLink").some(({ state }) => state === "failed"));
  await until("bob asks for another", () => bob.state === "connecting");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(states, ["connecting", "connected", "failed no_answer"]);
});

test("a link that is not needed any longer stays as long as messages come over it", async () => {
  const peer = await meshPeer();
  const bob = bobsEnd();
  const states: string[] = [];
  peer.on("connectionStateChange", ({ direction, state }) => direction === "mesh" && states.push(state));
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "mesh", reason: "asked" });
  bob.link.open();
  await until("connected", () => states.at(-1) === "connected" && bob.link.channels?.reliable.readyState === "open");
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "sfu", reason: "third_peer" });
  const body = new TextEncoder().encode("late");
  for (let message = 1; message <= 8; message++) {
    const part = { text: true, peerId: "", label: "", message, index: 0, count: 1, body };
    bob.link.channels?.reliable.send(encodePart(part));
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.equal(states.at(-1), "connected");
  await until("closed", () => states.at(-1) === "closed");
});

test("a link that does not come about is reported, and its track is not awaited for ever", async () => {
  const peer = await meshPeer();
  const changes: string[] = [];
  peer.on("connectionStateChange", ({ direction, peerId, state, reason }) => {
    if (direction === "mesh") changes.push([peerId, state, reason].filter(Boolean).join(" "));
  });
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "mesh", reason: "asked" });
  const { producerId } = offered("mesh");
  await until("reported", () => call.server.asked("reportLink").length === 1);
  assert.deepEqual(call.server.asked("reportLink"), [{ peerId: "bob", state: "failed", reason: "no_answer" }]);
  assert.deepEqual(changes, ["bob connecting", "bob failed no_answer"]);
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "mesh", reason: "unreachable" });
  assert.equal((await peer.explain("bob", "camera")).code, "link_failed");
  assert.equal(changes.length, 2, "it is not tried again unasked");
  // The router brings what the link could not.
  call.server.peer.notify("carrierChange", { peerId: "bob", carrier: "sfu", reason: "topology_changed" });
  call.server.peer.notify("producerAvailable", {
    ...(call.server.peer.session.offers.get(producerId) as ProducerOffer),
    carrier: "sfu",
  });
  await nextEvent(peer, "track");
});

test("a snapshot tells what was missed of links", async () => {
  const peer = await meshPeer();
  await peer.addTrack(moving(), "camera", true);
  const producerId = call.server.published[0] ?? "";
  const bob = bobsEnd();
  call.server.snapshot = {
    ...emptySnapshot(),
    peers: [{ peerId: "bob" }],
    producers: [{ producerId, label: "camera", paused: false, sfu: false }],
    links: [{ peerId: "bob", carrier: "mesh" }],
    linkConsumers: [{ consumerId: "c", producerId, peerId: "bob", paused: false }],
  };
  const first = call.server.peer;
  first.dropConnection();
  await until("resumed", () => call.server.peer !== first && peer.carriers.get("bob") === "mesh");
  bob.link.open();
  await until("the track is on the link", () => bob.link.track(producerId));
});

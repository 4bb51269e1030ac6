import assert from "node:assert/strict";
import { test } from "node:test";
import type { SimplePeer } from "../src/simple-peer.js";
import type { Explanation, OfferedTrack, ProducerOffer } from "../src/types.js";
import { stage } from "./support/call.js";
import { Refusal, SILENCE } from "./support/server.js";
import { nextEvent, until } from "./support/wait.js";

const call = stage();

/** The played server forwards nothing: no track of these tests ever plays. */
const SILENT: Explanation = {
  ok: false,
  code: "publisher_silent",
  message: "no packets from the publisher for 4.0 s",
  hint: "look at its track",
  link: "publisher",
};

function listed({ producerId, label, kind, paused }: ProducerOffer): OfferedTrack {
  return { producerId, label, kind, paused };
}

/** bob offers a camera, and is called "old-bob" too. */
async function bobOffers(peer: SimplePeer, more: Partial<ProducerOffer> = {}): Promise<ProducerOffer> {
  const offer = call.server.peer.offer("bob", "camera", more);
  call.server.answers = {
    connectToPeer: () => ({ peerId: "bob", tracks: [listed(offer)] }),
    explain: () => ({ explanation: SILENT }),
  };
  await nextEvent(peer, "track");
  return offer;
}

test("resolves at once when the peer has no track, or is not there at all", async () => {
  const { peer } = call.newPeer();
  await peer.connectToPeer("bob");
  await peer.connectToPeer("bob", "screen");
  assert.deepEqual(call.server.asked("connectToPeer"), [{ peerId: "bob" }, { peerId: "bob", label: "screen" }]);
});

test("resolves at once when all there is is muted by its publisher, held by the server, or paused from here", async () => {
  const { peer } = await call.readyPeer();
  const offer = await bobOffers(peer, { paused: true });
  await peer.connectToPeer("old-bob");
  const { producerId } = offer;
  const { server } = call;
  const unmuted = nextEvent(peer, "trackUnmuted");
  server.peer.notify("producerResumed", offer);
  await unmuted;
  const held = nextEvent(peer, "trackHeld");
  server.peer.notify("consumerHeld", { producerId, reason: "policy" });
  await held;
  await peer.connectToPeer("bob");
  server.peer.notify("consumerHeld", { producerId, reason: "" });
  await peer.pausePeer("bob", "camera");
  await peer.connectToPeer("bob");
  assert.deepEqual(server.asked("explain"), [], "there was nothing to wait for");
});

test("rejects in time, with the server's explanation, when the track does not play; the wish stands", async () => {
  const { peer } = await call.readyPeer({ timeoutMs: 3_000 });
  await bobOffers(peer);
  const began = Date.now();
  const { code, message, hint } = SILENT;
  await assert.rejects(peer.connectToPeer("old-bob"), { name: "SimplePeerError", code, message, hint });
  const tookMs = Date.now() - began;
  assert.ok(tookMs >= 2_000 && tookMs < 6_000, `${tookMs} ms`);
  assert.deepEqual(call.server.asked("explain"), [{ peerId: "old-bob", label: "camera" }]);
  call.server.restart();
  await until("wished again", () => call.server.asked("connectToPeer").length === 2);
});

test("stops waiting for a track that is taken away, muted or paused meanwhile", async () => {
  const { peer } = await call.readyPeer();
  const first = await bobOffers(peer);
  const connecting = peer.connectToPeer("bob");
  call.server.peer.withdraw(first, "closed");
  await connecting;
  const second = await bobOffers(peer);
  const again = peer.connectToPeer("bob");
  call.server.peer.notify("producerPaused", second);
  await again;
});

test("an answer that overtakes its offers does not mean that there is nothing to wait for", async () => {
  const { peer } = await call.readyPeer({ timeoutMs: 3_000 });
  call.server.answers = {
    connectToPeer: () => ({
      peerId: "bob",
      tracks: [{ producerId: "p", label: "camera", kind: "video", paused: false }],
    }),
    explain: () => ({ explanation: SILENT }),
  };
  let settled = false;
  const connecting = peer.connectToPeer("bob").finally(() => (settled = true));
  await until("asked", () => call.server.asked("connectToPeer").length === 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(settled, false);
  call.server.peer.withdraw(call.server.peer.offer("bob", "camera", { producerId: "p" }), "closed");
  await connecting;
});

test("rejects at once with what the server refuses: the wish, or the track", async () => {
  const { peer } = await call.readyPeer();
  peer.on("error", () => undefined);
  call.server.answers = { connectToPeer: () => new Refusal("too_many_wishes") };
  await assert.rejects(peer.connectToPeer("bob"), { code: "too_many_wishes" });
  const offer = { producerId: "p", label: "camera", kind: "video", paused: false } as const;
  call.server.answers = {
    connectToPeer: () => ({ peerId: "bob", tracks: [offer] }),
    consume: () => new Refusal("cannot_consume"),
  };
  call.server.peer.offer("bob", "camera", offer);
  await assert.rejects(peer.connectToPeer("bob"), { code: "cannot_consume" });
});

test("rejects in time when the server cannot be reached, and says so", async () => {
  const { peer, socket } = call.newPeer({ timeoutMs: 400, patienceMs: 400 });
  socket.disconnect();
  await assert.rejects(peer.connectToPeer("bob"), { code: "disconnected", message: /socket/ });
});

test("the time that the socket is away does not count: a picture gets as long as ever once it can be asked for", async () => {
  const { peer, socket } = await call.readyPeer({ timeoutMs: 2_000 });
  await bobOffers(peer);
  const away = nextEvent(peer, "connectionStateChange");
  socket.io.reconnectionDelay(1_500);
  socket.io.randomizationFactor(0);
  call.server.peer.dropConnection();
  await away;
  let [answeredAt, rejectedAt] = [0, 0];
  const { connectToPeer } = call.server.answers;
  call.server.answers.connectToPeer = (...args) => {
    answeredAt = Date.now();
    return connectToPeer?.(...args);
  };
  await assert.rejects(peer.connectToPeer("bob"), { code: SILENT.code });
  rejectedAt = Date.now();
  assert.ok(rejectedAt - answeredAt > 1_000, `${rejectedAt - answeredAt} ms after the answer`);
});

test("explain() gives the server's word, and this end's where the server sees nothing wrong", async () => {
  const { peer } = await call.readyPeer();
  await bobOffers(peer);
  assert.deepEqual(await peer.explain("bob", "camera"), SILENT);
  const fine = { ok: true, code: "ok", message: "sent to you", hint: "", link: "" } as const;
  call.server.answers = { explain: () => ({ explanation: fine }) };
  const { ok, code, link } = await peer.explain("bob", "camera");
  assert.deepEqual([ok, code, link], [false, "viewer_transport", "viewer"], "no media comes from a played server");
});

test("explain() works while the server does not answer, or is away", async () => {
  const { peer, socket } = await call.readyPeer({ timeoutMs: 600 });
  await bobOffers(peer, { paused: true });
  call.server.answers = { explain: () => SILENCE };
  const unanswered = await peer.explain("bob", "camera");
  assert.equal(unanswered.code, "publisher_muted");
  assert.match(unanswered.message, /does not answer/);
  assert.equal((await peer.explain("carol", "camera")).code, "timeout");
  const away = nextEvent(peer, "connectionStateChange");
  socket.io.reconnection(false);
  call.server.peer.dropConnection();
  await away;
  const { code, message } = await peer.explain("bob", "camera");
  assert.equal(code, "publisher_muted");
  assert.match(message, /not connected to the server/);
  assert.equal((await peer.explain("carol", "camera")).code, "disconnected");
});

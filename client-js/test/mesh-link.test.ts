import assert from "node:assert/strict";
import { afterEach, type TestContext, test } from "node:test";
import type { LinkSending } from "../src/link-senders.js";
import { connections, type LinkEnd, linkedPair, sdpWithoutCandidates } from "./support/linked.js";
import { audioTrack, videoTrack } from "./support/media.js";
import { until } from "./support/wait.js";

let open: LinkEnd[] = [];

function pair(): [LinkEnd, LinkEnd] {
  const made = linkedPair();
  open.push(...made);
  return made;
}

afterEach(() => {
  for (const end of open) end.link.close();
  open = [];
});

function sending(producerId: string, track = videoTrack(), consumerId = "first"): LinkSending {
  return { consumerId, producerId, track, paused: false, options: {}, limits: {} };
}

function openBoth(...ends: LinkEnd[]): void {
  for (const end of ends) end.link.open();
}

async function connected(...ends: LinkEnd[]): Promise<void> {
  await until("both ends are connected", () => ends.every(({ state }) => state === "connected"));
}

test("a link comes about, with data channels that need no media", async () => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  await connected(alice, bob);
  assert.deepEqual(alice.states, ["connecting", "connected"]);
  await until("the channel is open", () => alice.link.channels?.reliable.readyState === "open");
  alice.link.channels?.reliable.send("hello");
  await until("bob has heard", () => bob.heard.length === 1);
  assert.deepEqual(bob.heard, ["hello"]);
  assert.ok(
    alice.said.some(({ candidate }) => candidate),
    "candidates trickle",
  );
});

test("both publish at the same moment: their offers cross, and each gets the other's tracks by their names", async (t) => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  await connected(alice, bob);
  // Bob's offer sets out before he hears of Alice's, many times in a row.
  const ofAlice: LinkSending[] = [];
  const ofBob: LinkSending[] = [];
  for (let round = 0; round < 6; round++) {
    ofAlice.push(sending(`a${round}`));
    ofBob.push(sending(`b${round}`, audioTrack()));
    alice.link.send([...ofAlice]);
    bob.link.send([...ofBob]);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  for (const [index, { producerId }] of ofAlice.entries()) {
    await until(`bob has ${producerId}`, () => bob.link.track(producerId)?.kind === "video");
    await until(`alice has b${index}`, () => alice.link.track(`b${index}`)?.kind === "audio");
  }
  const crossed = bob.said.filter(({ description }) => description?.type === "offer").length;
  t.diagnostic(`${crossed} offers by the polite one, ${alice.said.length + bob.said.length} messages in all`);
  assert.deepEqual([...alice.failures, ...bob.failures], []);
  assert.deepEqual(alice.states, ["connecting", "connected"]);
});

test("a track that is not wanted any longer ends at the other end; others stay as they are", async () => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  const [first, second] = [sending("first"), sending("second", audioTrack())];
  alice.link.send([first, second]);
  await until("both tracks", () => bob.link.track("first") && bob.link.track("second"));
  const kept = bob.link.track("second");
  const gone = bob.link.track("first");
  alice.link.send([second]);
  await until("one is gone", () => bob.link.track("first") === undefined);
  assert.equal(bob.link.track("second"), kept);
  await until("it has ended", () => gone?.readyState === "ended");
  alice.link.send([second, sending("third")]);
  await until("a third", () => bob.link.track("third")?.readyState === "live");
  assert.equal(bob.link.track("second"), kept);
});

test("another consumer of a track gets a section of its own, even when both are told in one breath", async () => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  alice.link.send([sending("camera")]);
  const old = await until("the track", () => bob.link.track("camera"));
  old.stop(); // as closing what it comes by does, and for ever
  alice.link.send([]);
  alice.link.send([sending("camera", videoTrack(), "second")]);
  const next = await until("another track", () => {
    const track = bob.link.track("camera");
    return track !== old && track;
  });
  assert.equal(next.readyState, "live");
  alice.link.send([sending("camera", next, "second")]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(bob.link.track("camera"), next, "and keeps it");
});

test("an offer that was lost is made again, and what hangs on it comes about on the same connection", async (t) => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  await connected(alice, bob);
  const clock = handClock(t);
  const made = connections.length;
  let lost = 0;
  alice.bend = (message) => (message.description?.type === "offer" && lost++ === 0 ? undefined : message);
  alice.link.send([sending("camera")]);
  await clock.until("it is lost", () => lost === 1);
  bob.link.send([sending("other", audioTrack())]); // which the impolite one ignores as long as it waits
  await clock.until("bob's offer has gone unheard", () => bob.said.at(-1)?.description?.type === "offer");
  clock.skip(7_000);
  await clock.until("bob has the track", () => bob.link.track("camera"));
  await clock.until("alice too", () => alice.link.track("other"));
  assert.equal(connections.length, made);
  assert.deepEqual(alice.states, ["connecting", "connected"]);
});

test("offers that are not answered: another connection, and no third one", async (t) => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  await connected(alice, bob);
  const clock = handClock(t);
  const offers = () => alice.said.filter(({ description }) => description?.type === "offer").length;
  const deaf = () => {
    alice.bend = (message) => (message.description?.type === "offer" ? undefined : message);
    return offers();
  };
  let before = deaf();
  alice.link.send([sending("camera")]);
  await clock.until("an offer", () => offers() === before + 1);
  clock.skip(7_000);
  await clock.until("it is made again", () => offers() === before + 2);
  alice.bend = (message) => message;
  clock.skip(7_000);
  await clock.until("another connection has it", () => bob.link.track("camera")?.readyState === "live");
  await clock.until("both are connected", () => alice.state === "connected" && bob.state === "connected");
  assert.deepEqual(alice.states.slice(2), ["connecting no_network_path", "connected"]);
  before = deaf();
  alice.link.send([]);
  await clock.until("an offer", () => offers() === before + 1);
  clock.skip(7_000);
  await clock.until("it is made again", () => offers() === before + 2);
  clock.skip(7_000);
  assert.equal(alice.states.at(-1), "failed no_answer");
  alice.bend = (message) => message;
  await clock.until("bob has noticed", () => bob.state !== "connected");
  clock.skip(7_000);
  await clock.until("bob has given up", () => bob.state === "failed");
  openBoth(bob, alice);
  await clock.until("opened again it comes about", () => alice.state === "connected" && bob.state === "connected");
});

test("ICE is restarted without a word to anybody", async () => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  await connected(alice, bob);
  const before = ufragOf(alice);
  await Promise.all([alice.link.restartIce(), bob.link.restartIce()]); // both at once
  await until("new credentials", () => ufragOf(alice) !== before);
  await connected(alice, bob);
  alice.link.channels?.reliable.send("after");
  await until("bob has heard", () => bob.heard.includes("after"));
  assert.deepEqual([...alice.failures, ...bob.failures], []);
});

test("a link with no way through is given up after 7 s, and says why; opened again it may come about", async (t) => {
  const [alice, bob] = pair();
  alice.bend = bob.bend = sdpWithoutCandidates;
  const began = Date.now();
  openBoth(alice, bob);
  await until("alice has given up", () => alice.state === "failed");
  const tookMs = Date.now() - began;
  t.diagnostic(`given up after ${tookMs} ms: ${alice.states.at(-1)}`);
  assert.ok(tookMs >= 6_900 && tookMs < 10_000, `${tookMs} ms`);
  await until("bob too", () => bob.state === "failed");
  assert.equal(alice.states.at(-1), "failed no_network_path");
  alice.bend = bob.bend = (message) => message;
  bob.link.open(); // who answers asks the other for another
  alice.link.open();
  await connected(alice, bob);
});

test("who never hears a word gives up too, and says that nobody answered", async () => {
  const [alice, bob] = pair();
  alice.bend = () => undefined;
  openBoth(alice, bob);
  await until("both have given up", () => alice.state === "failed" && bob.state === "failed");
  assert.deepEqual([alice.states.at(-1), bob.states.at(-1)], ["failed no_answer", "failed no_answer"]);
});

test("a link that is lost is made anew by the one who makes them, and carries what it did", async (t) => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  alice.link.send([sending("camera")]);
  bob.link.send([sending("other", audioTrack())]);
  await until("both tracks", () => bob.link.track("camera") && alice.link.track("other"));
  await connected(alice, bob);
  const [before, began] = [bob.link.track("camera"), Date.now()];
  connections.at(-1)?.close(); // Bob's browser has lost it, and nobody has said a word
  await until("alice notices", () => alice.state !== "connected");
  await until("another track", () => bob.link.track("camera") !== before && bob.link.track("camera"));
  await connected(alice, bob);
  t.diagnostic(`mended after ${Date.now() - began} ms: ${alice.states.join(", ")}; ${bob.states.join(", ")}`);
  await until("the other one, too", () => alice.link.track("other")?.readyState === "live");
});

test("a goodbye closes the other end, and what is said of a connection that has gone is not heard", async () => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  await connected(alice, bob);
  const late = alice.said[0];
  assert.ok(late);
  bob.link.retire();
  alice.link.close();
  await until("bob is closed", () => bob.state === "closed");
  bob.link.close();
  bob.link.hear(late);
  assert.equal(bob.state, "closed");
  openBoth(alice, bob);
  await connected(alice, bob);
});

test("a goodbye that comes after the link is wanted again only delays it", async () => {
  const [alice, bob] = pair();
  openBoth(alice, bob);
  await connected(alice, bob);
  bob.link.close();
  bob.link.open();
  await until("alice has heard it", () => alice.state === "closed");
  await connected(alice, bob);
});

/** Time goes as ever while it is waited with this, and otherwise only as it is told to. */
function handClock({ mock }: TestContext) {
  const { setTimeout: wait } = globalThis;
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
  const turn = () => new Promise((resolve) => wait(resolve, 5));
  return {
    skip: (ms: number) => mock.timers.tick(ms),
    until: async (what: string, condition: () => unknown) => {
      for (let turns = 0; turns < 1_000; turns++) {
        await turn(); // one at least: what has just been said is about to have consequences
        mock.timers.tick(5);
        if (condition()) return;
      }
      throw new Error(`waited in vain until ${what}`);
    },
  };
}

function ufragOf({ said }: LinkEnd): string | undefined {
  const described = said.filter(({ description }) => description).at(-1);
  return /^a=ice-ufrag:(.*)$/m.exec(described?.description?.sdp ?? "")?.[1];
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { DataRoute } from "../src/data-route.js";
import type { DataSender } from "../src/data-sender.js";
import { SimplePeerError } from "../src/errors.js";
import { LinkInbox } from "../src/link-inbox.js";
import { connections, type LinkEnd, linkedPair } from "./support/linked.js";
import { until } from "./support/wait.js";

/** Messages from the first end to the second; what goes by the server is taken down, and how it arrives is up to the test. */
function conversation([alice, bob]: [LinkEnd, LinkEnd]) {
  const [arrived, byServer]: [string[], string[]] = [[], []];
  const failures: string[] = [];
  const state = {
    carries: true,
    lastByServer: undefined as number | undefined,
    hasCome: true,
    acknowledges: true,
    refuses: "",
  };
  const server = {
    allow: async () => undefined,
    flushed: async () => undefined,
    lastNumberTo: () => state.lastByServer,
    send: async (bytes: Uint8Array) => {
      const text = new TextDecoder().decode(bytes);
      if (text === state.refuses) throw new SimplePeerError("not_allowed", text);
      byServer.push(text);
    },
  } as unknown as DataSender;
  const openChannel = ({ link }: LinkEnd) =>
    link.channels?.reliable.readyState === "open" ? link.channels.reliable : undefined;
  const link = () => ({
    channel: openChannel(alice),
    carries: state.carries,
    comes: ["connecting", "connected", "disconnected"].includes(alice.state),
  });
  const route = new DataRoute("bob", true, server, link, ({ message }) => failures.push(message));
  const inbox = new LinkInbox({
    received: (data) => arrived.push(data as string),
    acknowledged: () => undefined,
    say: (control) => state.acknowledges && openChannel(bob)?.send(JSON.stringify(control)),
    hasCome: () => state.hasCome,
  });
  bob.onData = (came) => inbox.receive(came, true);
  alice.onData = (came) => route.acknowledged(JSON.parse(came as string).ack);
  alice.onChange = () => route.linkChanged();
  const send = (text: string) => route.send(new TextEncoder().encode(text), true, "");
  const close = () => {
    route.close();
    inbox.close();
    alice.link.close();
    bob.link.close();
  };
  return { route, inbox, state, arrived, byServer, failures, send, close };
}

test("what a lost connection took along comes over the next, once and in its order", async () => {
  const ends = linkedPair();
  const { arrived, byServer, send, state, route, close } = conversation(ends);
  for (const { link } of ends) link.open();
  await until("connected", () => ends[0].link.channels?.reliable.readyState === "open");
  const wanted = Array.from({ length: 400 }, (_, number) => `${number} ${"x".repeat(number % 7 ? 20 : 40_000)}`);
  const sent = wanted.map((text) => send(text));
  await until("some are there", () => arrived.length > 20);
  state.acknowledges = false;
  const known = arrived.length;
  await until("some more, of which the first end does not know", () => arrived.length > known + 5);
  connections.at(-1)?.close();
  state.acknowledges = true;
  await Promise.all(sent);
  await until("all are there", () => arrived.length >= wanted.length);
  assert.deepEqual(arrived, wanted);
  assert.deepEqual(byServer, []);
  await until("all are acknowledged", () => route.idle);
  close();
});

test("while there is no link the server takes them; and again when it is to, once the link has brought all", async () => {
  const ends = linkedPair();
  const { arrived, byServer, send, state, route, close } = conversation(ends);
  await send("before");
  assert.deepEqual(byServer, ["before"]);
  for (const { link } of ends) link.open();
  await until("connected", () => ends[0].link.channels?.reliable.readyState === "open");
  await Promise.all([send("first"), send("second")]);
  state.carries = false;
  route.linkChanged();
  await send("after");
  assert.deepEqual(arrived, ["first", "second"]);
  assert.deepEqual(byServer, ["before", "after"]);
  close();
});

test("the same link, when it carries them again, waits for what went by the server meanwhile", async () => {
  const ends = linkedPair();
  const { arrived, byServer, send, state, route, inbox, close } = conversation(ends);
  for (const { link } of ends) link.open();
  await until("connected", () => ends[0].link.channels?.reliable.readyState === "open");
  await send("first");
  state.carries = false;
  route.linkChanged();
  await send("second");
  assert.deepEqual(byServer, ["second"]);
  Object.assign(state, { carries: true, lastByServer: 7, hasCome: false });
  route.linkChanged();
  await send("third");
  await until("it is there", () => route.idle);
  assert.deepEqual(arrived, ["first"]);
  inbox.cameByServer(); // something before that
  assert.deepEqual(arrived, ["first"]);
  state.hasCome = true;
  inbox.cameByServer();
  assert.deepEqual(arrived, ["first", "third"]);
  close();
});

test("what the server has on its way is waited for, and not for ever", async () => {
  const ends = linkedPair();
  const { arrived, send, state, close } = conversation(ends);
  state.lastByServer = 7;
  state.hasCome = false;
  for (const { link } of ends) link.open();
  await until("connected", () => ends[0].link.channels?.reliable.readyState === "open");
  const began = Date.now();
  await send("later");
  await until("it was given up", () => arrived.length === 1);
  assert.ok(Date.now() - began > 1_900);
  close();
});

test("a link that is lost for good leaves to the server what it has not confirmed", async () => {
  const ends = linkedPair();
  const { byServer, send, route, close } = conversation(ends);
  for (const { link } of ends) link.open();
  await until("connected", () => ends[0].link.channels?.reliable.readyState === "open");
  ends[1].onData = () => undefined; // nothing is acknowledged any longer
  await send("one");
  await send("two");
  assert.equal(route.idle, false);
  ends[0].link.retire();
  ends[0].link.close();
  await send("three");
  assert.deepEqual(byServer, ["one", "two", "three"]);
  close();
});

test("of those that are left to the server one that it does not take is told of, and takes no other along", async () => {
  const ends = linkedPair();
  const { byServer, failures, send, route, state, close } = conversation(ends);
  for (const { link } of ends) link.open();
  await until("connected", () => ends[0].link.channels?.reliable.readyState === "open");
  ends[1].onData = () => undefined; // nothing is acknowledged any longer
  for (const text of ["one", "two", "three"]) await send(text);
  state.refuses = "two";
  ends[0].link.retire();
  ends[0].link.close();
  await send("four");
  assert.deepEqual(byServer, ["one", "three", "four"]);
  assert.deepEqual(failures, ["two"]);
  assert.equal(route.idle, true);
  close();
});

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Socket } from "socket.io-client";
import { SimplePeerError } from "../src/errors.js";
import { Signaling } from "../src/signaling.js";
import { PlayedServer, Refusal, SILENCE } from "./support/server.js";
import { until } from "./support/wait.js";

let server: PlayedServer;
const open: { signaling: Signaling; socket: Socket }[] = [];

before(async () => {
  server = await PlayedServer.start();
});

after(() => server.close());

afterEach(() => {
  for (const { signaling, socket } of open.splice(0)) {
    signaling.close();
    socket.disconnect();
  }
  server.answers = {};
  server.refuseWith = undefined;
});

/** A Signaling on a socket of its own, and what its observer heard. */
function start(socket = server.socket(), timeoutMs = 2_000) {
  const heard: string[] = [];
  const refusals: SimplePeerError[] = [];
  const signaling = new Signaling(socket, timeoutMs, {
    connected: () => heard.push("connected"),
    disconnected: (reason, ending) => heard.push(`disconnected ${reason} ${ending}`),
    refused: (error) => refusals.push(error),
    heard: (event, payload) => heard.push(`${event} ${(payload as { peerId: string }).peerId}`),
  });
  open.push({ signaling, socket });
  return { signaling, socket, heard, refusals };
}

function connected(heard: string[], times = 1): Promise<boolean> {
  return until(`connected ${times}×`, () => heard.filter((line) => line === "connected").length >= times);
}

test("joins when the socket is connected already, and when it is not yet", async () => {
  const early = start();
  await connected(early.heard);

  const socket = server.socket();
  await until("connected", () => socket.connected);
  const late = start(socket);
  await connected(late.heard);
});

test("an answer that is ok gives its data", async () => {
  const { signaling, heard } = start();
  await connected(heard);
  server.answers = { joinRoom: () => ({ peerIds: ["bob"] }) };
  assert.deepEqual(await signaling.ask("joinRoom", { roomId: "r" }), { peerIds: ["bob"] });
  assert.deepEqual(server.peer.asked("joinRoom"), [{ roomId: "r" }]);
});

test("an answer that is not ok rejects with code, message and hint of the server", async () => {
  const { signaling, heard } = start();
  await connected(heard);
  server.answers = { connectToPeer: () => new Refusal("not_found") };
  await assert.rejects(signaling.ask("connectToPeer", { peerId: "nobody" }), (error: SimplePeerError) => {
    assert.ok(error instanceof SimplePeerError && error instanceof Error);
    assert.deepEqual(
      [error.name, error.code, error.message, error.hint],
      ["SimplePeerError", "not_found", "played not_found", "it is a test"],
    );
    return true;
  });
});

test("no answer in time: timeout", async () => {
  const { signaling, heard } = start(server.socket(), 50);
  await connected(heard);
  server.answers = { getStats: () => SILENCE };
  await assert.rejects(signaling.ask("getStats", {}), { code: "timeout", message: /"getStats" within 50 ms/ });
});

test("an answer that is not in the protocol: bad_answer", async () => {
  const { signaling, heard } = start();
  await connected(heard);
  for (const nonsense of [undefined, null, "ok"]) {
    server.answers = { getStats: () => nonsense };
    await assert.rejects(signaling.ask("getStats", {}), { code: "bad_answer" });
  }
});

test("a request while not connected is not kept for later, and one under way does not outlive its connection", async () => {
  const { signaling, heard } = start();
  await assert.rejects(signaling.ask("getStats", {}), { code: "disconnected" });
  await connected(heard);
  const first = server.peer;
  assert.deepEqual(first.asked("getStats"), []);
  server.answers = { getStats: () => SILENCE };
  const underWay = signaling.ask("getStats", {});
  await until("asked", () => first.asked("getStats").length > 0);
  first.dropConnection();
  await assert.rejects(underWay, { code: "disconnected" });
  await connected(heard, 2);
  assert.notEqual(server.peer, first);
  assert.deepEqual(server.peer.asked("getStats"), []);
});

test("a lost connection comes back by itself and is told as such", async () => {
  const { heard } = start();
  await connected(heard);
  server.peer.dropConnection();
  await connected(heard, 2);
  assert.deepEqual(heard, ["connected", "disconnected transport close lost", "connected"]);
});

test("a peer thrown out of the namespace is told that it will not come back by itself; rejoin() brings it back", async () => {
  const { heard, signaling, socket } = start();
  await connected(heard);
  server.peer.kick();
  await until("disconnected", () => heard.includes("disconnected io server disconnect dropped"));
  assert.ok(socket.connected);
  signaling.rejoin();
  await connected(heard, 2);
});

test("leave() and rejoin() make a new connection to the namespace on the same socket", async () => {
  const { heard, signaling, socket } = start();
  await connected(heard);
  const [first, id] = [server.peer, socket.id];
  signaling.leave();
  assert.equal(heard.at(-1), "disconnected io client disconnect left");
  await until("the server knows", () => !first.connected);
  signaling.rejoin();
  await connected(heard, 2);
  assert.notEqual(server.peer.id, first.id);
  assert.equal(socket.id, id);
});

test("an application that disconnects its socket gets its connection closed, and all back when it connects again", async () => {
  const { heard, socket } = start();
  await connected(heard);
  const before = server.connections();
  socket.disconnect();
  await until("the connection is closed", () => server.connections() === before - 1);
  socket.connect();
  await connected(heard, 2);
});

test("a refusal of the server is given with its code; the next connection of the application's socket asks again", async () => {
  server.refuseWith = { code: "no_application_socket", message: "no socket", hint: "connect / first" };
  const { heard, refusals, socket } = start();
  const error = await until("refused", () => refusals[0]);
  assert.deepEqual([error.code, error.message, error.hint], ["no_application_socket", "no socket", "connect / first"]);
  server.refuseWith = undefined;
  socket.disconnect().connect();
  await connected(heard);
});

test("a refusal without a reason may be that of a server that is busy with the goodbye before: it is asked again", async () => {
  server.unreasonedRefusals = 2;
  const { heard, refusals } = start();
  await connected(heard);
  assert.deepEqual(refusals, []);
});

test("a server that refuses without a reason again and again has told enough", async () => {
  server.unreasonedRefusals = 100;
  const { refusals } = start();
  const { code, message, hint } = await until("refused", () => refusals[0]);
  server.unreasonedRefusals = 0;
  assert.equal(code, "refused");
  assert.match(message, /does not say why/);
  assert.match(hint, /MediaManager/);
});

test("what the server sends is heard, and nothing is after close()", async () => {
  const { heard, signaling, socket } = start();
  await connected(heard);
  server.peer.notify("peerConnection", { peerId: "bob" });
  await until("told", () => heard.includes("peerConnection bob"));
  const before = heard.length;
  server.peer.notify("peerDisconnection", { peerId: "bob", reason: "left" });
  signaling.close();
  socket.disconnect().connect();
  await until("connected", () => socket.connected);
  assert.equal(heard.length, before);
});

test("a connection can have only one; after close() another", async () => {
  const { heard, signaling, socket } = start();
  await connected(heard);
  assert.throws(() => start(socket), { code: "already_exists" });
  signaling.close();
  const again = start(socket);
  await connected(again.heard);
});

test("reconnecting is hurried where the application leaves that to socket.io, and nowhere else", () => {
  const left = server.socket({ autoConnect: false });
  start(left);
  assert.equal(left.io.reconnectionDelayMax(), 2_000);
  assert.equal(left.io.timeout(), 6_000);
  const chosen = server.socket({ autoConnect: false, reconnectionDelayMax: 7_000, timeout: 30_000 });
  start(chosen);
  assert.equal(chosen.io.reconnectionDelayMax(), 7_000);
  assert.equal(chosen.io.timeout(), 30_000);
});

test("a WebSocket that dies in the middle of the change from polling to it holds nobody up", async () => {
  const socket = server.socket({ transports: ["polling", "websocket"] });
  const { heard } = start(socket);
  const first = socket.io.engine;
  first.once("upgrading", (transport) => (transport as unknown as { ws: { terminate(): void } }).ws.terminate());
  await until("another connection", () => socket.io.engine !== first);
  await until("connected", () => heard.at(-1) === "connected" && socket.io.engine.transport.name === "websocket");
});

test("a connection on which nobody is let in is given up, each time after twice as long", async () => {
  server.ignoredJoins = 2;
  const openedAtMs: number[] = [];
  const socket = server.socket();
  socket.io.on("open", () => openedAtMs.push(performance.now()));
  const { heard } = start(socket, 150);
  await connected(heard);
  const [first = 0, second = 0, third = 0, ...more] = openedAtMs;
  assert.ok(second - first >= 150 && third - second >= 300, `opened at ${openedAtMs}`);
  assert.deepEqual(more, []);
  await new Promise((resolve) => setTimeout(resolve, 700)); // one that has let us in is kept
  assert.equal(openedAtMs.length, 3);
  assert.equal(heard.at(-1), "connected");
});

test("the next on a connection joins when the server is done with the one before, also if that was never let in", async () => {
  const socket = server.socket();
  await until("connected", () => socket.connected);
  const before = server.peers.length;
  const given = start(socket);
  given.signaling.close(); // before the server has answered
  const kept = start(socket);
  await connected(kept.heard);
  assert.deepEqual(given.heard, []);
  assert.equal(server.peers.length, before + 2);
  assert.deepEqual(
    server.peers.slice(before).map((played) => played.connected),
    [false, true],
    "never two at once",
  );
  assert.deepEqual(kept.refusals, []);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { IceServers } from "../src/ice-servers.js";
import type { Request } from "../src/requests.js";
import { Session } from "../src/session.js";
import type { Welcome } from "../src/types.js";
import { stage } from "./support/call.js";
import { videoTrack } from "./support/media.js";
import { until } from "./support/wait.js";

const STUN = { urls: "stun:stun.example.org" };

/** A server whose credentials are numbered, and how often it was asked. */
function server(lifetimeMs: number | null) {
  let made = 0;
  const answer = () => ({
    iceServers: [{ urls: "turn:turn.example.org", username: `user ${made++}`, credential: "…" }],
    iceServersLifetimeMs: lifetimeMs,
  });
  const request = (async () => answer()) as unknown as Request;
  return { answer, request, made: () => made };
}

test("the server's are used as they are while they are fresh", async () => {
  const { answer, request, made } = server(60_000);
  const servers = new IceServers(undefined, answer(), request);
  const first = await servers.current();
  assert.equal(first[0]?.username, "user 0");
  assert.equal(await servers.current(), first);
  assert.equal(made(), 1);
});

test("they are renewed before they expire, once for all who need them", async () => {
  const { answer, request, made } = server(100);
  const servers = new IceServers(undefined, answer(), request);
  await until("half of their life is over", async () => {
    await servers.current();
    return made() > 1;
  });
  const [one, other] = await Promise.all([servers.current(), servers.current()]);
  assert.equal(one, other);
  assert.equal(made(), 2);
});

test("the application's take their place, or come of them", async () => {
  const { answer, request, made } = server(0);
  assert.deepEqual(await new IceServers([], answer(), request).current(), []);
  assert.deepEqual(await new IceServers([STUN], answer(), request).current(), [STUN]);
  assert.equal(made(), 2, "and then nobody asks for others");
  const more = new IceServers((offered) => [STUN, ...offered], answer(), request);
  assert.deepEqual(
    (await more.current()).map(({ urls }) => urls),
    [STUN.urls, "turn:turn.example.org"],
  );
});

test("those that are known are kept fresh without anybody's asking, and a renewal that fails is tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
  const hour = 3_600_000;
  const { answer, request, made } = server(hour);
  let fails = true;
  const failing = (async (...asked: Parameters<Request>) => {
    if (fails) throw new Error("it is away");
    return request(...asked);
  }) as Request;
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const servers = new IceServers(undefined, answer(), failing);
  servers.keepFresh();
  await pass(hour / 2);
  assert.equal(servers.known[0]?.username, "user 0");
  fails = false;
  await pass(10_000);
  assert.equal(servers.known[0]?.username, "user 1");
  await pass(hour / 2);
  assert.equal(servers.known[0]?.username, "user 2");
  servers.take(answer()); // a resume brings others, and their time runs from then on
  await pass(hour / 2 - 1);
  assert.equal(made(), 4);
  await pass(1);
  assert.equal(made(), 5);
  servers.close();
  await pass(hour);
  assert.equal(made(), 5);
});

const call = stage();

test("ICE is restarted with credentials that hold", async () => {
  call.server.iceServers = [{ urls: "turn:turn.example.org", username: "early", credential: "…" }];
  call.server.iceServersLifetimeMs = 100;
  const { peer } = await call.readyPeer();
  await peer.addTrack(videoTrack(), "camera");
  const asked = call.server.asked("getIceServers").length;
  await until("they need renewal", async () => {
    await peer.restartIce();
    return call.server.asked("getIceServers").length > asked;
  });
});

test("a session keeps those fresh that its links take, until it closes", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
  const { answer } = server(3_600_000);
  let asked = 0;
  const ask = (async (name: string) => {
    asked += name === "getIceServers" ? 1 : 0;
    return answer();
  }) as unknown as Request;
  const told = { stateChanged: () => undefined, rebuilt: async () => undefined, failed: assert.fail };
  const session = new Session({ ...answer(), topology: "mesh" } as Welcome, ask, 1_000, {}, told);
  session.resume();
  t.mock.timers.tick(1_800_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(asked, 1);
  assert.equal(session.iceServers.known[0]?.username, "user 1");
  session.close();
  const current = t.mock.method(session.iceServers, "current");
  t.mock.timers.tick(3_600_000);
  assert.equal(current.mock.callCount(), 0);
});

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { IceMender } from "../src/ice-mender.js";

let restarts = 0;
let finish: (error?: Error) => void = () => undefined;
let givenUp = 0;
const failures: unknown[] = [];

function mender(): IceMender {
  return new IceMender(
    () => {
      restarts++;
      return new Promise((resolve, reject) => {
        finish = (error) => (error ? reject(error) : resolve());
      });
    },
    { givenUp: () => givenUp++, restartFailed: (error) => failures.push(error) },
  );
}

/** Lets what was resolved go its way: promise reactions need no clock. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

beforeEach(() => {
  restarts = 0;
  givenUp = 0;
  failures.length = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
});

afterEach(() => mock.timers.reset());

test("an interruption that heals by itself needs no restart", () => {
  const ice = mender();
  ice.stateChanged("disconnected");
  mock.timers.tick(900);
  ice.stateChanged("connected");
  mock.timers.tick(60_000);
  assert.equal(restarts, 0);
});

test("two restarts, one at a time; when they have not helped it is given up", async () => {
  const ice = mender();
  ice.stateChanged("failed");
  mock.timers.tick(1);
  assert.equal(restarts, 1);
  ice.stateChanged("disconnected");
  ice.stateChanged("failed");
  mock.timers.tick(60_000);
  assert.equal(restarts, 1, "while one is under way there is no other");
  finish(new Error("no answer"));
  await settle();
  mock.timers.tick(2_999);
  assert.equal(restarts, 1);
  mock.timers.tick(1);
  assert.equal(restarts, 2);
  assert.equal(failures.length, 1, "a restart that nobody asked for tells of its failure");
  finish();
  await settle();
  mock.timers.tick(4_999);
  assert.equal(givenUp, 0);
  mock.timers.tick(1);
  assert.deepEqual([restarts, givenUp], [2, 1]);
});

test("once connected nothing more is done, until there is trouble again", async () => {
  const ice = mender();
  ice.stateChanged("failed");
  mock.timers.tick(1);
  ice.stateChanged("connected");
  finish();
  await settle();
  mock.timers.tick(60_000);
  assert.deepEqual([restarts, givenUp], [1, 0]);
  ice.stateChanged("failed");
  mock.timers.tick(1);
  assert.equal(restarts, 2);
});

test("a restart asked for joins the one under way, and hears of its failure itself", async () => {
  const ice = mender();
  const asked = [ice.restart(), ice.restart()];
  assert.equal(restarts, 1);
  finish(new Error("no answer"));
  for (const promise of asked) await assert.rejects(promise, /no answer/);
  assert.deepEqual(failures, []);
});

test("after close() nothing is restarted", () => {
  const ice = mender();
  ice.stateChanged("disconnected");
  ice.close();
  mock.timers.tick(60_000);
  assert.equal(restarts, 0);
});

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { IceMender } from "../src/ice-mender.js";

let restarts = 0;
let finish: (error?: Error) => void = () => undefined;
const failures: unknown[] = [];

function mender(): IceMender {
  return new IceMender(
    () => {
      restarts++;
      return new Promise((resolve, reject) => {
        finish = (error) => (error ? reject(error) : resolve());
      });
    },
    (error) => failures.push(error),
  );
}

/** Lets what was resolved go its way: promise reactions need no clock. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

beforeEach(() => {
  restarts = 0;
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

test("restarts until connected, with growing waits, one at a time", async () => {
  const ice = mender();
  ice.stateChanged("failed");
  mock.timers.tick(1);
  assert.equal(restarts, 1);
  ice.stateChanged("disconnected");
  ice.stateChanged("failed");
  mock.timers.tick(60_000);
  assert.equal(restarts, 1, "while one is under way there is no other");
  for (const [waitMs, expected] of [
    [3_000, 2],
    [6_000, 3],
    [12_000, 4],
    [12_000, 5],
    [12_000, 6],
  ] as const) {
    finish(expected === 3 ? new Error("no answer") : undefined);
    await settle();
    mock.timers.tick(waitMs - 1);
    assert.equal(restarts, expected - 1);
    mock.timers.tick(1);
    assert.equal(restarts, expected);
  }
  assert.equal(failures.length, 1, "a restart that nobody asked for tells of its failure");
  ice.stateChanged("connected");
  finish();
  await settle();
  mock.timers.tick(60_000);
  assert.equal(restarts, 6);
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

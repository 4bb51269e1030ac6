import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import vm from "node:vm";
import * as face from "../src/index.js";
import { SimplePeer, SimplePeerError } from "../src/index.js";

test("exports what is public, and nothing else", () => {
  assert.deepEqual(Object.keys(face).sort(), ["SimplePeer", "SimplePeerError"]);
  assert.deepEqual(
    Object.getOwnPropertyNames(SimplePeer.prototype).sort(),
    [
      "constructor",
      "peerId",
      "peers",
      "topology",
      "carriers",
      "tracks",
      "localTracks",
      "onTrack",
      "on",
      "once",
      "off",
      "addTrack",
      "setMetadata",
      "removeTrack",
      "muteTrack",
      "unmuteTrack",
      "connectToPeer",
      "disconnectFromPeer",
      "setPreferredLayers",
      "setTopology",
      "explain",
      "pausePeer",
      "resumePeer",
      "joinRoom",
      "leaveRoom",
      "send",
      "bufferedAmount",
      "restartIce",
      "getStats",
      "close",
    ].sort(),
  );
});

test("something that is not a socket is refused with a hint", () => {
  for (const wrong of [undefined, null, {}, "http://localhost"]) {
    assert.throws(() => new SimplePeer(wrong as never), {
      name: "SimplePeerError",
      code: "bad_request",
      hint: /io\(\)/,
    });
  }
  assert.ok(new SimplePeerError("a", "b") instanceof Error);
});

test("the built ES module loads in Node as it is", async () => {
  const built = await import(new URL("../../dist/index.mjs", import.meta.url).href);
  assert.deepEqual(Object.keys(built).sort(), ["SimplePeer", "SimplePeerError"]);
});

test("the script-tag build defines its globals, and `io` only where the page has none", async () => {
  const script = await readFile(new URL("../../dist/simple-peer.js", import.meta.url), "utf8");
  const page = (globals: object) => vm.createContext({ console, setTimeout, clearTimeout, URL, ...globals });

  const bare = page({});
  vm.runInContext(script, bare);
  assert.deepEqual(
    vm.runInContext("[typeof SimplePeer, typeof SimplePeerError, typeof io]", bare).join(),
    "function,function,function",
  );

  const own = () => "the page's own";
  const furnished = page({ io: own });
  vm.runInContext(script, furnished);
  assert.equal(vm.runInContext("io", furnished), own);
  console.warn(`simple-peer.js: ${script.length} characters`);
});

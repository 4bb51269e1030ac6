/** What is left out of the script-tag build takes nothing from any browser. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import wrtc from "@roamhq/wrtc";
import { build } from "esbuild";
import { lean } from "./lean.mjs";
import { roomOf, tableOf } from "./room.mjs";

const require = createRequire(import.meta.url);
const whole = require("mediasoup-client");
const { uaTestCases } = require(join(dirname(require.resolve("mediasoup-client")), "test", "uaTestCases.js"));
let leaned;

before(async () => {
  const { MediaStream, RTCPeerConnection } = wrtc;
  Object.assign(globalThis, { MediaStream, RTCPeerConnection });
  leaned = await bundled(lean());
});

test("every browser gets the handler that mediasoup-client gives it", () => {
  const found = new Map();
  for (const { desc, userAgent, userAgentData, expect } of uaTestCases) {
    const handler = leaned.exports.detectDevice(userAgent, userAgentData);
    assert.equal(handler, expect, desc);
    found.set(handler, (found.get(handler) ?? 0) + 1);
  }
  console.log(Object.fromEntries(found));
  for (const name of ["Chrome111", "Chrome74", "Firefox120", "Safari12"]) assert(found.get(name) > 0, name);
});

for (const handlerName of ["Chrome111", "Chrome74", "Firefox120", "Safari12"]) {
  test(`${handlerName} is whole`, () => {
    const methods = methodsOf(leaned.exports.Device, handlerName);
    assert.deepEqual(methods, methodsOf(whole.Device, handlerName));
    for (const method of ["send", "receive", "restartIce", "replaceTrack"]) assert(methods.includes(method), method);
  });
}

test("React Native is told where it gets its handler", () => {
  assert.throws(() => new leaned.exports.Device({ handlerName: "ReactNative106" }), /npm package/);
});

test("what browsers do not need is left out", async () => {
  const inputs = Object.keys(leaned.metafile.inputs).join("\n");
  assert.doesNotMatch(inputs, /FakeHandler|fakeParameters|fake-mediastreamtrack|node_modules\/(debug|ms)\//);
  const { metafile, room } = await bundled({ name: "nothing", setup() {} });
  assert.match(Object.keys(metafile.inputs).join("\n"), /FakeHandler/, "there was something to leave out");
  console.log(`${room.bytes} bytes without it, ${leaned.room.bytes} with it\n${tableOf(leaned.room)}`);
  assert(leaned.room.bytes < 0.75 * room.bytes);
});

/** What a transport's handler can do, made on real WebRTC. */
function methodsOf(Device, handlerName) {
  const { name, factory } = new Device({ handlerName })._handlerFactory;
  assert.equal(name, handlerName);
  const handler = factory({
    direction: "send",
    iceParameters: {},
    iceCandidates: [],
    dtlsParameters: { fingerprints: [{}] },
    appData: {},
  });
  handler.close();
  return Object.getOwnPropertyNames(Object.getPrototypeOf(handler));
}

async function bundled(plugin) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export { Device, detectDevice } from "mediasoup-client";`, resolveDir: "." },
    outfile: "lean.cjs",
    bundle: true,
    minify: true,
    metafile: true,
    write: false,
    format: "cjs",
    platform: "browser",
    target: "es2022",
    plugins: [plugin],
  });
  const module = { exports: {} };
  new Function("module", "exports", outputFiles[0].text)(module, module.exports);
  return { exports: module.exports, metafile, room: roomOf(outputFiles[0], metafile) };
}

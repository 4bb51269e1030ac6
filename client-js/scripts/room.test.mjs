import assert from "node:assert/strict";
import { test } from "node:test";
import { complaintOf } from "./room.mjs";

const ROOM = {
  bytes: 120,
  gzipBytes: 60,
  parts: [
    ["mediasoup-client", 70],
    ["src/index.ts", 30],
  ],
};

test("what fits is not complained of", () => {
  assert.equal(complaintOf(ROOM, { bytes: 120, gzipBytes: 60 }), "");
});

test("what has grown too big is told with all that takes the room", () => {
  const complaint = complaintOf(ROOM, { bytes: 100, gzipBytes: 60 });
  assert.match(complaint, /120 > 100 bytes/);
  assert.doesNotMatch(complaint, /gzip/);
  for (const line of [/70 {2}mediasoup-client/, /30 {2}src.index.ts/, /20 {2}licences/]) assert.match(complaint, line);
});

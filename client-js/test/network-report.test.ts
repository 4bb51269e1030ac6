import assert from "node:assert/strict";
import { test } from "node:test";
import { type Finding, type Findings, isPrivate, report } from "../src/network-report.js";

const PUBLIC = ["203.0.113.7:10000", "[2001:db8::1]:10000"];
const TURN = ["turn:turn.example.org:443?transport=tcp"];

const open: Finding = { outcome: "connected", rttMs: 12, targets: PUBLIC };
const shut: Finding = { outcome: "silent", rttMs: null, targets: PUBLIC };
const absent: Finding = { outcome: "none", rttMs: null, targets: [] };
const turnOpen: Finding = { outcome: "connected", rttMs: 30, targets: TURN, via: TURN[0] as string };
const turnShut: Finding = { outcome: "silent", rttMs: null, targets: TURN };

const cases: [what: string, found: Findings, ok: boolean, summary: RegExp, hint: RegExp][] = [
  ["all is open", { udp: open, tcp: open, turn: absent }, true, /over UDP/, /^$/],
  ["UDP is blocked", { udp: shut, tcp: open, turn: turnOpen }, true, /over TCP/, /UDP port 10000/],
  ["only TURN is left", { udp: shut, tcp: shut, turn: turnOpen }, true, /TURN only/, /UDP port 10000/],
  ["nothing is left", { udp: shut, tcp: shut, turn: absent }, false, /do not work/, /UDP.*TCP port 10000.*turn_urls/],
  ["the server has no TCP", { udp: shut, tcp: absent, turn: turnShut }, false, /do not work/, /tcp=True/],
  [
    "the address is a private one",
    { udp: { ...shut, targets: ["10.0.0.5:10000"] }, tcp: absent, turn: absent },
    false,
    /do not work/,
    /^the server says that it is at 10\.0\.0\.5.*announce/,
  ],
];

for (const [what, found, ok, summary, hint] of cases) {
  test(what, () => {
    const told = report(found);
    assert.equal(told.ok, ok);
    assert.match(told.summary, summary);
    assert.match(told.hint, hint);
    for (const way of [told.udp, told.tcp, told.turn]) assert.ok(way.ok ? !way.hint : way.message);
  });
}

test("what works tells how long it takes, and TURN by which server", () => {
  const { udp, turn } = report({ udp: open, tcp: absent, turn: turnOpen });
  assert.equal(udp.rttMs, 12);
  assert.match(turn.message, /turn\.example\.org.*30 ms/);
});

test("a TURN server that refuses is told from one that is not there", () => {
  const refused = report({
    udp: open,
    tcp: open,
    turn: { ...turnShut, complaint: { code: 401, text: "Unauthorized", url: TURN[0] as string } },
  });
  assert.match(refused.turn.message, /refuses the credentials/);
  assert.match(refused.turn.hint, /turn_secret/);
  assert.match(report({ udp: open, tcp: open, turn: turnShut }).turn.hint, /reached from here/);
});

test("private addresses", () => {
  for (const address of [
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.1",
    "192.168.0.1",
    "127.0.0.1",
    "169.254.1.1",
    "100.64.0.1",
    "::1",
    "fd00::2",
    "fe80::1",
  ]) {
    assert.ok(isPrivate(address), address);
  }
  for (const address of ["203.0.113.7", "172.32.0.1", "100.128.0.1", "2001:db8::1", "11.0.0.1"]) {
    assert.ok(!isPrivate(address), address);
  }
});

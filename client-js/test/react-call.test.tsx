import assert from "node:assert/strict";
import { test } from "node:test";
import { type ReactNode, StrictMode } from "react";
import { renderToString } from "react-dom/server";
import type { Socket } from "socket.io-client";
import { type Call, useSimplePeer } from "../react/index.js";
import { SimplePeer } from "../src/index.js";
import { stage } from "./support/call.js";
import { audioTrack, installNodeWebRtc, videoTrack } from "./support/media.js";
import { page, Seen } from "./support/react-page.js";
import { Refusal } from "./support/server.js";
import { until } from "./support/wait.js";

const played = stage();
const webRtc = installNodeWebRtc();
const render = page();

interface CallerProps {
  seen: Seen<Call>;
  socket: Socket | null;
  room?: string | undefined;
}

function Caller({ seen, socket, room }: CallerProps): ReactNode {
  return seen.see(useSimplePeer(socket, { ...webRtc, timeoutMs: 3_000, room }));
}

const isConnected = ({ state }: Call): boolean => state === "connected";

type Content = (seen: Seen<Call>, socket: Socket) => ReactNode;

async function connected(content: Content = (seen, socket) => <Caller seen={seen} socket={socket} />) {
  const seen = new Seen<Call>();
  const socket = played.server.socket();
  render(content(seen, socket));
  const { peer } = await seen.until("the call is connected", isConnected);
  assert(peer);
  return { seen, socket, peer };
}

/** A connection has one SimplePeer: another can be made when that is closed. */
async function isFree(socket: Socket): Promise<void> {
  const another = await until("the socket is free for another SimplePeer", () => {
    try {
      return new SimplePeer(socket, webRtc);
    } catch {
      return undefined;
    }
  });
  another.close();
}

test("a call goes from nothing to connected, and is closed with its component", async () => {
  const { seen, socket, peer } = await connected();
  const [first] = seen.all;
  assert.deepEqual(
    [first?.peer, first?.state, first?.peers, first?.tracks, first?.localTracks],
    [null, "connecting", [], [], []],
  );
  assert.equal(seen.last.peerId, peer.peerId);
  assert.match(seen.last.peerId ?? "", /^peer-/);
  assert.throws(() => new SimplePeer(socket, webRtc), { code: "already_exists" });
  render(null);
  await isFree(socket);
  assert(socket.connected, "the socket is the application's");
});

test("StrictMode mounts twice, and calls once", async () => {
  const { seen } = await connected((seen, socket) => (
    <StrictMode>
      <Caller seen={seen} socket={socket} room="blue" />
    </StrictMode>
  ));
  await until("the room is joined", () => played.server.asked("joinRoom").length > 0);
  assert.equal(played.server.asked("hello").length, 1);
  assert.equal(new Set(seen.all.map(({ peer }) => peer).filter(Boolean)).size, 1);
  assert.deepEqual(played.server.asked("joinRoom"), [{ roomId: "blue" }]);
  assert.deepEqual(played.server.asked("leaveRoom"), []);
});

test("components share the call of a socket until the last one is gone", async () => {
  const other = new Seen<Call>();
  const { seen, socket, peer } = await connected((seen, socket) => [
    <Caller key="one" seen={seen} socket={socket} />,
    <Caller key="other" seen={other} socket={socket} />,
  ]);
  assert.equal(other.last, seen.last);
  assert.equal(played.server.asked("hello").length, 1);

  render([<Caller key="other" seen={other} socket={socket} />]);
  await peer.joinRoom("blue"); // it goes on
  render(null);
  await isFree(socket);
  await assert.rejects(peer.joinRoom("red"), { code: "closed" });
});

test("another socket is another call; none is none", async () => {
  const { seen, socket, peer } = await connected();
  const another = played.server.socket();
  render(<Caller seen={seen} socket={another} />);
  const next = await seen.until("the other call is connected", (call) => isConnected(call) && call.peer !== peer);
  assert.notEqual(next.peerId, played.server.peers[0]?.session.peerId);
  await isFree(socket);

  render(<Caller seen={seen} socket={null} />);
  await seen.until("there is no call", (call) => call.peer === null);
  assert.equal(seen.last.state, "connecting");
  await isFree(another);
});

test("peers and tracks come, are held and muted, and go", async () => {
  const { seen } = await connected();
  const { peer: server } = played.server;
  server.notify("peerConnection", { peerId: "bob" });
  await seen.until("bob is in sight", ({ peers }) => peers.includes("bob"));
  const offer = server.offer("bob", "camera", { metadata: { angle: 90 } });
  const { tracks } = await seen.until("the track is there", (call) => call.tracks.length === 1);
  const [camera] = tracks;
  assert.deepEqual(
    [camera?.peerId, camera?.label, camera?.kind, camera?.metadata, camera?.muted, camera?.held],
    ["bob", "camera", "video", { angle: 90 }, false, null],
  );
  const name = { producerId: offer.producerId, peerId: "bob", label: "camera" };
  server.notify("producerPaused", name);
  await seen.until("it is muted", (call) => call.tracks[0]?.muted);
  server.notify("consumerHeld", { producerId: offer.producerId, reason: "policy" });
  await seen.until("it is held", (call) => call.tracks[0]?.held === "policy");
  server.notify("producerMetadata", { ...name, metadata: { angle: 180 } });
  await seen.until("it has turned", (call) => call.tracks[0]?.metadata.angle === 180);
  server.notify("consumerHeld", { producerId: offer.producerId, reason: "" });
  server.notify("producerResumed", name);
  await seen.until("it flows", (call) => call.tracks[0]?.muted === false && call.tracks[0].held === null);
  assert.equal(seen.last.tracks[0]?.track, camera?.track);
  assert.equal(camera?.muted, false, "a snapshot never changes");

  server.withdraw(offer, "closed");
  await seen.until("it is gone", (call) => call.tracks.length === 0);
  server.notify("peerDisconnection", { peerId: "bob", reason: "left" });
  await seen.until("bob is gone", (call) => call.peers.length === 0);
});

test("what has not changed stays the same object, and renders nothing", async () => {
  const { seen } = await connected();
  const { peer: server } = played.server;
  server.offer("bob", "camera");
  const before = await seen.until("the track is there", (call) => call.tracks.length === 1);
  const { length } = seen.all;
  server.notify("producerResumed", { producerId: "unknown", peerId: "bob", label: "camera" }); // is not paused
  server.offer("bob", "screen");
  const after = await seen.until("the other track is there", (call) => call.tracks.length === 2);
  assert.equal(after.tracks[0], before.tracks[0]);
  assert.equal(after.peers, before.peers);
  assert.equal(seen.all.length, length + 1);
});

/** What was asked about rooms so far. */
function roomsAsked(): string[] {
  const rooms = played.server.peer.requests.filter(({ name }) => name.endsWith("Room"));
  return rooms.map(({ name, payload }) => `${name} ${(payload as { roomId: string }).roomId}`);
}

test("the room is that of the component", async () => {
  const { seen, socket } = await connected((seen, socket) => <Caller seen={seen} socket={socket} room="blue" />);
  render(<Caller seen={seen} socket={socket} room="red" />);
  await until("both are joined", () => played.server.asked("joinRoom").length === 2);
  render(<Caller seen={seen} socket={socket} />);
  await until("both are left", () => played.server.asked("leaveRoom").length === 2);
  assert.deepEqual(roomsAsked(), ["joinRoom blue", "leaveRoom blue", "joinRoom red", "leaveRoom red"]);
  played.server.answers.joinRoom = () => new Refusal("room_full");
  render(<Caller seen={seen} socket={socket} room="full" />);
  const { error } = await seen.until("the refusal is told", (call) => call.error !== null);
  assert.equal(error?.code, "room_full");
});

test("a room that several components want is left with the last of them", async () => {
  const other = new Seen<Call>();
  const { seen, socket } = await connected((seen, socket) => [
    <Caller key="grid" seen={seen} socket={socket} room="blue" />,
    <Caller key="chat" seen={other} socket={socket} room="blue" />,
  ]);
  await until("it is joined", () => played.server.asked("joinRoom").length > 0);
  render([
    <Caller key="grid" seen={seen} socket={socket} room="blue" />,
    <Caller key="other" seen={other} socket={socket} room="red" />,
  ]);
  await until("the other one is joined", () => played.server.asked("joinRoom").length > 1);
  render([
    <StrictMode key="strict">
      <Caller seen={other} socket={socket} room="blue" />
    </StrictMode>,
    <Caller key="other" seen={other} socket={socket} room="red" />,
  ]);
  render([<Caller key="other" seen={other} socket={socket} room="red" />]);
  await until("it is left", () => played.server.asked("leaveRoom").length > 0);
  assert.deepEqual(roomsAsked(), ["joinRoom blue", "joinRoom red", "leaveRoom blue"]);
});

test("a room that was refused is asked for again by the next component that wants it", async () => {
  const { seen, socket } = await connected();
  const caller = (key: string) => <Caller key={key} seen={seen} socket={socket} room="full" />;
  played.server.answers.joinRoom = () => new Refusal("room_full");
  render([<Caller key="one" seen={seen} socket={socket} />, caller("two")]);
  await seen.until("the refusal is told", (call) => call.error !== null);
  delete played.server.answers.joinRoom;
  render([caller("one"), caller("two")]);
  await until("it is asked for again", () => roomsAsked().length === 2);
});

test("one's own tracks are told, whoever adds, mutes and removes them", async () => {
  const { seen, peer } = await connected();
  const [camera, voice] = [videoTrack(), audioTrack()];
  await Promise.all([peer.addTrack(camera, "camera", true), peer.addTrack(voice, "voice")]);
  await seen.until("both are there", ({ localTracks }) => localTracks.length === 2);
  void peer.muteTrack("voice");
  await seen.until("one is muted", ({ localTracks }) => localTracks[1]?.muted);
  await peer.setMetadata("camera", { angle: 90 });
  await seen.until("one has turned", ({ localTracks }) => localTracks[0]?.metadata.angle === 90);
  await peer.removeTrack("voice");
  await seen.until("one is gone", ({ localTracks }) => localTracks.length === 1);
  camera.stop();
  camera.dispatchEvent(new Event("ended"));
  await seen.until("both are gone", ({ localTracks }) => localTracks.length === 0);
});

test("a socket that is lost, and comes back; an end that is meant", async () => {
  const { seen } = await connected();
  played.server.peer.dropConnection();
  await seen.until("the socket is away", ({ state }) => state === "reconnecting");
  await seen.until("it is back", isConnected);
  played.server.peer.notify("ended", { code: "kicked", message: "go", hint: "" });
  const { error } = await seen.until("it has ended", ({ state }) => state === "ended");
  assert.equal(error?.code, "kicked");
});

test("where there can be no session the call has ended, and says why", async (t) => {
  const { RTCPeerConnection } = globalThis;
  t.after(() => Object.assign(globalThis, { RTCPeerConnection, isSecureContext: undefined }));
  const ended = async (code: string): Promise<void> => {
    const seen = new Seen<Call>();
    render(<Caller key={code} seen={seen} socket={played.server.socket()} />);
    const { error } = await seen.until(`it has ended: ${code}`, ({ state }) => state === "ended");
    assert.equal(error?.code, code);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(seen.last.state, "ended", "and it stays so");
  };
  (globalThis as { RTCPeerConnection?: unknown }).RTCPeerConnection = undefined;
  await ended("webrtc_unsupported");
  Object.assign(globalThis, { isSecureContext: false });
  await ended("insecure_context");
  played.server.answers.hello = () => ({ peerId: "x", protocol: 1, routerRtpCapabilities: {} });
  await ended("protocol_mismatch");
  played.server.refuseWith = { code: "no_application_socket", message: "no socket", hint: "" };
  await ended("no_application_socket");
});

test("what fails for the moment ends nothing", async () => {
  const seen = new Seen<Call>();
  played.server.answers.hello = () => new Refusal("internal_error");
  render(<Caller seen={seen} socket={played.server.socket()} />);
  const { state } = await seen.until("it is told", ({ error }) => error?.code === "internal_error");
  assert.notEqual(state, "ended");
  delete played.server.answers.hello;
  await seen.until("it is connected", isConnected);
});

test("a connection with a SimplePeer of the application's own is said to be taken", async () => {
  const { socket } = await played.readyPeer();
  const seen = new Seen<Call>();
  render(<Caller seen={seen} socket={socket} />);
  const { error, peer } = await seen.until("it is told", ({ state }) => state === "ended");
  assert.equal(error?.code, "already_exists");
  assert.equal(peer, null);
});

test("on a server that renders there is no call, and nothing is begun", () => {
  const seen = new Seen<Call>();
  const socket = played.server.socket({ autoConnect: false });
  assert.equal(renderToString(<Caller seen={seen} socket={socket} />), "");
  assert.deepEqual([seen.last.peer, seen.last.state], [null, "connecting"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ReactNode, StrictMode } from "react";
import type { Socket } from "socket.io-client";
import { type LocalTrackOptions, useLocalTrack, useSimplePeer } from "../react/index.js";
import { SimplePeer, type SimplePeerError } from "../src/index.js";
import { stage } from "./support/call.js";
import { audioTrack, installNodeWebRtc, videoTrack } from "./support/media.js";
import { page, Seen } from "./support/react-page.js";
import { Refusal } from "./support/server.js";
import { until } from "./support/wait.js";

const played = stage();
const webRtc = installNodeWebRtc();
const render = page();

interface SenderProps {
  socket: Socket;
  track: MediaStreamTrack | null;
  label?: string;
  options?: LocalTrackOptions;
}

const errors = new Seen<SimplePeerError | null>();

function Sender({ socket, track, label = "camera", options }: SenderProps): ReactNode {
  const call = useSimplePeer(socket, { ...webRtc, timeoutMs: 3_000 });
  return errors.see(useLocalTrack(call, track, label, options));
}

/** What was asked about our tracks so far. */
function asked(): string[] {
  return played.server.peer.requests.flatMap(({ name, payload }) => {
    if (name === "produce") return `produce ${(payload as { label: string }).label}`;
    return /Producer/.test(name) ? name : [];
  });
}

async function untilAsked(...expected: string[]): Promise<void> {
  const what = expected.join(", ");
  await until(`it was asked: ${what}`, () => played.server.peers.length > 0 && asked().join(", ") === what);
}

test("a track is sent while there is one, and the component", async () => {
  const socket = played.server.socket();
  render(<Sender socket={socket} track={null} />);
  await until("the call is there", () => played.server.asked("enter").length > 0);
  render(<Sender socket={socket} track={videoTrack()} options={{ metadata: { angle: 90 } }} />);
  await untilAsked("produce camera");
  const [produce] = played.server.asked("produce");
  assert.deepEqual([produce?.broadcast, produce?.metadata], [true, { angle: 90 }]);
  render(<Sender socket={socket} track={null} />);
  await untilAsked("produce camera", "closeProducer");
  assert.equal(errors.last, null);
});

test("another track takes the place of the first one; the same options are the same", async () => {
  const socket = played.server.socket();
  const [first, second] = [videoTrack(), videoTrack()];
  render(<Sender socket={socket} track={first} options={{ maxBitrate: 500_000, metadata: { angle: 90 } }} />);
  await untilAsked("produce camera");
  render(<Sender socket={socket} track={first} options={{ maxBitrate: 500_000, metadata: { angle: 90 } }} />);
  render(<Sender socket={socket} track={second} options={{ maxBitrate: 500_000, metadata: { angle: 90 } }} />);
  render(<Sender socket={socket} track={second} label="screen" />);
  await untilAsked("produce camera", "closeProducer", "produce screen");
});

test("StrictMode ends with the track sent", async () => {
  const socket = played.server.socket();
  const content = (track: MediaStreamTrack | null) => (
    <StrictMode>
      <Sender socket={socket} track={track} />
    </StrictMode>
  );
  render(content(videoTrack()));
  await untilAsked("produce camera");
});

test("muted from the start, it is not sent before it is unmuted", async () => {
  const socket = played.server.socket();
  const voice = audioTrack();
  const sender = (muted: boolean, track: MediaStreamTrack | null = voice) => (
    <Sender socket={socket} track={track} label="voice" options={{ muted }} />
  );
  render(sender(true));
  await until("the call is there", () => played.server.asked("enter").length > 0);
  render(sender(false));
  await untilAsked("produce voice");
  render(sender(true));
  await untilAsked("produce voice", "pauseProducer");
  render(sender(false));
  await untilAsked("produce voice", "pauseProducer", "resumeProducer");
});

test("muted, another microphone in the place of one that was unplugged is not heard", async () => {
  const socket = played.server.socket();
  const [first, second] = [audioTrack(), audioTrack()];
  const sender = (muted: boolean, track: MediaStreamTrack) => (
    <Sender socket={socket} track={track} label="voice" options={{ muted }} />
  );
  render(sender(false, first));
  await untilAsked("produce voice");
  render(sender(true, first));
  await untilAsked("produce voice", "pauseProducer");
  first.dispatchEvent(new Event("ended"));
  await untilAsked("produce voice", "pauseProducer", "closeProducer");
  render(sender(true, second));
  await untilAsked("produce voice", "pauseProducer", "closeProducer", "produce voice");
  assert.equal(played.server.asked("produce")[1]?.paused, true);
  render(sender(false, second));
  await untilAsked("produce voice", "pauseProducer", "closeProducer", "produce voice", "resumeProducer");
});

test("muted from the start is muted under another label and over another socket, too", async () => {
  const [socket, another] = [played.server.socket(), played.server.socket()];
  const voice = audioTrack();
  const sender = (socket: Socket, label: string, muted: boolean) => (
    <Sender socket={socket} track={voice} label={label} options={{ muted }} />
  );
  render(sender(socket, "voice", false));
  await untilAsked("produce voice");
  render(sender(socket, "voice", true));
  await untilAsked("produce voice", "pauseProducer");
  render(sender(socket, "other", true));
  await untilAsked("produce voice", "pauseProducer", "closeProducer");
  render(sender(socket, "other", false));
  await untilAsked("produce voice", "pauseProducer", "closeProducer", "produce other");
  render(sender(socket, "other", true));
  await untilAsked("produce voice", "pauseProducer", "closeProducer", "produce other", "pauseProducer");
  render(sender(another, "other", true));
  await until("the other call is there", () => played.server.asked("enter").length === 2);
  render(sender(another, "other", false));
  await untilAsked("produce other");
  assert.deepEqual(
    played.server.asked("produce").map(({ paused }) => paused),
    [false, false, false],
  );
});

test("what is muted stays so while it is taken off with its component", async (t) => {
  const unmute = t.mock.method(SimplePeer.prototype, "unmuteTrack");
  const socket = played.server.socket();
  const voice = audioTrack();
  const content = (track: MediaStreamTrack | null, muted: boolean) => [
    <Sender key="camera" socket={socket} track={null} />,
    track && <Sender key="voice" socket={socket} track={track} label="voice" options={{ muted }} />,
  ];
  render(content(voice, false));
  await untilAsked("produce voice");
  render(content(voice, true));
  await untilAsked("produce voice", "pauseProducer");
  render(content(null, true));
  await untilAsked("produce voice", "pauseProducer", "closeProducer");
  assert.equal(unmute.mock.callCount(), 0);
});

function Guest({ socket, room, screen }: { socket: Socket; room: string; screen: MediaStreamTrack | null }): ReactNode {
  useLocalTrack(useSimplePeer(socket, { ...webRtc, topology: "mesh", room }), screen, "screen");
  return null;
}

test("what is shared together with a change of rooms is never seen in the room before", async () => {
  played.server.topology = "mesh";
  const socket = played.server.socket();
  render(<Guest socket={socket} room="lobby" screen={null} />);
  await until("the lobby is joined", () => played.server.asked("joinRoom").length > 0);
  render(<Guest socket={socket} room="private" screen={videoTrack()} />);
  await until("it is shared", () => played.server.asked("publish").length > 0);
  const asked = played.server.peer.requests.map(({ name }) => name).filter((name) => /Room|publish/.test(name));
  assert.deepEqual(asked, ["joinRoom", "leaveRoom", "joinRoom", "publish"]);
});

test("what keeps it from being sent is told, until it is sent", async () => {
  const socket = played.server.socket();
  played.server.answers.produce = () => new Refusal("not_allowed");
  render(<Sender socket={socket} track={videoTrack()} />);
  const error = await errors.until("the refusal is told", (error) => error !== null);
  assert.equal(error?.code, "not_allowed");
  delete played.server.answers.produce;
  render(<Sender socket={socket} track={videoTrack()} />);
  await errors.until("it is sent", (error) => error === null);
});

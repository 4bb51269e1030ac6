import assert from "node:assert/strict";
import { test } from "node:test";
import { type ReactNode, StrictMode } from "react";
import type { Socket } from "socket.io-client";
import { type LocalTrackOptions, useLocalTrack, useSimplePeer } from "../react/index.js";
import type { SimplePeerError } from "../src/index.js";
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

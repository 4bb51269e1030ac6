/**
 * A SimplePeer outside a browser (libwebrtc by @roamhq/wrtc), driven line by line: a test in any language starts
 *
 *     node client-js/test/wrtc_client.mjs
 *
 * (after `npm ci && npm run build` in client-js/), writes one JSON object a line to its stdin and reads one JSON object
 * a line from its stdout. stdout carries nothing else; complaints go to stderr. The end of stdin ends the process.
 *
 * Command  {"id": any, "cmd": name, …}   answer  {"id": the same, "ok": true, "data": {…}}
 *                                             or {"id": the same, "ok": false, "error": {code, message, hint}}
 * Commands are started in the order they come and do not wait for each other; answers come as they are ready.
 *
 *   connect          url, path?, transports?, wait? (true), late? (false), listens? (false), and the options of SimplePeer
 *                    a socket and a SimplePeer on it; with wait, answers when the server has said hello   → {peerId}
 *                    with late, the SimplePeer is made when the socket is connected already
 *                    with listens, it listens to "data" from the first moment
 *   addTrack         label, kind: "video" | "audio", broadcast? (false), metadata?, options? (of addTrack),
 *                    or some of them: codec?, encodings?
 *                    video: color [r, g, b] 0-255, width? (320), height? (240), fps? (25); audio: toneHz? (440)
 *                    the same label again replaces the track                                              → {}
 *   setColor         label, color       paints the video differently from now on                          → {}
 *   endTrack         label              ends the source by itself, as when a user stops sharing           → {}
 *   removeTrack, muteTrack, unmuteTrack                  label                                            → {}
 *   setMetadata      label, metadata                                                                      → {}
 *   connectToPeer, disconnectFromPeer, pausePeer, resumePeer   peerId, label?                             → {}
 *   setPreferredLayers   peerId, label?, layers                                                           → {}
 *   explain          peerId, label                                        → {ok, code, message, hint, link}
 *   joinRoom         roomId                                                                               → {peerIds}
 *   leaveRoom        roomId                                                                               → {}
 *   peers            → {peerId, peers: [id], tracks: [{peerId, label, kind, broadcast}]}
 *   frames           what each remote track has brought since it came, newest sample last
 *                    → {tracks: [{peerId, label, kind, ended,
 *                         video: frames, width, height, color: [r, g, b] of the last frame (mean),
 *                         audio: samples, rms (0-1, of the last 200 ms), toneHz (by zero crossings, of the same)}]}
 *   stats            → {server, send: [report, …] | null, recv: the same}
 *   links            → {topology, carriers: {peerId: "mesh" | "sfu"}, reports: {peerId: [report, …]}}
 *   listen           event, name? (the event), once? (false)   notes what comes, apart from the events told here → {}
 *   unlisten         name                leaves off, with the function that on() or once() returned       → {}
 *   heard            → {heard: {name: [payload, …]}}
 *   greet            text    sends that to everybody who comes in sight, at once                            → {}
 *   send             data (a string, or {base64}), to?, label?, reliable?                                 → {}
 *   sendNumbers      first, count, padding? (0), everyMs? (0), to?, label?, reliable?
 *                    texts that begin with eight digits, one after the other, each awaited                → {}
 *   numbers          those that came, when "data" is listened to                                          → {numbers}
 *   bufferedAmount   → {bytes}
 *   restartIce       → {}
 *   dropSocket       closes the connection as a network would; it reconnects by itself                    → {}
 *   disconnectSocket the application's own socket.disconnect()                                            → {}
 *   connectSocket    the application's own socket.connect()                                               → {}
 *   reopen           closes the SimplePeer and makes another at once on the same socket; wait? (true)   → {peerId}
 *   close            closes the SimplePeer; the process goes on until stdin ends                          → {}
 *
 * Event    {"event": name, "data": {…}}  every event of SimplePeer but "data" (there is `listen` for that), tracks reduced
 *          to {peerId, label, kind, broadcast, metadata};
 *          also "onTrack" {peerId, label, broadcast, kind} and "socket" {state: "connected" | "disconnected", reason}
 */
import { createInterface } from "node:readline";
import wrtc from "@roamhq/wrtc";
import { io } from "socket.io-client";
import { SimplePeer } from "../dist/index.mjs";
import { receiver, toneTrack, videoTrack } from "./support/wrtc_media.mjs";

const { MediaStream, MediaStreamTrack, RTCPeerConnection, RTCSessionDescription } = wrtc;
Object.assign(globalThis, { MediaStream, MediaStreamTrack, RTCPeerConnection, RTCSessionDescription });

const EVENTS = [
  "track",
  "trackRemoved",
  "peerConnection",
  "peerDisconnection",
  "trackMuted",
  "trackUnmuted",
  "trackHeld",
  "trackReleased",
  "carrierChange",
  "metadataChanged",
  "trackEnded",
  "roomJoined",
  "roomLeft",
  "ended",
  "connectionStateChange",
  "error",
];

let socket;
let peer;
/** name → {payloads, leave}: what has been listened to. */
const listeners = new Map();
/** label → what paints or sounds; its stop() ends it. */
const sources = new Map();
/** What counts and measures each remote track, since it came; kept when it ends. */
const receivers = [];

const commands = {
  async connect({ url, path, transports = ["websocket"], wait = true, late = false, ...options }) {
    if (socket) throw new Error("connected already");
    socket = io(url, { forceNew: true, transports, reconnectionDelay: 100, ...(path && { path }) });
    socket.on("connect", () => tell("socket", { state: "connected", reason: "" }));
    socket.on("disconnect", (reason) => tell("socket", { state: "disconnected", reason }));
    if (late) await new Promise((connected) => socket.once("connect", connected));
    return begin(options, wait);
  },

  reopen({ wait = true }) {
    peer.close();
    return begin({}, wait);
  },

  async addTrack({ label, kind, broadcast = false, metadata, options, codec, encodings, ...painting }) {
    const { color = [255, 0, 0], toneHz = 440, ...size } = painting;
    const source = kind === "video" ? videoTrack({ color, ...size }) : toneTrack(toneHz);
    const replaced = sources.get(label);
    sources.set(label, source);
    const how = { ...options, ...(codec && { codec }), ...(encodings && { encodings }) };
    await peer.addTrack(source.track, metadata ? { ...metadata, label } : label, broadcast, how);
    replaced?.stop();
  },

  setColor: ({ label, color }) => sourceOf(label).paint(color),
  endTrack: ({ label }) => void sourceOf(label).track.dispatchEvent(new Event("ended")),

  async removeTrack({ label }) {
    await peer.removeTrack(label);
    sources.get(label)?.stop();
    sources.delete(label);
  },

  muteTrack: ({ label }) => peer.muteTrack(label),
  unmuteTrack: ({ label }) => peer.unmuteTrack(label),
  setMetadata: ({ label, metadata }) => peer.setMetadata(label, metadata),
  connectToPeer: ({ peerId, label }) => peer.connectToPeer(peerId, label),
  disconnectFromPeer: ({ peerId, label }) => peer.disconnectFromPeer(peerId, label),
  pausePeer: ({ peerId, label }) => peer.pausePeer(peerId, label),
  resumePeer: ({ peerId, label }) => peer.resumePeer(peerId, label),
  setPreferredLayers: ({ peerId, label, layers }) => peer.setPreferredLayers(peerId, label, layers),
  explain: ({ peerId, label }) => peer.explain(peerId, label),
  joinRoom: ({ roomId }) => peer.joinRoom(roomId),
  leaveRoom: ({ roomId }) => peer.leaveRoom(roomId),
  peers: () => ({ peerId: peer.peerId, peers: peer.peers, tracks: peer.tracks.map(plain) }),
  frames: () => ({ tracks: receivers.map((each) => each.report()) }),

  async stats() {
    const { server, send, recv } = await peer.getStats();
    return { server, send: send ? [...send.values()] : null, recv: recv ? [...recv.values()] : null };
  },

  async links() {
    const { links } = await peer.getStats();
    const reports = Object.fromEntries(Object.entries(links).map(([id, report]) => [id, [...report.values()]]));
    return { topology: peer.topology, carriers: Object.fromEntries(peer.carriers), reports };
  },

  listen({ event, name = event, once = false }) {
    const payloads = [];
    const leave = peer[once ? "once" : "on"](event, (payload) => payloads.push(plain(payload)));
    listeners.set(name, { payloads, leave });
  },

  unlisten: ({ name }) => listeners.get(name).leave(),
  heard: () => ({ heard: Object.fromEntries([...listeners].map(([name, { payloads }]) => [name, payloads])) }),

  greet: ({ text }) => void peer.on("peerConnection", ({ peerId }) => peer.send(text, { to: peerId })),
  send: ({ data, ...how }) => peer.send(data.base64 === undefined ? data : Buffer.from(data.base64, "base64"), how),
  bufferedAmount: () => ({ bytes: peer.bufferedAmount }),

  async sendNumbers({ first, count, padding = 0, everyMs = 0, ...how }) {
    for (let number = first; number < first + count; number++) {
      await peer.send(String(number).padStart(8, "0") + "x".repeat(padding), how);
      if (everyMs) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  },

  numbers: () => ({ numbers: listeners.get("data").payloads.map(({ data }) => Number(data.slice(0, 8))) }),

  restartIce: () => peer.restartIce(),
  dropSocket: () => void socket.io.engine.close(),
  disconnectSocket: () => void socket.disconnect(),
  connectSocket: () => void socket.connect(),

  close() {
    peer.close();
    for (const source of sources.values()) source.stop();
    sources.clear();
  },
};

/** A SimplePeer on the socket. */
async function begin({ listens = false, ...options }, wait) {
  peer = new SimplePeer(socket, { device: { handlerName: "Chrome111" }, ...options });
  if (listens) commands.listen({ event: "data" });
  for (const name of EVENTS) peer.on(name, (payload) => tell(name, plain(payload)));
  peer.on("track", (remote) => receivers.push(receiver(remote)));
  peer.onTrack = (track, peerId, info) => tell("onTrack", { ...info, peerId, kind: track.kind });
  if (wait) await peer.getStats(); // the first round trip that needs a session
  return { peerId: peer.peerId };
}

function sourceOf(label) {
  const source = sources.get(label);
  if (!source) throw new Error(`no track of that label: ${label}`);
  return source;
}

/** Without what JSON cannot carry. */
function plain({ track, error, ...rest }) {
  const binary = rest.data instanceof ArrayBuffer && { data: { base64: Buffer.from(rest.data).toString("base64") } };
  return { ...rest, ...(track && { kind: track.kind }), ...(error && wire(error)), ...binary };
}

function wire({ code = "internal_error", message, hint = "" }) {
  return { code, message, hint };
}

function tell(event, data) {
  say({ event, data });
}

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function obey(line) {
  const { id, cmd, ...args } = JSON.parse(line);
  try {
    if (!Object.hasOwn(commands, cmd)) throw new Error(`no such command: ${cmd}`);
    if (!peer && cmd !== "connect") throw new Error("connect first");
    const result = await commands[cmd](args);
    say({ id, ok: true, data: result ?? {} });
  } catch (error) {
    say({ id, ok: false, error: wire(error) });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => void obey(line));
lines.on("close", leave);

/** As a page does: the server hears goodbye, and waits for nobody. */
function leave() {
  // libwebrtc's threads keep a process alive, and may crash in its orderly end
  const exit = () => process.reallyExit(0);
  if (!socket?.connected) exit();
  setTimeout(exit, 500);
  socket.io.once("close", exit);
  peer.close();
  socket.disconnect();
}

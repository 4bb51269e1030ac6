// What the tests call. Every function takes and gives plain data; times are milliseconds of performance.now().

import {dataFunctions} from "./data.js";
import {paintedTrack, readNumber} from "./picture.js";
import {listenTo, toneTrack} from "./sound.js";

const published = new Map(); // label → {track, stop}
const paintedBefore = new Map(); // label → frames of the sources that others have taken the place of
const sights = new Map(); // "peer/label" → what is received under that name
const replacedTimes = new Map(); // of pictures whose place another track is taking: it is one picture to who looks
const events = [];
const started = []; // what was begun and not waited for, and what became of it
const pauses = []; // when this page did not get the processor although it asked for it
let socket;
let peer;

const BEAT_MS = 1000 / 30;
const PAUSE_MS = 100; // as long as three frames take: some are not painted, or not seen
let lastBeat = performance.now();
const beat = () => {
  const now = performance.now();
  if (now - lastBeat >= PAUSE_MS) pauses.push([lastBeat, now].map((at) => performance.timeOrigin + at));
  lastBeat = now;
};
setInterval(beat, BEAT_MS);

const note = (type, detail) => {
  const at = performance.now();
  events.push({type, at, wall: performance.timeOrigin + at, ...detail});
};

function watch(key, track) {
  sights.get(key)?.stop();
  const sight = track.kind === "video" ? watchVideo(track) : {kind: "audio", ...listenTo(track)};
  sight.times?.unshift(...(replacedTimes.get(key) ?? []));
  replacedTimes.delete(key);
  sights.set(key, {...sight, track});
}

function watchVideo(track) {
  const video = Object.assign(document.createElement("video"), {muted: true, autoplay: true, playsInline: true});
  video.srcObject = new MediaStream([track]);
  document.body.append(video);
  const times = []; // of presentation, one a frame
  let presented = 0;
  const onFrame = (_now, frame) => {
    // A busy page misses callbacks; the frames between were shown all the same.
    const missed = times.length ? frame.presentedFrames - presented - 1 : 0;
    const last = times.at(-1);
    for (let i = 1; i <= missed; i++) times.push(last + ((frame.presentationTime - last) * i) / (missed + 1));
    times.push(frame.presentationTime);
    presented = frame.presentedFrames;
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
  video.play().catch(() => {}); // refused when the track ends first; no frame is seen then, which the test notices
  return {kind: "video", video, times, stop: () => video.remove()};
}

/** Makes every remote candidate of this page point at another address: a proxy of UDP in the way. Notes ICE restarts. */
function redirectCandidates({host, port}) {
  const ufrags = new WeakMap();
  const setRemoteDescription = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
    const [, ufrag] = /^a=ice-ufrag:(.*)$/m.exec(sdp);
    if (ufrags.has(this) && ufrags.get(this) !== ufrag) note("iceRestart");
    ufrags.set(this, ufrag);
    const moved = sdp
      .replace(/^a=candidate:\S+ \d+ tcp .*\r\n/gim, "")
      .replace(/^(a=candidate:\S+ \d+ udp \d+) \S+ \d+/gm, `$1 ${host} ${port}`);
    return setRemoteDescription.call(this, {type, sdp: moved});
  };
}

const PLAIN_EVENTS = [
  ...["peerConnection", "peerDisconnection", "trackMuted", "trackUnmuted", "trackHeld", "trackReleased"],
  ...["roomJoined", "roomLeft", "connectionStateChange", "carrierChange"],
];

async function open({via, options} = {}) {
  if (via) redirectCandidates(via);
  socket = io();
  peer = new SimplePeer(socket, options ?? {});
  peer.on("track", ({track, peerId, label, broadcast, metadata}) => {
    note("track", {peerId, label, broadcast, kind: track.kind, metadata});
    track.addEventListener("ended", () => note("remoteEnded", {peerId, label}));
    watch(`${peerId}/${label}`, track);
  });
  peer.on("trackRemoved", ({peerId, label, reason}) => {
    note("trackRemoved", {peerId, label, reason});
    if (reason === "replaced") replacedTimes.set(`${peerId}/${label}`, sights.get(`${peerId}/${label}`)?.times ?? []);
    sights.get(`${peerId}/${label}`)?.stop();
    sights.delete(`${peerId}/${label}`);
  });
  peer.on("metadataChanged", ({peerId, label, metadata}) => note("metadataChanged", {peerId, label, metadata}));
  peer.on("trackEnded", ({label}) => note("trackEnded", {label}));
  for (const type of PLAIN_EVENTS) peer.on(type, (detail) => note(type, JSON.parse(JSON.stringify(detail))));
  for (const type of ["error", "ended"]) {
    peer.on(type, ({error}) => note(type, {code: error.code, message: error.message}));
  }
  if (!socket.connected) {
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
  }
  return socket.id;
}

async function publishVideo({label, broadcast = true, options, metadata, ...picture}) {
  await publish(label, paintedTrack(picture), broadcast, options, metadata);
}

async function publishAudio({label, broadcast = true, options, metadata, ...tone}) {
  await publish(label, toneTrack(tone), broadcast, options, metadata);
}

/** The browser's fake microphone, for a browser whose AudioContext does not run without a sound card. */
async function publishMicrophone({label}) {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true});
  const [track] = stream.getAudioTracks();
  await publish(label, {track, stop: () => track.stop()}, true);
}

async function publish(label, source, broadcast, options, metadata) {
  const before = published.get(label);
  published.set(label, source);
  await peer.addTrack(source.track, metadata ? {...metadata, label} : label, broadcast, options);
  if (before?.painted) paintedBefore.set(label, painted({label, source: before}));
  before?.stop(); // only now: until then viewers see it
}

async function unpublish({label}) {
  const source = published.get(label);
  await peer.removeTrack(label);
  source.stop();
  if (published.get(label) === source) published.delete(label); // not yet published anew
}

/** Calls one of SimplePeer's methods; a refusal comes back as data. */
async function ask({method, args = []}) {
  try {
    return {ok: true, data: (await peer[method](...args)) ?? null};
  } catch (error) {
    return {ok: false, error: {code: error.code, message: error.message, hint: error.hint}};
  }
}

/** connectToPeer(), and what the browser has decoded of that peer at the very moment when its promise is settled. */
async function connect({peerId, label}) {
  const began = performance.now();
  const answer = await ask({method: "connectToPeer", args: label === undefined ? [peerId] : [peerId, label]});
  const tookMs = performance.now() - began;
  const decoded = {};
  for (const [key, {framesDecoded, packetsReceived}] of Object.entries(await received())) {
    if (key.startsWith(`${peerId}/`)) decoded[key] = {framesDecoded, packetsReceived};
  }
  return {...answer, tookMs, decoded};
}

/** Ends a track of one's own as its source does: a camera unplugged, a sharing stopped. */
function endSource({label}) {
  const {track, stop} = published.get(label);
  stop();
  track.dispatchEvent(new Event("ended"));
}

/** Begins one of these functions and does not wait for it; outcomes() tells what became of it. */
function start({name, given}) {
  const entry = {name, given, state: "pending", at: performance.now()};
  started.push(entry);
  const settle = (state, detail) => Object.assign(entry, {state, detail, tookMs: performance.now() - entry.at});
  harness[name](given).then(
    (answer) => (answer?.ok === false ? settle("rejected", answer.error) : settle("fulfilled")),
    ({code, message}) => settle("rejected", {code, message}),
  );
}

/** What this page believes: who is in sight, what it receives, what it sends. */
function books() {
  const tracks = peer.tracks.map(({track, peerId, label, kind}) => ({peerId, label, kind, readyState: track.readyState}));
  return {connected: socket.connected, peerId: peer.peerId, peers: peer.peers, tracks, published: [...published.keys()]};
}

/** What the server has written down about this page, asked over its own namespace. */
async function snapshot() {
  const answer = await socket.io.socket("/simplesfu").timeout(5000).emitWithAck("getSnapshot", {});
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.data.snapshot;
}

const framesSince = ({times}, since) => (since === null ? [] : times.filter((time) => time >= since));

/** Everything received: for video the painted number and the frame times from `since` on, for audio loudness and pitch. */
function look({since = null} = {}) {
  const seen = {};
  for (const [key, sight] of sights) {
    seen[key] =
      sight.kind === "video"
        ? {kind: "video", number: readNumber(sight.video), times: framesSince(sight, since)}
        : {kind: "audio", ...sight.read()};
    seen[key].trackId = sight.track.id;
  }
  return {now: performance.now(), seen};
}

/** Watches own pictures and tones without any network: how the harness itself is tried. */
async function mirror({picture, tone}) {
  if (picture) published.set("picture", paintedTrack(picture));
  if (tone) published.set("tone", toneTrack(tone));
  for (const [label, {track}] of published) watch(`self/${label}`, track);
}

/** The browser's statistics of every video encoding that is sent. */
async function sent() {
  const {send} = await peer.getStats();
  return [...(send?.values() ?? [])].filter(({type, kind}) => type === "outbound-rtp" && kind === "video");
}

/** The links of this page: with whom, what carries the media, and the browser's statistics of each. */
async function links() {
  const {links: reports} = await peer.getStats();
  const byPeer = Object.entries(reports).map(([peerId, report]) => [peerId, [...report.values()]]);
  return {topology: peer.topology, carriers: Object.fromEntries(peer.carriers), reports: Object.fromEntries(byPeer)};
}

/** How many frames have been painted: what the processor allowed, before any encoder or network had a say. */
function painted({label, source = published.get(label)}) {
  return (paintedBefore.get(label) ?? 0) + source.painted();
}

/** When this page stood still, by the clock on the wall, which all pages and the test share; and its own clock's zero. */
function stoodStill() {
  beat();
  return {pauses, origin: performance.timeOrigin};
}

function freezePainting({label}) {
  published.get(label).freeze();
}

/** The browser's statistics of every received track, by "peer/label", each with the codec's MIME type. */
async function received() {
  const {recv, links: reports} = await peer.getStats();
  const entries = [recv, ...Object.values(reports)].flatMap((report) => [...(report?.values() ?? [])]);
  const inbound = new Map(entries.filter(({type}) => type === "inbound-rtp").map((e) => [e.trackIdentifier, e]));
  return Object.fromEntries(
    [...sights].map(([key, {track}]) => {
      const entry = inbound.get(track.id);
      return [key, {...entry, mimeType: entries.find(({id}) => id === entry?.codecId)?.mimeType}];
    }),
  );
}

/** What the server counts of this page's transports, producers and consumers. */
async function serverStats() {
  return (await peer.getStats()).server;
}

/** SimplePeer.checkNetwork() on the socket there is, or on one of its own; and how long it took. */
async function checkNetwork({options} = {}) {
  socket ??= io();
  const began = performance.now();
  const report = await SimplePeer.checkNetwork(socket, options);
  return {...report, tookMs: performance.now() - began};
}

/** As when the network changes: the connection is gone, and socket.io makes another. */
async function loseSocket() {
  socket.io.engine.close();
}

function close() {
  peer?.close();
  socket?.disconnect();
  for (const {stop} of published.values()) stop();
  published.clear();
}

window.harness = {
  open, publishVideo, publishAudio, publishMicrophone, unpublish, endSource, ask, connect, start, books, snapshot,
  look, mirror, painted, stoodStill, freezePainting, received, sent, links, serverStats, checkNetwork, loseSocket, close,
  ...dataFunctions(() => peer),
  events: () => events,
  outcomes: () => started,
};

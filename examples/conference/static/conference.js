/** One conference: the socket, the SimplePeer on it, the own devices, and who is who. */
import { Figures } from "./figures.js";
import { OWN } from "./grid.js";

const LATEST = 8.64e15; // milliseconds: no Date is farther away from 1970
const MEDIA = {
  microphone: { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } },
  camera: { video: { width: { ideal: 1280 }, height: { ideal: 720 } } },
};

/**
 * `observer`: personCame(peerId, {name, colour}, isNews), personLeft(peerId, isNews), trackCame/trackWent({track, peerId, label, kind}),
 * ownCamera(track or null), muted(peerId, label, muted), said({id, name, colour, text, at}), trouble(text),
 * sourceEnded("screen" | "camera" | "microphone"), ended(error), changed().
 */
export class Conference {
  #observer;
  #tracks = {}; // "microphone", "camera" or "screen", which are the labels as well → track
  #met = new Set();
  #before = null; // who was there before us; null until we are in the room
  #figures = new Figures();

  constructor(self, observer) {
    this.self = self;
    this.#observer = observer;
    this.socket = io({ forceNew: true });
    this.peer = new SimplePeer(this.socket);
    this.#listen();
  }

  /** Returns in words what is missing; watching and chatting go without any device. */
  async openDevices() {
    if (!navigator.mediaDevices) return "No camera or microphone: browsers give them to https pages and to localhost only";
    try {
      this.#own(await navigator.mediaDevices.getUserMedia({ ...MEDIA.microphone, ...MEDIA.camera }));
      return "";
    } catch (error) {
      if (error.name === "NotAllowedError") return "The browser may not use your camera and microphone: allow it beside the address";
    }
    const missing = [];
    for (const kind of Object.keys(MEDIA)) await this.#open(kind).catch(({ name }) => missing.push(`no ${kind} (${name})`));
    return missing.join(", ");
  }

  /** The room first: what is broadcast before that goes to the lobby. */
  async join(room) {
    await this.peer.joinRoom(room);
    this.#before = new Set(this.peer.peers);
    for (const message of await this.socket.timeout(5000).emitWithAck("history").catch(() => [])) this.#hear(message);
    for (const kind of Object.keys(MEDIA)) if (this.#tracks[kind]) await this.#publish(kind);
  }

  sends(kind) {
    return this.#tracks[kind]?.enabled ?? false;
  }

  /** The microphone is muted, and back at once; the camera is taken off, so that its light goes out. */
  async toggle(kind) {
    const track = this.#tracks[kind];
    if (!track) {
      await this.#open(kind);
      await this.#publish(kind);
      return true;
    }
    if (kind === "camera") {
      this.#close(kind);
      await this.peer.removeTrack(kind);
      return false;
    }
    track.enabled = !track.enabled;
    await (track.enabled ? this.peer.unmuteTrack(kind) : this.peer.muteTrack(kind));
    return track.enabled;
  }

  async toggleScreen() {
    if (this.#tracks.screen) {
      this.#close("screen");
      await this.peer.removeTrack("screen");
      return false;
    }
    this.#own(await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } }), "screen");
    await this.#publish("screen", { contentHint: "detail" });
    return true;
  }

  async say(text) {
    const message = { ...this.self, id: Math.random().toString(36).slice(2), text, at: Date.now() };
    await this.peer.send(JSON.stringify(message), { label: "chat" });
    this.#observer.said(message);
  }

  /** Lines for each track, by "peerId label". */
  async figures() {
    return this.#figures.of(await this.peer.getStats(), this.peer.tracks, this.#tracks);
  }

  leave() {
    this.peer.close();
    this.socket.disconnect();
    for (const kind of Object.keys(this.#tracks)) this.#close(kind);
  }

  #listen() {
    const { peer } = this;
    const observer = this.#observer;
    peer.on("peerConnection", ({ peerId }) => this.#greet(peerId));
    peer.on("peerDisconnection", ({ peerId }) => {
      this.#met.delete(peerId);
      observer.personLeft(peerId, this.socket.connected); // else it is ourselves who are gone
      observer.changed();
    });
    peer.on("track", (remote) => {
      this.#introduced(remote.peerId, remote.metadata);
      observer.trackCame(remote);
    });
    peer.on("trackRemoved", (remote) => observer.trackWent(remote));
    peer.on("trackMuted", ({ peerId, label }) => observer.muted(peerId, label, true));
    peer.on("trackUnmuted", ({ peerId, label }) => observer.muted(peerId, label, false));
    peer.on("trackEnded", ({ label }) => {
      this.#close(label);
      observer.sourceEnded(label);
    });
    peer.on("data", ({ from, data, label }) => {
      if (label === "chat") this.#hear(data);
      if (label === "introduction") this.#introduced(from, parsed(data));
    });
    peer.on("connectionStateChange", ({ direction, state }) => {
      const broken = state === "disconnected" || state === "failed";
      if (broken || state === "connected") observer.trouble(broken ? troubleText(direction) : "");
    });
    peer.on("ended", ({ error }) => observer.ended(error));
  }

  /** Whoever sends a track says who it is in the track's metadata; who sends none says it as data. */
  #greet(peerId) {
    this.#observer.personCame(peerId, { name: "", colour: "" }, false);
    this.#observer.changed();
    this.peer.send(JSON.stringify(this.self), { to: peerId, label: "introduction" }).catch(() => undefined);
  }

  #introduced(peerId, { name, colour }) {
    if (this.#met.has(peerId) || typeof name !== "string" || !isColour(colour)) return;
    this.#met.add(peerId);
    const isNews = this.#before !== null && !this.#before.delete(peerId);
    this.#observer.personCame(peerId, { name: name.slice(0, 40), colour }, isNews);
  }

  #hear(json) {
    const { id, name, colour, text, at } = parsed(json);
    if (![id, name, text].every((one) => typeof one === "string") || !isColour(colour)) return;
    if (!Number.isFinite(at) || Math.abs(at) > LATEST) return;
    this.#observer.said({ id, name: name.slice(0, 40), colour, text, at });
  }

  async #open(kind) {
    this.#own(await navigator.mediaDevices.getUserMedia(MEDIA[kind]));
  }

  #own(stream, video = "camera") {
    for (const track of stream.getTracks()) this.#tracks[track.kind === "video" ? video : "microphone"] = track;
    this.#observer.ownCamera(this.#tracks.camera ?? null);
  }

  #close(kind) {
    this.#tracks[kind]?.stop();
    delete this.#tracks[kind];
    if (kind === "camera") this.#observer.ownCamera(null);
  }

  async #publish(kind, options) {
    await this.peer.addTrack(this.#tracks[kind], { label: kind, ...this.self }, true, options);
  }
}

function parsed(json) {
  try {
    return Object(JSON.parse(json));
  } catch {
    return {}; // somebody sends what this page does not
  }
}

function isColour(text) {
  return /^#[0-9a-f]{6}$/.test(text);
}

function troubleText(direction) {
  if (direction === "signaling") return "The server does not answer. The call goes on; trying to reach it again …";
  return "Sound and pictures are interrupted. Looking for another way through the network …";
}

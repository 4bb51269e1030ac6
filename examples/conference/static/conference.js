/** One conference: the socket, the SimplePeer on it, the own devices, and who is who. */

const LABELS = { microphone: "microphone", camera: "camera", screen: "screen" };
const MEDIA = {
  microphone: { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } },
  camera: { video: { width: { ideal: 1280 }, height: { ideal: 720 } } },
};

/**
 * `observer`: personCame(peerId, {name, colour}), personLeft(peerId), trackCame/trackWent({track, peerId, label, kind}),
 * muted(peerId, label, muted), said(peerId, text), trouble(text), screenEnded(), ended(error), changed().
 */
export class Conference {
  preview = new MediaStream();
  #observer;
  #tracks = {};
  #met = new Set();
  #before = new Map(); // inbound-rtp id → [bytes, time]

  constructor(self, observer) {
    this.self = self;
    this.#observer = observer;
    this.socket = io({ forceNew: true });
    this.peer = new SimplePeer(this.socket);
    this.#listen();
  }

  /** `problem` says in words what is missing; watching and chatting go without any device. */
  async openDevices() {
    const problems = [];
    for (const kind of ["microphone", "camera"]) {
      try {
        await this.#open(kind);
      } catch (error) {
        problems.push(`no ${kind} (${error.message ?? error.name})`);
      }
    }
    return { problem: problems.join(", ") };
  }

  async join(room) {
    await this.peer.joinRoom(room);
    for (const kind of ["microphone", "camera"]) if (this.#tracks[kind]) await this.#publish(kind);
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
      await this.peer.removeTrack(LABELS[kind]);
      return false;
    }
    track.enabled = !track.enabled;
    await (track.enabled ? this.peer.unmuteTrack(LABELS[kind]) : this.peer.muteTrack(LABELS[kind]));
    return track.enabled;
  }

  async toggleScreen() {
    if (this.#tracks.screen) {
      this.#close("screen");
      await this.peer.removeTrack(LABELS.screen);
      return false;
    }
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
    this.#tracks.screen = stream.getVideoTracks()[0];
    await this.#publish("screen", { contentHint: "detail" });
    return true;
  }

  async say(text) {
    await this.peer.send(text, { label: "chat" });
  }

  /** Lines for each received track, by "peerId label". */
  async figures() {
    const { recv } = await this.peer.getStats();
    const entries = [...(recv?.values() ?? [])];
    const lines = new Map();
    for (const { track, peerId, label } of this.peer.tracks) {
      const stats = entries.find((entry) => entry.type === "inbound-rtp" && entry.trackIdentifier === track.id);
      if (stats) lines.set(`${peerId} ${label}`, this.#describe(stats, entries));
    }
    return lines;
  }

  leave() {
    this.peer.close();
    this.socket.disconnect();
    for (const kind of Object.keys(this.#tracks)) this.#close(kind);
  }

  #listen() {
    const { peer } = this;
    peer.on("peerConnection", ({ peerId }) => this.#greet(peerId));
    peer.on("peerDisconnection", ({ peerId }) => {
      this.#met.delete(peerId);
      this.#observer.personLeft(peerId);
      this.#observer.changed();
    });
    peer.on("track", (remote) => {
      this.#introduced(remote.peerId, remote.metadata);
      this.#observer.trackCame(remote);
    });
    peer.on("trackRemoved", (remote) => this.#observer.trackWent(remote));
    peer.on("trackMuted", ({ peerId, label }) => this.#observer.muted(peerId, label, true));
    peer.on("trackUnmuted", ({ peerId, label }) => this.#observer.muted(peerId, label, false));
    peer.on("trackEnded", ({ label }) => {
      delete this.#tracks[label];
      if (label === LABELS.screen) this.#observer.screenEnded();
    });
    peer.on("data", ({ from, data, label }) => {
      if (label === "chat") this.#observer.said(from, data);
      if (label === "introduction") this.#introduced(from, JSON.parse(data));
    });
    peer.on("connectionStateChange", ({ direction, state }) => {
      const broken = state === "disconnected" || state === "failed";
      if (broken || state === "connected") this.#observer.trouble(broken ? troubleText(direction) : "");
    });
    peer.on("ended", ({ error }) => this.#observer.ended(error));
  }

  /** Whoever sends a track says who it is in the track's metadata; who sends none says it as data. */
  #greet(peerId) {
    this.#observer.personCame(peerId, { name: "", colour: "" });
    this.#observer.changed();
    this.peer.send(JSON.stringify(this.self), { to: peerId, label: "introduction" }).catch(() => undefined);
  }

  #introduced(peerId, { name, colour }) {
    if (this.#met.has(peerId) || typeof name !== "string" || !/^#[0-9a-f]{6}$/.test(colour)) return;
    this.#met.add(peerId);
    this.#observer.personCame(peerId, { name: name.slice(0, 40), colour });
  }

  async #open(kind) {
    if (!navigator.mediaDevices) throw new Error("the page is neither https nor localhost");
    const stream = await navigator.mediaDevices.getUserMedia(MEDIA[kind]);
    const [track] = stream.getTracks();
    this.#tracks[kind] = track;
    if (track.kind === "video") this.preview.addTrack(track);
  }

  #close(kind) {
    const track = this.#tracks[kind];
    delete this.#tracks[kind];
    track?.stop();
    if (track) this.preview.removeTrack(track);
  }

  async #publish(kind, options) {
    await this.peer.addTrack(this.#tracks[kind], { label: LABELS[kind], ...this.self }, true, options);
  }

  #describe(stats, entries) {
    const codec = entries.find((entry) => entry.id === stats.codecId)?.mimeType.split("/")[1] ?? "";
    const [bytes, time] = this.#before.get(stats.id) ?? [stats.bytesReceived, stats.timestamp - 1];
    this.#before.set(stats.id, [stats.bytesReceived, stats.timestamp]);
    const kbps = Math.round(((stats.bytesReceived - bytes) * 8) / (stats.timestamp - time));
    const picture = stats.kind === "video" ? `${stats.frameWidth ?? 0}×${stats.frameHeight ?? 0} · ${stats.framesPerSecond ?? 0} fps · ` : "";
    const lost = stats.packetsLost > 0 ? ` · ${stats.packetsLost} lost` : "";
    return `${codec} ${picture}${kbps} kbit/s${lost}`;
  }
}

function troubleText(direction) {
  if (direction === "signaling") return "The server does not answer. The call goes on; trying to reach it again …";
  return "Sound and pictures are interrupted. Looking for another way through the network …";
}

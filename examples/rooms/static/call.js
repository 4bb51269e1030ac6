/** One call: the socket, the SimplePeer on it, and what both have to say to the stage. */

const PATIENCE_MS = 10_000;
const LABELS = { camera: "webcam", microphone: "mic" };

/**
 * Fires "joined" {detail: peerId}, "left" {detail: name}, "screen-ended", "trouble" {detail: "server" | "media" | null}
 * and "error" {detail: SimplePeerError}.
 */
export class Call extends EventTarget {
  #stage;
  #devices;
  #name;
  #names = new Map(); // an introduction may be here before the one it introduces
  #patience = new Map(); // direction → timer
  #troubles = new Set(); // "server", "send", "recv"
  #joined = false;
  #sent = new Map(); // label → track
  #codec;

  /** `codec`: of the own pictures; undefined leaves it to the browser. */
  constructor(stage, devices, { name, codec }) {
    super();
    this.#stage = stage;
    this.#devices = devices;
    this.#name = name;
    this.#codec = codec;
    this.socket = io({ forceNew: true }); // the next call gets a connection of its own
    this.peer = new SimplePeer(this.socket);
    this.#listen();
  }

  /** First the room, then the tracks: a broadcast reaches whoever is in sight, and before the room that is the lobby. */
  async join(room) {
    await this.peer.joinRoom(room);
    this.#joined = true;
    for (const peerId of this.peer.peers) this.#meet(peerId);
    for (const kind of Object.keys(LABELS)) await this.publish(kind);
  }

  /**
   * Send what the device gives. A camera that is off is taken off; a microphone is only muted, so that it is back at once.
   * A source that ended by itself (no track) has been taken off by SimplePeer.
   */
  async publish(kind) {
    if (!this.#joined) return; // join() does it
    const { track, on } = this.#devices[kind];
    const label = LABELS[kind];
    const sent = this.#sent.get(label);
    if (!track) return void this.#sent.delete(label);
    if (on && sent !== track) return this.#add(track, label);
    if (!sent) return;
    if (kind === "microphone") return on ? this.peer.unmuteTrack(label) : this.peer.muteTrack(label);
    if (!on) await this.#remove(label);
  }

  get trouble() {
    if (this.#troubles.has("server")) return "server";
    return this.#troubles.size > 0 ? "media" : null;
  }

  get sharesScreen() {
    return this.#sent.has("screen");
  }

  async shareScreen() {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
    const [track] = stream.getVideoTracks();
    track.contentHint = "detail";
    await this.#add(track, "screen");
  }

  async unshareScreen() {
    this.#sent.get("screen")?.stop();
    await this.#remove("screen");
  }

  async #add(track, label) {
    this.#sent.set(label, track);
    try {
      await this.peer.addTrack(track, label, true, track.kind === "video" && this.#codec ? { codec: this.#codec } : {});
    } catch (error) {
      this.#sent.delete(label);
      throw error;
    }
  }

  async #remove(label) {
    this.#sent.delete(label);
    await this.peer.removeTrack(label);
  }

  leave() {
    this.#sent.get("screen")?.stop();
    for (const timer of this.#patience.values()) clearTimeout(timer);
    this.peer.close();
    this.socket.disconnect();
    this.#stage.clear();
  }

  #listen() {
    const { peer, socket } = this;
    peer.on("peerConnection", ({ peerId }) => {
      if (!this.#joined || this.#stage.has(peerId)) return; // strangers in the lobby are not told who we are
      this.#meet(peerId);
      this.#fire("joined", peerId);
    });
    peer.on("peerDisconnection", ({ peerId }) => {
      this.#names.delete(peerId);
      const name = this.#stage.removePeer(peerId);
      if (socket.connected) this.#fire("left", name); // else it is ourselves who are gone
    });
    peer.on("track", ({ track, peerId, label }) => this.#stage.addTrack(peerId, label, track));
    peer.on("trackRemoved", ({ peerId, label }) => this.#stage.removeTrack(peerId, label));
    peer.on("trackMuted", ({ peerId, label }) => this.#stage.setMuted(peerId, label, true));
    peer.on("trackUnmuted", ({ peerId, label }) => this.#stage.setMuted(peerId, label, false));
    peer.on("connectionStateChange", ({ state, direction }) => this.#watchMedia(direction, state));
    peer.on("trackEnded", ({ label }) => {
      if (label !== "screen") return;
      this.#sent.delete(label);
      this.#fire("screen-ended");
    });
    peer.on("error", ({ error }) => this.#fire("error", error));

    socket.on("introduction", ({ peerId, name }) => {
      this.#names.set(peerId, name);
      this.#stage.setName(peerId, name);
    });
    socket.on("connect", () => this.#setTrouble("server", false));
    socket.on("connect_error", () => this.#setTrouble("server", true));
    socket.on("disconnect", (reason) => this.#setTrouble("server", reason !== "io client disconnect"));
  }

  #meet(peerId) {
    this.#stage.addPeer(peerId);
    this.#stage.setName(peerId, this.#names.get(peerId));
    this.socket.emit("introduce", peerId, this.#name);
  }

  /** Without a way through the network a transport fails after long, or stays "connecting" for ever. */
  #watchMedia(direction, state) {
    if (direction === "signaling") return; // the socket's own events say more
    clearTimeout(this.#patience.get(direction));
    if (state === "connecting") {
      this.#patience.set(direction, setTimeout(() => this.#setTrouble(direction, true), PATIENCE_MS));
    } else {
      this.#setTrouble(direction, state === "failed");
    }
  }

  #setTrouble(where, isTrouble) {
    if (this.#troubles.has(where) === isTrouble) return;
    if (isTrouble) this.#troubles.add(where);
    else this.#troubles.delete(where);
    this.#fire("trouble", this.trouble);
  }

  /** The server's port for media, as the browser's own statistics tell it; null when they do not. */
  async mediaPort() {
    const { send, recv } = await this.peer.getStats().catch(() => ({}));
    for (const report of [send, recv]) {
      for (const entry of report?.values() ?? []) {
        if (entry.type === "remote-candidate" && entry.port) return entry.port;
      }
    }
    return null;
  }

  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

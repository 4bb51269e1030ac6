/** SimplePeer and the list of people: what of a room is the network's. The page hears of it by `events`. */
const DEVICES = {
  camera: { video: { width: { ideal: 960 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } } },
  microphone: { audio: true },
};

export class Call {
  peer;
  #self;
  #people;
  #events;
  #socket = io();
  #tracks = new Map();

  /** self: {name, topology}. */
  constructor(self, people, events) {
    this.#self = self;
    this.#people = people;
    this.#events = events;
    this.#socket.on("peer-joined", ({ peerId, ...person }) => people.set(peerId, person));
    this.#socket.on("peer-left", ({ peerId }) => this.#forget(peerId));
  }

  get id() {
    return this.peer?.peerId ?? "";
  }

  async join(room) {
    const peer = new SimplePeer(this.#socket, { topology: this.#self.topology });
    this.peer = peer;
    const events = this.#events;
    peer.on("peerConnection", ({ peerId }) => this.#people.set(peerId, { carrier: peer.carriers.get(peerId) }));
    peer.on("peerDisconnection", ({ peerId }) => this.#forget(peerId));
    peer.on("carrierChange", ({ peerId, carrier, reason }) => {
      const stays = carrier === "mesh" && reason === "unreachable"; // there is no link, and none was asked for but that
      this.#people.set(peerId, stays ? { carrier } : { carrier, link: "" });
      if (!stays) events.carrierChanged(peerId, carrier, reason);
    });
    peer.on("connectionStateChange", (change) => {
      if (change.direction === "mesh") this.#linkChanged(change);
      else if (change.direction === "signaling") this.#signalingChanged(change);
    });
    peer.on("track", events.trackCame);
    peer.on("trackRemoved", ({ peerId, label, track }) => events.trackWent(peerId, label, track));
    peer.on("trackMuted", ({ peerId, label }) => events.muted(peerId, label, true));
    peer.on("trackUnmuted", ({ peerId, label }) => events.muted(peerId, label, false));
    peer.on("trackEnded", ({ label }) => {
      this.#tracks.delete(label);
      events.sourceEnded(label);
    });
    peer.on("data", events.data);
    peer.on("error", ({ error }) => events.trouble(error.message));
    peer.on("ended", ({ error }) => events.ended(error));
    await peer.joinRoom(room);
    await this.#introduce();
    for (const [label, track] of this.#tracks) await this.#publish(label, track);
  }

  /** Another way for what goes from here and comes here. */
  setTopology(topology) {
    return this.peer.setTopology(topology);
  }

  leave() {
    this.peer?.close();
    this.#socket.close();
    for (const track of this.#tracks.values()) track.stop();
    this.#people.clear();
  }

  // what is sent

  /** What kept camera or microphone from being opened; "" when nothing did. */
  async openDevices() {
    const problems = [];
    for (const label of Object.keys(DEVICES)) {
      try {
        this.#tracks.set(label, await capture(label));
      } catch ({ message, hint }) {
        problems.push(`Without ${label}: ${message} (${hint})`);
      }
    }
    return problems.join(". ");
  }

  /** Camera or microphone once more: after a refusal, or when it has been plugged in again. */
  async reopen(label) {
    await this.add(label, await capture(label));
  }

  track(label) {
    return this.#tracks.get(label);
  }

  /** Sends it until remove(), leave() or its own end. What cannot be sent is stopped. */
  async add(label, track) {
    this.#tracks.set(label, track);
    try {
      await this.#publish(label, track);
    } catch (error) {
      this.#tracks.delete(label);
      track.stop();
      throw error;
    }
  }

  async remove(label) {
    const track = this.#tracks.get(label);
    this.#tracks.delete(label);
    track?.stop();
    if (track) await this.peer.removeTrack(label);
  }

  async mute(label, muted) {
    await (muted ? this.peer.muteTrack(label) : this.peer.unmuteTrack(label));
    this.#events.muted(this.id, label, muted);
  }

  // ---

  #publish(label, track) {
    const contentHint = { screen: "detail", board: "text" }[label];
    return this.peer.addTrack(track, label, true, contentHint ? { contentHint } : {});
  }

  async #introduce() {
    const people = await this.#socket.emitWithAck("introduce", this.#self);
    for (const [id, person] of Object.entries(people)) {
      this.#people.set(id, { ...person, early: true, own: id === this.id });
    }
  }

  /** Of a link: "" while nothing is to be said of it. */
  #linkChanged({ peerId, state, reason }) {
    if (!this.#people.get(peerId)) return;
    const link = state === "connected" ? "" : state;
    this.#people.set(peerId, { link });
    if (state === "failed") this.#events.linkFailed(peerId, reason);
  }

  #signalingChanged({ state, reason }) {
    this.#events.trouble(state === "connected" ? "" : "The server is out of reach. Links go on; the rest comes back by itself.");
    const isBack = state === "connected" && ["resumed", "new_session"].includes(reason);
    if (isBack && this.#people.get(this.id)) this.#introduce().catch((error) => this.#events.trouble(error.message));
  }

  #forget(peerId) {
    if (peerId !== this.id) this.#people.delete(peerId);
  }
}

/** Rejects with what helps. */
async function capture(label) {
  const stream = await SimplePeer.capture(DEVICES[label]);
  return stream.getTracks()[0];
}

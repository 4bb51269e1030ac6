/** What is seen and heard of a call: the carousel of tiles, the projector, and everybody's sound. */
import { watchLevel } from "./level.js";
import { Tile, initialOf, showTrack } from "./tile.js";

const SPEAKING_LEVEL = 0.35;

/** Fires "silenced" when the browser refuses to play sound before a gesture, and "head-count" {detail} when people come and go. */
export class Stage extends EventTarget {
  #peers = new Map(); // peerId → {name, tracks: Map(label → {track, muted}), tiles: Map(label → Tile), sounds: Map(label → {audio, stop})}
  #carousel = document.querySelector("#carousel");
  #projector = document.querySelector("#projector");
  #screen = document.querySelector("#projector-video");
  #invite = document.querySelector("#invite");
  #sound = document.querySelector("#sound");
  #own = new Tile({ own: true }, "webcam", (tile) => this.#choose(tile));
  #shown = null; // the tile in the projector
  #chosen = false; // whether somebody put it there by hand

  constructor() {
    super();
    this.#carousel.append(this.#own.item);
    this.#carousel.addEventListener("keydown", (event) => this.#moveFocus(event));
    this.#screen.addEventListener("resize", () => {
      const { videoWidth, videoHeight } = this.#screen;
      this.#projector.dataset.shape = videoHeight > videoWidth ? "portrait" : "landscape";
    });
    this.#project();
    this.#countHeads();
  }

  setOwn({ name, track, silent }) {
    this.#own.update({ name: name || "You", track, silent });
    this.#project();
  }

  has(peerId) {
    return this.#peers.has(peerId);
  }

  addPeer(peerId) {
    if (this.has(peerId)) return;
    this.#peers.set(peerId, { name: `Guest ${peerId.slice(0, 4)}`, tracks: new Map(), tiles: new Map(), sounds: new Map() });
    this.#refresh(peerId);
    this.#countHeads();
  }

  /** Returns the name of who left. */
  removePeer(peerId) {
    const peer = this.#peers.get(peerId);
    if (!peer) return null;
    for (const label of [...peer.tracks.keys()]) this.removeTrack(peerId, label);
    this.#peers.delete(peerId);
    for (const tile of peer.tiles.values()) this.#removeTile(tile);
    this.#project();
    this.#countHeads();
    return peer.name;
  }

  nameOf(peerId) {
    return this.#peers.get(peerId)?.name ?? null;
  }

  setName(peerId, name) {
    const peer = this.#peers.get(peerId);
    if (!peer || !name) return;
    peer.name = name;
    this.#refresh(peerId);
  }

  addTrack(peerId, label, track) {
    this.addPeer(peerId);
    const peer = this.#peers.get(peerId);
    if (track.kind === "audio") this.#listen(peer, peerId, label, track);
    peer.tracks.set(label, { track, muted: false });
    this.#refresh(peerId);
    if (label === "screen") this.#show(peer.tiles.get(label), false); // whoever shares a screen wants it looked at
  }

  removeTrack(peerId, label) {
    const peer = this.#peers.get(peerId);
    if (!peer?.tracks.delete(label)) return;
    this.#unlisten(peer, label);
    this.#refresh(peerId);
  }

  setMuted(peerId, label, muted) {
    const entry = this.#peers.get(peerId)?.tracks.get(label);
    if (!entry) return;
    entry.muted = muted;
    this.#refresh(peerId);
  }

  /** Whoever was put into the projector by hand stays there no longer. */
  unpin() {
    this.#shown = null;
    this.#chosen = false;
    this.#project();
  }

  clear() {
    for (const peerId of [...this.#peers.keys()]) this.removePeer(peerId);
  }

  /** Play what the browser held back; to be called from a gesture. */
  async hear() {
    await Promise.all([...this.#sound.children].map((audio) => audio.play()));
  }

  #listen(peer, peerId, label, track) {
    this.#unlisten(peer, label);
    const audio = new Audio();
    audio.srcObject = new MediaStream([track]);
    Object.assign(audio.dataset, { peerId, label });
    this.#sound.append(audio);
    audio.play().catch((error) => {
      if (error.name === "NotAllowedError") this.dispatchEvent(new Event("silenced"));
    });
    const stop = watchLevel(track, (level) => {
      const tile = peer.tiles.get("webcam");
      if (tile) tile.speaking = level > SPEAKING_LEVEL;
    });
    peer.sounds.set(label, { audio, stop });
  }

  #unlisten(peer, label) {
    const sound = peer.sounds.get(label);
    if (!sound) return;
    peer.sounds.delete(label);
    sound.stop();
    sound.audio.srcObject = null;
    sound.audio.remove();
  }

  /** Make the peer's tiles what its tracks say: one per video track, and one for the person even without any. */
  #refresh(peerId) {
    const peer = this.#peers.get(peerId);
    const videos = new Map([["webcam", null]]);
    for (const [label, { track, muted }] of peer.tracks) {
      if (track.kind === "video") videos.set(label, muted ? null : track);
    }
    for (const [label, tile] of peer.tiles) {
      if (videos.has(label)) continue;
      peer.tiles.delete(label);
      this.#removeTile(tile);
    }
    const silent = peer.tracks.get("mic")?.muted ?? true;
    for (const [label, track] of videos) {
      if (!peer.tiles.has(label)) {
        const tile = new Tile({ peerId }, label, (chosen) => this.#choose(chosen));
        peer.tiles.set(label, tile);
        if (label === "screen") this.#own.item.after(tile.item);
        else this.#carousel.append(tile.item);
      }
      peer.tiles.get(label).update({ name: peer.name, track, silent: silent && label === "webcam" });
    }
    this.#project();
  }

  #removeTile(tile) {
    tile.remove();
    if (tile === this.#shown) this.#shown = null;
  }

  #choose(tile) {
    this.#show(tile, true);
  }

  #show(tile, chosen) {
    this.#shown = tile;
    this.#chosen = chosen;
    this.#project();
  }

  /** Show what was chosen; failing that a shared screen, the next remote picture, anybody remote, oneself. */
  #project() {
    const remote = [...this.#peers.values()].flatMap((peer) => [...peer.tiles.values()]);
    if (!this.#shown || (!this.#chosen && (this.#shown === this.#own || !this.#shown.track))) {
      this.#chosen = false;
      this.#shown = remote.find((tile) => tile.label === "screen") ?? remote.find((tile) => tile.track) ?? remote[0] ?? this.#own;
    }
    const { owner, label, track, name } = this.#shown;
    for (const tile of [this.#own, ...remote]) tile.projected = tile === this.#shown;
    showTrack(this.#screen, track);
    this.#screen.hidden = !track;
    this.#screen.classList.toggle("own", Boolean(owner.own));
    this.#projector.dataset.peerId = owner.peerId ?? "";
    this.#projector.dataset.label = label;
    this.#projector.querySelector("figcaption").textContent = this.#shown.title;
    this.#projector.querySelector("[data-projector-initial]").textContent = initialOf(name ?? "");
    this.#shown.setHue(this.#projector.querySelector(".avatar"));
  }

  #countHeads() {
    const alone = this.#peers.size === 0;
    this.#invite.hidden = !alone;
    this.#invite.parentElement.toggleAttribute("data-alone", alone);
    this.dispatchEvent(new CustomEvent("head-count", { detail: this.#peers.size + 1 }));
  }

  #moveFocus(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...this.#carousel.querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

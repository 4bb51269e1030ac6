/** The tiles: one for each person, one more for each screen. */
import { layout } from "./layout.js";

export const OWN = "own";

export class Grid {
  #list;
  #onSilence;
  #people = new Map(); // peer id → {name, colour}
  #tiles = new Map(); // "peerId" or "peerId screen" → tile

  /** `onSilence(waiting)`: whether the browser holds sound back until the user has clicked. */
  constructor(list, onSilence) {
    this.#list = list;
    this.#onSilence = onSilence;
    new ResizeObserver(() => this.#arrange()).observe(list);
  }

  get people() {
    return this.#people.size;
  }

  nameOf(peerId) {
    return this.#personOf(peerId).name || "Somebody";
  }

  addOwn(person) {
    this.addPerson(OWN, { ...person, name: `${person.name} (you)` });
  }

  /** What the own camera gives; null when it gives nothing. */
  showOwn(track) {
    if (track) this.addTrack({ track, peerId: OWN, label: "camera", kind: "video" });
    else for (const video of this.#tiles.get(OWN)?.querySelectorAll("video") ?? []) empty(video);
  }

  /** Again when more is known. */
  addPerson(peerId, person) {
    if (!this.#people.get(peerId)?.name) this.#people.set(peerId, person);
    this.#dress(this.#tile(peerId), peerId);
  }

  removePerson(peerId) {
    this.#people.delete(peerId);
    this.#drop(peerId);
    this.#drop(`${peerId} screen`);
  }

  addTrack({ track, peerId, label, kind }) {
    const tile = label === "screen" ? this.#tile(`${peerId} screen`, "tile screen") : this.#tile(peerId);
    this.#dress(tile, peerId);
    const media = tile.querySelector(kind);
    Object.assign(media, { hidden: false, srcObject: new MediaStream([track]), muted: peerId === OWN });
    Object.assign(media.dataset, { peerId, label });
    media.play().catch((error) => { if (error.name === "NotAllowedError") this.#onSilence(true); });
  }

  removeTrack({ track, peerId, label }) {
    if (label === "screen") return this.#drop(`${peerId} screen`);
    for (const media of this.#tiles.get(peerId)?.querySelectorAll("video, audio") ?? []) {
      if (media.srcObject?.getTracks().includes(track)) empty(media);
    }
  }

  setMuted(peerId, label, muted) {
    this.#tiles.get(peerId)?.classList.toggle(`muted-${label}`, muted);
  }

  /** `figures`: text by "peerId label". */
  showFigures(figures) {
    for (const tile of this.#tiles.values()) {
      const lines = [...tile.querySelectorAll("video, audio")]
        .map(({ dataset }) => figures.get(`${dataset.peerId} ${dataset.label}`))
        .filter(Boolean);
      tile.querySelector("pre").textContent = lines.join("\n");
    }
  }

  async playAll() {
    const media = [...this.#list.querySelectorAll("video, audio")].filter(({ srcObject }) => srcObject);
    await Promise.all(media.map((element) => element.play()));
    this.#onSilence(false);
  }

  clear() {
    this.#people.clear();
    this.#tiles.clear();
    this.#list.replaceChildren();
  }

  #personOf(peerId) {
    return this.#people.get(peerId) ?? { name: "", colour: "" };
  }

  #tile(key, className = "tile") {
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = document.createElement("li");
      tile.className = className;
      tile.innerHTML = '<span class="initial" aria-hidden="true"></span><video autoplay playsinline hidden></video>'
        + '<audio autoplay></audio><pre></pre><span class="name"></span>';
      this.#tiles.set(key, tile);
      this.#list.append(tile);
      this.#arrange();
    }
    return tile;
  }

  #dress(tile, peerId) {
    const { name, colour } = this.#personOf(peerId);
    const isScreen = tile.classList.contains("screen");
    tile.dataset.peerId = peerId;
    tile.classList.toggle("own", peerId === OWN);
    tile.style.setProperty("--colour", colour || "var(--line)");
    tile.querySelector(".name").textContent = isScreen ? `${name} · screen` : name || "…";
    tile.querySelector(".initial").textContent = [...name][0]?.toUpperCase() ?? "";
  }

  #drop(key) {
    this.#tiles.get(key)?.remove();
    this.#tiles.delete(key);
    this.#arrange();
  }

  #arrange() {
    const screens = [...this.#tiles.values()].filter((tile) => tile.classList.contains("screen"));
    const people = [...this.#tiles.values()].filter((tile) => !screens.includes(tile));
    const { clientWidth: width, clientHeight: height } = this.#list;
    const boxes = layout({ people: people.length, screens: screens.length, width, height });
    people.forEach((tile, index) => place(tile, boxes.people[index]));
    screens.forEach((tile, index) => place(tile, boxes.screens[index]));
  }
}

function place({ style, classList }, { x, y, width, height }) {
  Object.assign(style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  classList.toggle("small", width < 200);
}

function empty(media) {
  Object.assign(media, { hidden: true, srcObject: null });
  delete media.dataset.peerId;
}

/** The tiles: one for each person, one more for each screen; as large as they can be while all are seen. */

const TILE_RATIO = 16 / 9;
const GAP_PX = 12;
const OWN = "own";

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

  personOf(peerId) {
    return this.#people.get(peerId) ?? { name: "Somebody", colour: "" };
  }

  nameOf(peerId) {
    return this.personOf(peerId).name || "Somebody";
  }

  addOwn(person, stream) {
    this.addPerson(OWN, { ...person, name: `${person.name} (you)` });
    const video = this.#tiles.get(OWN).querySelector("video");
    Object.assign(video, { muted: true, hidden: false, srcObject: stream });
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
    const tile = label === "screen" ? this.#tile(`${peerId} screen`) : this.#tile(peerId);
    this.#dress(tile, peerId);
    tile.classList.toggle("screen", label === "screen");
    const media = tile.querySelector(kind);
    Object.assign(media, { hidden: false, srcObject: new MediaStream([track]) });
    Object.assign(media.dataset, { peerId, label });
    media.play().catch(() => this.#onSilence(true));
  }

  removeTrack({ track, peerId, label }) {
    if (label === "screen") return this.#drop(`${peerId} screen`);
    for (const media of this.#tiles.get(peerId)?.querySelectorAll("video, audio") ?? []) {
      if (!media.srcObject?.getTracks().includes(track)) continue;
      Object.assign(media, { hidden: true, srcObject: null });
      delete media.dataset.peerId;
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

  #tile(key) {
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = document.createElement("li");
      tile.className = "tile";
      tile.innerHTML = '<i class="initial" aria-hidden="true"></i><video autoplay playsinline hidden></video>'
        + '<audio autoplay></audio><pre></pre><span class="name"></span>';
      this.#tiles.set(key, tile);
      this.#list.append(tile);
      this.#arrange();
    }
    return tile;
  }

  #dress(tile, peerId) {
    const { name, colour } = this.personOf(peerId);
    tile.dataset.peerId = peerId;
    tile.style.setProperty("--colour", colour || "var(--line)");
    tile.querySelector(".name").textContent = name || "…";
    tile.querySelector(".initial").textContent = name.slice(0, 1).toUpperCase();
  }

  #drop(key) {
    this.#tiles.get(key)?.remove();
    this.#tiles.delete(key);
    this.#arrange();
  }

  /** The number of columns with which tiles of 16:9 are largest. */
  #arrange() {
    const { clientWidth: width, clientHeight: height } = this.#list;
    const count = this.#tiles.size;
    let best = { size: 0, columns: 1 };
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const byWidth = (width - GAP_PX * (columns - 1)) / columns;
      const byHeight = ((height - GAP_PX * (rows - 1)) / rows) * TILE_RATIO;
      const size = Math.min(byWidth, byHeight);
      if (size > best.size) best = { size, columns };
    }
    this.#list.style.setProperty("--columns", best.columns);
    this.#list.style.setProperty("--tile", `${Math.floor(best.size)}px`);
  }
}

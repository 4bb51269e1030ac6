/** The picture of the call: people in a ring, chords for links, the server above them with a spoke for whom it serves. */
import { perSecond } from "./figures.js";

const SVG = "http://www.w3.org/2000/svg";
const SERVER = { x: 0.5, y: 0.1 };
const BUSY = 200_000; // bytes a second that look busy

export class NetworkMap {
  #element;
  #svg;
  #server;
  #list;
  #people;
  #nodes = new Map();
  #wires = new Map();
  #places = new Map();

  /** element: a positioned box with an <svg>, a .server and a list in it. */
  constructor(element, people) {
    this.#element = element;
    this.#svg = element.querySelector("svg");
    this.#server = element.querySelector(".server");
    this.#list = element.querySelector("ul");
    this.#people = people;
    people.addEventListener("joined", ({ detail }) => this.#add(detail.id, detail.person));
    people.addEventListener("changed", ({ detail }) => this.#describe(detail.id, detail.person));
    people.addEventListener("left", ({ detail }) => this.#remove(detail.id));
    new ResizeObserver(() => this.#arrange()).observe(element);
  }

  /** Shows a camera; null takes it away. */
  show(id, track) {
    const node = this.#nodes.get(id);
    if (!node) return;
    node.querySelector("video")?.remove();
    if (!track) return;
    const video = Object.assign(document.createElement("video"), {
      id: `video-${id}`, autoplay: true, playsInline: true, muted: true, srcObject: new MediaStream([track]),
    });
    node.querySelector(".face").append(video);
    video.play().catch(() => {}); // an element that is taken away again
  }

  /** Shows the initial instead, for as long as the camera is off. */
  hide(id, hidden) {
    const video = this.#nodes.get(id)?.querySelector("video");
    if (video) video.hidden = hidden;
  }

  /** picture: what Figures.picture() gives. */
  draw({ links, spokes }) {
    const seen = new Set();
    for (const { a, b, there, back } of links) {
      const key = `${a} ${b}`;
      seen.add(key);
      this.#wire(key, "link", a, b, there, back);
    }
    for (const { id, up, down } of spokes) {
      seen.add(id);
      this.#wire(id, "spoke", id, null, up, down);
    }
    for (const [id, person] of this.#people) {
      if (person.link !== "failed") continue;
      const key = `failed ${id}`;
      seen.add(key);
      this.#wire(key, "failed", this.#ownId(), id, 0, 0);
    }
    for (const [key, wire] of this.#wires) {
      if (seen.has(key)) continue;
      wire.remove();
      this.#wires.delete(key);
    }
    this.#server.classList.toggle("busy", spokes.length > 0);
  }

  #ownId() {
    return [...this.#people].find(([, person]) => person.own)?.[0] ?? "";
  }

  #add(id, person) {
    const node = document.createElement("li");
    node.className = "node";
    node.dataset.peerId = id;
    node.innerHTML = '<div class="face"><span class="initial"></span></div><p class="who"></p><p class="state"></p>';
    this.#nodes.set(id, node);
    this.#list.append(node);
    this.#describe(id, person);
    this.#arrange();
  }

  #describe(id, person) {
    const node = this.#nodes.get(id);
    if (!node) return;
    const name = this.#people.nameOf(id);
    node.style.setProperty("--colour", person.colour || "#8888a0");
    node.classList.toggle("own", Boolean(person.own));
    node.querySelector(".initial").textContent = [...name][0].toUpperCase();
    node.querySelector(".who").textContent = person.own ? `${name} (you)` : name;
    const failed = person.link === "failed";
    node.dataset.carrier = person.own ? "" : person.carrier ?? "";
    node.querySelector(".state").textContent = person.own ? "" : failed ? "no link" : { mesh: "direct", sfu: "server" }[person.carrier] ?? "";
    node.classList.toggle("failed", failed);
  }

  #remove(id) {
    this.#nodes.get(id)?.remove();
    this.#nodes.delete(id);
    this.#arrange();
  }

  #arrange() {
    const { clientWidth: width, clientHeight: height } = this.#element;
    const count = this.#nodes.size;
    const size = Math.round(Math.min(220, width / (count > 4 ? 4.4 : 3.2), height / (count < 3 ? 2.6 : count < 5 ? 4 : 4.6)));
    const room = { across: Math.min((width - size) / 2 - 14, height * 0.52), down: (height * 0.8 - size - 44) / 2 };
    const middle = height * 0.58 - (count < 3 ? 0 : 12);
    const first = count % 2 ? 90 : 90 + 180 / Math.max(count, 1); // nobody stands where the server is
    const ids = [...this.#nodes.keys()].sort((a, b) => Number(b === this.#ownId()) - Number(a === this.#ownId()));
    this.#element.style.setProperty("--node", `${size}px`);
    this.#places.clear();
    const ring = ids.map((_, index) => ((first + (index * 360) / count) * Math.PI) / 180);
    const [widest, highest] = [Math.cos, Math.sin].map((of) => Math.max(...ring.map((angle) => Math.abs(of(angle))), 0.1));
    ids.forEach((id, index) => {
      const x = width / 2 + (count > 1 ? (Math.cos(ring[index]) / widest) * room.across : 0);
      const y = middle + (count > 1 ? (Math.sin(ring[index]) / highest) * room.down : 0);
      this.#places.set(id, { x, y });
      this.#nodes.get(id).style.translate = `${x - size / 2}px ${y - size / 2}px`;
    });
    this.#server.style.translate = `calc(${width * SERVER.x}px - 50%) calc(${Math.max(height * SERVER.y, 34)}px - 50%)`;
    this.#places.set(null, { x: width * SERVER.x, y: Math.max(height * SERVER.y, 34) });
    for (const wire of this.#wires.values()) this.#lay(wire);
  }

  #wire(key, kind, a, b, there, back) {
    let wire = this.#wires.get(key);
    if (!wire) {
      wire = document.createElementNS(SVG, "g");
      wire.innerHTML = '<path class="bed"/><path class="flow there"/><path class="flow back"/><text/>';
      wire.setAttribute("class", kind);
      wire.ends = [a, b];
      this.#wires.set(key, wire);
      this.#svg.append(wire);
      this.#lay(wire);
    }
    const [, thereFlow, backFlow, text] = wire.children;
    flow(thereFlow, there, this.#people.get(a)?.colour);
    flow(backFlow, back, b === null ? "var(--accent)" : this.#people.get(b)?.colour);
    text.textContent = kind === "failed" ? "no link" : perSecond(there + back);
  }

  /** Two lanes beside each other, so that both directions show. */
  #lay(wire) {
    const [from, to] = wire.ends.map((id) => this.#places.get(id));
    if (!from || !to) return;
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = Math.hypot(dx, dy) || 1;
    const [nx, ny] = [(-dy / length) * 4, (dx / length) * 4];
    const line = (one, other, side) =>
      `M${one.x + nx * side} ${one.y + ny * side}L${other.x + nx * side} ${other.y + ny * side}`;
    const [bed, there, back, text] = wire.children;
    bed.setAttribute("d", line(from, to, 0));
    there.setAttribute("d", line(from, to, 1));
    back.setAttribute("d", line(to, from, -1));
    const towards = wire.ends[1] === null ? 0.62 : 0.42; // not where chords cross
    text.setAttribute("x", from.x + dx * towards);
    text.setAttribute("y", from.y + dy * towards);
  }
}

function flow(path, rate, colour) {
  path.style.stroke = colour || "var(--soft)";
  path.style.opacity = rate > 500 ? 1 : 0;
  path.style.strokeWidth = 2 + 3 * Math.min(1, rate / BUSY);
  path.style.animationDuration = `${Math.round(2400 / (1 + 3 * Math.min(1, rate / BUSY)) / 100) * 100}ms`;
}

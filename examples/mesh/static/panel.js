/** Beside the picture: the list of people, and what is said and sent. */
import { isOpen } from "./files.js";
import { perSecond } from "./figures.js";

const UNITS = ["bytes", "kB", "MB"];
const STATES = {
  offered: "waiting for an answer", cancelled: "cancelled", lost: "lost: the other is gone", "too large": "too large for this page",
};

export function sizeOf(bytes) {
  const power = Math.min(2, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${power ? (bytes / 1000 ** power).toFixed(1) : bytes} ${UNITS[power]}`;
}

export class PeopleList {
  #list;
  #to;
  #count;

  constructor(people, { list, to, count }) {
    [this.#list, this.#to, this.#count] = [list, to, count];
    for (const event of ["joined", "changed"]) {
      people.addEventListener(event, ({ detail }) => this.#show(detail.id, detail.person, people));
    }
    people.addEventListener("left", ({ detail }) => this.#drop(detail.id, people));
  }

  /** Own links, by the other's id: {up, down}. */
  rates(links) {
    for (const row of this.#list.children) {
      const rate = links[row.dataset.peerId];
      row.querySelector(".rate").textContent = rate ? `↑ ${perSecond(rate.up)}\n↓ ${perSecond(rate.down)}` : "";
    }
  }

  #show(id, person, people) {
    let row = this.#row(id);
    if (!row) {
      row = document.createElement("li");
      row.dataset.peerId = id;
      row.innerHTML = '<i></i><b></b><span class="badge"></span><small class="id"></small><small class="rate"></small>';
      this.#list.append(row);
    }
    const failed = person.link === "failed";
    row.style.setProperty("--colour", person.colour || "#8888a0");
    row.querySelector("b").textContent = people.nameOf(id);
    row.querySelector(".id").textContent = id;
    const badge = row.querySelector(".badge");
    badge.textContent = person.own ? "you" : failed ? "no link" : { mesh: "direct", sfu: "server" }[person.carrier] ?? "";
    badge.dataset.carrier = failed ? "failed" : person.carrier ?? "";
    if (!person.own) this.#choice(id).textContent = people.nameOf(id);
    this.#count.textContent = people.size;
  }

  #drop(id, people) {
    this.#row(id)?.remove();
    [...this.#to.options].find(({ value }) => value === id)?.remove();
    this.#count.textContent = people.size;
  }

  #row(id) {
    return [...this.#list.children].find(({ dataset }) => dataset.peerId === id);
  }

  #choice(id) {
    const present = [...this.#to.options].find(({ value }) => value === id);
    if (present) return present;
    this.#to.append(new Option("", id));
    return this.#to.lastChild;
  }
}

export class Messages {
  #list;
  #unread;
  #cards = new Map();

  constructor(list, unread) {
    [this.#list, this.#unread] = [list, unread];
  }

  clear() {
    this.#list.replaceChildren();
    this.#cards.clear();
    this.read();
  }

  read() {
    this.#unread.hidden = true;
    this.#unread.textContent = "";
  }

  add({ name, colour, text, toOne }) {
    const item = document.createElement("li");
    item.innerHTML = "<b></b><small></small><p></p>";
    item.style.setProperty("--colour", colour);
    item.querySelector("b").textContent = name;
    item.querySelector("small").textContent = toOne;
    item.querySelector("p").textContent = text;
    this.#append(item);
  }

  note(text) {
    this.#append(Object.assign(document.createElement("li"), { className: "note", textContent: text }));
  }

  /** Draws a transfer as it is now. act: {accept, cancel}. */
  transfer(transfer, title, act) {
    const wasAtEnd = this.#isAtEnd;
    let card = this.#cards.get(transfer.key);
    if (!card) {
      card = document.createElement("li");
      card.className = "file";
      card.innerHTML =
        '<b></b><span class="name"></span><progress></progress><small></small><span class="deeds">' +
        '<button type="button" class="accept quiet">Accept</button><a class="save quiet">Save</a>' +
        '<button type="button" class="cancel quiet">Cancel</button></span>';
      card.querySelector(".accept").onclick = () => act.accept(transfer);
      card.querySelector(".cancel").onclick = () => act.cancel(transfer);
      this.#cards.set(transfer.key, card);
      this.#append(card);
    }
    const { state, size, done, url, name } = transfer;
    card.dataset.state = state;
    card.querySelector("b").textContent = title;
    card.querySelector(".name").textContent = name;
    const progress = Object.assign(card.querySelector("progress"), { max: size || 1, value: size ? done : Number(state === "done") });
    progress.ariaLabel = `Progress of ${name}`;
    const percent = size ? Math.floor((100 * done) / size) : 100;
    card.querySelector("small").textContent =
      state === "running" ? `${sizeOf(done)} of ${sizeOf(size)}, ${percent} %` : state === "done" ? sizeOf(size) : STATES[state] ?? (state === "asked" ? sizeOf(size) : state);
    progress.hidden = !["running", "done"].includes(state);
    card.querySelector(".accept").hidden = state !== "asked";
    card.querySelector(".cancel").hidden = !isOpen(transfer);
    card.querySelector(".cancel").textContent = state === "asked" ? "Decline" : "Cancel";
    const save = Object.assign(card.querySelector(".save"), { hidden: !url });
    if (url) Object.assign(save, { href: url, download: name });
    if (wasAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  get #isAtEnd() {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 60;
  }

  #append(item) {
    const wasAtEnd = this.#isAtEnd;
    this.#list.append(item);
    if (wasAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
    if (this.#list.checkVisibility?.() === false) {
      this.#unread.hidden = false;
      this.#unread.textContent = Number(this.#unread.textContent) + 1;
    }
  }
}

/** What was said, and how much of it has not been seen. */
export class Chat {
  #list;
  #badge;
  #known = new Set(); // ids: what comes late may have been heard before
  #unread = 0;
  #shown = false;

  constructor(list, badge) {
    this.#list = list;
    this.#badge = badge;
  }

  get shown() {
    return this.#shown;
  }

  set shown(shown) {
    this.#shown = shown;
    if (!shown) return;
    this.#count(0);
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** `message`: {id, name, colour, text, at}, `at` in milliseconds of the sender's clock. */
  add({ id, name, colour, text, at }) {
    if (this.#known.has(id)) return;
    this.#known.add(id);
    const author = Object.assign(document.createElement("b"), { textContent: name });
    author.style.setProperty("--colour", colour);
    const time = new Date(at);
    const clock = Object.assign(document.createElement("time"), {
      dateTime: time.toISOString(), textContent: time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
    });
    this.#append("message", author, clock, Object.assign(document.createElement("p"), { textContent: text }));
  }

  /** Something that nobody said. */
  note(text) {
    this.#append("note", text);
  }

  clear() {
    this.#list.replaceChildren();
    this.#known.clear();
    this.#count(0);
  }

  #append(kind, ...parts) {
    const item = document.createElement("li");
    item.className = kind;
    item.append(...parts);
    this.#list.append(item);
    this.#list.scrollTop = this.#list.scrollHeight;
    if (!this.#shown && kind === "message") this.#count(this.#unread + 1);
  }

  #count(unread) {
    this.#unread = unread;
    this.#badge.textContent = String(unread);
    this.#badge.ariaLabel = `${unread} unread`;
    this.#badge.hidden = unread === 0;
  }
}

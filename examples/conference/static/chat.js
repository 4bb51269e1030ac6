/** What was said, and how much of it has not been seen. */
export class Chat {
  #list;
  #badge;
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
    if (shown) this.#count(0);
  }

  add({ name, colour }, text) {
    const author = Object.assign(document.createElement("b"), { textContent: name });
    author.style.color = colour;
    this.#append(author, text);
  }

  /** Something that nobody said. */
  note(text) {
    this.#append(Object.assign(document.createElement("i"), { textContent: text }));
  }

  clear() {
    this.#list.replaceChildren();
    this.#count(0);
  }

  #append(...parts) {
    const item = document.createElement("li");
    item.append(...parts);
    this.#list.append(item);
    item.scrollIntoView({ block: "nearest" });
    if (!this.#shown) this.#count(this.#unread + 1);
  }

  #count(unread) {
    this.#unread = unread;
    this.#badge.textContent = String(unread);
    this.#badge.hidden = unread === 0;
  }
}

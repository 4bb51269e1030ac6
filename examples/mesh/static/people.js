/** Who is in the room: a list that can be watched. Events "joined", "changed", "left", each with {id, person}. */
export class People extends EventTarget {
  #all = new Map();

  get size() {
    return this.#all.size;
  }

  get(id) {
    return this.#all.get(id);
  }

  nameOf(id) {
    return this.#all.get(id)?.name || id.slice(0, 6);
  }

  [Symbol.iterator]() {
    return this.#all.entries();
  }

  /** Adds a person, or what is new about one. */
  set(id, news) {
    const known = this.#all.get(id);
    this.#all.set(id, { ...known, ...news });
    this.#tell(known ? "changed" : "joined", id);
  }

  delete(id) {
    const person = this.#all.get(id);
    if (this.#all.delete(id)) this.#tell("left", id, person);
  }

  clear() {
    for (const [id] of [...this.#all]) this.delete(id);
  }

  #tell(event, id, person = this.#all.get(id)) {
    this.dispatchEvent(new CustomEvent(event, { detail: { id, person } }));
  }
}

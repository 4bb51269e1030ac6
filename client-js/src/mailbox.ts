/** Hands things to a taker, in order; what comes while there is none waits until there is, or until it is withdrawn. */
export class Mailbox<Item> {
  readonly #items = new Set<Item>();
  readonly #hasTaker: () => boolean;
  readonly #hand: (item: Item) => void;

  constructor(hasTaker: () => boolean, hand: (item: Item) => void) {
    this.#hasTaker = hasTaker;
    this.#hand = hand;
  }

  put(item: Item): void {
    this.#items.add(item);
    this.#deliver();
  }

  withdraw(item: Item): void {
    this.#items.delete(item);
  }

  /** Says that there may be a taker now. Delivers in a microtask: nobody expects a call back from an assignment. */
  takerCame(): void {
    queueMicrotask(() => this.#deliver());
  }

  clear(): void {
    this.#items.clear();
  }

  #deliver(): void {
    for (const item of this.#items) {
      if (!this.#hasTaker()) return;
      this.#items.delete(item);
      this.#hand(item);
    }
  }
}

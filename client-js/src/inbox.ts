/**
 * The server's notifications, in their order and once each. They are numbered 1, 2, … in each session; after a resume
 * the server repeats those that may have been lost. While it is not known yet which session a connection carries they
 * wait here.
 */
import type { Numbered } from "./types.js";

export type Deliver = (event: string, payload: unknown) => void;

export class Inbox {
  readonly #deliver: Deliver;
  readonly #onGap: () => void;
  #lastSeq = 0;
  #held: [event: string, payload: unknown][] | undefined;

  /** `onGap`: a number is missing, so something was never heard of. */
  constructor(deliver: Deliver, onGap: () => void) {
    this.#deliver = deliver;
    this.#onGap = onGap;
  }

  /** What the server is told, so that it knows what to repeat. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  receive(event: string, payload: unknown): void {
    if (this.#held) this.#held.push([event, payload]);
    else this.#take(event, payload);
  }

  /** From now on what comes waits; what waits already came on a connection that is over, and is repeated. */
  hold(): void {
    this.#held = [];
  }

  /** A new session counts from 1. */
  startAnew(): void {
    this.#lastSeq = 0;
  }

  /** A snapshot tells all that was said up to this number. */
  skipTo(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq);
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const [event, payload] of held) this.#take(event, payload);
  }

  #take(event: string, payload: unknown): void {
    const { seq } = (payload ?? {}) as Partial<Numbered<object>>;
    if (typeof seq === "number") {
      if (seq <= this.#lastSeq) return;
      const gap = seq > this.#lastSeq + 1;
      this.#lastSeq = seq;
      if (gap) this.#onGap();
    }
    this.#deliver(event, payload);
  }
}

/** The time that one call of the application may take, all its steps together. */
import type { SimplePeerError } from "./errors.js";

export class Deadline {
  readonly #endsAtMs: number;

  constructor(ms: number) {
    this.#endsAtMs = Date.now() + ms;
  }

  get leftMs(): number {
    return Math.max(0, this.#endsAtMs - Date.now());
  }

  /** Gives what `work` gives, unless time is over first: then rejects with what `late` makes, and nobody waits for `work`. */
  async within<Result>(work: Promise<Result>, late: () => SimplePeerError): Promise<Result> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(late()), this.leftMs);
    });
    try {
      return await Promise.race([work, over]);
    } finally {
      clearTimeout(timer);
    }
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

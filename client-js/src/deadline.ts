/** The time that a call may take, all its steps together. */
export class Deadline {
  readonly #ms: number;
  #endsAtMs = 0;

  constructor(ms: number) {
    this.#ms = ms;
    this.restart();
  }

  restart(): void {
    this.#endsAtMs = Date.now() + this.#ms;
  }

  get leftMs(): number {
    return Math.max(0, this.#endsAtMs - Date.now());
  }

  /** What `work` gives; undefined when time is over first: it goes on, and nobody waits for it. */
  async within<Result>(work: Promise<Result>): Promise<Result | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.leftMs);
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

/** One thing at a time for each key, in the order asked. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Whether something is being done for it, or waits. */
  isTaken(key: string): boolean {
    return this.#last.has(key);
  }

  async take<Result>(key: string, act: () => Promise<Result>): Promise<Result> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(act);
    const settled = turn.catch(() => undefined);
    this.#last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}

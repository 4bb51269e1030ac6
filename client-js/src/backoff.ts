/** Waits that double, from `firstMs` to `maxMs`, until reset(). */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #tries = 0;

  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  nextMs(): number {
    return Math.min(this.#firstMs * 2 ** this.#tries++, this.#maxMs);
  }

  reset(): void {
    this.#tries = 0;
  }
}

/** One thing at a time, in the order given; what fails is told, and the next is done all the same. */
export class Queue {
  readonly #failed: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  add(act: () => Promise<void>): void {
    this.#last = this.#last.then(act).catch((error: unknown) => this.#failed(error));
  }
}

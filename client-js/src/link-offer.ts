/**
 * An offer that is out: said again when nobody answers it, since what is said about links may be lost on its way, and
 * given up when nobody answers that either. Until then its connection can agree on nothing else.
 */

/** From the moment at which the server has it; the other end has no more to do than to answer. */
const ANSWER_MS = 7_000;
const TIMES = 2;

export class LinkOffer {
  readonly #say: () => Promise<unknown>;
  readonly #unanswered: () => void;
  #said = 0;
  #settled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `say`: resolves when it is on its way. */
  constructor(say: () => Promise<unknown>, unanswered: () => void) {
    this.#say = say;
    this.#unanswered = unanswered;
  }

  /** While the socket is away the time does not run: what the link carries flows on meanwhile. */
  async make(): Promise<void> {
    this.#said++;
    await this.#say();
    if (!this.#settled) this.#timer = setTimeout(() => this.#goOn(), ANSWER_MS);
  }

  /** It has been answered, or taken back. */
  settle(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
  }

  #goOn(): void {
    if (this.#said < TIMES) void this.make();
    else this.#unanswered();
  }
}

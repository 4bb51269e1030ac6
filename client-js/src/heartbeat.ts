/**
 * Notices a socket that is dead and does not know it: the server speaks every `intervalMs`, so silence three times as
 * long means that nothing comes through any longer. (Socket.IO's own ping needs 45 s for that, by default.)
 */
const SILENT_INTERVALS = 3;

/** A timer this late means that the page slept; what came meanwhile waits to be read, and gets a moment for that. */
const LATE_MS = 1_000;
const WAKING_MS = 1_500;

export class HeartbeatWatch {
  readonly #onSilence: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #limitMs = 0;
  #heardAtMs = 0;

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence;
  }

  /** 0: the server has no heartbeat. */
  start(intervalMs: number): void {
    this.stop();
    this.#limitMs = intervalMs * SILENT_INTERVALS;
    this.heard();
    if (this.#limitMs > 0) this.#wait(this.#limitMs);
  }

  /** Anything at all came from the server. */
  heard(): void {
    this.#heardAtMs = performance.now();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    const dueAtMs = performance.now() + ms;
    this.#timer = setTimeout(() => this.#check(dueAtMs), ms);
  }

  #check(dueAtMs: number): void {
    const leftMs = this.#heardAtMs + this.#limitMs - performance.now();
    if (leftMs > 0) this.#wait(leftMs);
    else if (performance.now() - dueAtMs > LATE_MS) this.#wait(WAKING_MS);
    else this.#onSilence();
  }
}

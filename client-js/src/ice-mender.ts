/**
 * Decides when a transport's ICE is restarted: one restart at a time, again and again with growing waits, until the
 * transport is connected. It does not know how a restart is done.
 */
import { Backoff } from "./backoff.js";
import type { TransportState } from "./types.js";

/** Most short interruptions heal by themselves; a restart in the middle of that only costs time. */
const DISCONNECTED_GRACE_MS = 1_000;
/** A restart needs a few round trips over the socket and as many over the network before it can have worked. */
const RETRY_FIRST_MS = 3_000;
const RETRY_MAX_MS = 12_000;

export class IceMender {
  readonly #restart: () => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  readonly #backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #underway: Promise<void> | undefined;

  /** `onFailure` hears of the restarts that nobody asked for and that nobody else can therefore hear of. */
  constructor(restart: () => Promise<void>, onFailure: (error: unknown) => void) {
    this.#restart = restart;
    this.#onFailure = onFailure;
  }

  stateChanged(state: TransportState): void {
    if (state === "connected") {
      this.#backoff.reset();
      this.#cancel();
    } else if (state === "disconnected") {
      this.#schedule(DISCONNECTED_GRACE_MS);
    } else if (state === "failed") {
      this.#schedule(0);
    } else if (state === "closed") {
      this.close();
    }
  }

  /** Restarts at once, or joins the restart that is under way. */
  restart(): Promise<void> {
    this.#underway ??= this.#restart().finally(() => {
      this.#underway = undefined;
    });
    return this.#underway;
  }

  close(): void {
    this.#cancel();
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#mend(), delayMs);
  }

  /** Holds #timer from the first wait to the last, so that nothing else is scheduled meanwhile. */
  async #mend(): Promise<void> {
    const timer = this.#timer;
    await this.restart().catch(this.#onFailure);
    if (this.#timer !== timer) return; // connected, or closed, in the meantime
    this.#timer = setTimeout(() => void this.#mend(), this.#backoff.nextMs());
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

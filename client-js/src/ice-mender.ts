/**
 * Decides when a connection's ICE is restarted, and when that is given up: one restart at a time, a few at most, and if
 * it is not connected then, it needs to be made anew. It does not know how either is done.
 */
import type { TransportState } from "./types.js";

/** Most short interruptions heal by themselves; a restart in the middle of that only costs time. */
const DISCONNECTED_GRACE_MS = 1_000;
/** Of a transport to the server: a few round trips over the socket and as many over the network. */
const RESTART_WAITS_MS: readonly number[] = [3_000, 5_000];

export interface MenderObserver {
  /** Restarts have not helped. */
  givenUp(): void;
  /** Hears of the restarts that nobody asked for and that nobody else can therefore hear of. */
  restartFailed(error: unknown): void;
}

export class IceMender {
  readonly #restart: () => Promise<void>;
  readonly #observer: MenderObserver;
  readonly #waitsMs: readonly number[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #underway: Promise<void> | undefined;
  #closed = false;

  /** `waitsMs`: how many restarts there are, and how long each has to work. */
  constructor(restart: () => Promise<void>, observer: MenderObserver, waitsMs = RESTART_WAITS_MS) {
    this.#restart = restart;
    this.#observer = observer;
    this.#waitsMs = waitsMs;
  }

  stateChanged(state: TransportState): void {
    if (state === "connected") this.#cancel();
    else if (state === "disconnected") this.#schedule(DISCONNECTED_GRACE_MS);
    else if (state === "failed") this.#schedule(0);
    else if (state === "closed") this.close();
  }

  /** Restarts at once, or joins the restart that is under way. */
  restart(): Promise<void> {
    this.#underway ??= this.#restart().finally(() => {
      this.#underway = undefined;
    });
    return this.#underway;
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #schedule(delayMs: number): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#mend(0), delayMs);
  }

  /** Holds #timer from the first wait to the last, so that nothing else is scheduled meanwhile. */
  async #mend(restarts: number): Promise<void> {
    const waitMs = this.#waitsMs[restarts];
    if (waitMs === undefined) return this.#observer.givenUp();
    const timer = this.#timer;
    await this.restart().catch((error: unknown) => this.#observer.restartFailed(error));
    if (this.#timer !== timer) return; // connected, or closed, in the meantime
    this.#timer = setTimeout(() => void this.#mend(restarts + 1), waitMs);
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

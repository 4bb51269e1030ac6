/** Those who wait for tracks that are about to come over a link. */
import { Deferred } from "./deferred.js";

interface Waiter {
  readonly peerId: string;
  readonly producerId: string;
  readonly isWanted: () => boolean;
  readonly came: Deferred<MediaStreamTrack | undefined>;
}

export class TrackWaiters {
  readonly #track: (peerId: string, producerId: string) => MediaStreamTrack | undefined;
  readonly #waiting = new Set<Waiter>();

  constructor(track: (peerId: string, producerId: string) => MediaStreamTrack | undefined) {
    this.#track = track;
  }

  /** Resolves when it is there, or to undefined when it is not wanted any longer. */
  wait(peerId: string, producerId: string, isWanted: () => boolean): Promise<MediaStreamTrack | undefined> {
    const waiter = { peerId, producerId, isWanted, came: new Deferred<MediaStreamTrack | undefined>() };
    this.#waiting.add(waiter);
    this.look(peerId);
    return waiter.came.promise;
  }

  /** There are others than before. */
  look(peerId: string): void {
    for (const waiter of this.#of(peerId)) {
      const track = waiter.isWanted() ? this.#track(peerId, waiter.producerId) : undefined;
      if (track?.readyState === "live" || !waiter.isWanted()) this.#settle(waiter, () => waiter.came.resolve(track));
    }
  }

  refuse(peerId: string, error: Error): void {
    for (const waiter of this.#of(peerId)) this.#settle(waiter, () => waiter.came.reject(error));
  }

  #of(peerId: string): Waiter[] {
    return [...this.#waiting].filter((waiter) => waiter.peerId === peerId);
  }

  #settle(waiter: Waiter, settle: () => void): void {
    this.#waiting.delete(waiter);
    settle();
  }
}

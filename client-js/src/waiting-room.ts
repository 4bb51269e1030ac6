/** Where calls wait for a session, and how long: each gets the one there is, or the next, and settles in time. */
import { Deferred } from "./deferred.js";
import { SimplePeerError, toSimplePeerError } from "./errors.js";
import type { Session } from "./session.js";

export class WaitingRoom {
  readonly patienceMs: number;
  readonly #isConnected: () => boolean;
  /** Those who wait for a session wait for this; it is replaced when what it was settled with is over. */
  #next = new Deferred<Session>();

  constructor(patienceMs: number, isConnected: () => boolean) {
    this.patienceMs = patienceMs;
    this.#isConnected = isConnected;
  }

  /** The session there is, or the next. Rejects when the last attempt to open one failed. */
  current(): Promise<Session> {
    return this.#next.promise;
  }

  admit(session: Session): void {
    this.#next.resolve(session);
  }

  refuse(error: SimplePeerError): void {
    this.expectAnother();
    this.#next.reject(error);
  }

  /** What there was is over. Those who wait go on waiting. */
  expectAnother(): void {
    if (this.#next.settled) this.#next = new Deferred<Session>();
  }

  /** See SessionKeeper.run(). */
  async run<Result>(act: (session: Session) => Promise<Result>): Promise<Result> {
    const bound = new Deferred<never>();
    const timer = setTimeout(() => bound.reject(this.#outOfPatience()), this.patienceMs);
    try {
      return await Promise.race([this.#runOn(act, bound), bound.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #runOn<Result>(act: (session: Session) => Promise<Result>, bound: Deferred<never>): Promise<Result> {
    for (;;) {
      const session = await this.current();
      if (bound.settled) return bound.promise;
      try {
        return await act(session);
      } catch (error) {
        if (!session.closed) throw toSimplePeerError(error);
      }
    }
  }

  #outOfPatience(): SimplePeerError {
    return this.#isConnected()
      ? new SimplePeerError(
          "timeout",
          `that was not done within ${this.patienceMs} ms`,
          "is the server overloaded? patienceMs allows more time",
        )
      : new SimplePeerError(
          "disconnected",
          `the connection to the server has been away; gave up after ${this.patienceMs} ms`,
          'is the server up, and the network? What was wished is remembered; wait for "connectionStateChange"',
        );
  }
}

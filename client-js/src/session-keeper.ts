/** Sees to it that there is a session: opens one at each connection, tries again where that may help. */
import { Backoff } from "./backoff.js";
import { SimplePeerError, toSimplePeerError } from "./errors.js";
import type { Session } from "./session.js";

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;

/** Failures of an opening that the next attempt need not meet again. */
const TRANSIENT = new Set(["timeout", "internal_error", "too_many_requests"]);

export interface SessionKeeperObserver {
  /** Makes a session fit for use; it is nobody's yet. */
  open(): Promise<Session>;
  opened(session: Session): void;
  failed(error: SimplePeerError): void;
  leave(): void;
  rejoin(): void;
}

export class SessionKeeper {
  readonly #observer: SessionKeeperObserver;
  readonly #backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS);
  /** Those who wait for a session wait for this; it is replaced when what it was settled with is over. */
  #next = new Deferred<Session>();
  #session: Session | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(observer: SessionKeeperObserver) {
    this.#observer = observer;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** The session there is, or the next. Rejects when the last attempt to open one failed, or after close(). */
  current(): Promise<Session> {
    return this.#next.promise;
  }

  /** Does it on the session there is; when that ends in the middle, does it again on the next. */
  async run<Result>(act: (session: Session) => Promise<Result>): Promise<Result> {
    for (;;) {
      const session = await this.current();
      try {
        return await act(session);
      } catch (error) {
        if (!session.closed) throw toSimplePeerError(error);
      }
    }
  }

  /** The connection is there. */
  async connected(): Promise<void> {
    this.#forgetRetry();
    this.#expectAnother();
    const expected = this.#next;
    try {
      const session = await this.#observer.open();
      if (this.#next !== expected) return session.close(); // lost again meanwhile
      this.#session = session;
      expected.resolve(session);
      this.#observer.opened(session);
    } catch (cause) {
      if (this.#next !== expected) return;
      const error = toSimplePeerError(cause);
      this.refused(error);
      if (TRANSIENT.has(error.code)) this.startAnew();
    }
  }

  /** The connection is gone, and the session with it. */
  disconnected(): void {
    this.#session?.close();
    this.#session = undefined;
    this.#expectAnother();
  }

  /** There will be no session until the next connection. */
  refused(error: SimplePeerError): void {
    this.#expectAnother();
    this.#next.reject(error);
    this.#observer.failed(error);
  }

  /** Drops a session that is of no more use, if there is one, and a little later starts anew. */
  startAnew(): void {
    if (this.#closed || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#observer.rejoin();
    }, this.#backoff.nextMs());
    this.#observer.leave();
  }

  /** Media flows: whatever went wrong before is over. */
  healthy(): void {
    this.#backoff.reset();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forgetRetry();
    this.disconnected();
    this.#next.reject(
      new SimplePeerError("closed", "this SimplePeer is closed", "make a new one: new SimplePeer(socket)"),
    );
  }

  /** Keeps those who wait waiting; those who come after a settled one wait for another. */
  #expectAnother(): void {
    const previous = this.#next;
    this.#next = new Deferred<Session>();
    if (previous.settled) return;
    this.#next.promise.then(previous.resolve, previous.reject);
  }

  #forgetRetry(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }
}

class Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve!: (value: Value) => void;
  reject!: (error: unknown) => void;
  settled = false;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = (value) => {
        this.settled = true;
        resolve(value);
      };
      this.reject = (error) => {
        this.settled = true;
        reject(error);
      };
    });
    this.promise.catch(() => undefined); // whoever waits hears of it; with nobody waiting it is no accident
  }
}

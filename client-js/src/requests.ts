/**
 * A session's requests. One that is unanswered when the socket is lost is asked again, with the same `requestId`, when
 * the session is resumed: the server answers a repeated id with its first answer, so nothing is done twice.
 */
import { SimplePeerError } from "./errors.js";
import { Turnstile } from "./turnstile.js";
import type { Payload, Reply, RequestName } from "./types.js";

export type Request = <Name extends RequestName>(name: Name, payload: Payload<Name>) => Promise<Reply<Name>>;

/** The server answers no more than 64 waiting requests of one peer; a room may have more tracks than that. */
const MAX_UNANSWERED = 32;

interface Unanswered {
  ask(): Promise<unknown>;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
  /** Runs when the server called the session closed: the connection is about to end, and if it does not, so be it. */
  giveUp?: ReturnType<typeof setTimeout>;
}

export class Requests {
  readonly #ask: Request;
  readonly #timeoutMs: number;
  readonly #turnstile = new Turnstile(MAX_UNANSWERED);
  readonly #unanswered = new Set<Unanswered>();
  #lastId = 0;
  #away = true;
  #closed: SimplePeerError | undefined;

  /** `ask` asks once, on the connection of the moment. */
  constructor(ask: Request, timeoutMs: number) {
    this.#ask = ask;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws SimplePeerError the server's, `timeout`, `bad_answer`, or what close() was given */
  async request<Name extends RequestName>(name: Name, payload: Payload<Name>): Promise<Reply<Name>> {
    await this.#turnstile.enter();
    try {
      return (await this.#await(name, payload)) as Reply<Name>;
    } finally {
      this.#turnstile.leave();
    }
  }

  /** There is a connection that carries the session. */
  resume(): void {
    this.#away = false;
    for (const unanswered of this.#unanswered) this.#send(unanswered);
  }

  suspend(): void {
    this.#away = true;
  }

  close(error: SimplePeerError): void {
    this.#closed ??= error;
    for (const unanswered of this.#unanswered) this.#settle(unanswered, () => unanswered.reject(error));
  }

  #await<Name extends RequestName>(name: Name, payload: Payload<Name>): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closed);
    const identified = { ...payload, requestId: String(++this.#lastId) };
    return new Promise((resolve, reject) => {
      const unanswered = { ask: () => this.#ask(name, identified), resolve, reject };
      this.#unanswered.add(unanswered);
      if (!this.#away) this.#send(unanswered);
    });
  }

  #send(unanswered: Unanswered): void {
    unanswered.ask().then(
      (answer) => this.#settle(unanswered, () => unanswered.resolve(answer)),
      (error: unknown) => {
        const code = error instanceof SimplePeerError ? error.code : "";
        if (code === "disconnected") return; // asked again when the session is resumed
        if (code === "closed") {
          unanswered.giveUp ??= setTimeout(() => this.#refuse(unanswered, error), this.#timeoutMs);
        } else {
          this.#refuse(unanswered, error);
        }
      },
    );
  }

  #refuse(unanswered: Unanswered, error: unknown): void {
    this.#settle(unanswered, () => unanswered.reject(error));
  }

  #settle(unanswered: Unanswered, settle: () => void): void {
    clearTimeout(unanswered.giveUp);
    if (this.#unanswered.delete(unanswered)) settle();
  }
}

/**
 * The `/simplesfu` namespace on the application's own connection: requests with answers, notifications, and
 * whether it is there. It follows the application's socket: joins when that is connected, leaves when that is gone.
 */
import type { Socket } from "socket.io-client";
import { SimplePeerError } from "./errors.js";
import { Turnstile } from "./turnstile.js";
import type { Answer, NotificationHandlers, Payload, Reply, RequestName, WireError } from "./types.js";

// Whatever events the application has typed its socket with: none of ours are among them.
// biome-ignore lint/suspicious/noExplicitAny: Socket's event maps are invariant, so no narrower type takes every socket
export type AnySocket = Socket<any, any>;

const NAMESPACE = "/simplesfu";

/** The server answers no more than 64 waiting requests of one peer; a room may have more tracks than that. */
const MAX_UNANSWERED = 32;

export interface SignalingObserver {
  /** The server let us in; nothing of an earlier connection is known to it. */
  connected(): void;
  /** `mayReturn`: socket.io reconnects by itself, or the application has to. False: only rejoin() brings it back. */
  disconnected(reason: string, mayReturn: boolean): void;
  /** The server did not let us in, and will not be asked again unless the application's socket reconnects. */
  refused(error: SimplePeerError): void;
}

/** Connections that have a Signaling: the namespace's socket is one per connection, so a second would hear the first. */
const taken = new WeakSet<AnySocket["io"]>();

export class Signaling {
  readonly #application: AnySocket;
  readonly #timeoutMs: number;
  readonly #handlers: NotificationHandlers;
  readonly #observer: SignalingObserver;
  readonly #unanswered = new Turnstile(MAX_UNANSWERED);
  #namespace: AnySocket | undefined;

  constructor(socket: AnySocket, timeoutMs: number, handlers: NotificationHandlers, observer: SignalingObserver) {
    if (taken.has(socket.io)) {
      throw new SimplePeerError(
        "already_exists",
        "this connection has a SimplePeer already",
        "use that one, or close() it before you make another",
      );
    }
    taken.add(socket.io);
    this.#application = socket;
    this.#timeoutMs = timeoutMs;
    this.#handlers = handlers;
    this.#observer = observer;
    socket.on("connect", this.#join);
    socket.on("disconnect", this.#leaveIfGone);
    if (socket.connected) this.#join();
  }

  /** @throws SimplePeerError the server's, or `timeout`, `disconnected`, `bad_answer` */
  async request<Name extends RequestName>(name: Name, payload: Payload<Name>): Promise<Reply<Name>> {
    const namespace = this.#namespace;
    const connection = namespace?.id;
    await this.#unanswered.enter();
    try {
      // socket.io would keep it for the next connection, where it means nothing
      if (!namespace?.connected || namespace.id !== connection) throw disconnected(name);
      return dataOf(name, await this.#ask(namespace, name, payload)) as Reply<Name>;
    } finally {
      this.#unanswered.leave();
    }
  }

  /** The server forgets what it knew of us. */
  leave(): void {
    this.#namespace?.disconnect();
  }

  /** To be called some time after leave(): servers mistake a connect on the heels of a disconnect for a second one. */
  rejoin(): void {
    if (this.#application.connected) this.#join();
  }

  close(): void {
    this.#application.off("connect", this.#join);
    this.#application.off("disconnect", this.#leaveIfGone);
    if (this.#namespace) {
      for (const [name, listener] of this.#listeners()) this.#namespace.off(name, listener);
      this.#namespace.disconnect();
    }
    taken.delete(this.#application.io);
  }

  readonly #join = (): void => {
    if (!this.#namespace) {
      this.#namespace = this.#application.io.socket(NAMESPACE) as AnySocket;
      for (const [name, listener] of this.#listeners()) this.#namespace.on(name, listener);
    }
    if (!this.#namespace.active) this.#namespace.connect();
  };

  async #ask(namespace: AnySocket, name: RequestName, payload: unknown): Promise<unknown> {
    try {
      return await namespace.timeout(this.#timeoutMs).emitWithAck(name, payload);
    } catch (cause) {
      throw namespace.connected ? timedOut(name, this.#timeoutMs, cause) : disconnected(name, cause);
    }
  }

  // A socket that still reconnects by itself takes the namespace along. One that was told to go must not be
  // survived by it: it would keep the connection open behind the application's back.
  readonly #leaveIfGone = (): void => {
    if (!this.#application.active) this.#namespace?.disconnect();
  };

  readonly #onConnect = (): void => this.#observer.connected();

  readonly #onDisconnect = (reason: string): void => {
    const kicked = reason === "io server disconnect" && this.#application.connected;
    this.#observer.disconnected(reason, !kicked);
  };

  readonly #onConnectError = (error: Error & { data?: unknown }): void => {
    if (this.#namespace?.active) return; // the connection's trouble, not the namespace's: socket.io goes on trying
    if (!this.#application.connected) return; // it was too early; the application's socket will bring us along
    this.#observer.refused(
      isWireError(error.data)
        ? fromWire(error.data)
        : new SimplePeerError(
            "refused",
            `the server refused the namespace ${NAMESPACE}: ${error.message}`,
            "does the server have MediaManager(sio)?",
            { cause: error },
          ),
    );
  };

  #listeners(): [name: string, listener: (payload: never) => void][] {
    return [
      ["connect", this.#onConnect],
      ["disconnect", this.#onDisconnect],
      ["connect_error", this.#onConnectError],
      ...Object.entries(this.#handlers),
    ];
  }
}

function dataOf(name: RequestName, answer: unknown): unknown {
  const { ok, data, error } = (answer ?? {}) as Partial<Answer> & { data?: unknown; error?: unknown };
  if (ok === true && typeof data === "object" && data !== null) return data;
  if (ok === false && isWireError(error)) throw fromWire(error);
  throw new SimplePeerError(
    "bad_answer",
    `the server answered "${name}" with something that is not in the protocol`,
    "do page and server have the same version of simplesfu?",
  );
}

function isWireError(value: unknown): value is WireError {
  const { code, message } = (value ?? {}) as Partial<WireError>;
  return typeof code === "string" && typeof message === "string";
}

function fromWire({ code, message, hint }: WireError): SimplePeerError {
  return new SimplePeerError(code, message, hint);
}

function timedOut(name: RequestName, timeoutMs: number, cause: unknown): SimplePeerError {
  return new SimplePeerError(
    "timeout",
    `the server did not answer "${name}" within ${timeoutMs} ms`,
    "is the server overloaded, or its event loop blocked?",
    { cause },
  );
}

function disconnected(name: RequestName, cause?: unknown): SimplePeerError {
  return new SimplePeerError("disconnected", `the socket went away before "${name}" was answered`, "", { cause });
}

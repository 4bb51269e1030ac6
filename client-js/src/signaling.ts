/**
 * The `/simplesfu` namespace on the application's own connection: it asks, it hears, and it knows whether it is there.
 * It follows the application's socket: joins when that is connected, leaves when that is gone, says goodbye with the
 * page and returns with it. Whose session a connection carries is not its concern.
 */
import { interrupt, watchEngine } from "./engine.js";
import { SimplePeerError } from "./errors.js";
import { type AnySocket, depart, departure, NAMESPACE } from "./namespace.js";
import { watchPage } from "./page-life.js";
import type { Answer, Payload, Reply, RequestName, WireError } from "./types.js";

export type { AnySocket } from "./namespace.js";

/** Between attempts to reconnect, and for each of them, where the application has chosen nothing: socket.io's own 5 s,
 * 7.5 with its jitter, and 20 s would often outlast what is left of the server's grace period. */
const RECONNECTION_DELAY_MAX_MS = 2_000;
const CONNECT_TIMEOUT_MS = 6_000;

/** A server that is still busy with a goodbye refuses the next to come, and does not say why. */
const UNREASONED_RETRIES_MS: readonly number[] = [100, 400, 1_000];

/** How a connection ended, which tells what may become of the session. */
export type Ending =
  /** The network's doing; socket.io reconnects by itself. */
  | "lost"
  /** The server ended the namespace and left the application's socket alone. Only rejoin() brings it back. */
  | "dropped"
  /** The page left, or the application's socket was disconnected by either side: the server keeps nothing. */
  | "left";

export interface SignalingObserver {
  /** The server let us in. */
  connected(): void;
  /** May be called again with another ending when more is known. */
  disconnected(reason: string, ending: Ending): void;
  /** The server did not let us in, and will not be asked again unless the application's socket reconnects. */
  refused(error: SimplePeerError): void;
  /** Whatever event the server sent. */
  heard(event: string, payload: unknown): void;
}

/** Connections that have a Signaling: the namespace's socket is one per connection, so a second would hear the first. */
const taken = new WeakSet<AnySocket["io"]>();

export class Signaling {
  readonly #application: AnySocket;
  readonly #timeoutMs: number;
  readonly #observer: SignalingObserver;
  readonly #stopWatchingPage: () => void;
  readonly #stopWatchingEngine: () => void;
  #namespace: AnySocket | undefined;
  #unreasonedRefusals = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(socket: AnySocket, timeoutMs: number, observer: SignalingObserver) {
    if (taken.has(socket.io)) {
      throw new SimplePeerError(
        "already_exists",
        "this connection has a SimplePeer already",
        "use that one, or close() it before you make another",
      );
    }
    taken.add(socket.io);
    // After silence a request over HTTP would take a connection from the browser's pool that is as dead as the socket
    // was, and wait for an answer until Socket.IO loses patience. A WebSocket that worked before is opened afresh.
    socket.io.opts.rememberUpgrade ??= true;
    this.#application = socket;
    this.#timeoutMs = timeoutMs;
    this.#observer = observer;
    if (socket.io.opts.reconnectionDelayMax === undefined) socket.io.reconnectionDelayMax(RECONNECTION_DELAY_MAX_MS);
    if (socket.io.opts.timeout === undefined) socket.io.timeout(CONNECT_TIMEOUT_MS);
    // Without the goodbye others would see this peer for the whole grace period.
    this.#stopWatchingPage = watchPage({ leaving: () => this.leave(), returned: () => this.rejoin() });
    this.#stopWatchingEngine = watchEngine(socket.io, { timeoutMs, waiting: () => this.#isWaiting });
    socket.on("connect", this.#join);
    socket.on("disconnect", this.#leaveIfGone);
    if (socket.connected) this.#join();
  }

  /**
   * Asks once, on this connection.
   * @throws SimplePeerError the server's, or `timeout`, `disconnected`, `bad_answer`
   */
  async ask<Name extends RequestName>(name: Name, payload: Payload<Name>): Promise<Reply<Name>> {
    return ask(this.#namespace, this.#timeoutMs, name, payload);
  }

  /** The server ends the session at once. */
  leave(): void {
    if (this.#namespace) depart(this.#namespace);
  }

  rejoin(): void {
    if (this.#application.connected && !this.#closed) this.#join();
  }

  /** Gives up a connection that nothing comes through; socket.io makes another, for the application too. */
  interrupt(): void {
    interrupt(this.#application.io);
  }

  close(): void {
    this.#closed = true;
    this.#stopWatchingPage();
    this.#stopWatchingEngine();
    clearTimeout(this.#retry);
    this.#application.off("connect", this.#join);
    this.#application.off("disconnect", this.#leaveIfGone);
    if (this.#namespace) {
      for (const [name, listener] of this.#listeners) this.#namespace.off(name, listener);
      this.#namespace.offAny(this.#onAny);
      depart(this.#namespace);
    }
    taken.delete(this.#application.io);
  }

  get #isWaiting(): boolean {
    return [this.#application, this.#namespace].some((socket) => socket?.active && !socket.connected);
  }

  readonly #join = (): void => {
    const earlier = departure(this.#application.io);
    if (earlier) void earlier.then(() => this.rejoin());
    else this.#joinNow();
  };

  #joinNow(): void {
    if (!this.#namespace) {
      this.#namespace = this.#application.io.socket(NAMESPACE) as AnySocket;
      for (const [name, listener] of this.#listeners) this.#namespace.on(name, listener);
      this.#namespace.onAny(this.#onAny);
    }
    if (!this.#namespace.active) this.#namespace.connect();
  }

  // A socket that still reconnects by itself takes the namespace along. One that was told to go must not be
  // survived by it: it would keep the connection open behind the application's back.
  readonly #leaveIfGone = (reason: string): void => {
    if (this.#application.active) return;
    this.#namespace?.disconnect();
    this.#observer.disconnected(reason, "left"); // the server's goodbye to the namespace may have been first
  };

  readonly #onAny = (event: string, payload: unknown): void => this.#observer.heard(event, payload);

  readonly #onConnect = (): void => {
    this.#unreasonedRefusals = 0;
    this.#observer.connected();
  };

  readonly #onDisconnect = (reason: string): void => {
    if (this.#namespace) this.#namespace.sendBuffer = []; // what a dying connection did not take is ours to repeat
    this.#observer.disconnected(reason, this.#endingOf(reason));
  };

  #endingOf(reason: string): Ending {
    if (reason === "io client disconnect") return "left";
    return reason === "io server disconnect" ? "dropped" : "lost";
  }

  readonly #onConnectError = (error: Error & { data?: unknown }): void => {
    if (this.#namespace?.active) return; // the connection's trouble, not the namespace's: socket.io goes on trying
    if (!this.#application.connected) return; // it was too early; the application's socket will bring us along
    const reasoned = isWireError(error.data) ? fromWire(error.data) : undefined;
    const retryMs = reasoned ? undefined : UNREASONED_RETRIES_MS[this.#unreasonedRefusals++];
    if (retryMs === undefined) this.#observer.refused(reasoned ?? refused(error));
    else this.#retry = setTimeout(() => this.rejoin(), retryMs);
  };

  readonly #listeners: [name: string, listener: (payload: never) => void][] = [
    ["connect", this.#onConnect],
    ["disconnect", this.#onDisconnect],
    ["connect_error", this.#onConnectError],
  ];
}

/**
 * Asks once, on the connection of the moment.
 * @throws SimplePeerError the server's, or `timeout`, `disconnected`, `bad_answer`
 */
export async function ask<Name extends RequestName>(
  namespace: AnySocket | undefined,
  timeoutMs: number,
  name: Name,
  payload: Payload<Name>,
): Promise<Reply<Name>> {
  // socket.io would keep it for the next connection, where it means nothing
  if (!namespace?.connected) throw disconnected(name);
  let answer: unknown;
  try {
    answer = await namespace.timeout(timeoutMs).emitWithAck(name, payload);
  } catch (cause) {
    throw namespace.connected ? timedOut(name, timeoutMs, cause) : disconnected(name, cause);
  }
  return dataOf(name, answer) as Reply<Name>;
}

/** Whether a SimplePeer uses the connection. */
export function isTaken(socket: AnySocket): boolean {
  return taken.has(socket.io);
}

/** What keeps one from joining the namespace, in words. */
export function refusal(error: Error & { data?: unknown }): SimplePeerError {
  return isWireError(error.data) ? fromWire(error.data) : refused(error);
}

export function fromWire({ code, message, hint }: WireError): SimplePeerError {
  return new SimplePeerError(code, message, hint);
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

function refused(cause: Error): SimplePeerError {
  return new SimplePeerError(
    "refused",
    `the server refused the namespace ${NAMESPACE}: ${cause.message || "it does not say why"}`,
    "does the server have MediaManager(sio)?",
    { cause },
  );
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

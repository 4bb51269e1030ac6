/**
 * Sees to it that there is a session: greets the server at each connection, resumes the session where the server still
 * has it, opens another where not, and tries again where that may help.
 *
 *     no session ──hello──▶ opening ──▶ open ◀──resumed── suspended (the socket is away)
 *         ▲                    │          │──────lost───────▶ │
 *         └────────────────────┴──────────┴──── ended ◀───────┘ not resumed, left, or the grace period is over
 */
import { Backoff } from "./backoff.js";
import { SimplePeerError, toSimplePeerError } from "./errors.js";
import type { RemovalReason } from "./events.js";
import { HeartbeatWatch } from "./heartbeat.js";
import { type Deliver, Inbox } from "./inbox.js";
import { Session, type SessionOptions } from "./session.js";
import { type AnySocket, type Ending, Signaling } from "./signaling.js";
import type { TransportObserver } from "./transports.js";
import { PROTOCOL_VERSION, type Snapshot, type Topology, type Welcome } from "./types.js";
import { WaitingRoom } from "./waiting-room.js";

export interface KeeperOptions extends SessionOptions {
  /** How long the server may take to answer a request, or to let a connection's sockets in. Default: 10 000. */
  timeoutMs?: number;
  /** How long a call may take in all, a lost connection included. Default: 30 000. */
  patienceMs?: number;
  /**
   * How media is to travel: "sfu", by the server; "mesh", from browser to browser, with everybody who allows that;
   * "auto", from browser to browser while two are alone, else by the server. Default: "sfu". The server may grant
   * "sfu" only.
   */
  topology?: Topology;
}

const TIMEOUT_MS = 10_000;
const PATIENCE_MS = 30_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;
/** By then a server that the loss was not told has noticed it too. */
const NOTICING_HEARTBEATS = 4;

/** Failures of a greeting, or of an opening, that the next attempt need not meet again. */
const TRANSIENT = new Set(["timeout", "internal_error", "too_many_requests", "closed"]);

export interface KeeperObserver {
  /** Whether messages are listened to. */
  wantsData(): boolean;
  /** Makes a new session fit for use; it is nobody's yet. */
  fitOut(session: Session): Promise<void>;
  opened(session: Session): void;
  /** The socket is back, and all is as it was; `snapshot` stands for what was missed, if that is not told again. */
  resumed(session: Session, snapshot: Snapshot | undefined): void;
  /** The socket is away. Media flows on. */
  suspended(reason: string): void;
  /** What there was is gone; there may be another session later. */
  ended(reason: RemovalReason): void;
  /** Something was missed: what is believed must be compared with what the server has. */
  missed(): void;
  notified: Deliver;
  failed(error: SimplePeerError): void;
}

export class SessionKeeper {
  readonly #signaling: Signaling;
  readonly #observer: KeeperObserver;
  readonly #transportObserver: TransportObserver;
  readonly #options: KeeperOptions;
  /** As it was asked for last. */
  #topology: Topology | undefined;
  readonly #timeoutMs: number;
  readonly #waiting: WaitingRoom;
  readonly #inbox: Inbox;
  readonly #heartbeat = new HeartbeatWatch(() => this.#signaling.interrupt());
  readonly #backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS);
  /** The one there is: opening, open, or suspended. */
  #session: Session | undefined;
  #token: string | undefined;
  /** Changes with every connection and every loss, so that what was begun before can tell. */
  #connection = 0;
  #connected = false;
  /** As the last welcome had it, and so unknown before the first. */
  #heartbeatMs = 0;
  #graceMs = 0;
  #retrying: ReturnType<typeof setTimeout> | undefined;
  #graceOver: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    socket: AnySocket,
    options: KeeperOptions,
    observer: KeeperObserver,
    transportObserver: TransportObserver,
  ) {
    this.#options = options;
    this.#topology = options.topology;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#waiting = new WaitingRoom(options.patienceMs ?? PATIENCE_MS, () => this.#connected);
    this.#observer = observer;
    this.#transportObserver = transportObserver;
    this.#inbox = new Inbox(observer.notified, () => observer.missed());
    this.#signaling = new Signaling(socket, this.#timeoutMs, {
      connected: () => void this.#greet(),
      disconnected: (reason, ending) => this.#disconnected(reason, ending),
      refused: (error) => this.#notWelcomed(error),
      heard: (event, payload) => this.#heard(event, payload),
    });
  }

  /** The one there is, whether its socket is there or away. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** How long the server may take to answer. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** How long a call may take in all. */
  get patienceMs(): number {
    return this.#waiting.patienceMs;
  }

  /** Whether the socket is there. */
  get connected(): boolean {
    return this.#connected;
  }

  /** The session there is, or the next. Rejects when the last attempt to open one failed, or after close(). */
  current(): Promise<Session> {
    return this.#waiting.current();
  }

  /**
   * Does it on the session there is; when that ends in the middle, does it again on the next. Settles within the
   * patience. What `act` has begun by then goes on: it is for the caller to take it back.
   * @throws SimplePeerError what `act` throws; `disconnected` or `timeout` when patience is at its end
   */
  run<Result>(act: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#waiting.run(act);
  }

  /** Of this session and of those to come. @returns what is granted */
  setTopology(topology: Topology): Promise<Topology> {
    this.#topology = topology;
    return this.run(async (session) => {
      const granted = await session.request("setTopology", { topology });
      session.topology = granted.topology;
      return granted.topology;
    });
  }

  /** A snapshot tells all up to this number. @returns whether it is not older than what has been heard */
  skipTo(seq: number): boolean {
    if (seq < this.#inbox.lastSeq) return false;
    this.#inbox.skipTo(seq);
    return true;
  }

  /** Media flows: whatever went wrong before is over. */
  healthy(): void {
    this.#backoff.reset();
  }

  /** The server ended it on purpose: nothing more is tried, and all who ask hear why. */
  dismissed(error: SimplePeerError): void {
    this.#finish(error, "kicked");
  }

  close(): void {
    const error = new SimplePeerError("closed", "this SimplePeer is closed", "make a new one: new SimplePeer(socket)");
    this.#finish(error, "closed");
  }

  // the connection

  #heard(event: string, payload: unknown): void {
    this.#heartbeat.heard();
    if (event === "heartbeat") this.#answerHeartbeat();
    else this.#inbox.receive(event, payload);
  }

  #answerHeartbeat(): void {
    this.#backoff.reset();
    const { lastSeq } = this.#inbox;
    this.#signaling.ask("heartbeat", { lastSeq }).catch(() => undefined); // were it not heard, silence would tell
  }

  async #greet(): Promise<void> {
    const connection = ++this.#connection;
    this.#connected = true;
    clearTimeout(this.#retrying);
    this.#retrying = undefined;
    if (!this.#session) this.#waiting.expectAnother();
    this.#inbox.hold();
    this.#heartbeat.start(this.#heartbeatMs);
    try {
      const known = this.#token !== undefined && { token: this.#token, lastSeq: this.#inbox.lastSeq };
      const topology = this.#topology && { topology: this.#topology };
      const wantsData = this.#observer.wantsData();
      const welcome = await this.#signaling.ask("hello", { ...known, ...topology, wantsData });
      if (connection === this.#connection) this.#welcomed(welcome);
    } catch (error) {
      if (connection === this.#connection) this.#notWelcomed(toSimplePeerError(error));
    }
  }

  #notWelcomed(error: SimplePeerError): void {
    const mayResume = this.#session !== undefined && TRANSIENT.has(error.code);
    if (mayResume) this.#retryLater();
    else this.#refused(error);
  }

  #welcomed(welcome: Welcome): void {
    if (welcome.protocol !== PROTOCOL_VERSION) throw protocolMismatch(welcome.protocol);
    clearTimeout(this.#graceOver);
    this.#token = welcome.token;
    this.#heartbeatMs = welcome.heartbeatMs;
    this.#graceMs = welcome.gracePeriodMs + NOTICING_HEARTBEATS * welcome.heartbeatMs;
    this.#heartbeat.start(welcome.heartbeatMs);
    if (!welcome.resumed) this.#begin(welcome);
    else if (this.#session) this.#resume(this.#session, welcome);
    else this.#startAnew(); // the server has kept what we have not
  }

  #resume(session: Session, welcome: Welcome): void {
    const { snapshot, seq } = welcome;
    session.iceServers.take(welcome);
    session.topology = welcome.topology;
    if (snapshot) this.#inbox.skipTo(seq);
    session.resume();
    this.#observer.resumed(session, snapshot);
    this.#inbox.release();
  }

  #begin(welcome: Welcome): void {
    this.#end();
    const ask = this.#signaling.ask.bind(this.#signaling);
    const session = new Session(welcome, ask, this.#timeoutMs, this.#options, this.#transportObserver);
    this.#session = session;
    session.resume();
    this.#inbox.startAnew();
    this.#inbox.release();
    void this.#open(session);
  }

  async #open(session: Session): Promise<void> {
    try {
      await session.start();
      await this.#observer.fitOut(session);
      if (session.closed) return;
      this.#waiting.admit(session);
      this.#observer.opened(session);
    } catch (error) {
      if (session.closed) return;
      this.#signaling.leave(); // else the server would keep a session that nobody uses
      this.#refused(toSimplePeerError(error));
    }
  }

  #disconnected(reason: string, ending: Ending): void {
    clearTimeout(this.#graceOver);
    if (this.#connected) {
      this.#connected = false;
      this.#connection++;
      this.#heartbeat.stop();
      this.#session?.suspend();
      this.#observer.suspended(reason);
    }
    if (ending === "left") this.#end();
    else if (this.#session) this.#graceOver = setTimeout(() => this.#end(), this.#graceMs);
    if (ending === "dropped") this.#retryLater();
  }

  /** There will be no session until the next connection. */
  #refused(error: SimplePeerError): void {
    this.#end();
    this.#waiting.refuse(error);
    this.#observer.failed(error);
    if (TRANSIENT.has(error.code)) this.#startAnew();
  }

  /** Leaves, so that the server keeps nothing, and comes again a little later. */
  #startAnew(): void {
    this.#retryLater();
    this.#signaling.leave();
  }

  #retryLater(): void {
    if (this.#closed || this.#retrying !== undefined) return;
    this.#retrying = setTimeout(() => {
      this.#retrying = undefined;
      if (this.#connected) void this.#greet();
      else this.#signaling.rejoin();
    }, this.#backoff.nextMs());
  }

  // the session

  #end(reason: RemovalReason = "connection_lost"): void {
    this.#waiting.expectAnother();
    if (!this.#session) return;
    this.#session.close();
    this.#session = undefined;
    this.#observer.ended(reason);
  }

  #finish(error: SimplePeerError, reason: RemovalReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connected = false;
    this.#connection++;
    clearTimeout(this.#retrying);
    clearTimeout(this.#graceOver);
    this.#heartbeat.stop();
    this.#signaling.close();
    this.#end(reason);
    this.#waiting.refuse(error);
  }
}

function protocolMismatch(protocol: unknown): SimplePeerError {
  return new SimplePeerError(
    "protocol_mismatch",
    `the server speaks protocol ${String(protocol)}, this client ${PROTOCOL_VERSION}`,
    'load the client from the server itself: <script src="/socket.io/simple-peer.js">',
  );
}

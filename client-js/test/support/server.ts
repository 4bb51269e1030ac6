/**
 * A real Socket.IO server that plays the server's side of docs/protocol.md: it checks nothing and forwards nothing,
 * but answers every request, writes down what was asked, and says what a test wants it to say.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";
import { io } from "socket.io-client";
import type {
  ConsumerOffer,
  Direction,
  Notifications,
  Payload,
  ProducerOffer,
  RequestName,
  Requests,
  Snapshot,
  Topology,
  TransportOffer,
  Welcome,
} from "../../src/types.js";
import { ROUTER_RTP_CAPABILITIES, transportOffer, videoConsumerParameters } from "./media.js";

export type Answers = { [Name in RequestName]?: (payload: Requests[Name][0], peer: PlayedPeer) => unknown };

/** Answers `{ok: false}`. */
export class Refusal {
  readonly code: string;

  constructor(code: string) {
    this.code = code;
  }
}

/** Never answers. */
export const SILENCE = Symbol("silence");

export class PlayedServer {
  readonly #http = createServer();
  readonly #io = new Server(this.#http, { serveClient: false });
  /** One a connection. */
  readonly peers: PlayedPeer[] = [];
  readonly sessions = new Map<string, PlayedSession>();
  /** Of what hello answers. */
  topology: Topology = "sfu";
  heartbeatMs = 3_000;
  gracePeriodMs = 20_000;
  iceServers: RTCIceServer[] = [];
  iceServersLifetimeMs: number | null = null;
  /** Resumes with a snapshot in place of the notifications missed, when set. */
  snapshot: Snapshot | undefined;
  /** The transports and the producers that there have been, in order. */
  readonly made: { id: string; direction: Direction }[] = [];
  readonly produced: string[] = [];
  /** Those that links carry. */
  readonly published: string[] = [];
  /** What is answered instead of the usual. */
  answers: Answers = {};
  /** Refuses the namespace so many times without a reason. */
  unreasonedRefusals = 0;
  /** Leaves so many who wish to join the namespace without an answer. */
  ignoredJoins = 0;
  /** Refuses the namespace with this `data`, when set. */
  refuseWith: { code: string; message: string; hint: string } | undefined;

  static async start(): Promise<PlayedServer> {
    const server = new PlayedServer();
    server.#http.listen(0, "127.0.0.1");
    await once(server.#http, "listening");
    const namespace = server.#io.of("/simplesfu");
    namespace.use((_socket, next) => {
      if (server.ignoredJoins-- > 0) return;
      if (server.unreasonedRefusals-- > 0) return next(new Error(""));
      if (!server.refuseWith) return next();
      next(Object.assign(new Error(server.refuseWith.message), { data: server.refuseWith }));
    });
    namespace.on("connection", (socket) => server.peers.push(new PlayedPeer(server, socket)));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** A client's main socket; its reconnection is quick, and it has a connection of its own. */
  socket(options: Parameters<typeof io>[1] = {}): ReturnType<typeof io> {
    return io(this.url, { forceNew: true, transports: ["websocket"], reconnectionDelay: 20, ...options });
  }

  /** The peer of the newest connection. */
  get peer(): PlayedPeer {
    const peer = this.peers.at(-1);
    if (!peer) throw new Error("nobody has connected");
    return peer;
  }

  /** What was asked so far, on all connections. */
  asked<Name extends RequestName>(name: Name): Requests[Name][0][] {
    return this.peers.flatMap((peer) => peer.asked(name));
  }

  /** Makes it as new, for the next test. */
  forget(): void {
    this.peers.length = 0;
    this.sessions.clear();
    this.made.length = 0;
    this.produced.length = 0;
    this.published.length = 0;
    this.answers = {};
    this.refuseWith = undefined;
    this.unreasonedRefusals = 0;
    this.ignoredJoins = 0;
    this.heartbeatMs = 3_000;
    this.gracePeriodMs = 20_000;
    this.iceServers = [];
    this.iceServersLifetimeMs = null;
    this.snapshot = undefined;
    this.topology = "sfu";
  }

  end(session: PlayedSession): void {
    for (const [token, ofToken] of this.sessions) if (ofToken === session) this.sessions.delete(token);
  }

  /** As a process that is killed and started again: connections break, and nothing is remembered. */
  restart(): void {
    this.sessions.clear();
    this.peer.dropConnection();
  }

  connections(): number {
    return this.#io.engine.clientsCount;
  }

  async close(): Promise<void> {
    await this.#io.close();
  }
}

/** What outlives a connection. */
export class PlayedSession {
  readonly peerId: string;
  readonly told: { name: string; payload: object }[] = [];
  readonly answers = new Map<string, unknown>();
  readonly offers = new Map<string, ProducerOffer>();

  constructor(peerId: string) {
    this.peerId = peerId;
  }
}

export class PlayedPeer {
  readonly requests: { name: RequestName; payload: unknown; requestId: string | undefined }[] = [];
  readonly #server: PlayedServer;
  readonly #socket: Socket;
  session: PlayedSession;

  constructor(server: PlayedServer, socket: Socket) {
    this.#server = server;
    this.#socket = socket;
    this.session = new PlayedSession(`peer-${socket.id}`);
    socket.on("disconnect", (reason) => {
      if (reason === "client namespace disconnect") server.end(this.session);
    });
    socket.onAny(async (name: RequestName, asked: object, acknowledge: (answer: unknown) => void) => {
      const { requestId, ...payload } = asked as { requestId?: string };
      this.requests.push({ name, payload, requestId });
      const answer = this.session.answers.get(requestId ?? "") ?? (await this.#answer(name, payload));
      if (answer === SILENCE) return;
      if (requestId) this.session.answers.set(requestId, answer);
      acknowledge(answer);
      if (name === "hello") this.#repeat((payload as Payload<"hello">).lastSeq ?? 0);
    });
  }

  async #answer(name: RequestName, payload: object): Promise<unknown> {
    const answerer = this.#server.answers[name] ?? this.#usual[name] ?? (() => ({}));
    const data = await answerer(payload as never, this);
    if (data === SILENCE) return data;
    if (!(data instanceof Refusal)) return { ok: true, data };
    return { ok: false, error: { code: data.code, message: `played ${data.code}`, hint: "it is a test" } };
  }

  #repeat(lastSeq: number): void {
    if (this.#server.snapshot) return;
    for (const { name, payload } of this.session.told.slice(lastSeq)) this.#socket.emit(name, payload);
  }

  get id(): string {
    return this.#socket.id;
  }

  get connected(): boolean {
    return this.#socket.connected;
  }

  asked<Name extends RequestName>(name: Name): Requests[Name][0][] {
    return this.requests.filter((request) => request.name === name).map(({ payload }) => payload as Requests[Name][0]);
  }

  notify<Name extends keyof Notifications>(name: Name, payload: Notifications[Name]): void {
    this.notifyLater(name, payload);
    this.#socket.emit(name, this.session.told.at(-1)?.payload);
  }

  /** It happens, and the socket does not bring it. */
  notifyLater<Name extends keyof Notifications>(name: Name, payload: Notifications[Name]): void {
    const { told } = this.session;
    told.push({ name, payload: { ...payload, seq: told.length + 1 } });
  }

  heartbeat(): void {
    this.#socket.emit("heartbeat", { seq: this.session.told.length });
  }

  /** Offers a video track and returns the offer. */
  offer(peerId: string, label: string, more: Partial<ProducerOffer> = {}): ProducerOffer {
    const producerId = unguessable();
    const offer: ProducerOffer = {
      ...{ producerId, peerId, label, broadcast: false, kind: "video", metadata: {}, paused: false, carrier: "sfu" },
      ...more,
    };
    this.session.offers.set(offer.producerId, offer);
    this.notify("producerAvailable", offer);
    return offer;
  }

  withdraw({ producerId, peerId, label }: ProducerOffer, reason: string): void {
    this.notify("producerUnavailable", { producerId, peerId, label, reason });
  }

  /** Loses the connection as a network would: the client is not told why. */
  dropConnection(): void {
    this.#socket.conn.close();
  }

  /** Throws the peer out of the namespace; the application's socket stays. */
  kick(): void {
    this.#socket.disconnect();
  }

  readonly #usual: { [Name in RequestName]?: (payload: Requests[Name][0]) => Requests[Name][1] | Refusal } = {
    hello: ({ token }) => this.welcome(token),
    getSnapshot: () => this.snapshot(),
    connectToPeer: ({ peerId }) => ({ peerId, tracks: [] }),
    getIceServers: () => ({
      iceServers: this.#server.iceServers,
      iceServersLifetimeMs: this.#server.iceServersLifetimeMs,
    }),
    createWebRtcTransport: ({ direction }) => this.transport(direction),
    restartIce: () => ({ iceParameters: transportOffer("").iceParameters }),
    produce: ({ producerId = unguessable() }) => {
      this.#server.produced.push(producerId);
      return { producerId };
    },
    publish: ({ producerId = unguessable() }) => {
      this.#server.published.push(producerId);
      return { producerId };
    },
    consume: ({ producerId }) => this.consumerOf(producerId),
    joinRoom: () => ({ peerIds: [] }),
    getStats: () => ({ transports: [], producers: [], consumers: [] }),
  };

  transport(direction: Direction): TransportOffer {
    const offer = transportOffer(unguessable());
    this.#server.made.push({ id: offer.id, direction });
    return offer;
  }

  /** Refused, and so of no effect, unless the test has one. */
  snapshot(): Requests["getSnapshot"][1] | Refusal {
    const { snapshot } = this.#server;
    return snapshot ? { snapshot, seq: this.session.told.length } : new Refusal("not_found");
  }

  welcome(token: string | undefined): Welcome {
    const resumed = this.#server.sessions.get(token ?? "");
    if (token) this.#server.sessions.delete(token); // each is good once
    this.session = resumed ?? this.session;
    const next = `token-${unguessable()}`;
    this.#server.sessions.set(next, this.session);
    return {
      peerId: this.session.peerId,
      protocol: 2,
      topology: this.#server.topology,
      resumed: resumed !== undefined,
      token: next,
      gracePeriodMs: this.#server.gracePeriodMs,
      heartbeatMs: this.#server.heartbeatMs,
      seq: this.session.told.length,
      routerRtpCapabilities: ROUTER_RTP_CAPABILITIES,
      iceServers: this.#server.iceServers,
      iceServersLifetimeMs: this.#server.iceServersLifetimeMs,
      ...(resumed && this.#server.snapshot && { snapshot: this.#server.snapshot }),
    };
  }

  consumerOf(producerId: string): ConsumerOffer {
    const offer = this.session.offers.get(producerId);
    if (!offer) throw new Error(`never offered: ${producerId}`);
    const { paused: producerPaused, carrier: _, ...named } = offer;
    return {
      ...named,
      consumerId: `consumer of ${producerId}`,
      type: "simple",
      rtpParameters: videoConsumerParameters(),
      producerPaused,
    };
  }
}

export function emptySnapshot(): Snapshot {
  return {
    peers: [],
    offers: [],
    rooms: [],
    producers: [],
    consumers: [],
    transports: [],
    links: [],
    linkConsumers: [],
    dataConsumers: [],
    dataProducers: [],
    dataLabels: [],
  };
}

function unguessable(): string {
  return randomBytes(6).toString("hex");
}

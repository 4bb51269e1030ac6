/** The public face. It wires the parts together and decides nothing itself. */
import { SimplePeerError } from "./errors.js";
import {
  callSafely,
  Emitter,
  type Listener,
  type RemoteTrack,
  type SimplePeerEvents,
  type Unsubscribe,
} from "./events.js";
import { Mailbox } from "./mailbox.js";
import { Publications } from "./publications.js";
import type { PublishOptions } from "./publish-options.js";
import { Roster } from "./roster.js";
import { Session, type SessionOptions } from "./session.js";
import { SessionKeeper } from "./session-keeper.js";
import { type AnySocket, Signaling } from "./signaling.js";
import { Subscriptions } from "./subscriptions.js";
import type { NotificationHandlers, ServerStats } from "./types.js";
import { Wishes } from "./wishes.js";

export interface SimplePeerOptions extends SessionOptions {
  /** How long to wait for an answer of the server. Default: 10 000. */
  timeoutMs?: number;
}

export type OnTrack = (
  track: MediaStreamTrack,
  peerId: string,
  info: { label: string; peerId: string; broadcast: boolean },
) => void;

export interface SimplePeerStats {
  server: ServerStats;
  /** undefined while nothing has been sent. */
  send: RTCStatsReport | undefined;
  /** undefined while nothing has been received. */
  recv: RTCStatsReport | undefined;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Calls over the Socket.IO connection that a page already has.
 *
 * Every method may be called at once, connected or not: what it asks for waits for the connection. When the socket
 * is lost, calls under way wait for its return; the tracks added, the rooms joined, the peers connected to and paused
 * are told to the server again. Whoever else was connected to this peer sees it leave and come back, with the id of
 * its new socket.
 *
 * Methods reject with SimplePeerError.
 */
export class SimplePeer {
  readonly #events = new Emitter<SimplePeerEvents>();
  readonly #toOnTrack = new Mailbox<RemoteTrack>(
    () => this.#onTrack !== null,
    (remote) => this.#callOnTrack(remote),
  );
  readonly #toListeners = new Mailbox<RemoteTrack>(
    () => this.#events.hasListeners("track"),
    (remote) => this.#events.emit("track", remote),
  );
  readonly #signaling: Signaling;
  readonly #keeper: SessionKeeper;
  readonly #wishes: Wishes;
  readonly #publications: Publications;
  readonly #subscriptions: Subscriptions;
  readonly #roster: Roster;
  readonly #options: SessionOptions;
  #onTrack: OnTrack | null = null;

  /**
   * @param socket the application's socket, of socket.io-client 4, on the main namespace; connected or not yet
   * @throws SimplePeerError `bad_request`; `already_exists` when the connection has a SimplePeer already
   */
  constructor(socket: AnySocket, { timeoutMs = DEFAULT_TIMEOUT_MS, ...options }: SimplePeerOptions = {}) {
    if (typeof socket?.io?.socket !== "function") {
      throw new SimplePeerError("bad_request", "SimplePeer needs a socket of socket.io-client", "new SimplePeer(io())");
    }
    this.#options = options;
    const failed = (error: SimplePeerError) => this.#reportError(error);
    this.#keeper = new SessionKeeper({
      open: () => this.#openSession(),
      opened: (session) => {
        this.#publications.republish(session);
        this.#events.emit("connectionStateChange", { direction: "signaling", state: "connected", reason: "" });
      },
      failed,
      leave: () => this.#signaling.leave(),
      rejoin: () => this.#signaling.rejoin(),
    });
    this.#wishes = new Wishes(this.#keeper);
    this.#publications = new Publications(this.#keeper, {
      ended: (label, track) => this.#events.emit("trackEnded", { label, track }),
      failed,
    });
    this.#roster = new Roster(
      (peerId) => this.#events.emit("peerConnection", { peerId }),
      (peerId) => this.#events.emit("peerDisconnection", { peerId }),
    );
    this.#subscriptions = new Subscriptions(this.#keeper, {
      added: (remote) => {
        this.#toOnTrack.put(remote);
        this.#toListeners.put(remote);
      },
      removed: (remote, reason) => {
        this.#toOnTrack.withdraw(remote);
        this.#toListeners.withdraw(remote);
        const { track, peerId, label } = remote;
        this.#events.emit("trackRemoved", { track, peerId, label, reason });
      },
      mutedChanged: ({ peerId, label }, muted) =>
        this.#events.emit(muted ? "trackMuted" : "trackUnmuted", { peerId, label }),
      failed,
    });
    this.#signaling = new Signaling(socket, timeoutMs, this.#notificationHandlers(), {
      connected: () => void this.#keeper.connected(),
      disconnected: (reason, mayReturn) => this.#sessionLost(reason, mayReturn),
      refused: (error) => this.#keeper.refused(error),
    });
  }

  /** The id that others know this peer by: the id of the application's socket. undefined while not connected. */
  get peerId(): string | undefined {
    return this.#keeper.session?.peerId;
  }

  /** Ids of the peers in sight: those with whom a room is shared. */
  get peers(): string[] {
    return this.#roster.peerIds;
  }

  /** What others send here now. */
  get tracks(): RemoteTrack[] {
    return this.#subscriptions.tracks;
  }

  /** Called with each new remote track. Tracks that came before it was assigned are delivered just after. */
  get onTrack(): OnTrack | null {
    return this.#onTrack;
  }

  set onTrack(handler: OnTrack | null) {
    this.#onTrack = handler;
    this.#toOnTrack.takerCame();
  }

  /** A track that comes while "track" has no listener waits for one, as long as it lives. */
  on<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): Unsubscribe {
    const unsubscribe = this.#events.on(name, listener);
    if (name === "track") this.#toListeners.takerCame();
    return unsubscribe;
  }

  once<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): Unsubscribe {
    const unsubscribe = this.#events.once(name, listener);
    if (name === "track") this.#toListeners.takerCame();
    return unsubscribe;
  }

  off<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): void {
    this.#events.off(name, listener);
  }

  /**
   * Sends a track. A label that is in use is replaced: the old track is taken off, then the new one added.
   * @param broadcast true: to every peer in sight, those who come later too; false: to those who connectToPeer()
   */
  async addTrack(
    track: MediaStreamTrack,
    label: string,
    broadcast = false,
    options: PublishOptions = {},
  ): Promise<void> {
    requireName("label", label);
    return this.#publications.add(track, label, broadcast, options);
  }

  /** Takes a track off; it is not stopped, since it is yours. */
  async removeTrack(label: string): Promise<void> {
    return this.#publications.remove(label);
  }

  /** Sends nothing of the track until unmuteTrack(). A preview of it goes on. */
  async muteTrack(label: string): Promise<void> {
    return this.#publications.setMuted(label, true);
  }

  async unmuteTrack(label: string): Promise<void> {
    return this.#publications.setMuted(label, false);
  }

  /** Asks for all that this peer sends, now and later. */
  async connectToPeer(peerId: string): Promise<void> {
    requireName("peerId", peerId);
    return this.#wishes.connectToPeer(peerId);
  }

  async disconnectFromPeer(peerId: string): Promise<void> {
    requireName("peerId", peerId);
    return this.#wishes.disconnectFromPeer(peerId);
  }

  /** Holds what this peer sends here, what it adds later too; others still receive it. */
  async pausePeer(peerId: string): Promise<void> {
    requireName("peerId", peerId);
    return this.#wishes.pausePeer(peerId);
  }

  async resumePeer(peerId: string): Promise<void> {
    requireName("peerId", peerId);
    return this.#wishes.resumePeer(peerId);
  }

  /** @returns who else is in the room */
  async joinRoom(roomId: string): Promise<{ peerIds: string[] }> {
    requireName("roomId", roomId);
    return this.#wishes.joinRoom(roomId);
  }

  async leaveRoom(roomId: string): Promise<void> {
    requireName("roomId", roomId);
    return this.#wishes.leaveRoom(roomId);
  }

  /** Looks for a new way through the network at once, e.g. after a change of it. It is done by itself when needed. */
  async restartIce(): Promise<void> {
    const session = await this.#keeper.current();
    await session.transports.restartIce();
  }

  async getStats(): Promise<SimplePeerStats> {
    const session = await this.#keeper.current();
    const [server, send, recv] = await Promise.all([
      session.request("getStats", {}),
      session.transports.stats("send"),
      session.transports.stats("recv"),
    ]);
    return { server, send, recv };
  }

  /**
   * Ends it all, silently: listeners are taken off first. Your tracks and your socket stay as they are; the tracks of
   * others end. Calls made later, and those still waiting, reject with `closed`.
   */
  close(): void {
    this.#events.clear();
    this.#onTrack = null;
    this.#signaling.close();
    this.#publications.close();
    this.#keeper.close();
    this.#subscriptions.clear("closed");
    this.#roster.clear();
    this.#toOnTrack.clear();
    this.#toListeners.clear();
  }

  async #openSession(): Promise<Session> {
    const session = await Session.open(this.#signaling, this.#options, {
      stateChanged: (direction, state, reason) => {
        if (state === "connected") this.#keeper.healthy();
        this.#events.emit("connectionStateChange", { direction, state, reason });
      },
      lost: () => this.#keeper.startAnew(),
      failed: (error) => this.#reportError(error),
    });
    // Before anybody else uses the session: what is published next must be seen in these rooms, and nowhere else.
    await this.#wishes.repeat(session, (error) => this.#reportError(error));
    return session;
  }

  #sessionLost(reason: string, mayReturn: boolean): void {
    this.#keeper.disconnected();
    this.#subscriptions.clear("connection_lost");
    this.#roster.clear();
    this.#events.emit("connectionStateChange", { direction: "signaling", state: "disconnected", reason });
    if (!mayReturn) this.#keeper.startAnew();
  }

  #notificationHandlers(): NotificationHandlers {
    return {
      peerConnection: ({ peerId }) => this.#roster.add(peerId),
      peerDisconnection: ({ peerId }) => {
        this.#subscriptions.peerLeft(peerId);
        this.#roster.remove(peerId);
      },
      producerAvailable: (offer) => {
        this.#roster.add(offer.peerId);
        this.#subscriptions.offered(offer);
      },
      producerUnavailable: ({ producerId, reason }) => this.#subscriptions.withdrawn(producerId, reason),
      producerPaused: ({ producerId }) => this.#subscriptions.setMuted(producerId, true),
      producerResumed: ({ producerId }) => this.#subscriptions.setMuted(producerId, false),
      transportStateChange: (change) => this.#keeper.session?.transports.serverSaw(change),
    };
  }

  #callOnTrack({ track, peerId, label, broadcast }: RemoteTrack): void {
    if (this.#onTrack) callSafely("onTrack", this.#onTrack, track, peerId, { label, peerId, broadcast });
  }

  #reportError(error: SimplePeerError): void {
    if (this.#events.hasListeners("error")) this.#events.emit("error", { error });
    else console.error(`simplesfu: ${error.message}${error.hint && ` (${error.hint})`}`, error);
  }
}

function requireName(field: string, value: unknown): void {
  if (typeof value === "string" && value !== "") return;
  throw new SimplePeerError("bad_request", `${field} must be a string that is not empty, not ${JSON.stringify(value)}`);
}

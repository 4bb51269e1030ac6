/** The public face: checks what it is given, and hands it on. */
import { Audience } from "./audience.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { SimplePeerError } from "./errors.js";
import type { Listener, OnTrack, RemoteTrack, SimplePeerEvents, Unsubscribe } from "./events.js";
import type { PublishOptions } from "./publish-options.js";
import type { AnySocket } from "./signaling.js";
import type { ServerStats } from "./types.js";

export interface SimplePeerOptions extends ConnectionOptions {}

export interface SimplePeerStats {
  server: ServerStats;
  /** undefined while nothing has been sent. */
  send: RTCStatsReport | undefined;
  /** undefined while nothing has been received. */
  recv: RTCStatsReport | undefined;
}

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
  readonly #audience = new Audience();
  readonly #connection: Connection;

  /**
   * @param socket the application's socket, of socket.io-client 4, on the main namespace; connected or not yet
   * @throws SimplePeerError `bad_request`; `already_exists` when the connection has a SimplePeer already
   */
  constructor(socket: AnySocket, options: SimplePeerOptions = {}) {
    if (typeof socket?.io?.socket !== "function") {
      throw new SimplePeerError("bad_request", "SimplePeer needs a socket of socket.io-client", "new SimplePeer(io())");
    }
    this.#connection = new Connection(socket, options, this.#audience);
  }

  /** The id that others know this peer by: the id of the application's socket. undefined while not connected. */
  get peerId(): string | undefined {
    return this.#connection.keeper.session?.peerId;
  }

  /** Ids of the peers in sight: those with whom a room is shared. */
  get peers(): string[] {
    return this.#connection.roster.peerIds;
  }

  /** What others send here now. */
  get tracks(): RemoteTrack[] {
    return this.#connection.subscriptions.tracks;
  }

  /** Called with each new remote track. Tracks that came before it was assigned are delivered just after. */
  get onTrack(): OnTrack | null {
    return this.#audience.onTrack;
  }

  set onTrack(handler: OnTrack | null) {
    this.#audience.onTrack = handler;
  }

  /** A track that comes while "track" has no listener waits for one, as long as it lives. */
  on<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): Unsubscribe {
    return this.#audience.on(name, listener);
  }

  once<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): Unsubscribe {
    return this.#audience.once(name, listener);
  }

  off<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): void {
    this.#audience.off(name, listener);
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
    return this.#connection.publications.add(track, { label, metadata: {}, broadcast, options });
  }

  /** Takes a track off; it is not stopped, since it is yours. */
  async removeTrack(label: string): Promise<void> {
    return this.#connection.publications.remove(label);
  }

  /** Sends nothing of the track until unmuteTrack(). A preview of it goes on. */
  async muteTrack(label: string): Promise<void> {
    return this.#connection.publications.setMuted(label, true);
  }

  async unmuteTrack(label: string): Promise<void> {
    return this.#connection.publications.setMuted(label, false);
  }

  /** Asks for all that this peer sends, now and later. */
  async connectToPeer(peerId: string): Promise<void> {
    requireName("peerId", peerId);
    await this.#connection.wishes.connectToPeer(peerId);
  }

  async disconnectFromPeer(peerId: string): Promise<void> {
    requireName("peerId", peerId);
    return this.#connection.wishes.disconnectFromPeer(peerId);
  }

  /** Holds what this peer sends here, what it adds later too; others still receive it. */
  async pausePeer(peerId: string): Promise<void> {
    requireName("peerId", peerId);
    return this.#connection.wishes.pausePeer(peerId);
  }

  async resumePeer(peerId: string): Promise<void> {
    requireName("peerId", peerId);
    return this.#connection.wishes.resumePeer(peerId);
  }

  /** @returns who else is in the room */
  async joinRoom(roomId: string): Promise<{ peerIds: string[] }> {
    requireName("roomId", roomId);
    return this.#connection.wishes.joinRoom(roomId);
  }

  async leaveRoom(roomId: string): Promise<void> {
    requireName("roomId", roomId);
    return this.#connection.wishes.leaveRoom(roomId);
  }

  /** Looks for a new way through the network at once, e.g. after a change of it. It is done by itself when needed. */
  async restartIce(): Promise<void> {
    await this.#connection.keeper.run((session) => session.transports.restartIce());
  }

  async getStats(): Promise<SimplePeerStats> {
    return this.#connection.keeper.run(async (session) => {
      const [server, send, recv] = await Promise.all([
        session.request("getStats", {}),
        session.transports.stats("send"),
        session.transports.stats("recv"),
      ]);
      return { server, send, recv };
    });
  }

  /**
   * Ends it all, silently: listeners are taken off first. Your tracks and your socket stay as they are; the tracks of
   * others end. Calls made later, and those still waiting, reject with `closed`.
   */
  close(): void {
    this.#audience.dismiss();
    this.#connection.close();
  }
}

function requireName(field: string, value: unknown): void {
  if (typeof value === "string" && value !== "") return;
  throw new SimplePeerError("bad_request", `${field} must be a string that is not empty, not ${JSON.stringify(value)}`);
}

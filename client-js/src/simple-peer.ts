/** The public face: checks what it is given, and hands it on. */
import { Audience } from "./audience.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import type { SendOptions } from "./data.js";
import { capture, captureScreen } from "./devices.js";
import { play } from "./devices-playback.js";
import { SimplePeerError } from "./errors.js";
import type { Listener, LocalTrack, OnTrack, RemoteTrack, SimplePeerEvents, Unsubscribe } from "./events.js";
import { checkNetwork, type NetworkCheckOptions } from "./network-check.js";
import type { NetworkReport } from "./network-report.js";
import type { PublishOptions } from "./publish-options.js";
import type { AnySocket } from "./signaling.js";
import {
  type Carrier,
  type Explanation,
  type Metadata,
  type PreferredLayers,
  type ServerStats,
  TOPOLOGIES,
  type Topology,
} from "./types.js";

export interface SimplePeerOptions extends ConnectionOptions {}

export interface SimplePeerStats {
  server: ServerStats;
  /** undefined while nothing has been sent. */
  send: RTCStatsReport | undefined;
  /** undefined while nothing has been received. */
  recv: RTCStatsReport | undefined;
  /** Of the links with other browsers, by the peer's id. */
  links: Record<string, RTCStatsReport>;
}

/**
 * Calls over the Socket.IO connection that a page already has.
 *
 * Every method may be called at once, connected or not: what it asks for waits for the connection, within bounds
 * (`timeoutMs`, `patienceMs`). A lost socket is not a lost call: media flows on, calls under way wait for its return,
 * and the server keeps this peer under the same id for its grace period. When that is over, or the server has started
 * again, the tracks added, the rooms joined, the peers connected to and paused are told to it again.
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
    requireSocket(socket);
    this.#connection = new Connection(socket, options, this.#audience);
  }

  /**
   * Tries which ways media has through this network: UDP, TCP, TURN. Before a call or in the middle of one, which takes
   * no harm; nobody sees it. Takes some 8 s where a way is closed, and less where all are open.
   * @throws SimplePeerError `insecure_context`, `webrtc_unsupported`, `refused`, `disconnected`, `timeout`
   */
  static async checkNetwork(socket: AnySocket, options: NetworkCheckOptions = {}): Promise<NetworkReport> {
    requireSocket(socket);
    return checkNetwork(socket, options);
  }

  /**
   * Camera and microphone, as navigator.mediaDevices.getUserMedia gives them, and errors that tell the cure.
   * @throws SimplePeerError `no_device`, `permission_refused`, `device_busy`, `device_unsuitable`, `insecure_context`,
   *   `unsupported`, `bad_request`
   */
  static async capture(constraints: MediaStreamConstraints = { video: true, audio: true }): Promise<MediaStream> {
    return capture(constraints);
  }

  /**
   * A screen, a window or a tab, as the person chooses; only in the handler of a click.
   * @throws SimplePeerError `permission_refused` (also when nothing was chosen), `needs_gesture`, `device_busy`,
   *   `insecure_context`, `unsupported`
   */
  static async captureScreen(options: DisplayMediaStreamOptions = { video: true }): Promise<MediaStream> {
    return captureScreen(options);
  }

  /**
   * Plays an element with its sound. Where the browser wants a click first this rejects at once, and the element plays
   * by itself with the first click, touch or key on the page (it tells that with "playing").
   * @throws SimplePeerError `playback_blocked`
   */
  static async play(element: HTMLMediaElement): Promise<void> {
    return play(element);
  }

  /** The id that others know this peer by: that of its first application socket. undefined while there is no session. */
  get peerId(): string | undefined {
    return this.#connection.keeper.session?.peerId;
  }

  /** Ids of the peers in sight: those with whom a room is shared. */
  get peers(): string[] {
    return this.#connection.roster.peerIds;
  }

  /** What the server grants of the topology that was asked for. undefined while there is no session. */
  get topology(): Topology | undefined {
    return this.#connection.keeper.session?.topology;
  }

  /** What carries the media between this peer and each one in sight. */
  get carriers(): Map<string, Carrier> {
    return new Map(this.peers.map((peerId) => [peerId, this.#connection.links.carrier(peerId)]));
  }

  /** What others send here now. */
  get tracks(): RemoteTrack[] {
    return this.#connection.subscriptions.tracks;
  }

  /** What is sent from here now. */
  get localTracks(): LocalTrack[] {
    return this.#connection.publications.tracks;
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
    if (name === "data") this.#connection.data.listen();
    return this.#audience.on(name, listener);
  }

  once<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): Unsubscribe {
    if (name === "data") this.#connection.data.listen();
    return this.#audience.once(name, listener);
  }

  off<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): void {
    this.#audience.off(name, listener);
  }

  /**
   * Sends a track; resolves when the server has it. A label that is in use gets the new track in place of the old one:
   * of the same kind and with the same options, viewers just see another picture; otherwise theirs is removed
   * ("replaced") and another one comes.
   * @param labelOrMetadata what this track is called among yours; or an object of yours (JSON, up to 4096 bytes) with a
   *   `label` in it, the rest of which viewers get as `metadata`
   * @param broadcast true: to every peer in sight, those who come later too; false: to those who connectToPeer()
   */
  async addTrack(
    track: MediaStreamTrack,
    labelOrMetadata: string | (Metadata & { label: string }),
    broadcast = false,
    options: PublishOptions = {},
  ): Promise<void> {
    return this.#connection.publications.add(track, { ...requireNamed(labelOrMetadata), broadcast, options });
  }

  /** Takes the place of what was said about the track before; viewers hear "metadataChanged". */
  async setMetadata(label: string, metadata: Metadata): Promise<void> {
    requireName("label", label);
    return this.#connection.publications.setMetadata(label, metadata);
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

  /**
   * Asks for all that a peer sends, or for one label of it, now and later; the peer may be yet to come. Resolves when
   * the first track plays (a picture has been decoded, sound has come), at once when there is none to be expected.
   * Rejects, within `timeoutMs` (and `patienceMs` in all, where the socket is away), with the code and the message of
   * explain(); the wish stands all the same.
   */
  async connectToPeer(peerId: string, label?: string): Promise<void> {
    requireTrackName(peerId, label);
    return this.#connection.firstTrack.connect(peerId, label);
  }

  async disconnectFromPeer(peerId: string, label?: string): Promise<void> {
    requireTrackName(peerId, label);
    return this.#connection.wishes.disconnectFromPeer(peerId, label);
  }

  /** Holds what this peer sends here, or one label of it, what it adds later too; others still receive it. */
  async pausePeer(peerId: string, label?: string): Promise<void> {
    requireTrackName(peerId, label);
    return this.#connection.wishes.pausePeer(peerId, label);
  }

  /** Takes back the pause that was said with the same arguments. */
  async resumePeer(peerId: string, label?: string): Promise<void> {
    requireTrackName(peerId, label);
    return this.#connection.wishes.resumePeer(peerId, label);
  }

  /** The most that is wanted of a peer's pictures, or of one label's; `{}` lifts the limits. */
  async setPreferredLayers(
    peerId: string,
    ...rest: [layers: PreferredLayers] | [label: string | undefined, layers: PreferredLayers]
  ): Promise<void> {
    const [label, layers] = rest.length === 1 ? [undefined, rest[0]] : rest;
    requireTrackName(peerId, label);
    if (typeof layers !== "object" || layers === null) {
      throw new SimplePeerError("bad_request", "layers must be an object", "e.g. {spatialLayer: 0, maxFrameRate: 10}");
    }
    return this.#connection.wishes.setPreferredLayers(peerId, layers, label);
  }

  /**
   * Why a track of a peer does not play: the first broken link on its way here, from what the server and this end know.
   * Works while the server cannot be reached, too: then from what this end knows.
   */
  async explain(peerId: string, label: string): Promise<Explanation> {
    requireName("peerId", peerId);
    requireName("label", label);
    return this.#connection.explainer.explain(peerId, label);
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

  /**
   * Sends a message of up to 256 KiB, which others get as "data" if they listen to that. Resolves when it is on its
   * way; whoever sends more than the network takes is kept waiting.
   * @param to one peer; without it, everybody in sight
   */
  async send(data: string | ArrayBuffer | ArrayBufferView, options: SendOptions = {}): Promise<void> {
    return this.#connection.data.send(data, options);
  }

  /** Bytes given to send() that are still here. */
  get bufferedAmount(): number {
    return this.#connection.data.bufferedAmount;
  }

  /**
   * Lets media travel another way from now on, as the option `topology` does from the start. Tracks and events go on,
   * without a gap in the picture; carrierChange tells of each peer when its media does.
   * @returns what the server grants: "sfu" where it forbids mesh
   */
  async setTopology(topology: Topology): Promise<Topology> {
    if (!TOPOLOGIES.includes(topology)) {
      throw new SimplePeerError("bad_request", `no topology ${JSON.stringify(topology)}`, TOPOLOGIES.join(", "));
    }
    return this.#connection.keeper.setTopology(topology);
  }

  /** Looks for a new way through the network at once, e.g. after a change of it. It is done by itself when needed. */
  async restartIce(): Promise<void> {
    const { keeper, links } = this.#connection;
    await Promise.all([links.restartIce(), keeper.run((session) => session.transports.restartIce())]);
  }

  async getStats(): Promise<SimplePeerStats> {
    return this.#connection.keeper.run(async (session) => {
      const [server, send, recv, links] = await Promise.all([
        session.request("getStats", {}),
        session.transports.stats("send"),
        session.transports.stats("recv"),
        this.#connection.links.allStats(),
      ]);
      return { server, send, recv, links };
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

function requireSocket(socket: AnySocket): void {
  if (typeof socket?.io?.socket === "function") return;
  throw new SimplePeerError("bad_request", "SimplePeer needs a socket of socket.io-client", "new SimplePeer(io())");
}

function requireNamed(labelOrMetadata: string | (Metadata & { label: string })): { label: string; metadata: Metadata } {
  const { label, ...metadata } =
    typeof labelOrMetadata === "string" ? { label: labelOrMetadata } : { ...labelOrMetadata };
  requireName("label", label);
  return { label, metadata };
}

/** All tracks of a peer, or the one of that label. */
function requireTrackName(peerId: unknown, label: unknown): void {
  requireName("peerId", peerId);
  if (label !== undefined) requireName("label", label);
}

function requireName(field: string, value: unknown): asserts value is string {
  if (typeof value === "string" && value !== "") return;
  throw new SimplePeerError("bad_request", `${field} must be a string that is not empty, not ${JSON.stringify(value)}`);
}

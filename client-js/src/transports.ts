/** The two media transports of a session: made when they are first needed, and made anew when they are past mending. */
import type { Device, types as mediasoup } from "mediasoup-client";
import { Backoff } from "./backoff.js";
import { SimplePeerError, toSimplePeerError } from "./errors.js";
import type { IceServers } from "./ice-servers.js";
import { MediaLink } from "./media-link.js";
import type { Request } from "./requests.js";
import type { Direction, Notifications, Payload, Snapshot, TransportOffer, TransportState } from "./types.js";

export type { ProducerIntent } from "./media-link.js";

/** Between one rebuilding of a transport and the next, as long as it does not connect. */
const REBUILD_FIRST_MS = 1_000;
const REBUILD_MAX_MS = 30_000;

/** Failures that the observer need not be told of: they are what a lost network looks like, and its state tells of that. */
const EXPECTED = new Set(["not_found", "timeout", "disconnected", "closed"]);

/** How the browser is to look for ways through the network. */
export interface IceOptions {
  readonly iceServers: IceServers;
  readonly iceTransportPolicy: RTCIceTransportPolicy;
}

export interface TransportObserver {
  stateChanged(direction: Direction, state: TransportState, reason: string): void;
  /** There is another transport in place of one that was lost; resolves when all that the old one had is on it. */
  rebuilt(direction: Direction): Promise<unknown>;
  failed(error: SimplePeerError): void;
}

export class Transports {
  readonly #device: () => Device;
  readonly #request: Request;
  readonly #ice: IceOptions;
  readonly #observer: TransportObserver;
  readonly #pending = new Map<Direction, Promise<MediaLink>>();
  readonly #made = new Map<Direction, MediaLink>();
  readonly #backoff = {
    send: new Backoff(REBUILD_FIRST_MS, REBUILD_MAX_MS),
    recv: new Backoff(REBUILD_FIRST_MS, REBUILD_MAX_MS),
  };
  readonly #told = new Map<Direction, TransportState>();
  readonly #rebuilding = new Set<Direction>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #closed = false;

  constructor(device: () => Device, request: Request, ice: IceOptions, observer: TransportObserver) {
    this.#device = device;
    this.#request = request;
    this.#ice = ice;
    this.#observer = observer;
  }

  /**
   * Acts on the transport of that direction, which is made at the first call, and again at the next if that failed. When
   * it is lost in the middle, acts again on the one in its place.
   */
  async run<Result>(direction: Direction, act: (transport: mediasoup.Transport) => Promise<Result>): Promise<Result> {
    for (;;) {
      const pending = this.#link(direction);
      const { transport } = await pending;
      try {
        return await act(transport);
      } catch (error) {
        if (this.#closed || this.#pending.get(direction) === pending) throw error;
      }
    }
  }

  /** undefined while nothing has been sent, or received. */
  async stats(direction: Direction): Promise<RTCStatsReport | undefined> {
    return this.#made.get(direction)?.transport.getStats();
  }

  /** undefined while there is none. */
  state(direction: Direction): TransportState | undefined {
    return this.#made.get(direction)?.state;
  }

  async restartIce(): Promise<void> {
    await Promise.all([...this.#made.values()].map((link) => link.restartIce()));
  }

  serverSaw(change: Notifications["transportStateChange"]): void {
    for (const link of this.#made.values()) {
      if (link.transport.id === change.transportId) link.serverSaw(change);
    }
  }

  /** Those that the server has no longer are made anew; @returns which ones. */
  reconcile(known: Snapshot["transports"]): Direction[] {
    const alive = known.filter(({ state }) => state !== "failed" && state !== "closed");
    const ids = new Set(alive.map(({ transportId }) => transportId));
    const lost = [...this.#made].filter(([, { transport }]) => !ids.has(transport.id));
    for (const [direction, { transport }] of lost) this.#lost(direction, transport.id, "not_found");
    return lost.map(([direction]) => direction);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const link of this.#made.values()) link.close();
    this.#made.clear();
  }

  #link(direction: Direction): Promise<MediaLink> {
    let pending = this.#pending.get(direction);
    if (!pending) {
      pending = this.#make(direction);
      this.#pending.set(direction, pending);
      pending.catch(() => {
        if (this.#pending.get(direction) === pending) this.#pending.delete(direction);
      });
    }
    return pending;
  }

  async #make(direction: Direction): Promise<MediaLink> {
    const { iceTransportPolicy } = this.#ice;
    const iceServers = await this.#ice.iceServers.current();
    const options = { iceServers, iceTransportPolicy, ...(await this.#askForOne(direction)) };
    if (this.#closed) throw new SimplePeerError("disconnected", "the session ended while its transport was being made");
    const device = this.#device();
    const transport = direction === "send" ? device.createSendTransport(options) : device.createRecvTransport(options);
    const link = new MediaLink(transport, this.#request, this.#ice.iceServers, {
      stateChanged: (state, reason) => {
        if (state === "connected") this.#backoff[direction].reset();
        this.#tell(direction, state, reason);
      },
      lost: (reason) => this.#lost(direction, transport.id, reason),
      failed: (error) => this.#failed(error),
    });
    this.#made.set(direction, link);
    return link;
  }

  async #askForOne(direction: Direction): Promise<TransportOffer> {
    const replaces = this.#made.get(direction)?.transport.id;
    const ask = (payload: Payload<"createWebRtcTransport">) => this.#request("createWebRtcTransport", payload);
    const askAsItIs = () => ask({ direction, ...(replaces !== undefined && { replaces }) });
    try {
      return await askAsItIs();
    } catch (error) {
      const { code } = toSimplePeerError(error);
      if (code === "not_found") return ask({ direction }); // the server has forgotten the old one
      if (code !== "already_exists") throw error;
      await this.#closeStrangers(direction, replaces);
      return askAsItIs();
    }
  }

  /** Those that were made for a request whose answer came too late. */
  async #closeStrangers(direction: Direction, own: string | undefined): Promise<void> {
    const { snapshot } = await this.#request("getSnapshot", {});
    const strangers = snapshot.transports.filter((one) => one.direction === direction && one.transportId !== own);
    await Promise.all(strangers.map(({ transportId }) => this.#request("closeTransport", { transportId })));
  }

  #lost(direction: Direction, transportId: string, reason: string): void {
    if (this.#closed || this.#rebuilding.has(direction)) return;
    const link = this.#made.get(direction);
    if (link?.transport.id !== transportId) return; // there is another in its place already
    link.stopMending();
    this.#rebuilding.add(direction);
    this.#tell(direction, "connecting", reason);
    this.#pending.delete(direction); // whoever needs one from now on waits for the next
    void this.#rebuild(direction);
  }

  async #rebuild(direction: Direction): Promise<void> {
    const old = this.#made.get(direction);
    try {
      await this.#link(direction);
    } catch (error) {
      return this.#rebuildLater(direction, error);
    } finally {
      this.#rebuilding.delete(direction);
    }
    old?.close(); // only now: what still comes through it is welcome; what waits for it goes on with the next
    try {
      await this.#observer.rebuilt(direction);
      if (old) await this.#request("closeTransport", { transportId: old.transport.id });
    } catch (error) {
      this.#failed(error);
    }
  }

  #rebuildLater(direction: Direction, error: unknown): void {
    this.#failed(error);
    const transportId = this.#made.get(direction)?.transport.id;
    if (this.#closed || transportId === undefined) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#lost(direction, transportId, "rebuilding");
    }, this.#backoff[direction].nextMs());
    this.#timers.add(timer);
  }

  /** One that takes the place of another has been said to connect already. */
  #tell(direction: Direction, state: TransportState, reason: string): void {
    if (this.#told.get(direction) === state) return;
    this.#told.set(direction, state);
    this.#observer.stateChanged(direction, state, reason);
  }

  #failed(cause: unknown): void {
    const error = toSimplePeerError(cause);
    if (!this.#closed && !EXPECTED.has(error.code)) this.#observer.failed(error);
  }
}

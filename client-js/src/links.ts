/** The links of this peer: which pairs have one, what the server has told to send over them, and what comes. */
import type { DataLink } from "./data-route.js";
import { SimplePeerError, toSimplePeerError } from "./errors.js";
import type { LinkSending } from "./link-senders.js";
import { type LinkMessage, MeshLink } from "./mesh-link.js";
import type { Session } from "./session.js";
import { TrackWaiters } from "./track-waiters.js";
import type { Carrier, LinkConsumer, Notifications, Snapshot, TransportState } from "./types.js";

/** A pair that the router serves closes its link when nothing has been on it at two looks in a row, so far apart: at
 * the first after the page stood still, what came meanwhile may wait to be read. */
const IDLE_CHECK_MS = 1_000;

export interface LinksHost {
  session(): Session | undefined;
  /** What is published under that id; undefined: nothing (any longer). */
  source(producerId: string): Omit<LinkSending, "consumerId" | "producerId" | "limits"> | undefined;
  /** Whether anything of that peer's is received over its link. */
  receives(peerId: string): boolean;
  /** The producers of that peer whose tracks came over its link, and have ended. */
  lost(peerId: string): readonly string[];
  carrierChanged(change: Notifications["carrierChange"]): void;
  stateChanged(peerId: string, state: TransportState, reason: string): void;
  /** Its channel opened, or what it is for has changed, or it ended. */
  dataChanged(peerId: string): void;
  dataCame(peerId: string, encoded: ArrayBuffer | string, reliable: boolean): void;
  /** Whether messages to that peer are on the link still. */
  sendsData(peerId: string): boolean;
  /** Tracks that came over a link, and ended, come again. */
  madeAnew(): void;
  failed(error: SimplePeerError): void;
}

export class Links {
  readonly #host: LinksHost;
  /** Of the pairs that the server has told of. */
  readonly #carriers = new Map<string, Carrier>();
  readonly #links = new Map<string, MeshLink>();
  readonly #consumers = new Map<string, LinkConsumer>();
  readonly #waiters = new TrackWaiters((peerId, producerId) => this.#links.get(peerId)?.track(producerId));
  /** Peers whose messages, or words about messages, have come over links since that was looked at last. */
  readonly #heard = new Set<string>();
  readonly #idleChecks = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(host: LinksHost) {
    this.#host = host;
  }

  carrier(peerId: string): Carrier {
    return this.#carriers.get(peerId) ?? "sfu";
  }

  state(peerId: string): TransportState | undefined {
    return this.#links.get(peerId)?.state;
  }

  /** The way of messages to that peer. */
  dataLink(peerId: string, reliable: boolean): DataLink {
    const link = this.#links.get(peerId);
    const channel = link?.channels?.[reliable ? "reliable" : "lossy"];
    const carries = this.carrier(peerId) === "mesh";
    const comes = link?.state === "connecting" || link?.state === "connected" || link?.state === "disconnected";
    return { channel: channel?.readyState === "open" ? channel : undefined, carries, comes };
  }

  async stats(peerId: string): Promise<RTCStatsReport | undefined> {
    return this.#links.get(peerId)?.stats();
  }

  async allStats(): Promise<Record<string, RTCStatsReport>> {
    const reports = [...this.#links].map(async ([peerId, link]) => [peerId, await link.stats()] as const);
    const known = (await Promise.all(reports)).flatMap(([peerId, report]) => (report ? [[peerId, report]] : []));
    return Object.fromEntries(known);
  }

  /** What comes from that peer under that id, or will. Resolves to undefined when it is not wanted any longer. */
  track(peerId: string, producerId: string, isWanted: () => boolean): Promise<MediaStreamTrack | undefined> {
    if (this.state(peerId) === "failed") throw unreachable();
    return this.#waiters.wait(peerId, producerId, isWanted);
  }

  async restartIce(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.restartIce()));
  }

  // what the server tells

  carrierChanged(change: Notifications["carrierChange"]): void {
    const { peerId, carrier, reason } = change;
    const failed = reason === "unreachable";
    const isNews = this.carrier(peerId) !== carrier || failed;
    this.#carriers.set(peerId, carrier);
    if (isNews) this.#host.carrierChanged(change);
    if (carrier === "mesh" && !failed) this.#open(peerId);
    else if (carrier === "sfu" && this.#links.has(peerId)) this.#retire(peerId);
    this.#host.dataChanged(peerId);
  }

  signalled({ peerId, message }: Notifications["signal"]): void {
    this.#links.get(peerId)?.hear(message as unknown as LinkMessage);
  }

  consumerTold(consumer: LinkConsumer): void {
    this.#consumers.set(consumer.consumerId, consumer);
    this.#sendTo(consumer.peerId);
  }

  consumerClosed({ consumerId, peerId }: Notifications["linkConsumerClosed"]): void {
    this.#consumers.delete(consumerId);
    this.#sendTo(peerId);
  }

  peerLeft(peerId: string): void {
    this.#carriers.delete(peerId);
    for (const { consumerId, peerId: viewer } of this.#consumers.values()) {
      if (viewer === peerId) this.#consumers.delete(consumerId);
    }
    this.#close(peerId);
  }

  /** What was told unheard. */
  reconcile({ peers, links, linkConsumers }: Snapshot): void {
    const carriers = new Map(links.map(({ peerId, carrier }) => [peerId, carrier]));
    this.#consumers.clear();
    for (const consumer of linkConsumers) this.#consumers.set(consumer.consumerId, consumer);
    for (const { peerId } of peers) {
      const carrier = carriers.get(peerId) ?? "sfu";
      if (this.carrier(peerId) === carrier) continue;
      this.carrierChanged({ peerId, carrier, reason: "topology_changed" });
    }
    this.sendAll();
  }

  /** What is published, or how, is not as it was. */
  sendAll(): void {
    for (const peerId of this.#links.keys()) this.#sendTo(peerId);
  }

  clear(): void {
    for (const peerId of [...this.#links.keys()]) this.#close(peerId);
    this.#carriers.clear();
    this.#consumers.clear();
  }

  #open(peerId: string): void {
    clearTimeout(this.#idleChecks.get(peerId));
    const session = this.#host.session();
    if (!session) return;
    const link = this.#links.get(peerId) ?? this.#make(session, peerId);
    this.#links.set(peerId, link);
    this.#sendTo(peerId);
    link.open();
  }

  #make(session: Session, peerId: string): MeshLink {
    const { iceServers, iceTransportPolicy } = session;
    return new MeshLink(session.peerId < peerId, () => ({ iceServers: iceServers.known, iceTransportPolicy }), {
      say: (message) => this.#say(session, peerId, message),
      stateChanged: (state, reason) => this.#stateChanged(session, peerId, state, reason),
      tracksChanged: () => this.#tracksChanged(peerId),
      channelOpened: () => this.#host.dataChanged(peerId),
      dataCame: (encoded, reliable) => {
        this.#heard.add(peerId);
        this.#host.dataCame(peerId, encoded, reliable);
      },
      failed: (error) => this.#host.failed(toSimplePeerError(error)),
    });
  }

  #stateChanged(session: Session, peerId: string, state: TransportState, reason: string): void {
    this.#host.stateChanged(peerId, state, reason);
    this.#host.dataChanged(peerId);
    if (state === "connected" || state === "failed") {
      void this.#ask(session, session.request("reportLink", { peerId, state, reason }));
    }
    if (state === "connected") this.#host.madeAnew();
    if (state === "failed" || state === "closed") this.#waiters.refuse(peerId, unreachable());
  }

  /** What had ended and comes again is received anew; not at once, since who waits for it has yet to take it. */
  #tracksChanged(peerId: string): void {
    this.#waiters.look(peerId);
    setTimeout(() => {
      const returned = (producerId: string) => this.#links.get(peerId)?.track(producerId)?.readyState === "live";
      if (this.#host.lost(peerId).some(returned)) this.#host.madeAnew();
    });
  }

  #sendTo(peerId: string): void {
    const consumers = [...this.#consumers.values()].filter((consumer) => consumer.peerId === peerId);
    const sendings = consumers.flatMap(({ peerId: _, paused, producerId, consumerId, ...limits }): LinkSending[] => {
      const source = this.#host.source(producerId);
      return source ? [{ ...source, consumerId, producerId, paused: paused || source.paused, limits }] : [];
    });
    this.#links.get(peerId)?.send(sendings);
  }

  #retire(peerId: string): void {
    this.#links.get(peerId)?.retire();
    this.#closeWhenIdle(peerId);
  }

  #closeWhenIdle(peerId: string, wasIdle = false): void {
    clearTimeout(this.#idleChecks.get(peerId));
    const check = () => {
      const isIdle = this.#isIdle(peerId);
      if (isIdle && wasIdle) this.#close(peerId);
      else this.#closeWhenIdle(peerId, isIdle);
    };
    this.#idleChecks.set(peerId, setTimeout(check, IDLE_CHECK_MS));
  }

  /** The other end sends the rest of its messages, and hears that they have come, before it lets go of the link. */
  #isIdle(peerId: string): boolean {
    const heard = this.#heard.delete(peerId);
    const sends = [...this.#consumers.values()].some((consumer) => consumer.peerId === peerId);
    return !heard && !sends && !this.#host.receives(peerId) && !this.#host.sendsData(peerId);
  }

  #close(peerId: string): void {
    clearTimeout(this.#idleChecks.get(peerId));
    this.#idleChecks.delete(peerId);
    this.#heard.delete(peerId);
    const link = this.#links.get(peerId);
    this.#links.delete(peerId);
    link?.close();
  }

  /** What the server refuses to carry, as it is too long, no other connection can say either. */
  async #say(session: Session, peerId: string, message: LinkMessage): Promise<void> {
    const error = await this.#ask(session, session.request("signal", { peerId, message: { ...message } }));
    if (error?.code === "bad_request") this.#links.get(peerId)?.unsayable(message.linkId);
  }

  /** Resolves to what went wrong. Who is out of sight is not there to be told; the server says so of itself. */
  async #ask(session: Session, request: Promise<unknown>): Promise<SimplePeerError | undefined> {
    try {
      await request;
      return undefined;
    } catch (cause) {
      const error = toSimplePeerError(cause);
      if (!session.closed && !UNEVENTFUL.has(error.code)) this.#host.failed(error);
      return error;
    }
  }
}

/** Failures of what is said about a link: it makes itself known again, or is given up. */
const UNEVENTFUL = new Set(["not_found", "timeout", "disconnected", "closed", "too_many_requests"]);

function unreachable(): SimplePeerError {
  return new SimplePeerError(
    "link_failed",
    "no direct way leads to that peer's browser",
    'a TURN server finds one (iceServers); with the topology "auto" media goes by the server then',
  );
}

/** What others send here: each offer of the server becomes a consumer, and that a track. */
import type { types as mediasoup } from "mediasoup-client";
import type { Audience } from "./audience.js";
import { isGone, type SimplePeerError, toSimplePeerError } from "./errors.js";
import type { RemoteTrack, RemovalReason } from "./events.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { HeldReason, Metadata, ProducerOffer, Snapshot } from "./types.js";

/** So many of those withdrawn are remembered. */
const MAX_WITHDRAWN = 256;

export class Subscriptions {
  readonly #keeper: SessionKeeper;
  readonly #audience: Audience;
  readonly #byProducer = new Map<string, Subscription>();
  readonly #withdrawn = new Set<string>();

  constructor(keeper: SessionKeeper, audience: Audience) {
    this.#keeper = keeper;
    this.#audience = audience;
  }

  get tracks(): RemoteTrack[] {
    return [...this.#byProducer.values()].flatMap(({ remote }) => remote ?? []);
  }

  /** Those of a peer, or the one of that label, whether their tracks are there yet or not. */
  of(peerId: string, label?: string): Subscription[] {
    return [...this.#byProducer.values()].filter(
      ({ offer }) => offer.peerId === peerId && (label === undefined || offer.label === label),
    );
  }

  /** Whether it has been offered; it may have been withdrawn since. */
  knows(producerId: string): boolean {
    return this.#byProducer.has(producerId) || this.#withdrawn.has(producerId);
  }

  offered(offer: ProducerOffer): void {
    this.#withdrawn.delete(offer.producerId);
    if (!this.#byProducer.has(offer.producerId)) void this.#takeUp(offer);
  }

  withdrawn(producerId: string, reason: RemovalReason): void {
    this.#drop(producerId, reason);
    this.#withdrawn.add(producerId);
    const [oldest] = this.#withdrawn;
    if (oldest !== undefined && this.#withdrawn.size > MAX_WITHDRAWN) this.#withdrawn.delete(oldest);
  }

  setMuted(producerId: string, muted: boolean): void {
    this.#byProducer.get(producerId)?.setMuted(muted);
  }

  setHeld(producerId: string, reason: HeldReason): void {
    this.#byProducer.get(producerId)?.setHeld(reason);
  }

  setMetadata(producerId: string, metadata: Metadata): void {
    this.#byProducer.get(producerId)?.setMetadata(metadata);
  }

  peerLeft(peerId: string): void {
    for (const { offer } of this.of(peerId)) this.#drop(offer.producerId, "peer_left");
  }

  /** What the server offers and sends now, when what happened meanwhile has not been heard. */
  reconcile({ offers, consumers }: Snapshot): void {
    const offered = new Map(offers.map((offer) => [offer.producerId, offer]));
    const held = new Map(consumers.map((consumer) => [consumer.consumerId, consumer.held]));
    for (const [producerId, subscription] of this.#byProducer) {
      const offer = offered.get(producerId);
      const consumerId = subscription.consumer?.id;
      if (!offer) this.#drop(producerId, "closed");
      else if (consumerId !== undefined && !held.has(consumerId)) this.#drop(producerId, "connection_lost");
      else subscription.update(offer, held.get(consumerId ?? ""));
    }
    for (const offer of offers) this.offered(offer);
  }

  /** The receiving transport is another one: every track is received anew on it. Resolves when they are. */
  async receiveAnew(): Promise<void> {
    const lost = [...this.#byProducer.values()].filter(({ consumer }) => consumer?.closed);
    await Promise.all(lost.map((subscription) => this.#start(subscription)));
  }

  clear(reason: RemovalReason): void {
    for (const producerId of [...this.#byProducer.keys()]) this.#drop(producerId, reason);
  }

  async #takeUp(offer: ProducerOffer): Promise<void> {
    const subscription = new Subscription(offer, this.#audience);
    this.#byProducer.set(offer.producerId, subscription);
    await this.#start(subscription);
  }

  async #start(subscription: Subscription): Promise<void> {
    try {
      await this.#keeper.run((session) => subscription.start(session));
    } catch (cause) {
      if (subscription.ended) return; // withdrawn meanwhile
      const error = toSimplePeerError(cause);
      subscription.failed(error);
      if (!isGone(error)) this.#audience.failed(error);
    }
  }

  #drop(producerId: string, reason: RemovalReason): void {
    const subscription = this.#byProducer.get(producerId);
    this.#byProducer.delete(producerId);
    subscription?.end(reason);
  }
}

/** One offer, and what has become of it. */
export class Subscription {
  /** As the server has told of it last. */
  readonly offer: ProducerOffer;
  readonly #audience: Audience;
  #consumer: mediasoup.Consumer | undefined;
  #remote: RemoteTrack | undefined;
  #trackSinceMs: number | undefined;
  #held: HeldReason = "";
  #ended = false;
  #failure: SimplePeerError | undefined;

  constructor(offer: ProducerOffer, audience: Audience) {
    this.offer = { ...offer };
    this.#audience = audience;
  }

  /** There once the track is, until the end. */
  get remote(): RemoteTrack | undefined {
    return this.#remote;
  }

  get consumer(): mediasoup.Consumer | undefined {
    return this.#consumer;
  }

  /** undefined while there is no track. */
  get trackAgeMs(): number | undefined {
    return this.#trackSinceMs === undefined ? undefined : Date.now() - this.#trackSinceMs;
  }

  get held(): HeldReason {
    return this.#held;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Why there is no track, when there will be none. */
  get failure(): SimplePeerError | undefined {
    return this.#failure;
  }

  /**
   * Again on a transport made anew: then the new track takes the place of the old one at once.
   * The server's consumer is paused until our receiving end is set up: the first keyframe must not be lost.
   */
  async start(session: Session): Promise<void> {
    const consumerId = await session.transports.run("recv", async (transport) => {
      if (this.#ended) return undefined;
      const { producerId } = this.offer;
      const answer = await session.request("consume", { transportId: transport.id, producerId });
      if (this.#ended) return undefined;
      const { consumerId: id, kind, rtpParameters } = answer;
      const consumer = await transport.consume({ id, producerId, kind, rtpParameters });
      if (this.#ended) return consumer.close(); // withdrawn meanwhile; the server has closed its own
      this.#announce(consumer);
      return id;
    });
    if (consumerId) await session.request("resumeConsumer", { consumerId });
  }

  failed(error: SimplePeerError): void {
    this.#failure = error;
  }

  update({ paused, metadata }: ProducerOffer, held: HeldReason = this.#held): void {
    this.setMuted(paused);
    this.setMetadata(metadata);
    this.setHeld(held);
  }

  setMuted(muted: boolean): void {
    if (this.offer.paused === muted) return;
    this.offer.paused = muted;
    this.#tellMuted();
  }

  setHeld(reason: HeldReason): void {
    if (this.#held === reason) return;
    this.#held = reason;
    this.#tellHeld();
  }

  setMetadata(metadata: Metadata): void {
    if (JSON.stringify(this.offer.metadata) === JSON.stringify(metadata)) return;
    this.offer.metadata = metadata;
    if (!this.#remote) return;
    this.#remote.metadata = metadata;
    const { track, peerId, label } = this.#remote;
    this.#audience.emit("metadataChanged", { track, peerId, label, metadata });
  }

  end(reason: RemovalReason): void {
    this.#ended = true;
    this.#consumer?.close();
    this.#retire(reason);
  }

  #announce(consumer: mediasoup.Consumer): void {
    const { peerId, label, broadcast, kind, metadata } = this.offer;
    this.#retire("replaced");
    this.#consumer = consumer;
    this.#trackSinceMs = Date.now();
    this.#remote = { track: consumer.track, peerId, label, broadcast, kind, metadata };
    this.#audience.trackAdded(this.#remote);
    if (this.offer.paused) this.#tellMuted();
    if (this.#held) this.#tellHeld();
  }

  #retire(reason: RemovalReason): void {
    const remote = this.#remote;
    this.#remote = undefined;
    if (!remote) return;
    remote.track.dispatchEvent(new Event("ended")); // stop() ends a track without telling it
    this.#audience.trackRemoved(remote, reason);
  }

  #tellMuted(): void {
    const { peerId, label, paused } = this.offer;
    if (this.#remote) this.#audience.emit(paused ? "trackMuted" : "trackUnmuted", { peerId, label });
  }

  #tellHeld(): void {
    const { peerId, label } = this.offer;
    if (!this.#remote) return;
    if (this.#held) this.#audience.emit("trackHeld", { peerId, label, reason: this.#held });
    else this.#audience.emit("trackReleased", { peerId, label });
  }
}

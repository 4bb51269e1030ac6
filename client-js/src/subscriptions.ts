/** What others send here: each offer of the server becomes a track. */
import type { Audience } from "./audience.js";
import { Deadline, sleep } from "./deadline.js";
import { toSimplePeerError } from "./errors.js";
import type { RemoteTrack, RemovalReason } from "./events.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import { Subscription, type SubscriptionView } from "./subscription.js";
import type { Carrier, HeldReason, Metadata, ProducerOffer, Snapshot } from "./types.js";

/** So many of those withdrawn are remembered. */
const MAX_WITHDRAWN = 256;

/** Failures that other news tells of: of the track's end, of the link's state. */
const TOLD_OTHERWISE = new Set(["not_found", "link_failed"]);

/** After so long the server takes some 200 requests of one peer more. */
const ADMITTED_AGAIN_MS = 1_000;

export class Subscriptions {
  readonly #keeper: SessionKeeper;
  readonly #audience: Audience;
  readonly #view: SubscriptionView;
  readonly #byProducer = new Map<string, Subscription>();
  readonly #withdrawn = new Set<string>();

  constructor(keeper: SessionKeeper, audience: Audience, view: SubscriptionView) {
    this.#keeper = keeper;
    this.#audience = audience;
    this.#view = view;
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

  /** Again when another carrier has it from now on; what has failed is tried again. */
  offered(offer: ProducerOffer): void {
    this.#withdrawn.delete(offer.producerId);
    const known = this.#byProducer.get(offer.producerId);
    const moves = known && known.offer.carrier !== offer.carrier;
    known?.update(offer);
    if (!known) void this.#takeUp(offer);
    else if (moves || mayDoNow(known)) void this.#start(known);
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
      const consumerId = subscription.incoming?.consumerId;
      if (!offer) this.#drop(producerId, "closed");
      else if (consumerId !== undefined && !held.has(consumerId)) this.#drop(producerId, "connection_lost");
      else subscription.setHeld(held.get(consumerId ?? "") ?? subscription.held);
    }
    for (const offer of offers) this.offered(offer);
  }

  /** What that carrier brought came by a way that has another in its place. Resolves when it is all received anew. */
  async receiveAnew(carrier: Carrier): Promise<void> {
    const lost = [...this.#byProducer.values()].filter(({ offer, stalled }) => offer.carrier === carrier && stalled);
    await Promise.all(lost.map((subscription) => this.#start(subscription)));
  }

  clear(reason: RemovalReason): void {
    for (const producerId of [...this.#byProducer.keys()]) this.#drop(producerId, reason);
  }

  async #takeUp(offer: ProducerOffer): Promise<void> {
    const subscription = new Subscription(offer, this.#audience, this.#view);
    this.#byProducer.set(offer.producerId, subscription);
    await this.#start(subscription);
  }

  async #start(subscription: Subscription): Promise<void> {
    const { carrier } = subscription.offer;
    const told = subscription.failure?.code;
    try {
      await this.#keeper.run((session) => this.#startWhenAdmitted(subscription, session));
    } catch (cause) {
      if (subscription.ended || subscription.offer.carrier !== carrier) return; // withdrawn, or another's, meanwhile
      const error = toSimplePeerError(cause);
      subscription.failed(error);
      if (error.code !== told && !TOLD_OTHERWISE.has(error.code)) this.#audience.failed(error);
    }
  }

  /** A room may have more tracks than the server takes requests at once; what it takes not, it has not done. */
  async #startWhenAdmitted(subscription: Subscription, session: Session): Promise<void> {
    const { carrier } = subscription.offer;
    const time = new Deadline(this.#keeper.patienceMs);
    while (subscription.offer.carrier === carrier) {
      try {
        return await subscription.start(session);
      } catch (error) {
        const refused = toSimplePeerError(error).code === "too_many_requests";
        if (!refused || session.closed || time.leftMs <= ADMITTED_AGAIN_MS) throw error;
      }
      await sleep(ADMITTED_AGAIN_MS);
    }
  }

  #drop(producerId: string, reason: RemovalReason): void {
    const subscription = this.#byProducer.get(producerId);
    this.#byProducer.delete(producerId);
    subscription?.end(reason);
  }
}

/** It has failed, and not for a link, which tells by itself when it is there again. */
function mayDoNow({ failure }: Subscription): boolean {
  return failure !== undefined && failure.code !== "link_failed";
}

/** What others send here: each offer of the server becomes a consumer, and that a track. */
import type { types as mediasoup } from "mediasoup-client";
import { isGone, type SimplePeerError, toSimplePeerError } from "./errors.js";
import type { RemoteTrack, RemovalReason } from "./events.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { ProducerOffer } from "./types.js";

export interface SubscriptionsObserver {
  added(remote: RemoteTrack): void;
  removed(remote: RemoteTrack, reason: RemovalReason): void;
  mutedChanged(remote: RemoteTrack, muted: boolean): void;
  failed(error: SimplePeerError): void;
}

export class Subscriptions {
  readonly #keeper: SessionKeeper;
  readonly #observer: SubscriptionsObserver;
  readonly #byProducer = new Map<string, Subscription>();

  constructor(keeper: SessionKeeper, observer: SubscriptionsObserver) {
    this.#keeper = keeper;
    this.#observer = observer;
  }

  get tracks(): RemoteTrack[] {
    return [...this.#byProducer.values()].flatMap(({ remote }) => remote ?? []);
  }

  offered(offer: ProducerOffer): void {
    if (this.#byProducer.has(offer.producerId)) return;
    const subscription = new Subscription(offer, this.#observer);
    this.#byProducer.set(offer.producerId, subscription);
    this.#keeper
      .current()
      .then((session) => subscription.start(session))
      .catch((error: unknown) => {
        if (this.#byProducer.get(offer.producerId) !== subscription) return; // withdrawn, or the session lost, meanwhile
        this.#drop(offer.producerId, "closed");
        if (!isGone(error)) this.#observer.failed(toSimplePeerError(error));
      });
  }

  withdrawn(producerId: string, reason: RemovalReason): void {
    this.#drop(producerId, reason);
  }

  setMuted(producerId: string, muted: boolean): void {
    this.#byProducer.get(producerId)?.setMuted(muted);
  }

  peerLeft(peerId: string): void {
    for (const [producerId, subscription] of this.#byProducer) {
      if (subscription.offer.peerId === peerId) this.#drop(producerId, "peer_left");
    }
  }

  clear(reason: RemovalReason): void {
    for (const producerId of this.#byProducer.keys()) this.#drop(producerId, reason);
  }

  #drop(producerId: string, reason: RemovalReason): void {
    const subscription = this.#byProducer.get(producerId);
    this.#byProducer.delete(producerId);
    subscription?.end(reason);
  }
}

class Subscription {
  readonly offer: ProducerOffer;
  readonly #observer: SubscriptionsObserver;
  #consumer: mediasoup.Consumer | undefined;
  #remote: RemoteTrack | undefined;
  /** undefined until the server has told. Its answer may be older than a notification that came before it. */
  #muted: boolean | undefined;
  #ended = false;

  constructor(offer: ProducerOffer, observer: SubscriptionsObserver) {
    this.offer = offer;
    this.#observer = observer;
  }

  /** There once the track is, until the end. */
  get remote(): RemoteTrack | undefined {
    return this.#remote;
  }

  /** The server's consumer is paused until our receiving end is set up: the first keyframe must not be lost. */
  async start(session: Session): Promise<void> {
    if (this.#ended) return;
    const transport = await session.transports.get("recv");
    if (this.#ended) return;
    const answer = await session.request("consume", { transportId: transport.id, producerId: this.offer.producerId });
    this.#muted ??= answer.producerPaused;
    const { consumerId: id, producerId, kind, rtpParameters } = answer;
    if (this.#ended) return;
    const consumer = await transport.consume({ id, producerId, kind, rtpParameters });
    if (this.#ended) return consumer.close(); // withdrawn meanwhile; the server has closed its own
    this.#announce(consumer);
    await session.request("resumeConsumer", { consumerId: id });
  }

  setMuted(muted: boolean): void {
    if (this.#muted === muted) return;
    this.#muted = muted;
    if (this.#remote) this.#observer.mutedChanged(this.#remote, muted);
  }

  end(reason: RemovalReason): void {
    this.#ended = true;
    this.#consumer?.close();
    const remote = this.#remote;
    this.#remote = undefined;
    if (!remote) return;
    remote.track.dispatchEvent(new Event("ended")); // stop() ends a track without telling it
    this.#observer.removed(remote, reason);
  }

  #announce(consumer: mediasoup.Consumer): void {
    const { peerId, label, broadcast, kind } = this.offer;
    this.#consumer = consumer;
    this.#remote = { track: consumer.track, peerId, label, broadcast, kind };
    this.#observer.added(this.#remote);
    if (this.#muted && this.#remote) this.#observer.mutedChanged(this.#remote, true);
  }
}

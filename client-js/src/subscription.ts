/** One offer, and what has become of it: the track, and the way it comes by. */
import type { Audience } from "./audience.js";
import { Deadline, sleep } from "./deadline.js";
import { isGone, type SimplePeerError } from "./errors.js";
import type { RemoteTrack, RemovalReason } from "./events.js";
import type { Incoming, IncomingCarrier, IncomingCarriers } from "./incoming.js";
import { plays, receptionOf } from "./reception.js";
import type { Session } from "./session.js";
import type { HeldReason, Metadata, ProducerOffer, TransportState } from "./types.js";

/** The server keeps both ways open for 10 s. */
const TAKE_OVER_MS = 9_000;
const LOOK_EVERY_MS = 40;

/** What a subscription looks at beside itself. */
export interface SubscriptionView {
  readonly carriers: IncomingCarriers;
  /** By a wish of this peer's own. */
  isPausedHere(offer: ProducerOffer): boolean;
}

export class Subscription {
  /** As the server has told of it last. */
  readonly offer: ProducerOffer;
  readonly #audience: Audience;
  readonly #view: SubscriptionView;
  #incoming: Incoming | undefined;
  /** What is about to take its place, when something shows on it. */
  #next: Incoming | undefined;
  /** Which of these two the server has not heard is set up: nothing comes on it. */
  #unresumed: Incoming | undefined;
  #attempts = 0;
  #remote: RemoteTrack | undefined;
  #trackSinceMs: number | undefined;
  #held: HeldReason = "";
  #ended = false;
  #failure: SimplePeerError | undefined;

  constructor(offer: ProducerOffer, audience: Audience, view: SubscriptionView) {
    this.offer = { ...offer };
    this.#audience = audience;
    this.#view = view;
  }

  /** There once the track is, until the end. */
  get remote(): RemoteTrack | undefined {
    return this.#remote;
  }

  /** By which the track comes. */
  get incoming(): Incoming | undefined {
    return this.#incoming;
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

  /** Why there is no track, or nothing on it. */
  get failure(): SimplePeerError | undefined {
    return this.#failure;
  }

  /** Whether it has to be started again: what it comes by, or was about to come by, is gone. */
  get stalled(): boolean {
    const latest = this.#next ?? this.#incoming;
    return latest ? latest.closed : this.#failure !== undefined;
  }

  /** What the browser has of it, beside all else that comes by the same way. */
  stats(): Promise<RTCStatsReport | undefined> {
    return this.#carrier.stats(this.offer.peerId);
  }

  /** Of the way it comes by, or is to come by. */
  get pathState(): TransportState | undefined {
    return this.#carrier.state(this.offer.peerId);
  }

  /**
   * Again when another carrier has it from now on: the new way takes the place of the old one when something is to be
   * seen, or heard, on it. Again when the old way is lost: at once. Again when it has failed: goes on where it did.
   * @throws what it fails for, while it is wanted and no other attempt has taken its place
   */
  async start(session: Session): Promise<void> {
    const { carrier } = this.offer;
    const before = [this.#next, this.#incoming].find((incoming) => incoming?.carrier === carrier);
    const lives = before !== undefined && !before.closed;
    this.#failure = undefined;
    if (this.#ended || (lives && before !== this.#unresumed)) return;
    const attempt = ++this.#attempts;
    const isWanted = () => !this.#ended && this.offer.carrier === carrier && attempt === this.#attempts;
    try {
      const incoming = lives ? before : await this.#receive(session, isWanted, before);
      if (!incoming) return;
      await this.#resume(session, incoming, isWanted);
      const old = this.#incoming;
      if (old && incoming === this.#next) await this.#takeOver(session, incoming, old, isWanted);
    } catch (error) {
      if (isWanted()) throw error;
    }
  }

  failed(error: SimplePeerError): void {
    this.#failure = error;
  }

  /** start() is to follow when the carrier is another one. */
  update({ paused, metadata, carrier }: ProducerOffer, held: HeldReason = this.#held): void {
    this.offer.carrier = carrier;
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
    this.#incoming?.close();
    this.#next?.close();
    this.#retire(reason);
  }

  get #carrier(): IncomingCarrier {
    return this.#view.carriers[this.#incoming?.carrier ?? this.offer.carrier];
  }

  async #receive(
    session: Session,
    isWanted: () => boolean,
    before: Incoming | undefined,
  ): Promise<Incoming | undefined> {
    const { carrier } = this.offer;
    const incoming = await this.#view.carriers[carrier].receive(session, this.offer, isWanted, before);
    if (!incoming || !isWanted()) {
      incoming?.close(); // withdrawn meanwhile; the server has closed its own
      return undefined;
    }
    const old = this.#incoming;
    if (old && old.carrier !== carrier && !old.closed) this.#next = incoming;
    else this.#announce(incoming);
    return incoming;
  }

  /** What is not wanted any longer is given up afterwards, resumed or not. */
  async #resume(session: Session, incoming: Incoming, isWanted: () => boolean): Promise<void> {
    this.#unresumed = undefined;
    try {
      await session.request("resumeConsumer", { consumerId: incoming.consumerId });
    } catch (error) {
      if (!isWanted()) return;
      this.#unresumed = incoming;
      throw error;
    }
  }

  async #takeOver(session: Session, next: Incoming, old: Incoming, isWanted: () => boolean): Promise<void> {
    await this.#untilItShows(next, old, isWanted);
    if (next.closed && isWanted()) return; // another connection is made in its place, and starts this again
    if (this.#next === next) this.#next = undefined;
    if (isWanted()) this.#announce(next);
    else next.close();
    const { consumerId } = this.#incoming === next ? old : next;
    await session.request("closeConsumer", { consumerId }).catch(unlessGone);
  }

  /** As long as the old way may be used; what nobody would see need not be waited for. */
  async #untilItShows(next: Incoming, old: Incoming, isWanted: () => boolean): Promise<void> {
    const time = new Deadline(TAKE_OVER_MS);
    const { peerId, kind } = this.offer;
    while (isWanted() && !next.closed && !old.closed && time.leftMs > 0 && !this.#isSilent) {
      const report = await this.#view.carriers[next.carrier].stats(peerId);
      const reception = report && receptionOf(next.track, report);
      if (reception && plays(kind, reception)) return;
      await sleep(LOOK_EVERY_MS);
    }
  }

  get #isSilent(): boolean {
    return this.offer.paused || this.#held !== "" || this.#view.isPausedHere(this.offer);
  }

  #announce(incoming: Incoming): void {
    const { peerId, label, broadcast, kind, metadata } = this.offer;
    this.#retire("replaced");
    this.#incoming?.close();
    this.#incoming = incoming;
    this.#trackSinceMs = Date.now();
    this.#failure = undefined; // of an attempt before this one
    this.#remote = { track: incoming.track, peerId, label, broadcast, kind, metadata };
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

function unlessGone(error: unknown): void {
  if (!isGone(error)) throw error;
}

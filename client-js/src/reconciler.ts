/**
 * Compares what is believed here with what the server has, and mends the difference: after notifications were missed,
 * and every now and then, so that no mistake of either side lasts.
 */
import type { Data } from "./data.js";
import { type SimplePeerError, toSimplePeerError } from "./errors.js";
import type { Links } from "./links.js";
import type { Publications } from "./publications.js";
import type { Roster } from "./roster.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Subscriptions } from "./subscriptions.js";
import type { Snapshot } from "./types.js";
import type { Wishes } from "./wishes.js";

const INTERVAL_MS = 60_000;
/** What comes together is answered by one comparison. */
const SOON_MS = 50;

/** Failures after which another comparison comes anyway. */
const UNEVENTFUL = new Set(["not_found", "disconnected", "timeout", "closed"]);

/** Those who believe something. */
export interface Believers {
  readonly keeper: SessionKeeper;
  readonly roster: Roster;
  readonly subscriptions: Subscriptions;
  readonly publications: Publications;
  readonly wishes: Wishes;
  readonly links: Links;
  readonly data: Data;
}

export class Reconciler {
  readonly #believers: Believers;
  readonly #failed: (error: SimplePeerError) => void;
  readonly #interval: ReturnType<typeof setInterval> | undefined;
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(believers: Believers, intervalMs = INTERVAL_MS, failed: (error: SimplePeerError) => void) {
    this.#believers = believers;
    this.#failed = failed;
    if (intervalMs > 0) this.#interval = setInterval(() => void this.#compare(), intervalMs);
  }

  soon(): void {
    this.#soon ??= setTimeout(() => void this.#compare(), SOON_MS);
  }

  /** The snapshot tells of this very moment: nothing that we asked for can have been answered since. */
  apply(session: Session, snapshot: Snapshot): void {
    const { roster, links, subscriptions, publications, wishes, data } = this.#believers;
    const inSight = new Set(snapshot.peers.map(({ peerId }) => peerId));
    for (const peerId of inSight) roster.add(peerId);
    links.reconcile(snapshot);
    subscriptions.reconcile(snapshot);
    for (const peerId of roster.peerIds) {
      if (inSight.has(peerId)) continue;
      subscriptions.peerLeft(peerId);
      links.peerLeft(peerId);
      roster.remove(peerId, "missed");
    }
    wishes.reconcile(snapshot.rooms);
    // What hung on a transport that is to be made anew goes along to the next one.
    const lost = session.transports.reconcile(snapshot.transports);
    if (!lost.includes("send")) publications.reconcile(snapshot.producers);
    data.reconcile(session, snapshot, lost);
  }

  close(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#soon);
  }

  async #compare(): Promise<void> {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const { keeper } = this.#believers;
    if (!keeper.connected) return; // a session that is resumed, or opened, is compared then
    try {
      const session = await keeper.current();
      const { snapshot, seq } = await session.request("getSnapshot", {});
      if (keeper.session !== session) return;
      if (!keeper.skipTo(seq)) return this.soon(); // something happened since
      this.apply(session, snapshot);
      await this.#closeStrangers(session, snapshot);
    } catch (error) {
      const told = toSimplePeerError(error);
      if (!UNEVENTFUL.has(told.code)) this.#failed(told);
    }
  }

  /** Producers left over from calls that gave up before they were answered. */
  async #closeStrangers(session: Session, { producers }: Snapshot): Promise<void> {
    const strangers = this.#believers.publications.strangers(producers);
    await Promise.all(strangers.map((producerId) => session.request("closeProducer", { producerId })));
  }
}

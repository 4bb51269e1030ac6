/**
 * Compares what is believed here with what the server has, and mends the difference: after notifications were missed,
 * and every now and then, so that no mistake of either side lasts.
 */
import { type SimplePeerError, toSimplePeerError } from "./errors.js";
import type { Roster } from "./roster.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Subscriptions } from "./subscriptions.js";
import type { Snapshot } from "./types.js";
import type { Wishes } from "./wishes.js";

const INTERVAL_MS = 60_000;
/** What comes together is answered by one comparison. */
const SOON_MS = 50;

/** Those who believe something. */
export interface Believers {
  readonly keeper: SessionKeeper;
  readonly roster: Roster;
  readonly subscriptions: Subscriptions;
  readonly wishes: Wishes;
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
    const { roster, subscriptions, wishes } = this.#believers;
    const inSight = new Set(snapshot.peers.map(({ peerId }) => peerId));
    for (const peerId of inSight) roster.add(peerId);
    subscriptions.reconcile(snapshot.offers);
    for (const peerId of roster.peerIds) {
      if (inSight.has(peerId)) continue;
      subscriptions.peerLeft(peerId);
      roster.remove(peerId, "missed");
    }
    wishes.reconcile(snapshot.rooms);
    session.transports.reconcile(snapshot.transports);
  }

  close(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#soon);
  }

  async #compare(): Promise<void> {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const { keeper } = this.#believers;
    const { session } = keeper;
    if (!session || !keeper.connected) return;
    try {
      const { snapshot, seq } = await session.request("getSnapshot", {});
      if (keeper.session !== session) return;
      if (keeper.skipTo(seq)) this.apply(session, snapshot);
      else this.soon(); // something happened since
    } catch (error) {
      if (!session.closed) this.#failed(toSimplePeerError(error));
    }
  }
}

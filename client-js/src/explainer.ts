/** Explains why a track does not play: asks the server, and looks at this end. */
import { Deadline, sleep } from "./deadline.js";
import { brokenLink, playing, type ViewerFacts } from "./explain.js";
import { type Reception, receptionOf, silenceOf } from "./reception.js";
import type { Roster } from "./roster.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Subscription } from "./subscription.js";
import type { Subscriptions } from "./subscriptions.js";
import type { Explanation } from "./types.js";
import type { Wishes } from "./wishes.js";

/** Between the two looks at what is received, if there is time for it: a few frames of any moving picture. */
const LOOK_AGAIN_MS = 300;

export interface Witnesses {
  keeper: SessionKeeper;
  wishes: Wishes;
  subscriptions: Subscriptions;
  roster: Roster;
}

export class Explainer {
  readonly #witnesses: Witnesses;
  readonly #timeoutMs: number;

  constructor(witnesses: Witnesses, timeoutMs: number) {
    this.#witnesses = witnesses;
    this.#timeoutMs = timeoutMs;
  }

  /** Never rejects for want of a server; gives what can be seen from here then. */
  async explain(peerId: string, label: string, timeoutMs = this.#timeoutMs): Promise<Explanation> {
    const [told, facts] = await Promise.all([
      this.#askServer(peerId, label, timeoutMs),
      this.#look(peerId, label, Math.min(LOOK_AGAIN_MS, timeoutMs / 2)),
    ]);
    const failed = facts.offer?.failure !== undefined;
    if (told && !told.ok && !failed) return told;
    const link = brokenLink(facts);
    if (told) return link ? { ok: false, ...link } : playing(facts);
    return this.#withoutServer(facts, link);
  }

  async #askServer(peerId: string, label: string, timeoutMs: number): Promise<Explanation | undefined> {
    const { session, connected } = this.#witnesses.keeper;
    if (!session || !connected) return undefined;
    const asked = session.request("explain", { peerId, label }).catch(() => undefined); // no answer is no news
    return (await new Deadline(timeoutMs).within(asked))?.explanation;
  }

  #withoutServer(facts: ViewerFacts, link: Omit<Explanation, "ok"> | undefined): Explanation {
    const { session, connected } = this.#witnesses.keeper;
    const trouble = connected ? "the server does not answer" : "your socket is not connected to the server";
    if (!link) {
      const plays = playing(facts);
      return { ...plays, message: `${plays.message}; ${trouble}, media flows all the same` };
    }
    if (facts.offer && session) return { ok: false, ...link, message: `${link.message}; ${trouble}` };
    const hint = 'is the server up, and the network? "connectionStateChange" tells when it is back';
    return { ok: false, code: connected ? "timeout" : "disconnected", message: trouble, hint, link: "viewer" };
  }

  async #look(peerId: string, label: string, betweenMs: number): Promise<ViewerFacts> {
    const { keeper, wishes, subscriptions, roster } = this.#witnesses;
    const ownId = roster.resolve(peerId);
    const subscription = subscriptions.of(ownId, label)[0];
    const transports = keeper.session?.transports;
    const report = await (subscription ? subscription.stats() : transports?.stats("recv"));
    const silenceMs = report && silenceOf(report);
    const reception = report && (await this.#lookTwice(subscription, report, betweenMs));
    const ids = [peerId, ownId];
    return {
      inSight: roster.has(ownId),
      ...(subscription && { offer: offerFacts(subscription) }),
      pausedByYou: ids.some((id) => wishes.isPaused(id, label)),
      connectWished: ids.some((id) => wishes.isConnected(id, label)),
      transport: subscription ? subscription.pathState : transports?.state("recv"),
      ...(silenceMs !== undefined && { transportSilenceMs: silenceMs }),
      ...(reception && { reception }),
    };
  }

  async #lookTwice(
    subscription: Subscription | undefined,
    report: RTCStatsReport,
    betweenMs: number,
  ): Promise<{ earlier: Reception; now: Reception } | undefined> {
    const track = subscription?.remote?.track;
    const earlier = track && receptionOf(track, report);
    if (!earlier) return undefined;
    await sleep(betweenMs);
    const again = await subscription.stats();
    const now = again && receptionOf(track, again);
    return now && { earlier, now };
  }
}

function offerFacts({ offer, held, failure, trackAgeMs }: Subscription): ViewerFacts["offer"] & object {
  return { kind: offer.kind, carrier: offer.carrier, muted: offer.paused, held, failure, trackAgeMs };
}

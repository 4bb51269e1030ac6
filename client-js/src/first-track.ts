/** connectToPeer(): says the wish, and waits until the first of the tracks asked for plays. */
import { Deadline, sleep } from "./deadline.js";
import { SimplePeerError } from "./errors.js";
import type { Explainer, Witnesses } from "./explainer.js";
import { plays, receptionOf } from "./reception.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Subscription } from "./subscription.js";
import type { Reply } from "./types.js";

const LOOK_EVERY_MS = 100;
/** Of the time that a call has, this much is kept for finding out why nothing plays. */
const EXPLAIN_SHARE = 0.2;
const EXPLAIN_MAX_MS = 2_000;

/** Why nothing plays that nobody would wait for. */
const NOT_EXPECTED = new Set([
  ...["peer_unknown", "no_such_track", "not_connected", "publisher_muted", "muted_by_server", "held_by_policy"],
  "paused_by_you",
]);

export class FirstTrack {
  readonly #witnesses: Witnesses;
  readonly #explainer: Explainer;
  readonly #timeoutMs: number;

  constructor(witnesses: Witnesses, explainer: Explainer, timeoutMs: number) {
    this.#witnesses = witnesses;
    this.#explainer = explainer;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Resolves when a track plays, or when none is to be expected now: the peer has none, or they are all held, by
   * whomever. The wish stands either way.
   * @throws SimplePeerError what the server refused the wish with; why nothing plays, with the code of an explanation
   */
  async connect(peerId: string, label: string | undefined): Promise<void> {
    const { keeper, wishes, roster } = this.#witnesses;
    const explainMs = Math.min(this.#timeoutMs * EXPLAIN_SHARE, EXPLAIN_MAX_MS);
    const time = new PlayingTime(keeper, this.#timeoutMs - explainMs, keeper.patienceMs - explainMs);
    let answer: Reply<"connectToPeer"> | undefined;
    do {
      answer = await time.within(wishes.connectToPeer(peerId, label));
      if (!answer) break;
      roster.alias(peerId, answer.peerId);
      if (await this.#plays(answer, label, time)) return;
    } while (!time.isOver());
    const expected = label ?? this.#mayPlay(roster.resolve(peerId))[0]?.offer.label ?? answer?.tracks[0]?.label;
    const { ok, code, message, hint } = await this.#explainer.explain(peerId, expected ?? "", explainMs);
    if (!ok && !NOT_EXPECTED.has(code)) throw new SimplePeerError(code, message, hint);
  }

  /** False when time is over, or the session is another one, of which the answer knows nothing. */
  async #plays(answer: Reply<"connectToPeer">, label: string | undefined, time: PlayingTime): Promise<boolean> {
    const { keeper, subscriptions } = this.#witnesses;
    const { session } = keeper;
    while (!time.isOver() && keeper.session === session) {
      const expected = this.#mayPlay(answer.peerId, label);
      // The answer may have overtaken the offers that it tells of.
      const coming = answer.tracks.some(({ producerId, paused }) => !paused && !subscriptions.knows(producerId));
      if (!expected.length && !coming) return true;
      const playing = await Promise.all(expected.map(isPlaying));
      if (playing.includes(true)) return true;
      const failures = expected.flatMap(({ failure }) => failure ?? []);
      if (!coming && failures.length === expected.length) throw failures[0];
      await sleep(LOOK_EVERY_MS);
    }
    return false;
  }

  #mayPlay(peerId: string, label?: string): Subscription[] {
    const { subscriptions, wishes } = this.#witnesses;
    return subscriptions
      .of(peerId, label)
      .filter(({ offer, held }) => !offer.paused && !held && !wishes.isPaused(peerId, offer.label));
  }
}

/** How long to wait for the first picture. While the socket is away none can be asked for: that counts only in all. */
class PlayingTime {
  readonly #keeper: SessionKeeper;
  readonly #connected: Deadline;
  readonly #all: Deadline;

  constructor(keeper: SessionKeeper, connectedMs: number, allMs: number) {
    this.#keeper = keeper;
    this.#connected = new Deadline(connectedMs);
    this.#all = new Deadline(allMs);
  }

  /** To be asked often: it is how an absence is noticed. */
  isOver(): boolean {
    if (!this.#keeper.connected) this.#connected.restart();
    return this.#connected.leftMs === 0 || this.#all.leftMs === 0;
  }

  /** What `work` gives; undefined when time is over first. */
  async within<Result>(work: Promise<Result>): Promise<Result | undefined> {
    let waiting = true;
    const over = async (): Promise<undefined> => {
      while (waiting && !this.isOver()) await sleep(Math.min(LOOK_EVERY_MS, this.#all.leftMs));
    };
    try {
      return await Promise.race([work, over()]);
    } finally {
      waiting = false;
    }
  }
}

async function isPlaying(subscription: Subscription): Promise<boolean> {
  const { remote, offer, pathState } = subscription;
  if (!remote || pathState !== "connected") return false;
  const report = await subscription.stats();
  const reception = report && receptionOf(remote.track, report);
  return reception !== undefined && plays(offer.kind, reception);
}

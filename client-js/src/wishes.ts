/**
 * What the application wishes of others: rooms, connections, pauses, layers. A wish counts from the moment it is made,
 * whether the server can be told just now or not; each new session is told all of them before anything else, and what
 * the server has agreed to holds through resumes without being said again.
 */
import { isGone, type SimplePeerError, toSimplePeerError } from "./errors.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Payload, PreferredLayers, Reply } from "./types.js";

/** Rooms come first, since peers are in sight only there; pauses and layers before connections, so that nothing flows
 * that should not. */
const KINDS = ["room", "pause", "layers", "connection"] as const;
type Kind = (typeof KINDS)[number];

type WishRequest =
  | "joinRoom"
  | "leaveRoom"
  | "connectToPeer"
  | "disconnectFromPeer"
  | "pausePeer"
  | "resumePeer"
  | "setPreferredLayers";

/** One thing to be said. `stands` is whether it is a wish to be repeated, or takes one back. */
interface Saying {
  readonly kind: Kind;
  readonly key: string;
  readonly stands: boolean;
  /** It takes back a wish that stood, and that the server need not know of: there may have been another session. */
  readonly takesBack: boolean;
  say(session: Session): Promise<unknown>;
  /** The last session it was said in, and what became of it there. */
  said?: { session: Session; answer: Promise<unknown> };
}

/** Failures that leave open whether the server would grant it. */
const UNDECIDED = new Set(["timeout", "disconnected", "closed", "internal_error", "too_many_requests"]);

export class Wishes {
  readonly #keeper: SessionKeeper;
  /** By kind and what it is about: what is wished now. */
  readonly #standing = new Map<string, Saying>();
  /** Those whose callers wait for an answer. */
  readonly #asked = new Set<Saying>();

  constructor(keeper: SessionKeeper) {
    this.#keeper = keeper;
  }

  joinRoom(roomId: string): Promise<Reply<"joinRoom">> {
    return this.#ask("room", roomId, true, "joinRoom", { roomId });
  }

  async leaveRoom(roomId: string): Promise<void> {
    await this.#ask("room", roomId, false, "leaveRoom", { roomId });
  }

  connectToPeer(peerId: string, label?: string): Promise<Reply<"connectToPeer">> {
    return this.#ask("connection", about(peerId, label), true, "connectToPeer", track(peerId, label));
  }

  async disconnectFromPeer(peerId: string, label?: string): Promise<void> {
    await this.#ask("connection", about(peerId, label), false, "disconnectFromPeer", track(peerId, label));
  }

  async pausePeer(peerId: string, label?: string): Promise<void> {
    await this.#ask("pause", about(peerId, label), true, "pausePeer", track(peerId, label));
  }

  async resumePeer(peerId: string, label?: string): Promise<void> {
    await this.#ask("pause", about(peerId, label), false, "resumePeer", track(peerId, label));
  }

  /** Layers that limit nothing take the wish back. */
  async setPreferredLayers(peerId: string, layers: PreferredLayers, label?: string): Promise<void> {
    const stands = Object.values(layers).some((limit) => limit !== undefined);
    const payload = { ...track(peerId, label), ...layers };
    await this.#ask("layers", about(peerId, label), stands, "setPreferredLayers", payload);
  }

  /** Whether this track is paused here, by itself or with all of its peer's. */
  isPaused(peerId: string, label: string): boolean {
    return this.#isWished("pause", peerId, label);
  }

  isConnected(peerId: string, label: string): boolean {
    return this.#isWished("connection", peerId, label);
  }

  /** The server took this peer out of the room: not to be joined again. */
  roomTaken(roomId: string): void {
    this.#standing.delete(keyOf("room", roomId));
  }

  /** The rooms that the server has this peer in: what it was taken out of unheard is not to be joined again. */
  reconcile(rooms: readonly string[]): void {
    const asked = new Set([...this.#asked].map(({ key }) => key));
    const there = new Set(rooms.map((roomId) => keyOf("room", roomId)));
    for (const { kind, key } of [...this.#standing.values()]) {
      if (kind === "room" && !there.has(key) && !asked.has(key)) this.#standing.delete(key);
    }
  }

  /**
   * Tells a new session what stands, and then what is still to be answered, in the order it was asked. `failed` hears of
   * those that are refused and that no caller waits for.
   * @throws SimplePeerError of a wish of which it is not known whether it is granted: a session where a room or a pause
   *   may be missing is of no use
   */
  async sayAll(session: Session, failed: (error: SimplePeerError) => void): Promise<void> {
    const asked = [...this.#asked];
    const askedKeys = new Set(asked.map(({ key }) => key));
    const answered = [...this.#standing.values()].filter(({ key }) => !askedKeys.has(key));
    const sayings = KINDS.flatMap((kind) => [...answered, ...asked].filter((saying) => saying.kind === kind));
    const outcomes = await Promise.allSettled(sayings.map((saying) => this.#say(saying, session)));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "fulfilled") continue;
      const error = toSimplePeerError(outcome.reason);
      if (UNDECIDED.has(error.code)) throw error;
      if (!asked.some((asking) => asking === sayings[index])) failed(error);
    }
  }

  #isWished(kind: Kind, peerId: string, label: string): boolean {
    return [about(peerId, undefined), about(peerId, label)].some((id) => this.#standing.has(keyOf(kind, id)));
  }

  #ask<Name extends WishRequest>(
    kind: Kind,
    id: string,
    stands: boolean,
    name: Name,
    payload: Payload<Name>,
  ): Promise<Reply<Name>> {
    const key = keyOf(kind, id);
    const takesBack = !stands && this.#standing.has(key);
    const asking: Saying = { kind, key, stands, takesBack, say: (session) => session.request(name, payload) };
    if (stands) this.#standing.set(key, asking);
    else this.#standing.delete(key);
    this.#asked.add(asking);
    // An opening session is told by sayAll(); any other here.
    const answer = this.#keeper.run((session) => this.#say(asking, session));
    return answer.finally(() => this.#asked.delete(asking)) as Promise<Reply<Name>>;
  }

  /** Once in a session, however many ask. */
  #say(saying: Saying, session: Session): Promise<unknown> {
    if (saying.said?.session !== session) saying.said = { session, answer: this.#sayNow(saying, session) };
    return saying.said.answer;
  }

  async #sayNow(saying: Saying, session: Session): Promise<unknown> {
    try {
      return await saying.say(session);
    } catch (error) {
      if (saying.takesBack && isGone(error)) return {};
      const refused = !session.closed && !UNDECIDED.has(toSimplePeerError(error).code);
      // What the server does not grant is not a wish any longer, unless it has been wished anew.
      if (refused && this.#standing.get(saying.key) === saying) this.#standing.delete(saying.key);
      throw error;
    }
  }
}

function keyOf(kind: Kind, id: string): string {
  return `${kind} ${id}`;
}

function about(peerId: string, label: string | undefined): string {
  return JSON.stringify(label === undefined ? [peerId] : [peerId, label]);
}

function track(peerId: string, label: string | undefined): { peerId: string; label?: string } {
  return label === undefined ? { peerId } : { peerId, label };
}

/** The application's own tracks, by label: added, replaced, muted, taken off, and published again in a new session. */
import { SimplePeerError, toSimplePeerError } from "./errors.js";
import type { LocalTrack } from "./events.js";
import { Publication, type PublicationIntent } from "./publication.js";
import type { PublishOptions } from "./publish-options.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import { Turns } from "./turns.js";
import type { Metadata, Snapshot } from "./types.js";

/** What is sent of a track, whoever carries it. */
export interface LinkSource {
  readonly track: MediaStreamTrack;
  readonly paused: boolean;
  readonly options: PublishOptions;
}

export interface PublicationsObserver {
  /** The source of a track ended by itself; it has been taken off. */
  ended(label: string, track: MediaStreamTrack): Promise<void>;
  /** What source() says is not as it was. */
  changed(): void;
  failed(error: SimplePeerError): void;
}

export class Publications {
  readonly #keeper: SessionKeeper;
  readonly #observer: PublicationsObserver;
  readonly #held = new Map<string, Publication>();
  readonly #turns = new Turns();
  /** Whether the router is to have it, by id, as the server has told last. */
  readonly #routed = new Map<string, boolean>();

  constructor(keeper: SessionKeeper, observer: PublicationsObserver) {
    this.#keeper = keeper;
    this.#observer = observer;
  }

  /** What is published, in this session and the next. */
  get tracks(): LocalTrack[] {
    return [...this.#held.values()].map(({ local }) => local);
  }

  /**
   * A label that is taken is replaced, without a gap where that can be; what fails leaves the old track as it was. It is
   * the label that is muted: whatever comes in its place is so too, and only setMuted() ends that.
   */
  async add(track: MediaStreamTrack, asked: PublicationIntent): Promise<void> {
    requireLiveTrack(track);
    const { label } = asked;
    const { muted = false, ...options } = asked.options;
    const intent = { ...asked, options };
    let publication: Publication | undefined;
    try {
      await this.#inTurn(label, async (session) => {
        const old = this.#held.get(label);
        if (old?.takes(track, intent)) {
          if (muted && !old.muted) await this.#applyMuted(old, session, true); // first: nothing of the new track gets out
          await old.swap(session, track, intent.metadata);
          return this.#observer.changed();
        }
        publication ??= new Publication(track, intent, (ended) => this.#sourceEnded(label, ended));
        publication.muted = muted || (old?.muted ?? false);
        await this.#put(publication, session);
      });
    } catch (error) {
      if (publication)
        this.#undo(publication).catch((cause: unknown) => this.#observer.failed(toSimplePeerError(cause)));
      throw error;
    }
  }

  remove(label: string): Promise<void> {
    return this.#inTurn(label, () => this.#takeOff(this.#require(label)));
  }

  /** What is wished counts at once, and for the track's next session too. */
  setMuted(label: string, muted: boolean): Promise<void> {
    const held = this.#held.get(label);
    if (held) held.muted = muted;
    this.#observer.changed();
    return this.#inTurn(label, (session) => this.#applyMuted(this.#require(label), session, muted));
  }

  setMetadata(label: string, metadata: Metadata): Promise<void> {
    return this.#inTurn(label, (session) => this.#require(label).setMetadata(session, metadata));
  }

  /** What links are to carry; undefined: nothing of that id is published (any longer). */
  source(producerId: string): LinkSource | undefined {
    const publication = this.#find(producerId);
    if (!publication) return undefined;
    const { track, muted, options } = publication;
    return { track, paused: muted, options };
  }

  /** The server tells whether anybody needs it by the router; maybe before its answer has told the id. */
  setRouted(producerId: string, routed: boolean): void {
    this.#routed.set(producerId, routed);
    const publication = this.#find(producerId);
    if (publication) void this.#carry(publication);
  }

  /** Publishes what is held; to be called once in each session. (What is still being added sees to itself.) */
  republish(session: Session): void {
    this.#routed.clear();
    for (const publication of this.#held.values()) {
      void this.#watch(publication, session, publication.publish(session));
    }
  }

  /** The sending transport is another one: the producers move to it, and live on there. Resolves when they have. */
  async sendAnew(session: Session): Promise<void> {
    await Promise.all(
      [...this.#held.values()].map((publication) =>
        this.#watch(publication, session, publication.publishAnew(session)),
      ),
    );
  }

  /** What the server has closed of its own accord is let go of, and that is told. */
  closed(producerId: string, reason: string): void {
    const publication = this.#find(producerId);
    if (!publication) return;
    this.#letGo(publication);
    // What is on its way to the server would make it anew there. Else only this end is left: it must not go on sending.
    const ending = publication.moves ? publication.withdraw() : publication.forget();
    ending.catch((cause: unknown) => this.#observer.failed(toSimplePeerError(cause)));
    const code = reason === "not_allowed" || reason === "too_much_bitrate" ? reason : "closed";
    const hint = "its application decides; addTrack() asks again";
    this.#observer.failed(new SimplePeerError(code, `the server has closed your track "${publication.label}"`, hint));
  }

  /** What it has closed unheard, too. */
  reconcile(known: Snapshot["producers"]): void {
    const ids = new Set(known.map(({ producerId }) => producerId));
    for (const { producerId, sfu } of known) this.setRouted(producerId, sfu);
    for (const { producerId, moves } of this.#held.values()) {
      if (producerId !== undefined && !moves && !ids.has(producerId)) this.closed(producerId, "closed");
    }
  }

  /** The server's producers that nobody here knows: left over from calls that gave up before they were answered. */
  strangers(known: Snapshot["producers"]): string[] {
    const unknown = known.filter(({ label }) => !this.#held.has(label) && !this.#turns.isTaken(label));
    return unknown.map(({ producerId }) => producerId);
  }

  /** Forgets the tracks; they stay the application's, and alive. */
  close(): void {
    for (const publication of this.#held.values()) this.#letGo(publication);
  }

  /** One thing at a time at each label, in the order asked; what has not begun when its caller gives up never does. */
  async #inTurn<Result>(label: string, act: (session: Session) => Promise<Result>): Promise<Result> {
    let givenUp = false;
    try {
      return await this.#keeper.run((session) =>
        this.#turns.take(label, () => {
          if (givenUp) throw new SimplePeerError("timeout", "nobody waits for this any longer");
          return act(session);
        }),
      );
    } finally {
      givenUp = true;
    }
  }

  /** The server closes the old one of that label when it takes the new one, and not if it refuses it. */
  async #put(publication: Publication, session: Session): Promise<void> {
    await publication.publish(session);
    if (publication.over) return;
    const old = this.#held.get(publication.label);
    this.#held.set(publication.label, publication);
    old?.release();
    await old?.forget();
    this.#issued(publication);
  }

  /** The server's answer has told its id. */
  #issued(publication: Publication): void {
    this.#observer.changed();
    void this.#carry(publication);
  }

  async #applyMuted(publication: Publication, session: Session, muted: boolean): Promise<void> {
    publication.muted = muted;
    this.#observer.changed();
    await publication.applyMuted(session);
  }

  async #carry(publication: Publication): Promise<void> {
    const { label } = publication;
    try {
      await this.#inTurn(label, async (session) => {
        const routed = this.#routed.get(publication.producerId ?? "");
        if (routed === undefined || this.#held.get(label) !== publication) return;
        await publication.carryByRouter(session, routed);
      });
    } catch (error) {
      if (!publication.over) this.#observer.failed(toSimplePeerError(error));
    }
  }

  #find(producerId: string): Publication | undefined {
    return [...this.#held.values()].find((held) => held.producerId === producerId);
  }

  /** What was refused is nowhere. What was too late for its caller may come about all the same, and closes the old one. */
  async #undo(publication: Publication): Promise<void> {
    const cameAbout = await publication.withdraw();
    const old = this.#held.get(publication.label);
    const { session } = this.#keeper;
    if (!cameAbout || !old || !session) return;
    await old.forget();
    await this.#watch(old, session, old.publish(session));
  }

  /** Counts as issued when it is published again; what cannot be is dropped, and that is told. */
  async #watch(publication: Publication, session: Session, publishing: Promise<unknown>): Promise<void> {
    try {
      await publishing;
    } catch (error) {
      if (session.closed || this.#held.get(publication.label) !== publication) return;
      this.#letGo(publication);
      this.#observer.failed(toSimplePeerError(error));
      return;
    }
    this.#issued(publication);
  }

  #require(label: string): Publication {
    const publication = this.#held.get(label);
    if (publication) return publication;
    throw new SimplePeerError(
      "not_found",
      `there is no track of yours with the label "${label}"`,
      this.#held.size ? `yours are: ${[...this.#held.keys()].join(", ")}` : "addTrack() comes first",
    );
  }

  async #takeOff(publication: Publication): Promise<void> {
    this.#letGo(publication);
    await publication.withdraw();
  }

  #letGo(publication: Publication): void {
    publication.release();
    this.#routed.delete(publication.producerId ?? "");
    if (this.#held.get(publication.label) === publication) this.#held.delete(publication.label);
    this.#observer.changed();
  }

  #sourceEnded(label: string, track: MediaStreamTrack): void {
    const takeOff = async (): Promise<void> => {
      const publication = this.#held.get(label);
      if (publication?.track !== track) return; // replaced, or removed, before it was our turn
      await this.#takeOff(publication);
      await this.#observer.ended(label, track);
    };
    this.#turns.take(label, takeOff).catch((error: unknown) => this.#observer.failed(toSimplePeerError(error)));
  }
}

function requireLiveTrack(track: MediaStreamTrack): void {
  if (track?.kind !== "audio" && track?.kind !== "video") {
    const hint =
      globalThis.isSecureContext === false
        ? "this page is neither https nor localhost, so the browser gives it no camera and no microphone"
        : "e.g. stream.getVideoTracks()[0], with the stream of navigator.mediaDevices.getUserMedia({video: true})";
    throw new SimplePeerError("bad_request", "addTrack needs a MediaStreamTrack", hint);
  }
  if (track.readyState === "ended") {
    throw new SimplePeerError("bad_request", "the track has ended already", "get a new one with getUserMedia");
  }
}

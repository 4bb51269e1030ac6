/** The application's own tracks, by label: added, replaced, muted, taken off, and published again in a new session. */
import type { types as mediasoup } from "mediasoup-client";
import { isGone, SimplePeerError, toSimplePeerError } from "./errors.js";
import { type PublishOptions, producerOptions } from "./publish-options.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { ProducerIntent } from "./transports.js";
import type { MediaKind } from "./types.js";

export interface PublicationsObserver {
  /** The source of a track ended by itself; it has been taken off. */
  ended(label: string, track: MediaStreamTrack): void;
  failed(error: SimplePeerError): void;
}

export class Publications {
  readonly #keeper: SessionKeeper;
  readonly #observer: PublicationsObserver;
  readonly #held = new Map<string, Publication>();
  readonly #turns = new Turns();

  constructor(keeper: SessionKeeper, observer: PublicationsObserver) {
    this.#keeper = keeper;
    this.#observer = observer;
  }

  /** A label that is taken is replaced: the old track is taken off first. */
  async add(track: MediaStreamTrack, label: string, broadcast: boolean, options: PublishOptions): Promise<void> {
    requireLiveTrack(track);
    return this.#turns.take(label, async () => {
      await this.#takeOff(label);
      const publication = new Publication(track, label, broadcast, options, () => this.#sourceEnded(publication));
      try {
        await this.#keeper.run((session) => publication.publish(session));
      } catch (error) {
        publication.release();
        throw error;
      }
      this.#held.set(label, publication);
    });
  }

  async remove(label: string): Promise<void> {
    return this.#turns.take(label, async () => {
      this.#require(label);
      await this.#takeOff(label);
    });
  }

  async setMuted(label: string, muted: boolean): Promise<void> {
    return this.#turns.take(label, async () => {
      const publication = this.#require(label);
      publication.muted = muted;
      await this.#keeper.run((session) => publication.applyMuted(session));
    });
  }

  /** Publishes what is held; to be called once in each session. (What is still being added sees to itself.) */
  republish(session: Session): void {
    for (const publication of this.#held.values()) {
      publication.publish(session).catch((error: unknown) => {
        if (session.closed || this.#held.get(publication.label) !== publication) return;
        this.#letGo(publication);
        this.#observer.failed(toSimplePeerError(error));
      });
    }
  }

  /** Forgets the tracks; they stay the application's, and alive. */
  close(): void {
    for (const publication of this.#held.values()) this.#letGo(publication);
  }

  #require(label: string): Publication {
    const publication = this.#held.get(label);
    if (publication) return publication;
    throw new SimplePeerError("not_found", `there is no track of yours with the label "${label}"`);
  }

  async #takeOff(label: string): Promise<void> {
    const publication = this.#held.get(label);
    if (!publication) return;
    this.#letGo(publication);
    await publication.withdraw();
  }

  #letGo(publication: Publication): void {
    publication.release();
    if (this.#held.get(publication.label) === publication) this.#held.delete(publication.label);
  }

  #sourceEnded(publication: Publication): void {
    const { label, track } = publication;
    this.#turns
      .take(label, async () => {
        if (this.#held.get(label) !== publication) return; // replaced, or removed, before it was our turn
        await this.#takeOff(label);
        this.#observer.ended(label, track);
      })
      .catch((error: unknown) => this.#observer.failed(toSimplePeerError(error)));
  }
}

/** One track under one label, and its producer in the session of the moment. */
class Publication {
  readonly track: MediaStreamTrack;
  readonly label: string;
  readonly #broadcast: boolean;
  readonly #options: PublishOptions;
  readonly #onEnded: () => void;
  #session: Session | undefined;
  #producing: Promise<mediasoup.Producer> | undefined;
  muted = false;

  constructor(
    track: MediaStreamTrack,
    label: string,
    broadcast: boolean,
    options: PublishOptions,
    onEnded: () => void,
  ) {
    this.track = track;
    this.label = label;
    this.#broadcast = broadcast;
    this.#options = options;
    this.#onEnded = onEnded;
    track.addEventListener("ended", onEnded);
  }

  /** Once in a session, however many ask. */
  publish(session: Session): Promise<mediasoup.Producer> {
    if (this.#session !== session || !this.#producing) {
      this.#session = session;
      this.#producing = this.#produce(session);
    }
    return this.#producing;
  }

  async #produce(session: Session): Promise<mediasoup.Producer> {
    const options = producerOptions(session.device, this.track.kind as MediaKind, this.#options);
    const transport = await session.transports.get("send");
    const intent: ProducerIntent = { label: this.label, broadcast: this.#broadcast, paused: this.muted, metadata: {} };
    const producer = await transport.produce({
      ...options,
      track: this.track,
      appData: intent,
      // The track is the application's: it may be shown in a preview, or be sent elsewhere too.
      stopTracks: false,
      disableTrackOnPause: false,
    });
    if (intent.paused) await this.#detach(producer);
    return producer;
  }

  /** Muted means that nothing leaves this machine, not that the server drops it. */
  async applyMuted(session: Session): Promise<void> {
    const producer = await this.publish(session);
    if (this.muted) {
      await this.#detach(producer);
      await session.request("pauseProducer", { producerId: producer.id });
    } else {
      await session.request("resumeProducer", { producerId: producer.id });
      await producer.replaceTrack({ track: this.track });
      producer.resume();
    }
  }

  async #detach(producer: mediasoup.Producer): Promise<void> {
    producer.pause();
    await producer.replaceTrack({ track: null });
  }

  /** Resolves when the server has confirmed it, or has nothing left to confirm. */
  async withdraw(): Promise<void> {
    const session = this.#session;
    const producer = await this.#producing?.catch(() => undefined);
    if (!session || !producer) return;
    producer.close();
    try {
      await session.request("closeProducer", { producerId: producer.id });
    } catch (error) {
      if (!session.closed && !isGone(error)) throw error;
    }
  }

  release(): void {
    this.track.removeEventListener("ended", this.#onEnded);
  }
}

/** One thing at a time for each label, in the order asked. */
class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<Result>(label: string, act: () => Promise<Result>): Promise<Result> {
    const turn = (this.#last.get(label) ?? Promise.resolve()).then(act);
    const settled = turn.catch(() => undefined);
    this.#last.set(label, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(label) === settled) this.#last.delete(label);
    }
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

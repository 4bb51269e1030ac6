/** One label of ours: the track under it, and its producer in the session of the moment. */
import type { types as mediasoup } from "mediasoup-client";
import { isGone, SimplePeerError } from "./errors.js";
import type { LocalTrack } from "./events.js";
import {
  hintContent,
  type PublishOptions,
  preferDegradation,
  producerChoices,
  sameOptions,
} from "./publish-options.js";
import type { Session } from "./session.js";
import type { ProducerIntent } from "./transports.js";
import type { MediaKind, Metadata } from "./types.js";

/** What the application asked for, beside the track. */
export interface PublicationIntent {
  label: string;
  metadata: Metadata;
  broadcast: boolean;
  options: PublishOptions;
}

export class Publication {
  readonly #intent: PublicationIntent;
  readonly #onEnded = (): void => this.#ended(this.#track);
  readonly #ended: (track: MediaStreamTrack) => void;
  #track: MediaStreamTrack;
  #session: Session | undefined;
  #producing: Promise<mediasoup.Producer> | undefined;
  #producerId: string | undefined;
  #over = false;
  muted = false;

  constructor(track: MediaStreamTrack, intent: PublicationIntent, ended: (track: MediaStreamTrack) => void) {
    this.#track = track;
    this.#intent = { ...intent };
    this.#ended = ended;
    this.#adopt(track);
  }

  get label(): string {
    return this.#intent.label;
  }

  /** Taken off, replaced or given up: it is not published any more. */
  get over(): boolean {
    return this.#over;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  /** As the application is shown it. */
  get local(): LocalTrack {
    const { label, broadcast, metadata } = this.#intent;
    const { kind } = this.#track;
    return { track: this.#track, label, broadcast, kind: kind as MediaKind, metadata, muted: this.muted };
  }

  /** Once the server has given it one, and until it is given up. */
  get producerId(): string | undefined {
    return this.#producerId;
  }

  /** Whether that track can go on where this one is, so that viewers notice nothing but another picture. */
  takes(track: MediaStreamTrack, { broadcast, options }: PublicationIntent): boolean {
    const { broadcast: sameBroadcast, options: own } = this.#intent;
    return track.kind === this.#track.kind && broadcast === sameBroadcast && sameOptions(options, own);
  }

  /** Once in a session, however many ask. */
  publish(session: Session): Promise<mediasoup.Producer> {
    if (this.#session !== session || !this.#producing) this.#begin(session, this.#produce(session));
    return this.#producing as Promise<mediasoup.Producer>;
  }

  /** On the transport in place of a lost one; as the same producer, so that viewers keep theirs. */
  publishAnew(session: Session): Promise<mediasoup.Producer> {
    const before = this.#session === session ? this.#producing : undefined;
    if (!before) return this.publish(session);
    const move = async (): Promise<mediasoup.Producer> => {
      const producer = await before.catch(() => undefined); // whoever asked for that one has heard of it
      return producer && !producer.closed ? producer : this.#produce(session, producer?.id);
    };
    return this.#begin(session, move());
  }

  /** The track that was here before is back in its place when this fails. */
  async swap(session: Session, track: MediaStreamTrack, metadata: Metadata): Promise<void> {
    const before = this.#track;
    this.#adopt(track);
    try {
      const producer = await this.publish(session);
      if (!this.muted) await feed(producer, track);
    } catch (error) {
      if (before.readyState === "live") this.#adopt(before);
      throw error;
    }
    await this.setMetadata(session, metadata);
  }

  /** Muted means that nothing leaves this machine, not that the server drops it. */
  async applyMuted(session: Session): Promise<void> {
    const producer = await this.publish(session);
    if (this.muted) {
      await detach(producer);
      await session.request("pauseProducer", { producerId: producer.id });
    } else {
      await session.request("resumeProducer", { producerId: producer.id });
      await feed(producer, this.#track);
      producer.resume();
    }
  }

  async setMetadata(session: Session, metadata: Metadata): Promise<void> {
    const { metadata: before } = this.#intent;
    if (JSON.stringify(before) === JSON.stringify(metadata)) return;
    const producer = await this.publish(session);
    await session.request("setMetadata", { producerId: producer.id, metadata });
    this.#intent.metadata = metadata;
  }

  /** Resolves when the server has confirmed it, or has nothing left to confirm; to whether there was a producer. */
  async withdraw(): Promise<boolean> {
    this.release();
    const session = this.#session;
    const producer = await this.#producing?.catch(() => undefined);
    if (!session || !producer) return false;
    await closeBothEnds(session, producer);
    return true;
  }

  /** The server has closed its producer: the next publish() starts from nothing. */
  async forget(): Promise<void> {
    const producer = await this.#producing?.catch(() => undefined);
    this.#producing = undefined;
    producer?.close();
  }

  release(): void {
    this.#over = true;
    this.#track.removeEventListener("ended", this.#onEnded);
  }

  #begin(session: Session, producing: Promise<mediasoup.Producer>): Promise<mediasoup.Producer> {
    this.#session = session;
    this.#producing = producing;
    this.#producerId = undefined;
    const remember = ({ id }: mediasoup.Producer) => {
      if (this.#producing === producing) this.#producerId = id;
    };
    producing.then(remember, () => undefined); // whoever asked for it hears of a failure
    return producing;
  }

  async #produce(session: Session, producerId?: string): Promise<mediasoup.Producer> {
    const { label, broadcast, metadata, options } = this.#intent;
    const choices = producerChoices(session.device, this.#track, options);
    const producer = await session.transports.run("send", (transport) => {
      if (this.#over) throw new SimplePeerError("closed", `"${label}" was given up before it was published`);
      const intent = { label, broadcast, metadata, paused: this.muted, ...(producerId && { producerId }) };
      return transport.produce({
        ...choices,
        track: this.#track,
        appData: intent satisfies ProducerIntent,
        // The track is the application's: it may be shown in a preview, or be sent elsewhere too.
        stopTracks: false,
        disableTrackOnPause: false,
      });
    });
    try {
      if (this.muted) await detach(producer);
      await preferDegradation(producer.rtpSender, options);
    } catch (error) {
      await closeBothEnds(session, producer);
      throw error;
    }
    return producer;
  }

  #adopt(track: MediaStreamTrack): void {
    this.#track.removeEventListener("ended", this.#onEnded);
    this.#track = track;
    hintContent(track, this.#intent.options);
    track.addEventListener("ended", this.#onEnded);
  }
}

async function detach(producer: mediasoup.Producer): Promise<void> {
  producer.pause();
  await feed(producer, null);
}

/** One that is closed meanwhile has lost its transport; another, made with what is wished now, takes its place. */
async function feed(producer: mediasoup.Producer, track: MediaStreamTrack | null): Promise<void> {
  try {
    await producer.replaceTrack({ track });
  } catch (error) {
    if (!producer.closed) throw error;
  }
}

async function closeBothEnds(session: Session, producer: mediasoup.Producer): Promise<void> {
  producer.close();
  try {
    await session.request("closeProducer", { producerId: producer.id });
  } catch (error) {
    if (!session.closed && !isGone(error)) throw error;
  }
}

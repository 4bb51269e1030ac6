/** One label of ours: the track under it, its id in the session of the moment, and its producer at the router if it has one. */
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

/** What the server has of a publication. */
interface Issued {
  readonly id: string;
  /** Absent: links carry it, and the router does not. */
  readonly producer?: mediasoup.Producer;
}

export class Publication {
  readonly #intent: PublicationIntent;
  readonly #onEnded = (): void => this.#ended(this.#track);
  readonly #ended: (track: MediaStreamTrack) => void;
  #track: MediaStreamTrack;
  #session: Session | undefined;
  #issuing: Promise<Issued> | undefined;
  #producerId: string | undefined;
  #answered = false;
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

  get options(): PublishOptions {
    return this.#intent.options;
  }

  /** As the application is shown it. */
  get local(): LocalTrack {
    const { label, broadcast, metadata } = this.#intent;
    const { kind } = this.#track;
    return { track: this.#track, label, broadcast, kind: kind as MediaKind, metadata, muted: this.muted };
  }

  /** Once the server has given it one, and until it is given up. It stays while another way of sending is set up. */
  get producerId(): string | undefined {
    return this.#producerId;
  }

  /** It has one, and the server has yet to answer whether it keeps it. */
  get moves(): boolean {
    return this.#producerId !== undefined && !this.#answered;
  }

  /** Whether that track can go on where this one is, so that viewers notice nothing but another picture. */
  takes(track: MediaStreamTrack, { broadcast, options }: PublicationIntent): boolean {
    const { broadcast: sameBroadcast, options: own } = this.#intent;
    return track.kind === this.#track.kind && broadcast === sameBroadcast && sameOptions(options, own);
  }

  /** Once in a session, however many ask. */
  publish(session: Session): Promise<Issued> {
    if (this.#session !== session || !this.#issuing) this.#begin(session, this.#issue(session));
    return this.#issuing as Promise<Issued>;
  }

  /** On the transport in place of a lost one; as the same producer, so that viewers keep theirs. */
  publishAnew(session: Session): Promise<Issued> {
    const before = this.#session === session ? this.#issuing : undefined;
    if (!before) return this.publish(session);
    const move = async (): Promise<Issued> => {
      const issued = await before.catch(() => undefined); // whoever asked for that one has heard of it
      if (issued && !issued.producer?.closed) return issued;
      return this.#produce(session, issued?.id);
    };
    return this.#begin(session, move(), this.#producerId);
  }

  /** Whether it is to have a producer at the router beside the links that carry it. It stays the same track to all. */
  async carryByRouter(session: Session, wanted: boolean): Promise<void> {
    const issued = await this.publish(session);
    if (this.#over || wanted === (issued.producer !== undefined)) return;
    try {
      const { id } = issued;
      await this.#begin(session, wanted ? this.#produce(session, id) : this.#issueForLinks(session, id), id);
    } catch (error) {
      if (!session.closed) await this.#begin(session, Promise.resolve(issued), issued.id);
      throw error;
    }
    issued.producer?.close();
  }

  /** The track that was here before is back in its place when this fails. */
  async swap(session: Session, track: MediaStreamTrack, metadata: Metadata): Promise<void> {
    const before = this.#track;
    this.#adopt(track);
    try {
      const { producer } = await this.publish(session);
      if (producer && !this.muted) await feed(producer, track);
    } catch (error) {
      if (before.readyState === "live") this.#adopt(before);
      throw error;
    }
    await this.setMetadata(session, metadata);
  }

  /** Muted means that nothing leaves this machine, not that the server drops it. */
  async applyMuted(session: Session): Promise<void> {
    const { id: producerId, producer } = await this.publish(session);
    if (this.muted) {
      if (producer) await detach(producer);
      await session.request("pauseProducer", { producerId });
    } else {
      await session.request("resumeProducer", { producerId });
      if (!producer) return;
      await feed(producer, this.#track);
      producer.resume();
    }
  }

  async setMetadata(session: Session, metadata: Metadata): Promise<void> {
    const { metadata: before } = this.#intent;
    if (JSON.stringify(before) === JSON.stringify(metadata)) return;
    const { id: producerId } = await this.publish(session);
    await session.request("setMetadata", { producerId, metadata });
    this.#intent.metadata = metadata;
  }

  /** Resolves when the server has confirmed it, or has nothing left to confirm; to whether there was a producer. */
  async withdraw(): Promise<boolean> {
    this.release();
    const session = this.#session;
    const issued = await this.#issuing?.catch(() => undefined);
    if (!session || !issued) return false;
    await closeBothEnds(session, issued);
    return true;
  }

  /** The server has closed its producer: the next publish() starts from nothing. */
  async forget(): Promise<void> {
    const issued = await this.#issuing?.catch(() => undefined);
    this.#issuing = undefined;
    issued?.producer?.close();
  }

  release(): void {
    this.#over = true;
    this.#track.removeEventListener("ended", this.#onEnded);
  }

  /** @param id that of now, if the server is to keep it: links must find their source meanwhile */
  #begin(session: Session, issuing: Promise<Issued>, id?: string): Promise<Issued> {
    this.#session = session;
    this.#issuing = issuing;
    this.#producerId = id;
    this.#answered = false;
    const remember = ({ id }: Issued) => {
      if (this.#issuing !== issuing) return;
      this.#producerId = id;
      this.#answered = true;
    };
    issuing.then(remember, () => undefined); // whoever asked for it hears of a failure
    return issuing;
  }

  /** Where links may carry it the server tells whether the router is to have it as well. */
  #issue(session: Session): Promise<Issued> {
    return session.topology === "sfu" ? this.#produce(session) : this.#issueForLinks(session);
  }

  async #issueForLinks(session: Session, before?: string): Promise<Issued> {
    const { label, broadcast, metadata, options } = this.#intent;
    if (options.codec) producerChoices(session.device, this.#track, options); // what cannot be is refused now
    if (this.#over) throw this.#givenUp();
    const kind = this.#track.kind as mediasoup.MediaKind;
    const intent = { kind, label, broadcast, metadata, paused: this.muted, ...(before && { producerId: before }) };
    const { producerId: id } = await session.request("publish", intent);
    return { id };
  }

  async #produce(session: Session, producerId?: string): Promise<Issued> {
    const { label, broadcast, metadata, options } = this.#intent;
    const choices = producerChoices(session.device, this.#track, options);
    const producer = await session.transports.run("send", (transport) => {
      if (this.#over) throw this.#givenUp();
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
      await closeBothEnds(session, { id: producer.id, producer });
      throw error;
    }
    return { id: producer.id, producer };
  }

  #givenUp(): SimplePeerError {
    return new SimplePeerError("closed", `"${this.label}" was given up before it was published`);
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

async function closeBothEnds(session: Session, { id: producerId, producer }: Issued): Promise<void> {
  producer?.close();
  try {
    await session.request("closeProducer", { producerId });
  } catch (error) {
    if (!session.closed && !isGone(error)) throw error;
  }
}

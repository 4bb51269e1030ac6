/**
 * The way of messages to one peer: over the link with it while that carries the pair, by the server otherwise. Reliable
 * ones arrive once and in their order through changes of the way: those on a link are kept until the peer has
 * acknowledged them, and nothing goes by the server before that; what the server still has on its way to the peer is told to
 * it whenever a link begins to carry messages, so that it can wait for that.
 */
import { HIGH_BYTES, LOOK_AGAIN_MS, LOW_BYTES } from "./data-buffer.js";
import { encodePart, PART_BYTES, partsOf } from "./data-parts.js";
import type { DataSender } from "./data-sender.js";
import { Deferred } from "./deferred.js";
import { SimplePeerError, toSimplePeerError } from "./errors.js";

const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/** Sent and not acknowledged yet. */
const MAX_UNACKNOWLEDGED_BYTES = 1024 * 1024;

/** What the ends of a link say to each other between parts of messages, as JSON. */
export interface DataControl {
  /** All up to this message have come. */
  ack?: number;
  /** What follows comes after the sender's message of this number by way of the server; null: there is none. */
  after?: number | null;
}

/** The link with the peer, as it is now. */
export interface DataLink {
  /** undefined while it is not open. */
  readonly channel: RTCDataChannel | undefined;
  /** Whether messages are to go over it. */
  readonly carries: boolean;
  /** It is being made anew. */
  readonly comes: boolean;
}

interface Message {
  readonly bytes: Uint8Array;
  readonly text: boolean;
  readonly label: string;
  /** On the link. */
  number: number;
}

export class DataRoute {
  readonly #peerId: string;
  readonly #reliable: boolean;
  readonly #server: DataSender;
  readonly #link: () => DataLink;
  readonly #failed: (error: SimplePeerError) => void;
  /** The last message to be sent; each waits for the one before. */
  #last: Promise<void> = Promise.resolve();
  #queuedBytes = 0;
  #channel: RTCDataChannel | undefined;
  #numbered = 0;
  readonly #unacknowledged: Message[] = [];
  #change = new Deferred<void>();
  #closed = false;

  /** `failed` hears of messages that are lost after send() has resolved. */
  constructor(
    peerId: string,
    reliable: boolean,
    server: DataSender,
    link: () => DataLink,
    failed: (error: SimplePeerError) => void,
  ) {
    this.#peerId = peerId;
    this.#reliable = reliable;
    this.#server = server;
    this.#link = link;
    this.#failed = failed;
  }

  get bufferedAmount(): number {
    return this.#queuedBytes + (this.#channel?.readyState === "open" ? this.#channel.bufferedAmount : 0);
  }

  /** Nothing is on the link any longer. */
  get idle(): boolean {
    return this.#unacknowledged.length === 0;
  }

  /** Nothing has gone but by the server, or waits to. */
  get byServer(): boolean {
    return this.idle && this.#queuedBytes === 0 && !this.#link().carries;
  }

  /** Whether the next message goes over the link. */
  get byLink(): boolean {
    const { channel, carries } = this.#link();
    return carries && channel !== undefined;
  }

  /** Resolves when it is on its way; also when the peer is not there any longer. */
  send(bytes: Uint8Array, text: boolean, label: string): Promise<void> {
    if (this.#queuedBytes + bytes.length > MAX_QUEUED_BYTES) {
      throw new SimplePeerError("too_much_data", "too much data waits to be sent", "await send() before you send more");
    }
    this.#queuedBytes += bytes.length;
    const sent = this.#last.then(() => this.#send({ bytes, text, label, number: 0 }));
    this.#last = sent.catch(() => undefined); // its caller hears of it
    return sent.finally(() => {
      this.#queuedBytes -= bytes.length;
    });
  }

  acknowledged(number: number): void {
    while (this.#unacknowledged[0] && this.#unacknowledged[0].number <= number) this.#unacknowledged.shift();
    this.#tell();
  }

  /** The link is not as it was. */
  linkChanged(): void {
    this.#tell();
    if (!this.idle) this.#last = this.#last.then(() => this.#settle()).catch(() => undefined);
  }

  close(): void {
    this.#closed = true;
    this.#tell();
  }

  #tell(): void {
    this.#change.resolve();
    this.#change = new Deferred<void>();
  }

  async #send(message: Message): Promise<void> {
    await this.#server.allow(message.label);
    for (;;) {
      const channel = await this.#way();
      if (this.#closed) return;
      if (!channel) {
        this.#channel = undefined; // should that carry messages again, it begins anew
        return this.#server.send(message.bytes, message.text, this.#peerId, message.label);
      }
      message.number ||= ++this.#numbered;
      if (this.#reliable) this.#unacknowledged.push(message);
      if ((await this.#put(channel, message)) || this.#reliable) return; // what is kept is sent again
    }
  }

  /** The channel that the next message goes over; undefined: by the server. Waits until that is clear. */
  async #way(): Promise<RTCDataChannel | undefined> {
    while (!this.#closed) {
      const change = this.#change.promise;
      await this.#settle();
      const { channel, carries } = this.#link();
      const begun = channel !== undefined && channel === this.#channel;
      if (begun && carries && !this.#isFull) return channel;
      if (this.idle && !(channel && carries)) return undefined;
      if (begun || !channel) await change;
    }
    return undefined;
  }

  async #settle(): Promise<void> {
    const { channel, carries, comes } = this.#link();
    if (channel && channel !== this.#channel && (carries || !this.idle)) await this.#begin(channel);
    else if (!channel && !comes) await this.#giveUpLink();
  }

  /** One that takes the place of another first brings what that one may have lost. */
  async #begin(channel: RTCDataChannel): Promise<void> {
    this.#channel = channel;
    if (!this.#reliable) return;
    await this.#server.flushed();
    const after = this.#server.lastNumberTo(this.#peerId) ?? null;
    if (!give(channel, JSON.stringify({ after } satisfies DataControl))) return;
    for (const message of [...this.#unacknowledged]) {
      if (!(await this.#put(channel, message))) return;
    }
  }

  /** The server takes what may not have come; which parts of it have nobody can tell any longer. */
  async #giveUpLink(): Promise<void> {
    for (let next = this.#unacknowledged[0]; next && !this.#closed; next = this.#unacknowledged[0]) {
      await this.#hand(next);
      if (this.#unacknowledged[0] === next) this.#unacknowledged.shift(); // else the link has confirmed it meanwhile
    }
  }

  /** To the server. One that it does not take is lost, and those behind it go all the same. */
  async #hand({ bytes, text, label }: Message): Promise<void> {
    try {
      await this.#server.send(bytes, text, this.#peerId, label);
    } catch (error) {
      if (!this.#closed) this.#failed(toSimplePeerError(error));
    }
  }

  get #isFull(): boolean {
    return this.#unacknowledged.reduce((sum, { bytes }) => sum + bytes.length, 0) > MAX_UNACKNOWLEDGED_BYTES;
  }

  /** False: the channel is no more. */
  async #put(channel: RTCDataChannel, { bytes, text, label, number }: Message): Promise<boolean> {
    const count = partsOf(bytes.length);
    for (let index = 0; index < count; index++) {
      const body = bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
      const part = encodePart({ text, peerId: "", label, message: number, index, count, body });
      if (!(await this.#hasRoom(channel)) || !give(channel, part)) return false;
    }
    return true;
  }

  /** Waits for it. False: the channel is no more. */
  async #hasRoom(channel: RTCDataChannel): Promise<boolean> {
    while (channel.readyState === "open" && channel.bufferedAmount >= HIGH_BYTES) {
      channel.bufferedAmountLowThreshold = LOW_BYTES;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const low = new Promise<unknown>((resolve) => {
        channel.addEventListener("bufferedamountlow", resolve, { once: true });
        timer = setTimeout(resolve, LOOK_AGAIN_MS);
      });
      await Promise.race([low, this.#change.promise]);
      clearTimeout(timer);
    }
    return channel.readyState === "open";
  }
}

/** False: the channel is no more; browsers tell so by throwing, too, before they say it. */
function give(channel: RTCDataChannel, what: string | Uint8Array<ArrayBuffer>): boolean {
  try {
    if (typeof what === "string") channel.send(what);
    else channel.send(what);
    return true;
  } catch {
    return false;
  }
}

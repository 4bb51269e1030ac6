/**
 * One data channel to the server: messages wait for their turn, then part by part for room in the channel. What a lost
 * transport may have taken with it is kept, and sent again on the next as far as the server has not got it.
 */
import type { types as mediasoup } from "mediasoup-client";
import { HIGH_BYTES, LOOK_AGAIN_MS, LOW_BYTES } from "./data-buffer.js";
import { type DataPart, encodePart, follows, PART_BYTES, type PartNumber, partsOf } from "./data-parts.js";
import { Deferred } from "./deferred.js";
import { SimplePeerError } from "./errors.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";

/** Of what waits here, in all; who sends more without waiting has to hear of it. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/** More than the server's receive window, the browser's buffers and the network can hold of it together. */
const KEPT_BYTES = 4 * 1024 * 1024;
const KEPT_PARTS = 16_384;

/** Those to whom messages went last. */
const MAX_ADDRESSEES = 1024;
const EVERYBODY = "";

/** What the answer to `produceData` adds to the producer's appData (media-link.ts). */
export interface DataProducerIntent extends mediasoup.AppData {
  received?: PartNumber | null;
}

interface Outgoing {
  readonly to: string;
  readonly label: string;
  readonly text: boolean;
  readonly bytes: Uint8Array;
  readonly sent: Deferred<void>;
  /** Where it began to go out; on another session it begins again. */
  session?: Session;
  number: number;
  nextIndex: number;
}

interface Kept extends PartNumber {
  encoded: Uint8Array<ArrayBuffer>;
}

/** The channel of a session, and what is known on it. */
interface Line {
  readonly session: Session;
  /** Labels that the server lets through. */
  readonly labels: Set<string>;
  producer?: mediasoup.DataProducer;
  opening?: Promise<mediasoup.DataProducer>;
}

export class DataSender {
  readonly #keeper: SessionKeeper;
  readonly #reliable: boolean;
  readonly #queue: Outgoing[] = [];
  #queuedBytes = 0;
  #line: Line | undefined;
  #nextNumber: number | undefined;
  /** By addressee, the latest at the end. */
  readonly #lastTo = new Map<string, number>();
  readonly #kept: Kept[] = [];
  #keptBytes = 0;
  #working = false;

  constructor(keeper: SessionKeeper, reliable: boolean) {
    this.#keeper = keeper;
    this.#reliable = reliable;
  }

  get bufferedAmount(): number {
    const producer = this.#line?.producer;
    return this.#queuedBytes + (producer && !producer.closed ? producer.bufferedAmount : 0);
  }

  /** Resolves when the channel has all of it. */
  async send(bytes: Uint8Array, text: boolean, to: string, label: string): Promise<void> {
    if (this.#queuedBytes + bytes.length > MAX_QUEUED_BYTES) {
      throw new SimplePeerError("too_much_data", "too much data waits to be sent", "await send() before you send more");
    }
    const outgoing: Outgoing = { to, label, text, bytes, sent: new Deferred<void>(), number: 0, nextIndex: 0 };
    this.#queue.push(outgoing);
    this.#queuedBytes += bytes.length;
    void this.#work();
    return outgoing.sent.promise;
  }

  /** Another transport is in place of the one that was lost: what went down with it goes again. */
  async sendAnew(session: Session): Promise<void> {
    if (this.#line?.session === session && this.#kept.length > 0) await this.#channel(session);
  }

  /** Resolves when the server lets messages of that label through, and they may travel by whatever way. */
  allow(label: string): Promise<void> {
    return this.#keeper.run((session) => this.#openLabel(session, label));
  }

  /** Resolves when all that waits now is on its way. */
  async flushed(): Promise<void> {
    await Promise.allSettled(this.#queue.map(({ sent }) => sent.promise));
  }

  /** Of the last message that went to that peer, or to everybody. */
  lastNumberTo(peerId: string): number | undefined {
    const [one, all] = [this.#lastTo.get(peerId), this.#lastTo.get(EVERYBODY)];
    if (one === undefined || all === undefined) return one ?? all;
    return follows({ message: one, index: 0 }, { message: all, index: 0 }) ? one : all;
  }

  labelClosed(label: string): void {
    this.#line?.labels.delete(label);
  }

  /** The server has these, and no others. */
  reconcile(dataProducerIds: readonly string[]): void {
    const producer = this.#line?.producer;
    if (producer && !dataProducerIds.includes(producer.id)) producer.close();
  }

  reconcileLabels(labels: readonly string[]): void {
    for (const label of this.#line?.labels ?? []) if (!labels.includes(label)) this.labelClosed(label);
  }

  producerClosed(dataProducerId: string): void {
    const producer = this.#line?.producer;
    if (producer?.id === dataProducerId) producer.close();
  }

  close(error: SimplePeerError): void {
    for (const { sent } of this.#queue.splice(0)) sent.reject(error);
    this.#queuedBytes = 0;
  }

  /** One message after the other. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (let outgoing = this.#queue[0]; outgoing; outgoing = this.#queue[0]) {
      const current = outgoing;
      try {
        await this.#keeper.run((session) => this.#sendOn(session, current));
        current.sent.resolve();
      } catch (error) {
        current.sent.reject(error);
      }
      if (this.#queue[0] !== current) continue; // close() took them all
      this.#queue.shift();
      this.#queuedBytes -= current.bytes.length;
    }
    this.#working = false;
  }

  async #sendOn(session: Session, outgoing: Outgoing): Promise<void> {
    await this.#openLabel(session, outgoing.label);
    const count = partsOf(outgoing.bytes.length);
    while (!outgoing.sent.settled) {
      const producer = await this.#channel(session);
      if (outgoing.session !== session) this.#begin(outgoing, session);
      if (outgoing.nextIndex === count) return;
      if ((await hasRoom(producer)) && !outgoing.sent.settled) this.#sendPart(producer, outgoing, count);
    }
  }

  #begin(outgoing: Outgoing, session: Session): void {
    outgoing.session = session;
    outgoing.nextIndex = 0;
    outgoing.number = this.#nextNumber ?? 0;
    this.#lastTo.delete(outgoing.to);
    this.#lastTo.set(outgoing.to, outgoing.number);
    for (const oldest of this.#lastTo.keys()) if (this.#lastTo.size > MAX_ADDRESSEES) this.#lastTo.delete(oldest);
    this.#nextNumber = (outgoing.number + 1) >>> 0;
  }

  #sendPart(producer: mediasoup.DataProducer, outgoing: Outgoing, count: number): void {
    const { to: peerId, label, text, bytes, number: message, nextIndex: index } = outgoing;
    const body = bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
    const part: DataPart = { text, peerId, label, message, index, count, body };
    const encoded = encodePart(part);
    if (!hand(producer, encoded)) return;
    outgoing.nextIndex++;
    if (this.#reliable) this.#keep({ message, index, encoded });
  }

  #keep(part: Kept): void {
    this.#kept.push(part);
    this.#keptBytes += part.encoded.length;
    while (this.#keptBytes > KEPT_BYTES || this.#kept.length > KEPT_PARTS) {
      this.#keptBytes -= this.#kept.shift()?.encoded.length ?? 0;
    }
  }

  async #openLabel(session: Session, label: string): Promise<void> {
    const { labels } = this.#lineOf(session);
    if (labels.has(label)) return;
    await session.request("openData", { label });
    labels.add(label);
  }

  #lineOf(session: Session): Line {
    if (this.#line?.session === session) return this.#line;
    this.#lastTo.clear();
    this.#kept.length = this.#keptBytes = 0; // whether another session's have arrived, nobody knows
    this.#line = { session, labels: new Set() };
    return this.#line;
  }

  /** One that is open, or was a moment ago. */
  async #channel(session: Session): Promise<mediasoup.DataProducer> {
    const line = this.#lineOf(session);
    if (line.producer && isOpen(line.producer)) return line.producer;
    line.opening ??= this.#open(line).finally(() => delete line.opening);
    return line.opening;
  }

  async #open(line: Line): Promise<mediasoup.DataProducer> {
    for (;;) {
      const producer = await this.#produce(line.session);
      if (producer.readyState === "connecting") await nextOf(producer, "open");
      await this.#repeat(producer);
      if (!isOpen(producer)) continue;
      line.producer = producer;
      return producer;
    }
  }

  #produce(session: Session): Promise<mediasoup.DataProducer> {
    const how = this.#reliable
      ? { ordered: true, label: "reliable" }
      : { ordered: false, maxRetransmits: 1, label: "lossy" };
    return session.transports.run("send", (transport) =>
      transport.produceData({ ...how, protocol: "simplesfu", appData: {} }),
    );
  }

  /** What the server has not got goes first, and in its order. */
  async #repeat(producer: mediasoup.DataProducer): Promise<void> {
    const { received } = producer.appData as DataProducerIntent;
    if (received) this.#nextNumber ??= (received.message + 1) >>> 0;
    for (const part of this.#kept.filter((kept) => !received || follows(kept, received))) {
      if (!(await hasRoom(producer)) || !hand(producer, part.encoded)) return; // the next one begins from here
    }
  }
}

function isOpen(producer: mediasoup.DataProducer): boolean {
  return !producer.closed && producer.readyState === "open";
}

/** False: the channel is no more; browsers tell so by throwing, too, before they say it. */
function hand(producer: mediasoup.DataProducer, encoded: Uint8Array<ArrayBuffer>): boolean {
  try {
    producer.send(encoded);
    return true;
  } catch {
    producer.close();
    return false;
  }
}

/** Waits for it. False: the channel is no more. */
async function hasRoom(producer: mediasoup.DataProducer): Promise<boolean> {
  while (producer.bufferedAmount >= HIGH_BYTES && !producer.closed) {
    producer.bufferedAmountLowThreshold = LOW_BYTES;
    await nextOf(producer, "bufferedamountlow", LOOK_AGAIN_MS);
  }
  return isOpen(producer);
}

/** Or the channel's end, or that of the time. */
function nextOf(
  producer: mediasoup.DataProducer,
  event: "open" | "bufferedamountlow",
  timeoutMs?: number,
): Promise<void> {
  return new Promise((resolve) => {
    if (producer.closed) return resolve();
    const names = [event, "transportclose", "close"] as const;
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => settle(), timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      for (const name of names) producer.off(name, settle);
      producer.observer.off("close", settle);
      resolve();
    };
    for (const name of names) producer.on(name, settle);
    producer.observer.on("close", settle);
  });
}

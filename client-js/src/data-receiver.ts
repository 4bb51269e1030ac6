/** The data channels from the server, and the messages that come out of them. */
import type { types as mediasoup } from "mediasoup-client";
import { Assembly, type DataPart, decodePart, follows, type PartNumber } from "./data-parts.js";
import { SimplePeerError, toSimplePeerError } from "./errors.js";
import type { DataMessage } from "./events.js";
import type { Session } from "./session.js";

/** Senders that are remembered. Those who leave are forgotten anyhow. */
const MAX_SENDERS = 1024;
const RETRY_MS = 5_000;

export interface DataReceiverObserver {
  received(message: DataMessage): void;
  failed(error: SimplePeerError): void;
}

/** What came from one peer. */
interface Sender {
  readonly reliable: Assembly;
  readonly lossy: Assembly;
  last?: PartNumber;
  /** Number of the last reliable message that has come whole. */
  whole?: number;
}

export class DataReceiver {
  readonly #observer: DataReceiverObserver;
  readonly #senders = new Map<string, Sender>();
  readonly #consumers = new Map<boolean, mediasoup.DataConsumer>();
  readonly #retries = new Map<boolean, ReturnType<typeof setTimeout>>();

  constructor(observer: DataReceiverObserver) {
    this.#observer = observer;
  }

  /** Opens both channels, or opens them anew. Does not throw. */
  async receive(session: Session): Promise<void> {
    await Promise.all([this.#open(session, true), this.#open(session, false)]);
  }

  /** The server does not send on this one any longer. */
  consumerClosed(session: Session, dataConsumerId: string, reason: string): void {
    for (const [reliable, consumer] of this.#consumers) {
      if (consumer.id !== dataConsumerId) continue;
      consumer.close();
      this.#consumers.delete(reliable);
      this.#observer.failed(
        new SimplePeerError(
          "data_lost",
          `messages for this peer are lost (${reason})`,
          "its network, or its page, is slow",
        ),
      );
      void this.#open(session, reliable);
    }
  }

  /** The server sends on these. Another that is open here was closed unheard; one that closed with its transport is on its way. */
  reconcile(session: Session, dataConsumerIds: readonly string[]): void {
    for (const { id, closed } of this.#consumers.values()) {
      if (!closed && !dataConsumerIds.includes(id)) this.consumerClosed(session, id, "missed");
    }
  }

  /** Whether that reliable message of a peer's has come, or a later one. */
  hasCome(peerId: string, message: number): boolean {
    const whole = this.#senders.get(peerId)?.whole;
    return whole !== undefined && !follows({ message, index: 0 }, { message: whole, index: 0 });
  }

  forget(peerId: string): void {
    this.#senders.delete(peerId);
  }

  /** Another session numbers anew, and knows nothing of the channels of this one. */
  reset(): void {
    for (const timer of this.#retries.values()) clearTimeout(timer);
    this.#retries.clear();
    this.#senders.clear();
    this.#consumers.clear();
  }

  async #open(session: Session, reliable: boolean): Promise<void> {
    clearTimeout(this.#retries.get(reliable));
    try {
      const consumer = await session.transports.run("recv", (transport) => consume(session, transport, reliable));
      consumer.binaryType = "arraybuffer"; // Firefox would make Blobs
      consumer.on("message", (encoded: ArrayBuffer) => this.#receive(encoded, reliable));
      // Only now: what still comes by the one before is welcome, and would be lost if that were closed first.
      this.#consumers.get(reliable)?.close();
      this.#consumers.set(reliable, consumer);
    } catch (error) {
      if (session.closed) return;
      this.#observer.failed(toSimplePeerError(error));
      this.#retries.set(
        reliable,
        setTimeout(() => void this.#open(session, reliable), RETRY_MS),
      );
    }
  }

  #receive(encoded: ArrayBuffer, reliable: boolean): void {
    try {
      const part = decodePart(encoded);
      const sender = this.#senderOf(part.peerId);
      if (reliable && !isNew(sender, part)) return;
      const data = sender[reliable ? "reliable" : "lossy"].add(part);
      if (data === undefined) return;
      if (reliable) sender.whole = part.message;
      this.#observer.received({ from: part.peerId, data, label: part.label });
    } catch (cause) {
      const hint = "do page and server have the same version of simplesfu?";
      this.#observer.failed(new SimplePeerError("bad_data", "what came is no message", hint, { cause }));
    }
  }

  #senderOf(peerId: string): Sender {
    let sender = this.#senders.get(peerId);
    if (!sender) {
      if (this.#senders.size === MAX_SENDERS) this.#senders.clear();
      sender = { reliable: new Assembly(), lossy: new Assembly() };
      this.#senders.set(peerId, sender);
    }
    return sender;
  }
}

/** After a transport was rebuilt the server repeats what it cannot know to have come. */
function isNew(sender: Sender, { message, index }: DataPart): boolean {
  if (sender.last && !follows({ message, index }, sender.last)) return false;
  sender.last = { message, index };
  return true;
}

async function consume(
  session: Session,
  transport: mediasoup.Transport,
  reliable: boolean,
): Promise<mediasoup.DataConsumer> {
  const answer = await session.request("consumeData", { transportId: transport.id, reliable });
  const { dataConsumerId: id, dataProducerId, sctpStreamParameters, label, protocol } = answer;
  return transport.consumeData({ id, dataProducerId, sctpStreamParameters, label, protocol });
}

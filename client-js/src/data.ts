/** Messages between peers, through the server. */
import { MAX_DATA_BYTES, MAX_NAME_CHARACTERS } from "./data-parts.js";
import { DataReceiver, type DataReceiverObserver } from "./data-receiver.js";
import { DataSender } from "./data-sender.js";
import { SimplePeerError } from "./errors.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Direction } from "./types.js";

export interface SendOptions {
  /** One peer; without it, everybody in sight. */
  to?: string;
  /** What kind of message it is; any string of at most 128 characters. Default: "". */
  label?: string;
  /** Default true: all arrive, in the order sent. False: what is lost is not waited for, and the order is not kept. */
  reliable?: boolean;
}

export class Data {
  readonly #receiver: DataReceiver;
  readonly #reliable: DataSender;
  readonly #lossy: DataSender;
  #listening = false;
  /** The last that was opened. */
  #session: Session | undefined;

  constructor(keeper: SessionKeeper, observer: DataReceiverObserver) {
    this.#receiver = new DataReceiver(observer);
    this.#reliable = new DataSender(keeper, true);
    this.#lossy = new DataSender(keeper, false);
  }

  get bufferedAmount(): number {
    return this.#reliable.bufferedAmount + this.#lossy.bufferedAmount;
  }

  async send(
    data: string | ArrayBuffer | ArrayBufferView,
    { to = "", label = "", reliable = true }: SendOptions,
  ): Promise<void> {
    requireName("to", to);
    requireName("label", label);
    const bytes = copyOf(data);
    if (bytes.length > MAX_DATA_BYTES) {
      const message = `the message has ${bytes.length} bytes, and ${MAX_DATA_BYTES} are allowed`;
      throw new SimplePeerError("bad_request", message, "send it in pieces: reliable ones arrive in their order");
    }
    return this.#senderOf(reliable).send(bytes, typeof data === "string", to, label);
  }

  /** Somebody wants to hear: from now on the server sends here what is for this peer. */
  listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    if (this.#session && !this.#session.closed) void this.#receiver.receive(this.#session);
  }

  opened(session: Session): void {
    this.#session = session;
    this.#receiver.reset();
    if (this.#listening) void this.#receiver.receive(session);
  }

  /** There is another transport in place of one that was lost. */
  async moveAll(session: Session, direction: Direction): Promise<void> {
    if (direction === "recv") {
      if (this.#listening) await this.#receiver.receive(session);
    } else {
      await Promise.all([this.#reliable.sendAnew(session), this.#lossy.sendAnew(session)]);
    }
  }

  peerLeft(peerId: string): void {
    this.#receiver.forget(peerId);
  }

  consumerClosed(dataConsumerId: string, reason: string): void {
    if (this.#session) this.#receiver.consumerClosed(this.#session, dataConsumerId, reason);
  }

  producerClosed(dataProducerId: string): void {
    for (const sender of [this.#reliable, this.#lossy]) sender.producerClosed(dataProducerId);
  }

  labelClosed(label: string): void {
    for (const sender of [this.#reliable, this.#lossy]) sender.labelClosed(label);
  }

  close(): void {
    const error = new SimplePeerError("closed", "this SimplePeer is closed");
    for (const sender of [this.#reliable, this.#lossy]) sender.close(error);
    this.#receiver.reset();
  }

  #senderOf(reliable: boolean): DataSender {
    return reliable ? this.#reliable : this.#lossy;
  }
}

/** As it is now: it may have to wait, and its owner may change it meanwhile. */
function copyOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return new TextEncoder().encode(data);
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  throw new SimplePeerError(
    "bad_request",
    "send() takes a string, an ArrayBuffer or a typed array",
    "JSON.stringify()?",
  );
}

function requireName(field: string, value: unknown): void {
  if (typeof value === "string" && value.length <= MAX_NAME_CHARACTERS) return;
  throw new SimplePeerError("bad_request", `${field} must be a string of at most ${MAX_NAME_CHARACTERS} characters`);
}

/** Messages between peers: by the server, or over links where those carry the pair. */
import { MAX_DATA_BYTES, MAX_NAME_CHARACTERS } from "./data-parts.js";
import { DataReceiver, type DataReceiverObserver } from "./data-receiver.js";
import { DataRoute } from "./data-route.js";
import { DataSender } from "./data-sender.js";
import { SimplePeerError } from "./errors.js";
import { LinkInbox } from "./link-inbox.js";
import type { Links } from "./links.js";
import type { Roster } from "./roster.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Direction, Snapshot } from "./types.js";

export interface SendOptions {
  /** One peer; without it, everybody in sight. */
  to?: string;
  /** What kind of message it is; any string of at most 128 characters. Default: "". */
  label?: string;
  /** Default true: all arrive, in the order sent. False: what is lost is not waited for, and the order is not kept. */
  reliable?: boolean;
}

/** The ways to and from a peer that there has been a link with. */
interface Linked {
  readonly reliable: DataRoute;
  readonly lossy: DataRoute;
  readonly inbox: LinkInbox;
}

export class Data {
  readonly #observer: DataReceiverObserver;
  readonly #links: Links;
  readonly #roster: Roster;
  readonly #receiver: DataReceiver;
  readonly #reliable: DataSender;
  readonly #lossy: DataSender;
  readonly #linked = new Map<string, Linked>();
  #listening = false;
  /** The last that was opened. */
  #session: Session | undefined;

  constructor(keeper: SessionKeeper, links: Links, roster: Roster, observer: DataReceiverObserver) {
    this.#observer = observer;
    this.#links = links;
    this.#roster = roster;
    this.#receiver = new DataReceiver({
      received: (message) => {
        observer.received(message);
        this.#linked.get(message.from)?.inbox.cameByServer();
      },
      failed: observer.failed,
    });
    this.#reliable = new DataSender(keeper, true);
    this.#lossy = new DataSender(keeper, false);
  }

  /** Whether anybody ever wanted to hear. */
  get listening(): boolean {
    return this.#listening;
  }

  get bufferedAmount(): number {
    const senders = [
      this.#reliable,
      this.#lossy,
      ...[...this.#linked.values()].flatMap((to) => [to.reliable, to.lossy]),
    ];
    return senders.reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
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
    const text = typeof data === "string";
    if (to !== "" || !this.#goesApart(reliable)) return this.#sendTo(to, reliable, bytes, text, label);
    await Promise.all(this.#roster.peerIds.map((peerId) => this.#sendTo(peerId, reliable, bytes, text, label)));
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
    this.#unlink(peerId);
  }

  /** The link with a peer is not as it was, or is there for the first time. */
  linkChanged(peerId: string): void {
    if (!this.#linked.has(peerId)) this.#linked.set(peerId, this.#link(peerId));
    const { reliable, lossy } = this.#linked.get(peerId) as Linked;
    reliable.linkChanged();
    lossy.linkChanged();
  }

  linkBrought(peerId: string, encoded: ArrayBuffer | string, reliable: boolean): void {
    try {
      this.#linked.get(peerId)?.inbox.receive(encoded, reliable);
    } catch (cause) {
      this.#observer.failed(new SimplePeerError("bad_data", "what came is no message", "", { cause }));
    }
  }

  isOnLink(peerId: string): boolean {
    return this.#linked.get(peerId)?.reliable.idle === false;
  }

  /** What hung on transports of the directions `lost` is opened anew with those. */
  reconcile(
    session: Session,
    { dataConsumers, dataProducers, dataLabels }: Snapshot,
    lost: readonly Direction[],
  ): void {
    if (!lost.includes("recv")) this.#receiver.reconcile(session, dataConsumers);
    for (const sender of [this.#reliable, this.#lossy]) {
      if (!lost.includes("send")) sender.reconcile(dataProducers);
      sender.reconcileLabels(dataLabels);
    }
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

  /** The session is over, and with it every link. */
  clearLinks(): void {
    for (const peerId of [...this.#linked.keys()]) this.#unlink(peerId);
  }

  close(): void {
    const error = new SimplePeerError("closed", "this SimplePeer is closed");
    for (const sender of [this.#reliable, this.#lossy]) sender.close(error);
    this.clearLinks();
    this.#receiver.reset();
  }

  /**
   * Whether a message for everybody goes to each of them by itself. One that must arrive in its order does as soon as
   * anybody's come over a link. Of the others there may be many a second, and the server takes so many parts and no more:
   * they go by it once for all, unless links reach everybody.
   */
  #goesApart(reliable: boolean): boolean {
    if (reliable) return [...this.#linked.values()].some((to) => !to.reliable.byServer);
    const { peerIds } = this.#roster;
    return peerIds.length > 0 && peerIds.every((peerId) => this.#linked.get(peerId)?.lossy.byLink);
  }

  #sendTo(to: string, reliable: boolean, bytes: Uint8Array, text: boolean, label: string): Promise<void> {
    const route = this.#linked.get(this.#roster.resolve(to))?.[reliable ? "reliable" : "lossy"];
    return route ? route.send(bytes, text, label) : this.#senderOf(reliable).send(bytes, text, to, label);
  }

  #link(peerId: string): Linked {
    const route = (reliable: boolean) =>
      new DataRoute(
        peerId,
        reliable,
        this.#senderOf(reliable),
        () => this.#links.dataLink(peerId, reliable),
        this.#observer.failed,
      );
    const reliable = route(true);
    const inbox = new LinkInbox({
      received: (data, label) => {
        if (this.#listening) this.#observer.received({ from: peerId, data, label });
      },
      acknowledged: (number) => reliable.acknowledged(number),
      say: (control) => this.#links.dataLink(peerId, true).channel?.send(JSON.stringify(control)),
      hasCome: (message) => this.#receiver.hasCome(peerId, message),
    });
    return { reliable, lossy: route(false), inbox };
  }

  #unlink(peerId: string): void {
    const linked = this.#linked.get(peerId);
    this.#linked.delete(peerId);
    linked?.reliable.close();
    linked?.lossy.close();
    linked?.inbox.close();
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
